//! What cannot be processed is set aside, what comes after it waits where that matters, and all of it can be redriven.

use minuet_events::Event;
use minuet_tests::product;
use serde_json::{Value, json};

use super::events::{inventory_confirmed, order_id, payment_failed, payment_succeeded, submitted};
use super::harness::{Bench, Sent, ShopService};
use super::order::stepped;

const PARKED: &str = "select topic, convert_from(key, 'utf8') as key, reason, attempts, in_order from dead_letters where discarded_at is null order by id";
const NONE: [Value; 0] = [];
const STATUSES: &str = "select status::text as status from orders order by id";

/// Whatever touches that order violates a constraint from now on.
const POISON: &str = "create function poison() returns trigger language plpgsql as $$ begin
        raise exception 'poisoned' using errcode = '23514'; end $$;
     create trigger poison before update on orders for each row when (new.id = '01900000-0000-7000-8000-000000000000') execute function poison()";
const CURE: &str = "drop trigger poison on orders; drop function poison()";

/// Three orders that are pending.
async fn three_pending() -> Bench<impl ShopService> {
    let bench = Bench::new("order", stepped).await;
    bench.batch(&[bench.send_to(0, product("tea", "12.50", "EUR", true))]).await;
    let orders: Vec<Sent> = (0..3).map(|n| bench.send(submitted(n, &[("tea", 2)]))).collect();
    bench.batch(&orders).await;
    bench.told().await;
    bench
}

async fn execute<R: ShopService>(bench: &Bench<R>, sql: &'static str) {
    sqlx::raw_sql(sql).execute(bench.pool()).await.unwrap();
}

async fn redrive<R: ShopService>(bench: &Bench<R>) {
    execute(bench, "update dead_letters set redrive = true where discarded_at is null").await;
    bench.hand.redrive().await;
}

fn letter(topic: &str, reason: &str, attempts: u32) -> Value {
    let in_order = topic != "orders.intake";
    json!({"topic": topic, "key": order_id(0).to_string(), "reason": reason, "attempts": attempts, "in_order": in_order})
}

fn garbage(sent: Sent) -> Sent {
    let Sent { envelope, event, mut message } = sent;
    message.payload = Some(b"no avro".as_slice().into());
    Sent { envelope, event, message }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_our_own_topics_what_comes_later_waits_and_other_keys_go_on() {
    let bench = three_pending().await;
    execute(&bench, POISON).await;
    let first = [0, 1, 2].map(|n| bench.send(payment_succeeded(n)));
    bench.batch(&first).await;
    let statuses = bench.rows(STATUSES).await;
    assert_eq!(statuses, ["pending", "paid", "paid"].map(|status| json!({"status": status})));
    assert_eq!(bench.rows(PARKED).await, [letter("payments.events", "constraint", 3)]);

    // In a batch of its own, and again: the same topic and key wait, another topic does not.
    let behind = bench.send(payment_failed(0));
    bench
        .batch(&[behind.clone(), bench.send(submitted(0, &[("tea", 2)])), bench.send(inventory_confirmed(1))])
        .await;
    bench.batch(&[behind]).await;
    let parked = [letter("payments.events", "constraint", 3), letter("payments.events", "waits_behind", 0)];
    assert_eq!(bench.rows(PARKED).await, parked);
    let topics = "select topic, count(*) from outbox group by 1 order by 1";
    let told = json!([{"topic": "order.dead-letters", "count": 2}, {"topic": "orders.events", "count": 1}]);
    assert_eq!(json!(bench.rows(topics).await), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_intake_topic_garbage_holds_up_nobody() {
    let bench = three_pending().await;
    let bad = garbage(bench.send(submitted(0, &[("tea", 2)])));
    bench.batch(&[bad, bench.send(submitted(0, &[("tea", 2)]))]).await;
    assert_eq!(bench.rows(PARKED).await, [letter("orders.intake", "undecodable", 1)]);
    assert_eq!(bench.number("select count(*) from orders").await, 3);
}

/// What cannot be read on a topic of ours has an order too, with nothing in it but its key.
#[tokio::test(flavor = "multi_thread")]
async fn on_our_own_topics_what_comes_after_garbage_waits_in_the_same_batch() {
    let bench = three_pending().await;
    bench
        .batch(&[
            garbage(bench.send(payment_failed(0))),
            bench.send(payment_succeeded(0)),
            bench.send(payment_succeeded(1)),
        ])
        .await;
    let parked = [letter("payments.events", "undecodable", 1), letter("payments.events", "waits_behind", 0)];
    assert_eq!(bench.rows(PARKED).await, parked);
    let paid = ["pending", "paid", "pending"].map(|status| json!({"status": status}));
    assert_eq!(bench.rows(STATUSES).await, paid);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_redriven_takes_effect_in_order_and_once() {
    let bench = three_pending().await;
    execute(&bench, POISON).await;
    let events =
        [bench.send(payment_succeeded(0)), bench.send(payment_failed(0)), bench.send(payment_failed(1))];
    bench.batch(&events).await;

    redrive(&bench).await;
    let parked = [letter("payments.events", "constraint", 4), letter("payments.events", "waits_behind", 0)];
    assert_eq!(bench.rows(PARKED).await, parked, "it fails again, and those behind it are not tried");

    bench.told().await;
    execute(&bench, CURE).await;
    redrive(&bench).await;
    assert_eq!(bench.rows(PARKED).await, NONE);
    let shown = "select status::text as status, payment_id is not null as paid, event_sequence from orders where id = '01900000-0000-7000-8000-000000000000'";
    let cancelled = [json!({"status": "cancelled", "paid": true, "event_sequence": 2})];
    assert_eq!(bench.rows(shown).await, cancelled, "paid first, cancelled after it");
    assert_eq!(bench.told().await.len(), 1);

    // The same events again, from another place of the topic, and what comes new.
    let again: Vec<Sent> =
        events.iter().map(|sent| Sent { message: bench.elsewhere(sent), ..sent.clone() }).collect();
    bench.batch(&again).await;
    redrive(&bench).await;
    assert_eq!((bench.rows(shown).await, bench.told().await.len()), (cancelled.into(), 0));
    bench.batch(&[bench.send(payment_succeeded(2))]).await;
    assert_eq!(bench.rows(PARKED).await, NONE, "nothing waits any more");
}

/// The domain calls it illegal: nothing of it is done, and a redrive runs it once, when it has become legal.
#[tokio::test(flavor = "multi_thread")]
async fn an_illegal_event_is_parked_and_redriven_once() {
    let bench = three_pending().await;
    execute(
        &bench,
        "update orders set status = 'confirmed' where id = '01900000-0000-7000-8000-000000000000'",
    )
    .await;
    let illegal: Event = payment_failed(0);
    let sent = bench.send(illegal);
    bench.batch(&[sent.clone(), bench.send(payment_succeeded(1))]).await;
    assert_eq!(bench.rows(PARKED).await, [letter("payments.events", "illegal", 1)]);
    bench.batch(std::slice::from_ref(&sent)).await;
    assert_eq!(bench.number("select count(*) from dead_letters").await, 1, "a duplicate is one");
    redrive(&bench).await;
    assert_eq!(bench.rows(PARKED).await, [letter("payments.events", "illegal", 2)]);

    bench.told().await;
    execute(&bench, "update orders set status = 'pending' where id = '01900000-0000-7000-8000-000000000000'")
        .await;
    redrive(&bench).await;
    bench.batch(&[sent]).await;
    assert_eq!(bench.told().await.len(), 1, "cancelled once");
    assert_eq!(bench.rows(PARKED).await, NONE);
}

/// The failed payment is illegal only as long as the second confirmation takes effect, and that waits behind the first.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_an_event_that_waits_makes_illegal_is_not_parked() {
    let bench = three_pending().await;
    let story =
        [inventory_confirmed(7), submitted(7, &[("tea", 2)]), inventory_confirmed(7), payment_failed(7)];
    bench.batch(&story.map(|event| bench.send(event))).await;
    let parked = "select topic, reason from dead_letters order by id";
    let waits = |reason: &str| json!({"topic": "inventory.events", "reason": reason});
    assert_eq!(bench.rows(parked).await, [waits("illegal"), waits("waits_behind")]);
    let statuses = bench.rows(STATUSES).await;
    assert_eq!(statuses.last(), Some(&json!({"status": "cancelled"})), "{statuses:?}");
}

/// A header with a NUL cannot be stored in a text as it is, and an error may quote it.
#[tokio::test(flavor = "multi_thread")]
async fn a_nul_can_be_parked() {
    let bench = three_pending().await;
    let mut sent = bench.send(submitted(7, &[("tea", 2)]));
    for (name, value) in &mut sent.message.headers {
        if name == "ce_type" {
            *value = Some(b"minuet.orders.Order\0Submitted.v1".as_slice().into());
        }
    }
    bench.batch(&[sent, bench.send(submitted(8, &[("tea", 2)]))]).await;
    assert_eq!(bench.number("select count(*) from dead_letters where reason = 'headers'").await, 1);
    assert_eq!(bench.number("select count(*) from orders").await, 4);
}
