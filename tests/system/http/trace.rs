//! One trace from the request to the last event.

use std::collections::BTreeSet;

use minuet_tests::{Consumed, World, assert_books_balance};
use uuid::Uuid;

use super::Shop;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const TOPICS: [&str; 4] = ["orders.intake", "orders.events", "inventory.events", "payments.events"];

/// Every event of an order, all of them in one trace and with the order in their baggage. Gives the trace's id.
async fn one_trace(world: &World, order: Uuid, wanted: &[&str]) -> (String, Vec<Consumed>) {
    let events = world.topics.about(&order.to_string(), &TOPICS).await;
    let types: Vec<_> = events.iter().map(|consumed| consumed.event.event_type().name()).collect();
    assert_eq!(types, wanted);
    let (mut traces, mut spans) = (BTreeSet::new(), BTreeSet::new());
    for consumed in &events {
        let [_, trace, span, _] = consumed.headers["traceparent"].split('-').collect::<Vec<_>>()[..] else {
            panic!("{consumed:#?}")
        };
        traces.insert(trace.to_owned());
        spans.insert(span.to_owned());
        assert_eq!(consumed.headers["baggage"], format!("order.id={order}"), "{consumed:#?}");
    }
    assert_eq!(traces.len(), 1, "{events:#?}");
    assert_eq!(spans.len(), events.len(), "each event has a span of its own: {events:#?}");
    (traces.pop_first().unwrap(), events)
}

const CONFIRMED: [&str; 6] = [
    "OrderSubmitted",
    "OrderPlaced",
    "OrderConfirmed",
    "InventoryReserved",
    "InventoryConfirmed",
    "PaymentSucceeded",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_a_trace_hands_it_to_every_event_of_its_order() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    shop.world.product("SCARCE", "1.00", &[("BER", 1)]).await;
    shop.world.product("PIANO", "9999.02", &[("BER", 1)]).await;
    let cases: [(&str, u32, &[&str]); 4] = [
        ("CHAIR", 1, &CONFIRMED),
        ("SCARCE", 2, &["OrderSubmitted", "OrderPlaced", "OrderFailed", "InventoryRejected"]),
        ("NOWHERE", 1, &["OrderSubmitted", "OrderRejected"]),
        (
            "PIANO",
            1,
            &[
                "OrderSubmitted",
                "OrderPlaced",
                "OrderCancelled",
                "InventoryReserved",
                "InventoryReleased",
                "PaymentFailed",
            ],
        ),
    ];
    for (sku, quantity, wanted) in cases {
        let request = shop.order(&[(sku, quantity)]).header("prefer", "wait=30");
        let request = request
            .header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))
            .header("tracestate", "vendor=t61rcWkgMzE")
            .header("baggage", "order.id=mine,role=root");
        let answer = shop.api.send(request).await;
        let order = match answer.body["instance"].as_str() {
            Some(rejected) => rejected.rsplit('/').next().unwrap().parse().unwrap(),
            None => answer.order_id(),
        };
        // The order may be at its end while the stock is still on its way back.
        assert_books_balance(&shop.world).await;
        let (trace, events) = one_trace(&shop.world, order, wanted).await;
        assert_eq!(trace, TRACE);
        for consumed in events {
            let state = consumed.headers.get("tracestate").map(String::as_str);
            assert_eq!(state, Some("vendor=t61rcWkgMzE"), "also after the provider's answer: {consumed:#?}");
            assert!(consumed.headers["traceparent"].ends_with("-01"), "still sampled: {consumed:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_trace_begins_one_of_its_own() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    let mut traces = BTreeSet::new();
    for traceparent in [None, None, Some("00-zz-b7ad6b7169203331-01"), Some("ff-nonsense")] {
        let request = shop.order(&[("CHAIR", 1)]).header("prefer", "wait=30");
        let answer = shop
            .api
            .send(match traceparent {
                Some(traceparent) => request.header("traceparent", traceparent),
                None => request,
            })
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_books_balance(&shop.world).await;
        traces.insert(one_trace(&shop.world, answer.order_id(), &CONFIRMED).await.0);
    }
    assert_eq!(traces.len(), 4, "four orders, four traces");
}
