//! Calls to the provider: what waits, what is taken up again after a crash, and what is left to a person.

use std::sync::Arc;

use minuet_events::payments::RefundRequested;
use minuet_events::values::{OrderId, UserId};
use minuet_payment::Settings;
use minuet_tests::{Api, Options, Provider, Running, Time, World, assert_books_balance, until};
use reqwest::Method;
use time::Duration;

use crate::endings::story;

async fn asked(provider: &Provider, call: &'static str) {
    until(&format!("the provider is asked: {call}"), || async {
        if provider.count(call) > 0 { Ok(()) } else { Err(provider.calls()) }
    })
    .await;
}

/// With one call at a time: a charge that is never answered must not keep the others from being made.
#[tokio::test(flavor = "multi_thread")]
async fn a_charge_without_an_answer_holds_up_nobody() {
    let world = World::new().await;
    let provider = Arc::new(Provider::deaf_to("99.00"));
    let one_at_a_time = Settings { concurrency: 1, ..Settings::default() };
    let _services = (
        world.order().await,
        world.inventory().await,
        world.payment_as(Arc::clone(&provider), one_at_a_time).await,
    );
    world.product("STONE", "99.00", &[("BER", 5)]).await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let unheard = world.submit(&[("STONE", 1)]).await;
    asked(&provider, "charge").await;
    let order = world.submit(&[("VASE", 1)]).await;
    world.await_status(order, "confirmed").await;
    assert_eq!(world.status(unheard).await.as_deref(), Some("pending"));
    provider.hear();
    assert_books_balance(&world).await;
}

/// Far more than may be under way: what does not fit waits in the table.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_called_when_there_is_room() {
    let world = World::new().await;
    let provider = Arc::new(Provider::holding());
    let one_at_a_time = Settings { concurrency: 1, ..Settings::default() };
    let _services = (
        world.order().await,
        world.inventory().await,
        world.payment_as(Arc::clone(&provider), one_at_a_time).await,
    );
    world.product("VASE", "30.00", &[("BER", 500)]).await;
    futures::future::join_all((0..100).map(|_| world.submit(&[("VASE", 1)]))).await;
    world.await_number("payment", "select count(*) from open_calls", 100).await;
    assert_eq!(provider.calls().len(), 1, "{:?}", provider.calls());
    provider.let_go();
    world.await_number("order", "select count(*) from orders where status = 'confirmed'", 100).await;
    assert_eq!(provider.count("charge"), 100, "each was charged once");
    assert_books_balance(&world).await;
    assert_eq!(world.number("payment", "select count(*) from open_calls").await, 0);
}

/// An order whose payment service died in the midst of its charge; the others are away too.
async fn died_while_charging(provider: &Arc<Provider>, ago: Duration) -> (World, Time, OrderId) {
    let (options, time) = Options::with_time_ago(ago);
    let world = World::with(options).await;
    let (order_service, inventory) = (world.order().await, world.inventory().await);
    let payment = world.payment_with(Arc::clone(provider)).await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let order = world.submit(&[("VASE", 1)]).await;
    asked(provider, "charge").await;
    world.await_status(order, "pending").await;
    payment.abort().await;
    order_service.stop().await;
    inventory.stop().await;
    (world, time, order)
}

async fn payment_is(world: &World, status: &str) {
    until(&format!("the payment is {status}"), || async {
        let seen: String = sqlx::query_scalar("select status::text from payments")
            .fetch_one(world.pool("payment"))
            .await
            .unwrap();
        if seen == status { Ok(()) } else { Err(seen) }
    })
    .await;
}

async fn others(world: &World) -> (Running, Running) {
    (world.order().await, world.inventory().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_is_looked_up_however_long_ago_its_process_died() {
    let provider = Arc::new(Provider::holding_answers());
    let (world, time, order) = died_while_charging(&provider, Duration::days(8)).await;
    time.pass(8 * 24 * 60);
    let _payment = world.payment_with(Arc::clone(&provider)).await;
    payment_is(&world, "success").await;
    assert_eq!(provider.calls(), ["charge", "look_up"], "it was not charged again");
    // What waits in a topic is known before a sweeper decides: the reservation's first, then the order's deadline.
    const OUTBOX: &str = "select count(*) from outbox";
    world.await_number("payment", OUTBOX, 0).await;
    let _inventory = world.inventory().await;
    let confirmed = "select count(*) from order_reservations where status = 'confirmed'";
    world.await_number("inventory", confirmed, 1).await;
    world.await_number("inventory", OUTBOX, 0).await;
    let _order = world.order().await;
    world.await_status(order, "confirmed").await;
    assert_books_balance(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_never_went_out_is_called_off_once_its_reservation_has_ended() {
    let provider = Arc::new(Provider::holding());
    let (world, time, order) = died_while_charging(&provider, Duration::ZERO).await;
    time.pass(16);
    provider.let_go();
    let _payment = world.payment_with(Arc::clone(&provider)).await;
    payment_is(&world, "failed").await;
    assert_eq!(provider.calls(), ["charge", "look_up", "cancel"], "the goods may be somebody else's by now");
    let reason: String = sqlx::query_scalar("select failure_reason from payments")
        .fetch_one(world.pool("payment"))
        .await
        .unwrap();
    assert_eq!(reason, "reservation_expired");
    let _others = others(&world).await;
    world.await_status(order, "cancelled").await;
    assert_books_balance(&world).await;
}

/// A provider that names payments itself: its id is in the database before any money can move.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_begun_once_its_id_is_committed() {
    let world = World::new().await;
    let provider = Arc::new(Provider::holding().naming_payments());
    let (_order, _inventory) = others(&world).await;
    let payment = world.payment_with(Arc::clone(&provider)).await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let order = world.submit(&[("VASE", 1)]).await;
    asked(&provider, "charge").await;
    assert_eq!(provider.calls(), ["create", "charge"]);
    let committed =
        "select count(*) from payments where status = 'processing' and transaction_id like 'sim_%'";
    assert_eq!(world.number("payment", committed).await, 1);
    payment.abort().await;
    provider.let_go();

    let _payment = world.payment_with(Arc::clone(&provider)).await;
    world.await_status(order, "confirmed").await;
    assert_eq!(provider.calls(), ["create", "charge", "look_up", "charge"], "it was not created again");
    assert_books_balance(&world).await;
}

/// Refused until it is left to a person: who finds it, has it tried again, and sees it given once.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_refused_for_long_waits_for_a_person_and_is_given_once() {
    let world = World::new().await;
    // Given at the first request: what is lost is the answer, again and again.
    let provider = Arc::new(Provider::losing_refunds(4));
    let settings = Settings { refund_attempts: 2, ..Settings::default() };
    let (_order, _inventory) = others(&world).await;
    let payment = world.payment_as(Arc::clone(&provider), settings.clone()).await;
    world.product("VASE", "30.00", &[("BER", 5)]).await;
    let order = world.submit(&[("VASE", 1)]).await;
    world.await_status(order, "confirmed").await;
    world
        .publish(RefundRequested {
            order_id: order,
            requested_by: UserId::parse("admin:boss").unwrap(),
            reason: "broken".to_owned(),
            amount: None,
            return_stock: None,
        })
        .await;

    let api = Api::new(payment.address, world.secret());
    let by_others = api.send(api.as_user(Method::GET, "/v1/parked-refunds")).await;
    by_others.problem(403, "insufficient-scope");
    let found = parked(&api, 2).await;
    assert_eq!(found["order_id"], order.to_string());
    assert_eq!((&found["amount"], &found["currency"]), (&"30.00".into(), &"EUR".into()));
    assert!(found["parked_reason"].as_str().unwrap().contains("not now"), "{found}");
    assert_eq!(world.status(order).await.as_deref(), Some("confirmed"), "the money is still owed");
    assert_eq!(world.number("payment", "select count(*) from open_calls").await, 0);
    until("the meter shows it", || async {
        let shown = payment.metrics().await.get("payment_refund_parked", &[]);
        if shown == Some(1.0) { Ok(()) } else { Err(shown) }
    })
    .await;

    // It stays with the person, also when somebody else takes the shards: there is nothing to find.
    payment.stop().await;
    let payment = world.payment_as(Arc::clone(&provider), settings).await;
    let api = Api::new(payment.address, world.secret());
    assert_eq!(retry(&api, order).await, 202);
    parked(&api, 4).await;
    assert_eq!(provider.count("refunds"), 3, "a retry looks first");
    assert_eq!(retry(&api, order).await, 202);
    world.await_status(order, "cancelled").await;
    assert_books_balance(&world).await;
    assert_eq!(retry(&api, order).await, 404, "there is nothing left to give");

    assert_eq!(provider.count("refund"), 1, "the refund was found, not asked for again");
    let told = story(&world, order).await;
    assert_eq!(told.iter().filter(|name| *name == "PaymentRefunded").count(), 1, "{told:?}");
}

/// Waits until a refund is parked that was tried so often.
async fn parked(api: &Api, attempts: u64) -> serde_json::Value {
    until(&format!("a refund is parked after {attempts} attempts"), || async {
        let seen = api.send(api.as_admin(Method::GET, "/v1/parked-refunds")).await.body;
        match &seen["refunds"][0] {
            refund if refund["attempts"] == attempts => Ok(refund.clone()),
            _ => Err(seen),
        }
    })
    .await
}

async fn retry(api: &Api, order: OrderId) -> u16 {
    let path = format!("/v1/parked-refunds/{order}/retry");
    api.send(api.as_admin(Method::POST, &path)).await.status.as_u16()
}
