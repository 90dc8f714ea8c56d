//! Every end of an order besides the confirmed one, with time under the test's control.

use minuet_events::Event;
use minuet_events::orders::OrderCancellationRequested;
use minuet_events::payments::RefundRequested;
use minuet_events::values::{Micros, OrderId, UserId};
use minuet_tests::{Options, Provider, World, assert_books_balance, submission, until};
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;

pub(crate) const TOPICS: [&str; 3] = ["orders.events", "inventory.events", "payments.events"];

/// The types of what was emitted about an order, per service.
pub(crate) async fn story(world: &World, order: OrderId) -> Vec<String> {
    let about = world.topics.about(&order.to_string(), &TOPICS).await;
    about.iter().map(|consumed| consumed.event.event_type().name().to_owned()).collect()
}

/// Waits until every shard has been swept at that time, or later: a sweep looks back by two minutes.
async fn swept(world: &World, service: &str, at: Micros) {
    until(&format!("{service} has swept"), || async {
        let until: Option<time::OffsetDateTime> = sqlx::query_scalar("select min(swept_until) from shards")
            .fetch_one(world.pool(service))
            .await
            .unwrap();
        let wanted = at.plus(time::Duration::minutes(-2)).to_datetime();
        if until.is_some_and(|until| until >= wanted) { Ok(()) } else { Err(until) }
    })
    .await;
}

/// As [`World::submit`], in a trace whose vendor wants something carried along.
async fn submit_with_tracestate(world: &World, lines: &[(&str, u32)]) -> OrderId {
    let submitted = submission(lines);
    let (order, event) = (submitted.order_id, Event::from(submitted));
    let mut envelope = world.envelope(&event);
    envelope.trace.tracestate = Some("vendor=t61rcWkgMzE".to_owned());
    world.publisher.publish(envelope, event).await.unwrap();
    order
}

/// Also what time alone has led to, and what follows from it.
async fn carries_its_tracestate(world: &World, order: OrderId) {
    for told in world.topics.about(&order.to_string(), &TOPICS).await {
        let state = told.headers.get("tracestate").map(String::as_str);
        assert_eq!(state, Some("vendor=t61rcWkgMzE"), "{told:#?}");
    }
}

async fn reason(world: &World, order: OrderId) -> String {
    sqlx::query_scalar("select reason from orders where id = $1")
        .bind(order.as_uuid())
        .fetch_one(world.pool("order"))
        .await
        .unwrap()
}

/// The provider never answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_expires_and_the_charge_is_stopped() {
    let (options, time) = Options::with_time();
    let world = World::with(options).await;
    let provider = Arc::new(Provider::holding());
    let _services =
        (world.order().await, world.inventory().await, world.payment_with(Arc::clone(&provider)).await);
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let order = submit_with_tracestate(&world, &[("VASE", 2)]).await;
    until("the charge is under way", || async {
        if provider.count("charge") == 1 { Ok(()) } else { Err(provider.calls()) }
    })
    .await;

    time.pass(14);
    swept(&world, "inventory", time.now()).await;
    assert_eq!(world.number("inventory", "select reserved from stock").await, 2);
    time.pass(2);
    world.await_status(order, "cancelled").await;
    assert_books_balance(&world).await;

    assert_eq!(
        story(&world, order).await,
        ["OrderPlaced", "OrderCancelled", "InventoryReserved", "ReservationExpired", "PaymentFailed"]
    );
    assert_eq!(reason(&world, order).await, "reservation_expired");
    assert_eq!(provider.calls(), ["charge", "cancel"]);
    carries_its_tracestate(&world, order).await;
    assert_eq!(world.number("inventory", "select available from stock").await, 5);
}

/// The payment succeeds after the reservation has gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_comes_too_late_is_refunded() {
    let (options, time) = Options::with_time();
    let world = World::with(options).await;
    let provider = Arc::new(Provider::holding_answers());
    let _services =
        (world.order().await, world.inventory().await, world.payment_with(Arc::clone(&provider)).await);
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let order = world.submit(&[("VASE", 2)]).await;
    until("the charge is under way", || async {
        if provider.count("charge") == 1 { Ok(()) } else { Err(provider.calls()) }
    })
    .await;

    // Captured at the provider, but its answer has not come: stopping it is too late.
    time.pass(16);
    world.await_status(order, "cancelled").await;
    assert_books_balance(&world).await;

    let told = until("inventory has said that the goods are gone", || async {
        let told = story(&world, order).await;
        if told.iter().any(|name| name == "InventoryConfirmationFailed") { Ok(told) } else { Err(told) }
    })
    .await;
    let payments: Vec<&String> = told.iter().filter(|name| name.starts_with("Payment")).collect();
    assert_eq!(payments, ["PaymentSucceeded", "PaymentRefunded"], "the success is told first: {told:?}");
    assert_eq!(provider.count("refund"), 1);
    assert_eq!(world.number("payment", "select count(*) from payments where status = 'refunded'").await, 1);
    assert_eq!(world.number("inventory", "select available from stock").await, 5);
}

/// Inventory is away for longer than an order may wait.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_past_its_deadline_is_cancelled() {
    let (options, time) = Options::with_time();
    let world = World::with(options).await;
    let _order = world.order().await;
    let inventory = world.inventory().await;
    let _payment = world.payment().await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    inventory.stop().await;
    let order = submit_with_tracestate(&world, &[("VASE", 1)]).await;
    world.await_status(order, "pending").await;

    time.pass(29);
    swept(&world, "order", time.now()).await;
    assert_eq!(world.status(order).await.as_deref(), Some("pending"));
    time.pass(2);
    world.await_status(order, "cancelled").await;
    assert_eq!(reason(&world, order).await, "deadline");
    // It comes back, reserves what was placed, and hears of the end right after.
    let _inventory = world.inventory().await;
    until("inventory has released", || async {
        let seen = story(&world, order).await;
        if seen.iter().any(|name| name == "InventoryReleased") { Ok(()) } else { Err(seen) }
    })
    .await;
    assert_books_balance(&world).await;
    carries_its_tracestate(&world, order).await;
}

/// By the user, while the provider is being asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_cancels_and_is_told_later_that_it_is_too_late() {
    let world = World::new().await;
    let provider = Arc::new(Provider::holding());
    let services =
        [world.order().await, world.inventory().await, world.payment_with(Arc::clone(&provider)).await];
    let (_gateway, api) = world.gateway(&services).await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let submitted = submission(&[("VASE", 1)]);
    let order = submitted.order_id;
    world.publish(submitted).await;
    until("the charge is under way", || async {
        if provider.count("charge") == 1 { Ok(()) } else { Err(provider.calls()) }
    })
    .await;

    let path = format!("/v1/orders/{order}/cancellation");
    let body = json!({"reason": "changed my mind"});
    let foreign = api.request(Method::POST, &path).bearer_auth(api.token("somebody", false)).json(&body);
    assert_eq!(api.send(foreign).await.status, 404, "somebody else's order is no order");

    let answer = api.send(api.as_user(Method::POST, &path).header("Idempotency-Key", "c1").json(&body)).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.body["status"], "cancelled");
    assert_eq!(answer.body["reason"], "requested");
    let again = api.send(api.as_user(Method::POST, &path).header("Idempotency-Key", "c1").json(&body)).await;
    assert_eq!(again.status, 200, "the same request again has the same answer");
    let another = api.send(api.as_user(Method::POST, &path).json(&body)).await;
    assert_eq!(another.status, 409, "{:?}", another.body);
    assert_eq!(another.body["detail"], "already_cancelled");
    assert_eq!(another.body["type"], "/problems/request-refused");
    assert_books_balance(&world).await;
    assert_eq!(provider.calls(), ["charge", "cancel"]);

    provider.let_go();
    let confirmed = world.submit(&[("VASE", 1)]).await;
    world.await_status(confirmed, "confirmed").await;
    let path = format!("/v1/orders/{confirmed}/cancellation");
    let late = api.send(api.as_user(Method::POST, &path).json(&body)).await;
    assert_eq!(late.status, 409, "{:?}", late.body);
    assert_eq!(late.body["detail"], "already_confirmed");
    assert_books_balance(&world).await;
}

/// Over HTTP: once, only what was captured, and the goods come back.
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_refunds_a_confirmed_order_once() {
    let world = World::new().await;
    let provider = Arc::new(Provider::refusing_refunds(2));
    let services =
        [world.order().await, world.inventory().await, world.payment_with(Arc::clone(&provider)).await];
    let (_gateway, api) = world.gateway(&services).await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    world.publish(minuet_tests::product("OLD", "5.00", "EUR", false)).await;
    world.await_product("OLD").await;
    let order = world.submit(&[("VASE", 2)]).await;
    world.await_status(order, "confirmed").await;
    assert_eq!(world.number("inventory", "select on_hand from stock").await, 3);

    let path = format!("/v1/orders/{order}/refund");
    let body = json!({"reason": "it came broken"});
    assert_eq!(api.send(api.as_user(Method::POST, &path).json(&body)).await.status, 403);
    let answer = api.send(api.as_admin(Method::POST, &path).json(&body)).await;
    assert!([200, 202].contains(&answer.status.as_u16()), "{:?}", answer.body);
    world.await_status(order, "cancelled").await;
    assert_eq!(reason(&world, order).await, "refunded");
    assert_books_balance(&world).await;
    let asked = [provider.count("refund"), provider.count("refunds")];
    assert_eq!(asked, [2, 2], "two refusals, then a look, and it was tried again");
    assert_eq!(world.number("inventory", "select on_hand from stock").await, 5, "the goods are back");

    let again = api.send(api.as_admin(Method::POST, &path).json(&body)).await;
    assert_eq!((again.status.as_u16(), &again.body["detail"]), (409, &json!("already_refunded")));
    let rejected = world.submit(&[("OLD", 1)]).await;
    world.await_status(rejected, "failed").await;
    let path = format!("/v1/orders/{rejected}/refund");
    let never = api.send(api.as_admin(Method::POST, &path).json(&body)).await;
    assert_eq!((never.status.as_u16(), &never.body["detail"]), (409, &json!("not_captured")));
    assert_books_balance(&world).await;
}

/// By an event, sent three times under one id.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_by_event_happens_once() {
    let world = World::new().await;
    let provider = Arc::new(Provider::new());
    let _services =
        (world.order().await, world.inventory().await, world.payment_with(Arc::clone(&provider)).await);
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let order = world.submit(&[("VASE", 1)]).await;
    world.await_status(order, "confirmed").await;
    let asked = RefundRequested {
        order_id: order,
        requested_by: UserId::parse("admin:boss").unwrap(),
        reason: "broken".to_owned(),
        amount: None,
        return_stock: None,
    };
    let envelope = world.envelope(&asked.clone().into());
    for _ in 0..3 {
        world.publisher.publish(envelope.clone(), asked.clone().into()).await.unwrap();
    }
    world.await_status(order, "cancelled").await;
    assert_books_balance(&world).await;
    assert_eq!(provider.count("refund"), 1);
    assert_eq!(
        story(&world, order).await,
        [
            "OrderPlaced",
            "OrderConfirmed",
            "OrderCancelled",
            "InventoryReserved",
            "InventoryConfirmed",
            "InventoryReleased",
            "PaymentSucceeded",
            "PaymentRefunded"
        ]
    );
}

/// A cancellation before its order: by its user it counts, by anybody else it does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_may_come_before_its_order() {
    let world = World::new().await;
    let _services = world.services().await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    for (who, end) in [("user-1", "cancelled"), ("somebody", "confirmed"), ("admin:boss", "cancelled")] {
        let submitted = submission(&[("VASE", 1)]);
        let order = submitted.order_id;
        let requested_by = UserId::parse(who).unwrap();
        let reason = "never mind".to_owned();
        world.publish(OrderCancellationRequested { order_id: order, requested_by, reason }).await;
        world.await_status(order, "cancelled").await;
        world.publish(submitted).await;
        until(&format!("the order of {who} ends"), || async {
            let seen = story(&world, order).await;
            let done = seen.iter().any(|name| name == "OrderConfirmed" || name == "OrderCancelled");
            if done { Ok(()) } else { Err(seen) }
        })
        .await;
        world.await_status(order, end).await;
        if end == "cancelled" {
            assert_eq!(story(&world, order).await, ["OrderCancelled"], "no OrderPlaced for {who}");
        }
    }
    assert_books_balance(&world).await;
}

/// The others hear of the order and of its cancellation only afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_may_come_before_the_reservation_and_the_charge() {
    let world = World::new().await;
    let provider = Arc::new(Provider::new());
    let (_order, inventory) = (world.order().await, world.inventory().await);
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    inventory.stop().await;
    let submitted = submission(&[("VASE", 2)]);
    let (order_id, requested_by) = (submitted.order_id, submitted.user_id.clone());
    world.publish(submitted).await;
    world.await_status(order_id, "pending").await;
    let reason = "changed my mind".to_owned();
    world.publish(OrderCancellationRequested { order_id, requested_by, reason }).await;
    world.await_status(order_id, "cancelled").await;

    let _payment = world.payment_with(Arc::clone(&provider)).await;
    world.await_number("payment", "select count(*) from payments where status = 'failed'", 1).await;
    let _inventory = world.inventory().await;
    until("the goods are back", || async {
        let told = story(&world, order_id).await;
        if told.iter().any(|name| name == "InventoryReleased") { Ok(()) } else { Err(told) }
    })
    .await;
    assert_books_balance(&world).await;
    assert_eq!(
        story(&world, order_id).await,
        ["OrderPlaced", "OrderCancelled", "InventoryReserved", "InventoryReleased"]
    );
    assert_eq!(provider.calls(), [""; 0], "nobody was charged");
    assert_eq!(world.number("inventory", "select available from stock").await, 5);
}
