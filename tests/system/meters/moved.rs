use std::sync::Arc;

use minuet_events::values::UserId;
use minuet_events::{Event, orders};
use minuet_tests::{Api, Metrics, Options, Provider, Raw, Running, World, until};
use reqwest::Method;

use super::deploy;

/// Waits until a meter shows what is meant.
async fn shows(service: &Running, name: &str, labels: &[&str], wanted: impl Fn(f64) -> bool) -> f64 {
    until(&format!("{} shows {name}{labels:?}", service.name), || async {
        let seen = service.metrics().await.get(name, labels);
        seen.filter(|seen| wanted(*seen)).ok_or(seen)
    })
    .await
}

fn at_least(least: f64) -> impl Fn(f64) -> bool {
    move |seen| seen >= least
}

fn exactly(value: f64) -> impl Fn(f64) -> bool {
    move |seen| (seen - value).abs() < 1e-9
}

/// One order that is confirmed, one that finds too little stock, one that is declined; and a duplicate that counts nothing.
#[tokio::test(flavor = "multi_thread")]
async fn orders_payments_and_stock_are_measured_once() {
    let world = World::with(Options { partitions: 2, ..Options::default() }).await;
    let services = world.services().await;
    let [order, inventory, payment] = &services;
    world.product("LAMP", "20.00", &[("BER", 7)]).await;
    world.product("PIANO", "9999.02", &[("MUC", 100)]).await;

    let submitted = Event::from(minuet_tests::submission(&[("LAMP", 3)]));
    let envelope = world.envelope(&submitted);
    for _ in 0..2 {
        world.publisher.publish(envelope.clone(), submitted.clone()).await.unwrap();
    }
    let Event::OrderSubmitted(confirmed) = &submitted else { panic!("{submitted:?}") };
    world.await_status(confirmed.order_id, "confirmed").await;
    let failed = world.submit(&[("LAMP", 5)]).await;
    world.await_status(failed, "failed").await;
    let declined = world.submit(&[("PIANO", 1)]).await;
    world.await_status(declined, "cancelled").await;
    // Its payment may be told later than its confirmation; the goods of the declined one come back by two events.
    shows(order, "event_count_total", &["outcome=\"duplicate\""], at_least(1.0)).await;

    shows(order, "order_create_count_total", &[], exactly(3.0)).await;
    for (status, count) in [("pending", 3.0), ("confirmed", 1.0), ("failed", 1.0), ("cancelled", 1.0)] {
        let status = format!("status=\"{status}\"");
        shows(order, "order_status_count_total", &[&status], exactly(count)).await;
    }
    for status in ["confirmed", "failed", "cancelled"] {
        let status = format!("status=\"{status}\"");
        shows(order, "order_process_duration_milliseconds_count", &[&status], exactly(1.0)).await;
    }
    let cause = ["cause=\"payment_failed\""];
    shows(order, "order_cancel_count_total", &cause, exactly(1.0)).await;
    shows(inventory, "inventory_release_count_total", &[], exactly(1.0)).await;
    shows(inventory, "inventory_reserve_count_total", &["status=\"reserved\""], exactly(2.0)).await;
    shows(inventory, "inventory_reserve_count_total", &["status=\"rejected\""], exactly(1.0)).await;
    shows(inventory, "inventory_confirm_count_total", &["status=\"confirmed\""], exactly(1.0)).await;
    let card = "method=\"credit_card\"";
    shows(payment, "payment_process_count_total", &["status=\"success\"", card], exactly(1.0)).await;
    shows(payment, "payment_process_count_total", &["status=\"failed\"", card], exactly(1.0)).await;
    shows(payment, "payment_amount_sum", &["currency=\"EUR\""], exactly(60.0)).await;
    shows(payment, "payment_amount_bucket", &["currency=\"EUR\"", "le=\"100\""], exactly(1.0)).await;
    shows(payment, "payment_success_rate_percent", &[], exactly(50.0)).await;
    let charge = ["operation=\"charge\"", "outcome=\"answered\""];
    shows(payment, "payment_gateway_duration_seconds_count", &charge, exactly(2.0)).await;

    let level = |kind: &str, code: &str| [format!("type=\"{kind}\""), format!("warehouse_code=\"{code}\"")];
    for (kind, code, items) in
        [("available", "BER", 4.0), ("reserved", "BER", 0.0), ("available", "MUC", 100.0)]
    {
        let labels = level(kind, code);
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        shows(inventory, "inventory_stock_level", &labels, exactly(items)).await;
    }
    shows(inventory, "inventory_stock_low", &["sku=\"LAMP\"", "warehouse_code=\"BER\""], exactly(4.0)).await;
    assert_eq!(inventory.metrics().await.get("inventory_stock_low", &["sku=\"PIANO\""]), None);

    a_refund_is_another_end_and_no_second_duration(&world, &services, confirmed.order_id).await;
    the_way_of_a_batch_is_measured(&world, &services).await;
    deploy::every_query_names_a_meter_that_is_there(&world, &services).await;
}

async fn a_refund_is_another_end_and_no_second_duration(
    world: &World,
    [order, inventory, payment]: &[Running; 3],
    confirmed: minuet_events::values::OrderId,
) {
    world
        .publish(minuet_events::payments::RefundRequested {
            order_id: confirmed,
            requested_by: UserId::parse("admin-1").unwrap(),
            reason: "it was broken".to_owned(),
            amount: None,
            return_stock: None,
        })
        .await;
    world.await_status(confirmed, "cancelled").await;
    shows(payment, "payment_process_count_total", &["status=\"refunded\""], exactly(1.0)).await;
    shows(payment, "payment_refund_amount_sum", &["currency=\"EUR\""], exactly(60.0)).await;
    shows(order, "order_cancel_count_total", &["cause=\"refunded\""], exactly(1.0)).await;
    shows(order, "order_status_count_total", &["status=\"cancelled\""], exactly(2.0)).await;
    shows(order, "order_process_duration_milliseconds_count", &["status=\"cancelled\""], exactly(1.0)).await;
    shows(inventory, "inventory_release_count_total", &["cause=\"payment_refunded\""], exactly(1.0)).await;
}

async fn the_way_of_a_batch_is_measured(world: &World, services: &[Running; 3]) {
    let topic = |name: &str| format!("messaging_destination_name=\"{}{name}\"", world.prefix);
    for (service, reads, sends) in [
        (&services[0], "orders.intake", "orders.events"),
        (&services[1], "orders.events", "inventory.events"),
        (&services[2], "inventory.events", "payments.events"),
    ] {
        let (reads, sends) = (topic(reads), topic(sends));
        let kafka = "messaging_system=\"kafka\"";
        shows(service, "messaging_client_consumed_messages_total", &[kafka, &reads], at_least(2.0)).await;
        shows(service, "messaging_process_duration_seconds_count", &[kafka, &reads], at_least(2.0)).await;
        shows(service, "messaging_client_sent_messages_total", &[kafka, &sends], at_least(2.0)).await;
        let duration = "messaging_client_operation_duration_seconds_count";
        shows(service, duration, &[&sends, "messaging_operation_name=\"send\""], at_least(1.0)).await;
        shows(service, "batch_size_count", &[], at_least(2.0)).await;
        shows(service, "commit_count_total", &["path=\"optimistic\""], at_least(2.0)).await;
        for step in ["begin", "read", "react", "commit"] {
            let step = format!("step=\"{step}\"");
            shows(service, "batch_duration_seconds_count", &[&step], at_least(2.0)).await;
        }
        shows(service, "event_count_total", &["outcome=\"processed\""], at_least(2.0)).await;
        shows(service, "shard_held", &[], exactly(2.0)).await;
        shows(service, "shard_epoch", &["shard=\"0\""], at_least(1.0)).await;
        shows(service, "db_client_connection_count", &[], at_least(1.0)).await;
        shows(service, "db_client_connection_max", &[], exactly(4.0)).await;
        shows(service, "outbox_depth", &[], exactly(0.0)).await;
        shows(service, "clock_skew_seconds", &["reference=\"database\""], |skew| skew.abs() < 5.0).await;
        shows(service, "sample_duration_seconds", &["sample=\"service\""], at_least(0.0)).await;
        shows(service, "kafka_client_sent_bytes_total", &["client=\"producer\""], at_least(1.0)).await;
        shows(service, "kafka_client_received_bytes_total", &["client=\"consumer\""], at_least(1.0)).await;
        // An idle producer has no round trips.
        shows(service, "kafka_client_broker_rtt_seconds", &["client=\"consumer\""], at_least(1e-6)).await;
        shows(service, "kafka_client_rebalance_count_total", &["client=\"consumer\""], at_least(1.0)).await;
        // Moved by a unit test, from what librdkafka tells.
        for quiet in
            ["kafka_client_queue", "kafka_client_timeout_count_total", "kafka_client_disconnect_count_total"]
        {
            shows(service, quiet, &["client=\"producer\""], at_least(0.0)).await;
        }
        shows(service, "consumer_lag", &[], exactly(0.0)).await;
        sqlx::query("analyze inbox").execute(world.pool(service.name)).await.unwrap();
        shows(service, "inbox_size", &[], at_least(2.0)).await;
    }
}

/// What is held up is seen while it is: an order that its payment does not answer, and an outbox that nobody empties.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_up_is_seen() {
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let (order, inventory) = (world.order().await, world.inventory().await);
    let provider = Arc::new(Provider::holding());
    let payment = world.payment_with(Arc::clone(&provider)).await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    let held = world.submit(&[("LAMP", 1)]).await;
    shows(&payment, "payment_open", &["kind=\"charge\""], exactly(1.0)).await;
    shows(&order, "order_open", &["status=\"pending\""], exactly(1.0)).await;
    shows(&order, "order_open_age_seconds", &["status=\"pending\""], at_least(0.5)).await;
    shows(&inventory, "inventory_stock_level", &["type=\"reserved\""], exactly(1.0)).await;
    provider.let_go();
    world.await_status(held, "confirmed").await;
    shows(&order, "order_open", &[], exactly(0.0)).await;
    shows(&payment, "payment_open", &["kind=\"charge\""], exactly(0.0)).await;

    // A row that no relay reads: of a shard that nobody has.
    sqlx::query(
        "insert into outbox (shard, topic, key, headers, payload, created_at)
         values (99, 'orders.events', 'k', '', '', now() - interval '1 hour')",
    )
    .execute(world.pool("order"))
    .await
    .unwrap();
    shows(&order, "outbox_depth", &[], exactly(1.0)).await;
    shows(&order, "outbox_age_seconds", &[], at_least(3600.0)).await;
    sqlx::query("delete from outbox").execute(world.pool("order")).await.unwrap();

    // A transaction that cannot get its rows: its batch is under way for long.
    let mut blocker = world.pool("order").begin().await.unwrap();
    sqlx::query("lock table orders in access exclusive mode").execute(&mut *blocker).await.unwrap();
    let late = world.submit(&[("LAMP", 1)]).await;
    shows(&order, "consumer_lag_time_seconds", &[], at_least(0.5)).await;
    shows(&order, "consumer_lag", &["partition=\"0\""], at_least(1.0)).await;
    shows(&order, "sample_failure_count_total", &["sample=\"service\""], at_least(1.0)).await;
    blocker.rollback().await.unwrap();
    world.await_status(late, "confirmed").await;
    shows(&order, "consumer_lag_time_seconds", &[], exactly(0.0)).await;
    shows(&order, "consumer_lag", &["partition=\"0\""], exactly(0.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_is_counted_by_reason() {
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let order = world.order().await;
    let submitted = minuet_tests::submission(&[("LAMP", 1)]);
    let key = submitted.order_id.to_string();
    let event = Event::from(submitted);
    let good = Raw::of(&world.envelope(&event), &key, world.codec.encode(&event).unwrap());
    world.topics.send("orders.intake", &Raw { payload: Some(b"no avro".to_vec()), ..good.clone() }).await;
    world.topics.send("orders.intake", &good.clone().with("ce_id", "17")).await;
    for reason in ["reason=\"undecodable\"", "reason=\"headers\""] {
        shows(&order, "parked_count_total", &[reason], exactly(1.0)).await;
        shows(&order, "parked_size", &[reason], exactly(1.0)).await;
    }

    // What the database refuses is tried again before it is parked.
    shows(&order, "batch_retry_count_total", &[], exactly(0.0)).await;
    let poison = "create function poison() returns trigger language plpgsql as $$ begin
            raise exception 'poisoned' using errcode = '23514'; end $$;
         create trigger poison before insert on orders for each row execute function poison()";
    sqlx::raw_sql(poison).execute(world.pool("order")).await.unwrap();
    world.submit(&[("LAMP", 1)]).await;
    shows(&order, "parked_count_total", &["reason=\"constraint\""], exactly(1.0)).await;
    shows(&order, "batch_retry_count_total", &[], at_least(1.0)).await;
}

/// However many orders and users there are: the series are as many as before.
#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_series_is_bounded() {
    let world = World::with(Options { partitions: 2, ..Options::default() }).await;
    let services = world.services().await;
    let (gateway, api) = world.gateway(&services).await;
    world.product("LAMP", "20.00", &[("BER", 1000)]).await;
    let warm = world.submit(&[("LAMP", 1)]).await;
    world.await_status(warm, "confirmed").await;
    shows(&services[0], "consumer_lag", &[], exactly(0.0)).await;
    unknown(&api).await;
    let before = names(&services, &gateway).await;
    for _ in 0..20 {
        let mut submitted = minuet_tests::submission(&[("LAMP", 1)]);
        submitted.user_id = UserId::parse(&uuid::Uuid::new_v4().to_string()).unwrap();
        let id = submitted.order_id;
        world.publish(submitted).await;
        world.await_status(id, "confirmed").await;
        unknown(&api).await;
        let cancel = orders::OrderCancellationRequested {
            order_id: id,
            requested_by: UserId::parse("user-1").unwrap(),
            reason: uuid::Uuid::new_v4().to_string(),
        };
        world.publish(cancel).await;
    }
    let after = names(&services, &gateway).await;
    let grown: Vec<_> = after
        .iter()
        .filter(|(name, count)| {
            before.iter().find(|(of, _)| of == name).map_or(0, |(_, count)| *count) + 19 < *count
        })
        .collect();
    assert!(grown.is_empty(), "{grown:#?}");
    let requests = gateway.metrics().await;
    let route = ["http_route=\"/v1/orders/{id}\"", "http_response_status_code=\"404\""];
    assert_eq!(requests.get("http_server_request_duration_seconds_count", &route), Some(21.0));
}

/// Asks for an order and for a path that nobody has asked for before.
async fn unknown(api: &Api) {
    for path in [format!("/v1/orders/{}", uuid::Uuid::new_v4()), format!("/{}", uuid::Uuid::new_v4())] {
        assert_eq!(api.send(api.as_user(Method::GET, &path)).await.status, 404);
    }
}

async fn names(services: &[Running; 3], gateway: &Running) -> Vec<(String, usize)> {
    let mut names = Vec::new();
    for service in services.iter().chain([gateway]) {
        let metrics: Metrics = service.metrics().await;
        let of = |name: &&str| (format!("{} {name}", service.name), metrics.series(name));
        names.extend(metrics.names().iter().map(of));
    }
    names
}
