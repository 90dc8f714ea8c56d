//! Two instances that create the same row at the same time: a stranger's partitioner may put two events of one order on
//! partitions of different owners. The later one has lost a race, which is no error: it starts again and finds the row.
//! Rows are read without locks, so a statement that writes checks everything that was assumed; each check has its race here.

use minuet_events::Event;
use minuet_messaging::SteppedService;
use minuet_tests::{World, adjustment, product, until};
use serde_json::{Value, json};
use sqlx::{Postgres, Transaction};

use super::events::{
    cancellation_requested, inventory_confirmed, inventory_reserved, order_cancelled, payment_succeeded,
    placed, refund_requested, submitted,
};
use super::harness::{Bench, Sent, ShopService, counted};
use super::{inventory, order, payment};

/// Two instances of a service on one database, each the owner of two shards.
struct Two<R: ShopService> {
    bench: Bench<R>,
    other: SteppedService<R>,
}

impl<R: ShopService> Two<R> {
    async fn new(service: &'static str, stepped: impl Fn(&World) -> SteppedService<R>) -> Self {
        let bench = Bench::new(service, &stepped).await;
        let other = stepped(&bench.world);
        other.take(&[2, 3], "the other").await.unwrap();
        Two { bench, other }
    }

    /// Both read; only when both want to write, they may. Answers with how often something was tried again.
    async fn race(&self, table: &'static str, events: [Event; 2]) -> u64 {
        let [one, two] = events;
        self.race_of(table, self.bench.send_to(0, one), self.bench.send_to(2, two)).await
    }

    async fn race_of(&self, table: &'static str, one: Sent, two: Sent) -> u64 {
        let one = [one];
        let lock = self.unwritable(table).await;
        let release = async {
            self.waiting(2).await;
            lock.rollback().await.unwrap();
        };
        let other = self.other.batch(vec![two.message]);
        let ((), left, ()) = tokio::join!(self.bench.batch(&one), other, release);
        assert!(left.is_empty());
        tried_again(&self.bench.hand) + tried_again(&self.other)
    }

    /// Lets rows be read and locked, but not written.
    async fn unwritable(&self, table: &'static str) -> Transaction<'static, Postgres> {
        let mut lock = self.bench.pool().begin().await.unwrap();
        let share = format!("lock table {table} in share mode");
        sqlx::query(sqlx::AssertSqlSafe(share)).execute(&mut *lock).await.unwrap();
        lock
    }

    /// Until so many wait for somebody else's lock.
    async fn waiting(&self, wanted: i64) {
        until("instances wait to write", || async {
            let waiting = "select count(distinct pid) from pg_locks join pg_stat_activity using (pid)
                where not granted and datname = current_database()";
            let waiting = self.bench.number(waiting).await;
            if waiting == wanted { Ok(()) } else { Err(waiting) }
        })
        .await;
    }

    async fn row(&self, sql: &'static str) -> Value {
        let mut rows = self.bench.rows(sql).await;
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows.remove(0)
    }

    /// The names of what was told, and of its numbers.
    async fn told(&self) -> Vec<(&'static str, i64)> {
        let told = self.bench.told().await;
        told.iter().map(|told| (told.event.event_type().name(), told.sequence.unwrap())).collect()
    }

    async fn parked(&self) -> i64 {
        self.bench.number("select count(*) from dead_letters").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_submitted_twice_at_once_is_one_order() {
    let two = Two::new("order", order::stepped).await;
    two.bench.batch(&[two.bench.send_to(0, product("tea", "12.50", "EUR", true))]).await;
    let submitted = || submitted(0, &[("tea", 2)]);
    assert_eq!(two.race("orders", [submitted(), submitted()]).await, 1);

    assert_eq!(two.told().await, [("OrderPlaced", 1)]);
    let row = two.row("select status::text as status, version, total::text as total from orders").await;
    assert_eq!(row, json!({"status": "pending", "version": 1, "total": "25.0000"}));
    assert_eq!(two.parked().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_races_its_order_cancels_it_once() {
    let two = Two::new("order", order::stepped).await;
    two.bench.batch(&[two.bench.send_to(0, product("tea", "12.50", "EUR", true))]).await;
    let events = [submitted(0, &[("tea", 2)]), cancellation_requested(0, "anna")];
    assert_eq!(two.race("orders", events).await, 1);

    // Whichever was first.
    let told = two.told().await;
    let stories = [vec![("OrderCancelled", 1)], vec![("OrderPlaced", 1), ("OrderCancelled", 2)]];
    assert!(stories.contains(&told), "{told:?}");
    let row = two.row("select status::text as status, version, user_id from orders").await;
    assert_eq!(row, json!({"status": "cancelled", "version": 2, "user_id": "anna"}));
    assert_eq!(two.parked().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_placed_twice_at_once_reserves_once() {
    let two = Two::new("inventory", inventory::stepped).await;
    two.bench.batch(&[two.bench.send_to(0, adjustment("tea", "a", 10))]).await;
    two.told().await;
    let placed = || placed(0, &[("tea", 3)]);
    assert_eq!(two.race("order_reservations", [placed(), placed()]).await, 1);

    assert_eq!(two.told().await, [("InventoryReserved", 1)]);
    let stock = two.row("select available, reserved, version from stock").await;
    assert_eq!(stock, json!({"available": 7, "reserved": 3, "version": 2}));
    // An order is placed once: the second is a stranger's, and set aside.
    assert_eq!(two.parked().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_adjustment_of_two_products_counts_once() {
    let two = Two::new("inventory", inventory::stepped).await;
    let (tea, mut milk) = (adjustment("tea", "a", 10), adjustment("milk", "a", 10));
    milk.adjustment_id = tea.adjustment_id;
    assert_eq!(two.race("adjustments", [tea.into(), milk.into()]).await, 1);

    assert_eq!(two.told().await, [("StockLevelChanged", 1)]);
    assert_eq!(two.row("select on_hand, version from stock").await, json!({"on_hand": 10, "version": 1}));
}

/// Both read that there is no such shelf, and one of them creates it.
#[tokio::test(flavor = "multi_thread")]
async fn two_adjustments_of_a_new_shelf_both_count() {
    let two = Two::new("inventory", inventory::stepped).await;
    let events = [adjustment("tea", "a", 10).into(), adjustment("tea", "a", 5).into()];
    assert_eq!(two.race("stock", events).await, 1);

    assert_eq!(two.told().await, [("StockLevelChanged", 1), ("StockLevelChanged", 2)]);
    assert_eq!(two.row("select on_hand, version from stock").await, json!({"on_hand": 15, "version": 2}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_that_is_told_twice_at_once_is_charged_once() {
    let two = Two::new("payment", payment::stepped).await;
    let reserved = || inventory_reserved(0, two.bench.now().plus(time::Duration::minutes(15)));
    assert_eq!(two.race("payments", [reserved(), reserved()]).await, 1);

    let row = two.row("select status::text as status, version from payments").await;
    assert_eq!(row, json!({"status": "processing", "version": 1}));
    assert_eq!((two.told().await, two.parked().await), (vec![], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_races_the_charge_stops_it_or_prevents_it() {
    let two = Two::new("payment", payment::stepped).await;
    let reserved = inventory_reserved(0, two.bench.now().plus(time::Duration::minutes(15)));
    assert_eq!(two.race("payments", [reserved, order_cancelled(0)]).await, 1);

    // Whichever was first.
    let row = two.row("select status::text as status, coalesce(stop_reason, failure_reason) as reason, version from payments").await;
    let stopped = json!({"status": "processing", "reason": "order_cancelled", "version": 2});
    let prevented = json!({"status": "failed", "reason": "order_cancelled", "version": 1});
    assert!(row == stopped || row == prevented, "{row}");
    assert_eq!((two.told().await, two.parked().await), (vec![], 0));
}

/// The second finds what the first has left, whichever that is.
#[tokio::test(flavor = "multi_thread")]
async fn two_changes_of_one_order_at_once_both_count() {
    let two = Two::new("order", order::stepped).await;
    let tea = two.bench.send_to(0, product("tea", "12.50", "EUR", true));
    two.bench.batch(&[tea, two.bench.send_to(0, submitted(0, &[("tea", 2)]))]).await;
    two.race("orders", [payment_succeeded(0), inventory_confirmed(0)]).await;

    assert_eq!(two.told().await, [("OrderPlaced", 1), ("OrderConfirmed", 2)]);
    let row =
        two.row("select status::text as status, version, payment_id is null as unpaid from orders").await;
    assert_eq!(row, json!({"status": "confirmed", "version": 3, "unpaid": false}));
}

/// An event that changes no state grows the sequence, but not the version: one of two must not be told under the other's number.
#[tokio::test(flavor = "multi_thread")]
async fn two_refusals_at_once_have_two_numbers() {
    let two = Two::new("order", order::stepped).await;
    let tea = two.bench.send_to(0, product("tea", "12.50", "EUR", true));
    two.bench.batch(&[tea, two.bench.send_to(0, submitted(0, &[("tea", 2)]))]).await;
    two.bench.batch(&[two.bench.send_to(0, cancellation_requested(0, "anna"))]).await;
    let events = [cancellation_requested(0, "anna"), cancellation_requested(0, "admin:boss")];
    assert_eq!(two.race("orders", events).await, 1);

    let refused = "OrderCancellationRejected";
    let told = [("OrderPlaced", 1), ("OrderCancelled", 2), (refused, 3), (refused, 4)];
    assert_eq!(two.told().await, told);
}

/// An event that writes no row is held by the inbox alone.
#[tokio::test(flavor = "multi_thread")]
async fn one_event_on_two_partitions_at_once_has_one_effect() {
    let two = Two::new("payment", payment::stepped).await;
    let once = two.bench.send_to(0, refund_requested(0));
    let again = two.bench.on_partition(&once, 2);
    let tried_again = two.race_of("inbox", once, again).await;
    let told = two.bench.told().await;
    assert_eq!((told.len(), tried_again), (1, 1), "{told:#?}");
}

/// The shard goes to another instance between the read and the write of a batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_was_taken_between_read_and_write_is_left_alone() {
    let two = Two::new("order", order::stepped).await;
    two.bench.batch(&[two.bench.send_to(0, product("tea", "12.50", "EUR", true))]).await;
    let lock = two.unwritable("orders").await;
    let message = two.bench.send_to(0, submitted(0, &[("tea", 2)])).message;
    let take = async {
        two.waiting(1).await;
        two.other.take(&[0], "the other").await.unwrap();
        lock.rollback().await.unwrap();
    };
    let (left, ()) = tokio::join!(two.bench.hand.batch(vec![message]), take);
    assert_eq!(left, [0].into());
    assert_eq!(two.bench.number("select count(*) from orders").await, 0);
}

/// An earlier event of the key is parked between the read and the write of a batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_parked_between_read_and_write_waits() {
    let two = Two::new("order", order::stepped).await;
    let tea = two.bench.send_to(0, product("tea", "12.50", "EUR", true));
    two.bench.batch(&[tea, two.bench.send_to(0, submitted(0, &[("tea", 2)]))]).await;
    let paid = two.bench.send_to(0, payment_succeeded(0));
    let lock = two.unwritable("orders").await;
    let park = async {
        two.waiting(1).await;
        sqlx::query(
            "insert into dead_letters (topic, \"partition\", \"offset\", key, header_names, header_values, reason, detail, attempts, in_order)
             values ($1, 0, 1000, $2, '{}', '{}', 'illegal', 'a test', 1, true)",
        )
        .bind(&*paid.message.position.topic)
        .bind(paid.message.key.as_deref())
        .execute(two.bench.pool())
        .await
        .unwrap();
        lock.rollback().await.unwrap();
    };
    let messages = [paid.clone()];
    tokio::join!(two.bench.batch(&messages), park);
    let row = two.row("select status::text as status, version from orders").await;
    assert_eq!(row, json!({"status": "pending", "version": 1}));
    assert_eq!(two.parked().await, 2);
}

/// A row that is no longer as it was read is not written over, nor is the rest of its batch: it starts again. Here a
/// trigger hides each service's row once from its update.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_not_as_it_was_read_is_read_again() {
    let order = Bench::new("order", order::stepped).await;
    order.batch(&[order.send(cancellation_requested(0, "anna"))]).await;
    let again = order.send(cancellation_requested(0, "admin:boss"));
    assert_eq!(hidden_once(&order, "orders", again).await, json!([{"version": 2}]));

    let inventory = Bench::new("inventory", inventory::stepped).await;
    let (tea, placed) =
        (inventory.send(adjustment("tea", "a", 10)), inventory.send(placed(0, &[("tea", 3)])));
    inventory.batch(&[tea, placed]).await;
    let paid = inventory.send(payment_succeeded(0));
    assert_eq!(hidden_once(&inventory, "order_reservations", paid).await, json!([{"version": 2}]));
    let cancelled = inventory.send(order_cancelled(0));
    assert_eq!(hidden_once(&inventory, "stock", cancelled).await, json!([{"version": 4}]));

    let payment = Bench::new("payment", payment::stepped).await;
    let expires_at = payment.now().plus(time::Duration::minutes(15));
    payment.batch(&[payment.send(inventory_reserved(0, expires_at))]).await;
    let cancelled = payment.send(order_cancelled(0));
    assert_eq!(hidden_once(&payment, "payments", cancelled).await, json!([{"version": 2}]));
}

/// As a failure, or on locked rows.
fn tried_again<R: ShopService>(hand: &SteppedService<R>) -> u64 {
    counted(hand.counts()).1 + hand.conflicts()
}

/// Answers with the versions in the table.
async fn hidden_once<R: ShopService>(bench: &Bench<R>, table: &str, message: Sent) -> Value {
    let hide = format!(
        "create sequence {table}_hidden;
         create function hide_{table}() returns trigger language plpgsql as
            $$ begin if nextval('{table}_hidden') = 1 then return null; end if; return new; end $$;
         create trigger hide before update on {table} for each row execute function hide_{table}()"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(hide)).execute(bench.pool()).await.unwrap();
    let before = tried_again(&bench.hand);
    bench.batch(&[message]).await;
    assert_eq!(tried_again(&bench.hand) - before, 1, "{table}");
    let versions =
        format!("select coalesce(json_agg(json_build_object('version', version)), '[]') from {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(versions)).fetch_one(bench.pool()).await.unwrap()
}

/// One partition's older news does not undo another's newer: both are here when neither has seen the other.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_prices_at_once_the_newer_is_shown() {
    let two = Two::new("order", order::stepped).await;
    let older = two.bench.send_to(0, product("tea", "1", "EUR", true));
    two.bench.pass(1);
    let newer = two.bench.send_to(2, product("tea", "2", "EUR", true));
    // The newer is written, but not yet to be seen, when the older one is decided.
    let mut first = two.bench.pool().begin().await.unwrap();
    sqlx::query(
        "insert into products (sku, name, currency, unit_price, active, event_id, event_time, source_time, source_partition, source_offset)
         select 'tea', 'tea', 'EUR', 2, true, $1, at, at, 2, 0 from to_timestamp($2::double precision / 1000000) at",
    )
    .bind(newer.envelope.id)
    .bind(newer.envelope.time.0)
    .execute(&mut *first)
    .await
    .unwrap();
    let older = [older];
    let commit = async {
        two.waiting(1).await;
        first.commit().await.unwrap();
    };
    tokio::join!(two.bench.batch(&older), commit);
    assert_eq!(two.row("select unit_price::text as price from products").await, json!({"price": "2.0000"}));
}
