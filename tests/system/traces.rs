//! What the program tells of an order, as a real receiver of OTLP gets it: the four services as processes of their own.

mod installation;
mod parked;
mod secrets;

use std::collections::HashSet;

use minuet_traces::{Span, Tree};
use serde_json::json;

use installation::Installation;

const CONFIRMED: &str = "\
POST /v1/orders SERVER gateway
  send orders.intake PRODUCER gateway
    process orders.intake CONSUMER order [batch]
      order.create order
        send orders.events PRODUCER order
          process orders.events CONSUMER inventory [batch]
            inventory.reserve inventory
              send inventory.events PRODUCER inventory
                process inventory.events CONSUMER payment [batch]
                  payment.process payment
                    payment.gateway.call CLIENT payment
                    send payments.events PRODUCER payment
                      process payments.events CONSUMER inventory [batch]
                        inventory.confirm inventory
                          send inventory.events PRODUCER inventory
                            process inventory.events CONSUMER order [batch]
                              order.update_status order
                                send orders.events PRODUCER order
                      process payments.events CONSUMER order [batch]
                        order.update_status order
";

const DECLINED: &str = "\
POST /v1/orders SERVER gateway
  send orders.intake PRODUCER gateway
    process orders.intake CONSUMER order [batch]
      order.create order
        send orders.events PRODUCER order
          process orders.events CONSUMER inventory [batch]
            inventory.reserve inventory
              send inventory.events PRODUCER inventory
                process inventory.events CONSUMER payment [batch]
                  payment.process payment !card_declined
                    payment.gateway.call CLIENT payment
                    send payments.events PRODUCER payment
                      process payments.events CONSUMER inventory [batch]
                        inventory.release inventory
                          send inventory.events PRODUCER inventory
                      process payments.events CONSUMER order [batch]
                        order.update_status order
                          send orders.events PRODUCER order
                            process orders.events CONSUMER inventory [batch]
                            process orders.events CONSUMER payment [batch]
";

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
#[ignore = "its tree was not seen whole on a quiet machine yet"]
async fn a_declined_order_is_one_trace_and_says_why() {
    let shop = Installation::start("http/protobuf", &[]).await;
    // An amount that the simulated provider always declines.
    shop.world.product("PIANO-1", "9999.02", &[("BER", 5)]).await;
    let order = shop.order(&[("PIANO-1", 1)]).await;
    shop.world.await_status(order.parse().unwrap(), "cancelled").await;
    let tree = shop.tree(&order, DECLINED).await;
    hold(&tree, &order);
    shop.stop().await;
}

/// Later, over HTTP: the refund has a trace of its own, and the order's events stay in the order's.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it was not seen green on a quiet machine yet"]
async fn a_refund_has_its_own_trace_and_both_know_of_each_other() {
    let shop = Installation::start("grpc", &[]).await;
    let order = shop.order(&[("TEA-1", 2)]).await;
    shop.world.await_status(order.parse().unwrap(), "confirmed").await;
    shop.tree(&order, CONFIRMED).await;
    let answer =
        shop.post_as_admin(&format!("/v1/orders/{order}/refund"), &json!({"reason": "broken"})).await;
    assert!(answer.is_success(), "{answer}");
    shop.world.await_status(order.parse().unwrap(), "cancelled").await;
    let tree =
        shop.tree_with(&order, &["payment.refund payment [request]", "inventory.release inventory"]).await;
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

/// Killed between its commit and everything that comes after: another life of it publishes what it has written, and tells
/// what the first did not live to tell.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "its tree was seen whole, and once not; to be looked into on a quiet machine"]
async fn an_order_whose_service_was_killed_midway_is_one_trace() {
    let shop = Installation::start("grpc", &[("MINUET_FAULT_ARMED", "armed")]).await;
    let shop = shop.with_fault("inventory", "after_commit").await;
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
