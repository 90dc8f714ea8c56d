//! Cancellations of orders that were not submitted: what they may make the order service store.

use minuet_events::orders::OrderCancellationRequested;
use minuet_events::values::{OrderId, UserId};
use minuet_tests::{Options, World, assert_books_balance, submission, until};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{Shop, gateway_that_waits};

fn cancellation(order_id: OrderId, by: &str, reason: &str) -> OrderCancellationRequested {
    let requested_by = UserId::parse(by).unwrap();
    OrderCancellationRequested { order_id, requested_by, reason: reason.to_owned() }
}

const KEPT: &str =
    "select coalesce(sum(json_array_length(withdrawals)), 0) from orders where user_id is null";
const BYTES: &str = "select sum(octet_length(withdrawals::text))::bigint from orders";
const REFUSED: &str = "select count(*) from refusals where reason = 'already_requested'";
const FULL: &str = "select count(*) from refusals where reason = 'too_many_requests'";
const EARLY: &str = "select count(*) from orders where user_id is null";

#[tokio::test(flavor = "multi_thread")]
async fn cancellations_of_one_unknown_order_fill_no_row() {
    let world = World::new().await;
    let _services = world.services().await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let submitted = submission(&[("VASE", 1)]);
    let order = submitted.order_id;
    let reason = "x".repeat(500);
    for _ in 0..361 {
        world.publish(cancellation(order, "user-1", &reason)).await;
    }
    world.await_number("order", REFUSED, 360).await;
    for n in 2..40 {
        world.publish(cancellation(order, &format!("user-{n}"), &reason)).await;
    }
    world.publish(cancellation(order, "admin:boss", &"x".repeat(1_000))).await;
    world.await_number("order", KEPT, 9).await;
    world.await_number("order", FULL, 31).await;
    let bytes = world.number("order", BYTES).await;
    assert!(bytes < 8_000, "{bytes} bytes");

    world.publish(submitted).await;
    until("the order is cancelled", || async {
        let seen = sqlx::query_scalar("select user_id from orders where status = 'cancelled'");
        let seen: Option<String> = seen.fetch_one(world.pool("order")).await.unwrap();
        if seen.as_deref() == Some("user-1") { Ok(()) } else { Err(seen) }
    })
    .await;
    assert_books_balance(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cancellation_that_was_kept_is_answered_once_the_order_comes() {
    let shop = Shop::open().await;
    let services = [shop.order, shop.inventory, shop.payment];
    let (_impatient, api) = gateway_that_waits(&shop.world, &services, 100).await;
    shop.world.product("VASE", "30.00", &[("BER", 5)]).await;
    let submitted = submission(&[("VASE", 1)]);
    let path = format!("/v1/orders/{}/cancellation", submitted.order_id);
    let ask = || {
        api.as_user(Method::POST, &path).header("idempotency-key", "k").json(&json!({"reason": "never mind"}))
    };
    let accepted = api.send(ask()).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    shop.world.await_number("order", KEPT, 1).await;
    let another = api.as_user(Method::POST, &path).json(&json!({"reason": "please"}));
    let refused = shop.api.send(another).await;
    refused.problem(409, "request-refused");
    assert_eq!(refused.body["detail"], "already_requested");

    shop.world.publish(submitted).await;
    shop.world.await_number("order", EARLY, 0).await;
    let done = api.send(ask()).await;
    assert_eq!((done.status.as_u16(), &done.body["status"]), (200, &json!("cancelled")), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_may_cancel_a_hundred_unknown_orders_at_once() {
    let shop = Shop::open().await;
    let services = [shop.order, shop.inventory, shop.payment];
    let (_impatient, api) = gateway_that_waits(&shop.world, &services, 100).await;
    for _ in 0..100 {
        shop.world.publish(cancellation(Uuid::now_v7().into(), "user-1", "never mind")).await;
    }
    shop.world.await_number("order", EARLY, 100).await;
    let path = || format!("/v1/orders/{}/cancellation", Uuid::now_v7());
    let body = json!({"reason": "never mind"});
    let ask = async |request: reqwest::RequestBuilder| api.send(request.json(&body)).await;
    ask(api.as_user(Method::POST, &path())).await.problem(429, "too-many-early-cancellations");
    assert_eq!(ask(api.as_admin(Method::POST, &path())).await.status, 202);
    assert_eq!(ask(api.as_named("user-2", Method::POST, &path())).await.status, 202);
    shop.world.await_number("order", EARLY, 102).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancellations_of_orders_that_never_come_and_refusals_expire() {
    let (options, time) = Options::with_time();
    let world = World::with(options).await;
    let order = world.order().await;
    let old = Uuid::now_v7().into();
    world.publish(cancellation(old, "user-1", "never mind")).await;
    world.publish(cancellation(old, "user-1", "never mind")).await;
    world.await_number("order", REFUSED, 1).await;
    time.pass(15 * 24 * 60 - 1);
    order.stop().await;
    let order = world.order().await;
    let young = Uuid::now_v7().into();
    world.publish(cancellation(young, "user-1", "never mind")).await;
    world.await_number("order", EARLY, 2).await;
    assert_eq!(world.number("order", REFUSED).await, 1, "the inbox remembers the request until tomorrow");

    time.pass(2);
    order.stop().await;
    let _order = world.order().await;
    world.await_number("order", EARLY, 1).await;
    world.await_number("order", REFUSED, 0).await;
    assert_eq!(world.status(young).await.as_deref(), Some("cancelled"));
}
