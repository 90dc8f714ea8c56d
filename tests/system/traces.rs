//! What the program tells of an order, as a real receiver of OTLP gets it: the four services as processes of their own.

mod installation;
mod parked;
mod secrets;
mod trees;

use std::collections::HashSet;

use minuet_tests::until;
use minuet_traces::{Span, Tree};
use serde_json::json;

use installation::Installation;
use trees::{CANCELLED, CONFIRMED, DECLINED, REFUNDED, released_by_the_cancellation};

/// One root, no orphan, nothing before its cause, and the order on every span.
fn hold(tree: &Tree, order: &str) {
    assert_eq!((tree.roots(), tree.orphans.len()), (1, 0), "{tree}\n{:#?}", tree.orphans);
    let mut path: Vec<&Span> = Vec::new();
    for (depth, span) in &tree.rows {
        path.truncate(*depth);
        assert!(span.start <= span.end, "{span:#?}");
        if let Some(above) = path.last() {
            // What was told for another stands when it was decided; the message was seen again after that.
            let told_for_another = span.attribute("minuet.recovered").is_some();
            assert!(
                told_for_another || above.start <= span.start,
                "{} begins before {}\n{tree}",
                span.name,
                above.name
            );
        }
        assert_eq!(span.attribute("order.id"), Some(order), "{span:#?}");
        path.push(span);
    }
}

/// What a confirmed order tells may come in while payment and inventory race for the order: both ways are right.
#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_order_is_one_trace() {
    let shop = Installation::start("grpc", &[]).await;
    let order = shop.order(&[("TEA-1", 2)]).await;
    shop.world.await_status(order.parse().unwrap(), "confirmed").await;
    let tree = shop.tree(&order, CONFIRMED).await;
    hold(&tree, &order);
    let named = |name: &str| &tree.rows.iter().find(|(_, span)| span.name == name).expect(name).1;
    for (span, attribute, wanted) in [
        ("order.create", "user.id", "anna"),
        ("order.create", "items.count", "1"),
        ("inventory.reserve", "reservations.count", "1"),
        ("payment.process", "payment.status", "success"),
        ("payment.process", "method", "paypal"),
        ("payment.process", "user.id", "anna"),
        ("payment.gateway.call", "minuet.call", "charge"),
        ("POST /v1/orders", "http.response.status_code", "202"),
        ("POST /v1/orders", "http.route", "/v1/orders"),
        ("process orders.events", "messaging.operation.type", "process"),
        ("process orders.events", "minuet.event", "OrderPlaced"),
        ("send orders.events", "messaging.system", "kafka"),
    ] {
        assert_eq!(
            named(span).attribute(attribute),
            Some(wanted),
            "{attribute} of {span}: {:#?}",
            named(span)
        );
    }
    assert!(named("payment.process").attribute("transaction.id").is_some());
    for (span, wait) in
        [("send orders.events", "minuet.outbox.wait_ms"), ("process orders.events", "minuet.topic.wait_ms")]
    {
        let waited: i64 = named(span).attribute(wait).expect(wait).parse().unwrap();
        assert!((0..600_000).contains(&waited), "{wait} is {waited}");
    }
    // The batch lies in a trace of its own, with its transaction.
    let (batch_trace, batch, _) = &named("process orders.events").links[0];
    let tree = shop.batch(batch_trace).await;
    assert_eq!(tree.rows[0].1.span_id, *batch, "{tree}");
    assert_eq!(tree.rows[0].1.name, "batch inventory");
    assert!(tree.rows[1].1.name.starts_with("transaction "), "{tree}");
    assert_eq!(tree.rows[1].1.attribute("db.system.name"), Some("postgresql"));

    // Asked for later: a trace of its own, in which the order is read.
    let asked = shop.get(&format!("/v1/orders/{order}")).await;
    assert_eq!(asked["status"], "confirmed");
    let read = shop
        .other_trace(
            &order,
            &tree_of(&[
                "GET /v1/orders/{id} SERVER gateway",
                "  GET CLIENT gateway",
                "    GET /orders/{id} SERVER order",
                "      order.get_by_id order",
                "        SELECT DATABASE CLIENT order",
            ]),
        )
        .await;
    hold(&read, &order);
    shop.stop().await;
}

fn tree_of(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_order_is_one_trace_and_says_why() {
    let shop = Installation::start("http/protobuf", &[]).await;
    // An amount that the simulated provider always declines.
    shop.world.product("PIANO-1", "9999.02", &[("BER", 5)]).await;
    let order = shop.order(&[("PIANO-1", 1)]).await;
    shop.world.await_status(order.parse().unwrap(), "cancelled").await;
    let tree = shop.tree_of(&order, &[released_by_the_cancellation(DECLINED), DECLINED.to_owned()]).await;
    hold(&tree, &order);
    let process = &tree.rows.iter().find(|(_, span)| span.name == "payment.process").unwrap().1;
    assert_eq!(process.attribute("payment.status"), Some("failed"), "{process:#?}");
    let (_, exception) = process.events.iter().find(|(name, _)| name == "exception").expect("why it failed");
    assert!(exception.contains(&("exception.message".into(), "card_declined".into())), "{exception:?}");
    shop.stop().await;
}

/// Later, over HTTP: the refund has a trace of its own, and the order's events stay in the order's.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_has_its_own_trace_and_both_know_of_each_other() {
    let shop = Installation::start("grpc", &[]).await;
    let order = shop.order(&[("TEA-1", 2)]).await;
    shop.world.await_status(order.parse().unwrap(), "confirmed").await;
    shop.tree(&order, CONFIRMED).await;
    let answer =
        shop.post_as_admin(&format!("/v1/orders/{order}/refund"), &json!({"reason": "broken"})).await;
    assert!(answer.is_success(), "{answer}");
    shop.world.await_status(order.parse().unwrap(), "cancelled").await;
    let refunded = format!("{CONFIRMED}{REFUNDED}");
    let tree = shop.tree_of(&order, &[released_by_the_cancellation(&refunded), refunded]).await;
    hold(&tree, &order);
    let refund = &tree.rows.iter().find(|(_, span)| span.name == "payment.refund").unwrap().1;
    let (request, processed, _) = &refund.links[0];
    assert_ne!(*request, refund.trace_id);
    let request = shop.whole(request).await;
    hold(&request, &order);
    assert_eq!(request.rows[0].1.name, "POST /v1/orders/{id}/refund", "{request}");
    assert!(request.rows.iter().any(|(_, span)| span.span_id == *processed), "{request}");
    shop.stop().await;
}

/// Asked for while nobody takes payments: a trace of its own again, and the order's goes on with what follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_has_its_own_trace_and_both_know_of_each_other() {
    let mut shop = Installation::start("grpc", &[]).await;
    let payment = shop.processes.remove("payment").unwrap();
    payment.signal("TERM");
    payment.ended().await.well();
    let order = shop.order(&[("TEA-1", 2)]).await;
    shop.world.await_status(order.parse().unwrap(), "pending").await;
    shop.tree_with(&order, &["send inventory.events PRODUCER inventory"]).await;
    let body = json!({"reason": "changed my mind"});
    let answer = shop.post_as_admin(&format!("/v1/orders/{order}/cancellation"), &body).await;
    assert!(answer.is_success(), "{answer}");
    let tree = shop.tree(&order, CANCELLED).await;
    hold(&tree, &order);
    let update = &tree.rows.iter().find(|(_, span)| span.name == "order.update_status").unwrap().1;
    let (request, processed, _) = &update.links[0];
    let request = shop.whole(request).await;
    hold(&request, &order);
    assert_eq!(request.rows[0].1.name, "POST /v1/orders/{id}/cancellation", "{request}");
    let processed =
        request.rows.iter().map(|(_, span)| span).find(|span| span.span_id == *processed).unwrap();
    assert_eq!(processed.name, "process orders.intake", "{request}");
    let (_, to, why) = processed.links.iter().find(|(trace, ..)| *trace == update.trace_id).unwrap();
    assert_eq!((to, why.as_str()), (&update.span_id, "order"), "{request}");
    shop.stop().await;
}

/// Killed between its commit and everything that comes after: another life of it publishes what it has written, and tells
/// what the first did not live to tell.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_service_was_killed_midway_is_one_trace() {
    let shop = Installation::start("grpc", &[("MINUET_FAULT_ARMED", "armed")]).await;
    let shop = shop.with_fault("inventory", "after_commit:1").await;
    let order = shop.order(&[("TEA-1", 2)]).await;
    let shop = shop.restarted("inventory").await;
    shop.world.await_status(order.parse().unwrap(), "confirmed").await;
    let send = "send inventory.events PRODUCER inventory";
    let wanted = CONFIRMED.replacen(send, &format!("{send} [relay]"), 1);
    let tree = shop.tree(&order, &wanted).await;
    hold(&tree, &order);
    let recovered: Vec<&str> = tree
        .rows
        .iter()
        .filter(|(_, span)| span.attribute("minuet.recovered").is_some())
        .map(|(_, span)| span.name.as_str())
        .collect();
    assert_eq!(recovered, ["inventory.reserve"], "{tree}");
    // It lay there until the group had missed the first life, and who sent it says of itself that it did.
    let is_relayed = |span: &&Span| span.links.iter().any(|(.., why)| why == "relay");
    let sent = tree.rows.iter().map(|(_, span)| span).find(is_relayed).unwrap();
    let waited: i64 = sent.attribute("minuet.outbox.wait_ms").unwrap().parse().unwrap();
    assert!((100..600_000).contains(&waited), "{sent:#?}");
    let relay = shop.whole(&sent.links[0].0).await;
    assert_eq!((relay.rows.len(), relay.rows[0].1.name.as_str()), (1, "relay inventory"), "{relay}");
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_a_hundred_orders_is_a_hundred_traces() {
    let shop = Installation::start("grpc", &[]).await;
    let orders = futures::future::join_all((0..100).map(|_| shop.order(&[("TEA-1", 1)]))).await;
    let mut traces = HashSet::new();
    for order in &orders {
        shop.world.await_status(order.parse().unwrap(), "confirmed").await;
        let tree = shop.tree(order, CONFIRMED).await;
        hold(&tree, order);
        assert!(traces.insert(tree.rows[0].1.trace_id.clone()), "{order} shares its trace");
    }
    assert_eq!(traces.len(), 100);
    shop.stop().await;
}

/// Ratio 0: nothing comes in, and whoever asks to be recorded still is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sampled_is_not_told_unless_its_caller_is_recorded() {
    let shop = Installation::start(
        "grpc",
        &[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")],
    )
    .await;
    let silent = shop.order(&[("TEA-1", 1)]).await;
    shop.world.await_status(silent.parse().unwrap(), "confirmed").await;
    let told =
        shop.order_in("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", &[("TEA-1", 1)]).await;
    shop.world.await_status(told.parse().unwrap(), "confirmed").await;
    let tree = shop.tree(&told, CONFIRMED).await;
    assert_eq!(tree.rows[0].1.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(tree.rows[0].1.parent_id, "b7ad6b7169203331");
    assert_eq!(shop.receiver.store.traces_of(&silent), Vec::<String>::new());
    shop.stop().await;
}

/// Whoever takes the spans, and takes none: the orders go on, and what did not fit is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_holds_up_nobody() {
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", hanging.local_addr().unwrap());
    let shop = Installation::start(
        "grpc",
        &[("OTEL_BSP_MAX_QUEUE_SIZE", "8"), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint)],
    )
    .await;
    for order in futures::future::join_all((0..10).map(|_| shop.order(&[("TEA-1", 1)]))).await {
        shop.world.await_status(order.parse().unwrap(), "confirmed").await;
        assert_eq!(shop.receiver.store.traces_of(&order), Vec::<String>::new());
    }
    until("what was dropped is counted", || async {
        let metrics = shop.processes["order"].metrics().await;
        let dropped =
            metrics.get("telemetry_export_count_total", &["signal=\"traces\"", "outcome=\"dropped\""]);
        if dropped.is_some_and(|dropped| dropped > 0.0) { Ok(()) } else { Err(metrics.text) }
    })
    .await;
    shop.stop().await;
}
