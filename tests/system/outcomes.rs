//! An order reaches each of its ends.

use minuet_tests::{World, assert_books_balance};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_over_http_reaches_confirmed() {
    let world = World::new().await;
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    world.product("CHAIR", "49.90", &[("BER", 10)]).await;

    let order = json!({"payment_method": "paypal", "lines": [{"sku": "CHAIR", "quantity": 2}]});
    let request = api.as_user(Method::POST, "/v1/orders").header("Prefer", "wait=30").json(&order);
    let answer = api.send(request).await;

    assert_eq!(answer.status, 201, "{:?}", answer.body);
    assert_eq!(answer.header("location"), Some(format!("/v1/orders/{}", answer.order_id()).as_str()));
    assert_eq!(answer.body["status"], "confirmed", "{:?}", answer.body);
    assert_eq!(answer.body["total"], "99.80");
    assert_eq!(answer.body["currency"], "EUR");
    assert_eq!(answer.body["user_id"], "user-1");
    assert_eq!(answer.body["payment_method"], "paypal");
    assert!(answer.body["payment_id"].is_string());
    let line = json!({"sku": "CHAIR", "name": "Product CHAIR", "unit_price": "49.90", "quantity": 2, "subtotal": "99.80"});
    assert_eq!(answer.body["lines"], json!([line]));
    assert_books_balance(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_reaches_failed_cancelled_and_rejected() {
    let world = World::new().await;
    let _services = world.services().await;
    world.product("SCARCE", "1.00", &[("BER", 1), ("MUC", 1)]).await;
    world.product("PIANO", "9999.02", &[("BER", 1)]).await;
    world.publish(minuet_tests::product("OLD", "5.00", "EUR", false)).await;
    world.await_product("OLD").await;

    let failed = world.submit(&[("SCARCE", 3)]).await;
    let cancelled = world.submit(&[("PIANO", 1)]).await;
    let rejected = world.submit(&[("OLD", 1), ("NOWHERE", 1)]).await;
    let confirmed = world.submit(&[("SCARCE", 2)]).await;

    world.await_status(failed, "failed").await;
    world.await_status(cancelled, "cancelled").await;
    world.await_status(rejected, "failed").await;
    world.await_status(confirmed, "confirmed").await;
    assert_books_balance(&world).await;

    let types = async |order: minuet_events::values::OrderId| -> Vec<String> {
        let about = world
            .topics
            .about(&order.to_string(), &["orders.events", "inventory.events", "payments.events"])
            .await;
        about.iter().map(|consumed| consumed.event.event_type().name().to_owned()).collect()
    };
    assert_eq!(types(failed).await, ["OrderPlaced", "OrderFailed", "InventoryRejected"]);
    assert_eq!(types(rejected).await, ["OrderRejected"]);
    assert_eq!(
        types(cancelled).await,
        ["OrderPlaced", "OrderCancelled", "InventoryReserved", "InventoryReleased", "PaymentFailed"]
    );
    assert_eq!(
        types(confirmed).await,
        ["OrderPlaced", "OrderConfirmed", "InventoryReserved", "InventoryConfirmed", "PaymentSucceeded"]
    );
}
