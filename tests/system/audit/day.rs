//! A day in a shop: every way an order can go, on real services.

use minuet_events::orders::OrderCancellationRequested;
use minuet_events::payments::RefundRequested;
use minuet_events::values::{OrderId, UserId};
use minuet_tests::{Options, World, adjustment, assert_books_balance, product, submission, until};

use crate::endings::story;

const ORDERS: i64 = 41;

/// The services are stopped once nothing moves any more.
pub(super) async fn day() -> World {
    let (options, time) = Options::with_time();
    let world = World::with(options).await;
    let services = world.services().await;
    world.product("MUG", "12.50", &[("BER", 60), ("MUC", 6)]).await;
    // Amounts that the simulated provider declines, and never answers.
    world.product("PIANO", "9999.02", &[("BER", 3)]).await;
    world.product("SLOW", "9999.08", &[("BER", 9)]).await;
    world.publish(product("OLD", "5.00", "EUR", false)).await;
    world.await_product("OLD").await;
    world.publish(adjustment("MUG", "BER", -100)).await;

    let mut many = Vec::new();
    for number in 0..30 {
        many.push(world.submit(&[("MUG", 1 + number % 2)]).await);
    }
    let declined = world.submit(&[("PIANO", 1)]).await;
    let inactive = world.submit(&[("OLD", 1), ("MUG", 1)]).await;
    for order in &many {
        world.await_status(*order, "confirmed").await;
    }
    // Not among them: it tells how many mugs both warehouses had, and time stands still in this test, so that the record would
    // not say between which of their reservations that was.
    let too_many = world.submit(&[("MUG", 1_000)]).await;
    world.await_status(declined, "cancelled").await;
    world.await_status(too_many, "failed").await;
    world.await_status(inactive, "failed").await;
    // More than any one warehouse has.
    let from_two = world.submit(&[("MUG", 18)]).await;
    world.await_status(from_two, "confirmed").await;

    // Cancelled while the provider is asked; expired while it is.
    let cancelled = world.submit(&[("SLOW", 1)]).await;
    until_told(&world, cancelled, "InventoryReserved").await;
    world.publish(cancellation(cancelled, "user-1")).await;
    world.await_status(cancelled, "cancelled").await;
    let expired = world.submit(&[("SLOW", 1)]).await;
    until_told(&world, expired, "InventoryReserved").await;
    time.pass(16);
    world.await_status(expired, "cancelled").await;

    // Refunded, and asked again; cancelled too late; of an order that had nothing captured.
    world.publish(refund(many[0])).await;
    world.await_status(many[0], "cancelled").await;
    world.publish(refund(many[0])).await;
    world.publish(cancellation(many[1], "user-1")).await;
    world.publish(refund(too_many)).await;

    // Cancelled before it was known, by its user and by somebody else.
    for (who, end) in [("user-1", "cancelled"), ("somebody", "confirmed")] {
        let submitted = submission(&[("MUG", 1)]);
        let order = submitted.order_id;
        world.publish(cancellation(order, who)).await;
        world.await_status(order, "cancelled").await;
        world.publish(submitted.clone()).await;
        until_told(&world, order, if end == "confirmed" { "OrderConfirmed" } else { "OrderCancelled" }).await;
        // And submitted again.
        world.publish(submitted).await;
    }
    // Another price, and more of it.
    world.publish(product("MUG", "13.00", "EUR", true)).await;
    until("the price is known", || async {
        let prices =
            world.number("order", "select (unit_price * 100)::bigint from products where sku = 'MUG'");
        match prices.await {
            1_300 => Ok(()),
            price => Err(price),
        }
    })
    .await;
    world.publish(adjustment("MUG", "BER", 20)).await;
    for _ in 0..3 {
        let order = world.submit(&[("SLOW", 1)]).await;
        until_told(&world, order, "InventoryReserved").await;
        world.publish(cancellation(order, "user-1")).await;
        world.await_status(order, "cancelled").await;
    }
    world.await_number("order", "select count(*) from orders", ORDERS).await;
    for service in ["order", "payment"] {
        let told = if service == "order" { 1 } else { 2 };
        let topic = if service == "order" { "orders.events" } else { "payments.events" };
        until("every request is answered", || async {
            let events = world.topics.read(topic).await;
            let refusals = events.iter().filter(|c| c.event.event_type().name().ends_with("Rejected"));
            let refusals = refusals.filter(|c| c.event.event_type().name() != "OrderRejected").count();
            if refusals == told { Ok(()) } else { Err(refusals) }
        })
        .await;
    }
    assert_books_balance(&world).await;
    for service in services {
        service.stop().await;
    }
    world
}

async fn until_told(world: &World, order: OrderId, event: &str) {
    until(&format!("{event} of {order}"), || async {
        let seen = story(world, order).await;
        if seen.iter().any(|name| name == event) { Ok(()) } else { Err(seen) }
    })
    .await;
}

fn cancellation(order_id: OrderId, who: &str) -> OrderCancellationRequested {
    let reason = "never mind".to_owned();
    OrderCancellationRequested { order_id, requested_by: UserId::parse(who).unwrap(), reason }
}

fn refund(order_id: OrderId) -> RefundRequested {
    let reason = "it came broken".to_owned();
    RefundRequested {
        order_id,
        requested_by: UserId::parse("admin:boss").unwrap(),
        reason,
        amount: None,
        return_stock: None,
    }
}
