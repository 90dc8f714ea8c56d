//! What a hop costs at low load, where a batch is one event: a query and a statement, however many tables the event touches.

use std::collections::BTreeMap;

use minuet_payment::Answers;
use minuet_payment::domain::Answer;
use minuet_tests::{adjustment, product};

use super::events::{
    cancellation_requested, inventory_confirmed, inventory_reserved, order_cancelled, order_id,
    payment_succeeded, placed, submitted,
};
use super::harness::{Bench, Sent, ShopService};
use super::{inventory, order, payment};

/// BEGIN and COMMIT are among them.
const STATEMENTS: &str = "select coalesce(sum(calls), 0)::bigint from pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database()) and query not like '%pg_stat_statements%'";

async fn statements<R: ShopService>(bench: &Bench<R>, hop: impl Future<Output = ()>) -> i64 {
    let before = bench.number(STATEMENTS).await;
    hop.await;
    bench.number(STATEMENTS).await - before
}

async fn hop<R: ShopService>(bench: &Bench<R>, sent: Sent) -> i64 {
    statements(bench, bench.batch(&[sent])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hop_is_two_statements() {
    let bench = Bench::new("order", order::stepped).await;
    bench.batch(&[bench.send(product("tea", "12.50", "EUR", true))]).await;
    assert_eq!(hop(&bench, bench.send(submitted(0, &[("tea", 2)]))).await, 2);
    assert_eq!(hop(&bench, bench.send(payment_succeeded(0))).await, 2);
    assert_eq!(hop(&bench, bench.send(inventory_confirmed(0))).await, 2);
    assert_eq!(hop(&bench, bench.send(cancellation_requested(1, "anna"))).await, 2);
    assert_eq!(hop(&bench, bench.send(submitted(1, &[("tea", 2)]))).await, 2);

    let bench = Bench::new("inventory", inventory::stepped).await;
    bench.batch(&[bench.send(adjustment("tea", "a", 10))]).await;
    assert_eq!(hop(&bench, bench.send(adjustment("milk", "a", 10))).await, 2);
    assert_eq!(hop(&bench, bench.send(placed(0, &[("tea", 2), ("milk", 1)]))).await, 2);
    assert_eq!(hop(&bench, bench.send(payment_succeeded(0))).await, 2);

    let bench = Bench::new("payment", payment::stepped).await;
    bench.batch(&[bench.send(order_cancelled(1))]).await;
    let reserved = inventory_reserved(0, bench.now().plus(time::Duration::minutes(15)));
    assert_eq!(hop(&bench, bench.send(reserved)).await, 2);
    let charge = Some(Answer::Captured { transaction_id: "t".to_owned(), response: "{}".to_owned() });
    let answers = BTreeMap::from([(order_id(0), Answers { charge, ..Answers::default() })]);
    let answered = async { minuet_payment::answered(bench.hand.context(), &answers).await.unwrap() };
    assert_eq!(statements(&bench, answered).await, 2);
}

/// An event that came before goes the locking way, and costs what it costs.
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_locks() {
    let bench = Bench::new("order", order::stepped).await;
    let message = bench.send(cancellation_requested(0, "anna"));
    bench.batch(std::slice::from_ref(&message)).await;
    assert_eq!(bench.hand.conflicts(), 0);
    bench.batch(std::slice::from_ref(&message)).await;
    assert_eq!(bench.hand.conflicts(), 1);
    assert_eq!(bench.number("select version::bigint from orders").await, 1);
}
