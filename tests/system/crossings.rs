//! Where things meet: outages and time, crashes and the provider.

use std::sync::Arc;

use minuet_events::orders::OrderCancellationRequested;
use minuet_events::payments::RefundRequested;
use minuet_events::values::UserId;
use minuet_tests::{Options, Provider, World, assert_books_balance, submission, until};

use crate::endings::story;

/// Inventory is away for longer than a reservation lasts, while the payments wait in their topic.
#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_no_order_is_cancelled_whose_payment_waits_in_a_topic() {
    let (options, time) = Options::with_time();
    let world = World::with(options).await;
    let provider = Arc::new(Provider::holding());
    let _order = world.order().await;
    let inventory = world.inventory().await;
    let _payment = world.payment_with(Arc::clone(&provider)).await;
    world.product("VASE", "30.00", &[("BER", 50)]).await;
    for _ in 0..3 {
        world.submit(&[("VASE", 1)]).await;
    }
    until("the charges are under way", || async {
        if provider.count("charge") == 3 { Ok(()) } else { Err(provider.calls()) }
    })
    .await;
    inventory.stop().await;
    provider.let_go();
    world.await_number("order", "select count(*) from orders where status = 'paid'", 3).await;

    time.pass(20);
    // The consumer waits for the inbox, and the sweeper has its chance: shards without an order of ours tell that it has come by.
    let mut inbox = world.pool("inventory").begin().await.unwrap();
    sqlx::query("lock table inbox in share mode").execute(&mut *inbox).await.unwrap();
    let _inventory = world.inventory().await;
    const HELD: &str = "select count(*) from order_reservations where status = 'reserved'";
    const SWEPT: &str = "select coalesce(extract(epoch from max(swept_until)) * 1000, 0)::bigint from shards";
    for _ in 0..3 {
        let before = world.number("inventory", SWEPT).await;
        time.pass(1);
        until("a sweep has come by", || async {
            let swept = world.number("inventory", SWEPT).await;
            if swept > before { Ok(()) } else { Err((before, swept)) }
        })
        .await;
    }
    assert_eq!(world.number("inventory", HELD).await, 3, "nothing was released whose payment waits");
    inbox.rollback().await.unwrap();
    world.await_number("order", "select count(*) from orders where status = 'confirmed'", 3).await;
    assert_books_balance(&world).await;
    let expired = world.topics.read("inventory.events").await;
    assert!(expired.iter().all(|c| c.event.event_type().name() != "ReservationExpired"));
}

/// The service dies while the provider is being asked; the money was taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_died_with_the_process_is_looked_up_before_anything_is_charged() {
    let world = World::new().await;
    let _order = world.order().await;
    let _inventory = world.inventory().await;
    let provider = Arc::new(Provider::holding_answers());
    let payment = world.payment_with(Arc::clone(&provider)).await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let order = world.submit(&[("VASE", 1)]).await;
    until("the charge is under way", || async {
        if provider.count("charge") == 1 { Ok(()) } else { Err(provider.calls()) }
    })
    .await;
    payment.abort().await;

    let _payment = world.payment_with(Arc::clone(&provider)).await;
    world.await_status(order, "confirmed").await;
    assert_eq!(provider.calls(), ["charge", "look_up"], "it was not charged again");
    assert_books_balance(&world).await;
}

/// Two ways to give the money back meet: an admin's refund and a user's cancellation that is too late.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_and_a_cancellation_give_the_money_back_once() {
    let world = World::new().await;
    let provider = Arc::new(Provider::new());
    let _services =
        (world.order().await, world.inventory().await, world.payment_with(Arc::clone(&provider)).await);
    world.product("VASE", "30.00", &[("BER", 100)]).await;
    let mut orders = Vec::new();
    for _ in 0..20 {
        let submitted = submission(&[("VASE", 1)]);
        let (order_id, user) = (submitted.order_id, submitted.user_id.clone());
        orders.push(order_id);
        world.publish(submitted).await;
        let reason = "both at once".to_owned();
        let refund = RefundRequested {
            order_id,
            requested_by: UserId::parse("admin:boss").unwrap(),
            reason: reason.clone(),
            amount: None,
            return_stock: None,
        };
        let cancellation = OrderCancellationRequested { order_id, requested_by: user, reason };
        tokio::join!(world.publish(refund), world.publish(cancellation));
    }
    until("every order has its end", || async {
        let mut open = Vec::new();
        for order in &orders {
            match world.status(*order).await.as_deref() {
                Some("confirmed" | "cancelled") => {}
                other => open.push((*order, other.map(str::to_owned))),
            }
        }
        if open.is_empty() { Ok(()) } else { Err(open) }
    })
    .await;
    assert_books_balance(&world).await;
    for order in orders {
        let told = story(&world, order).await;
        let count = |name: &str| told.iter().filter(|t| *t == name).count();
        assert!(count("PaymentRefunded") <= count("PaymentSucceeded"), "{told:?}");
        assert!(count("PaymentSucceeded") <= 1, "{told:?}");
    }
}

/// A slow provider holds up neither the consumer nor other orders.
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_charges_are_under_way_while_the_consumer_goes_on() {
    let world = World::new().await;
    let provider = Arc::new(Provider::holding());
    let _order = world.order().await;
    let _inventory = world.inventory().await;
    let payment = world.payment_with(Arc::clone(&provider)).await;
    world.product("VASE", "30.00", &[("BER", 1_000)]).await;
    let orders = (0..300).map(|_| world.submit(&[("VASE", 1)]));
    futures::future::join_all(orders).await;

    until("every charge is under way at once", || async {
        let count = provider.count("charge");
        if count == 300 { Ok(()) } else { Err(count) }
    })
    .await;
    assert_eq!(payment.counts().await["processed"], 300, "the consumer did not wait for an answer");
    provider.let_go();
    world.await_number("order", "select count(*) from orders where status = 'confirmed'", 300).await;
    assert_books_balance(&world).await;
}
