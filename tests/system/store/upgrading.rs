//! A database that release 0.1 filled becomes one of this build by `minuet migrate`: the same schema as a fresh database, the
//! same rows, and the service goes on where it was.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use minuet_messaging::{DatabaseError, SteppedService};
use minuet_tests::{Options, Servers, World, until};
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use super::events::{inventory_confirmed, order_cancelled, payment_succeeded};
use super::harness::{Bench, PARTITIONS, ShopService};
use super::{inventory, order, payment};

/// The event of `/test` that the filled databases have processed.
const PROCESSED: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00e1);

/// Everything that a statement may depend on, a line each.
const SCHEMA: &str = "
    with relations as (
        select c.oid, c.relname::text as name, c.relkind::text as kind, c.reloptions, t.reloptions as toast,
               pg_get_expr(c.relpartbound, c.oid) as bound
        from pg_class c left join pg_class t on t.oid = c.reltoastrelid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'i', 'I', 'S')
    )
    select concat_ws(' ', kind, name, reloptions::text, toast::text, bound, pg_get_partkeydef(oid),
        case when kind in ('i', 'I') then pg_get_indexdef(oid) when kind = 'v' then pg_get_viewdef(oid) end) from relations
    union all
    select concat_ws(' ', 'column', r.name, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
        pg_get_expr(d.adbin, d.adrelid))
    from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
    union all
    select concat_ws(' ', 'constraint', r.name, c.conname, pg_get_constraintdef(c.oid)) from relations r join pg_constraint c on c.conrelid = r.oid
    union all
    select concat_ws(' ', 'enum', t.typname, e.enumsortorder, e.enumlabel) from pg_enum e join pg_type t on t.oid = e.enumtypid
    order by 1";

const TABLES: &str = "select c.relname::text from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname !~ 'migrations$'
    order by 1";

async fn schema(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(SCHEMA).fetch_all(pool).await.unwrap()
}

/// The lines about the library's own tables.
fn of_messaging(schema: &[String]) -> Vec<String> {
    let is_ours = |line: &&String| {
        let name = line.split(' ').nth(1).unwrap();
        ["inbox", "outbox", "dead_letters", "shards", "minuet_messaging"]
            .iter()
            .any(|table| name.starts_with(table))
    };
    schema.iter().filter(is_ours).cloned().collect()
}

/// Every row of every table, as JSON.
async fn rows(pool: &PgPool) -> BTreeMap<String, Vec<Value>> {
    let mut rows = BTreeMap::new();
    for table in sqlx::query_scalar::<_, String>(TABLES).fetch_all(pool).await.unwrap() {
        let sql = format!("select to_jsonb(t) from {table} t order by to_jsonb(t)::text");
        let found = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await.unwrap();
        rows.insert(table, found);
    }
    rows
}

/// The columns of `then`, as they are `now`: a later release may add columns.
fn restricted(now: &[Value], then: &[Value]) -> Vec<Value> {
    let columns = then.first().and_then(Value::as_object).unwrap();
    let restrict = |row: &Value| {
        Value::Object(
            row.as_object().unwrap().clone().into_iter().filter(|(c, _)| columns.contains_key(c)).collect(),
        )
    };
    now.iter().map(restrict).collect()
}

fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/release-0.1").join(path)
}

async fn empty_database() -> String {
    let name = format!("t{}", Uuid::new_v4().simple());
    let databases = Servers::shared().await.databases;
    databases.create_database(&name).await.unwrap();
    databases.database_url(&name)
}

async fn migrate(service: &str, url: &str) -> Result<(), DatabaseError> {
    match service {
        "order" => minuet_order::migrate(url).await,
        "inventory" => minuet_inventory::migrate(url).await,
        _ => minuet_payment::migrate(url).await,
    }
}

/// A world whose service has a database that release 0.1 filled and this build has migrated.
async fn upgraded<R: ShopService>(
    service: &'static str,
    stepped: impl Fn(&World) -> SteppedService<R>,
) -> Bench<R> {
    let (options, _) = Options::with_time();
    let mut world = World::with(Options { partitions: PARTITIONS, ..options }).await;
    let fresh = world.pool(service).clone();
    let url = empty_database().await;
    let old = PgPool::connect(&url).await.unwrap();
    let release = Migrator::new(fixture(&format!("migrations/{service}"))).await.unwrap();
    release.run(&old).await.unwrap();
    let fill = std::fs::read_to_string(fixture(&format!("{service}.sql"))).unwrap();
    sqlx::raw_sql(AssertSqlSafe(fill)).execute(&old).await.unwrap();
    let before = rows(&old).await;
    for (table, rows) in &before {
        assert!(!rows.is_empty(), "{service}.sql fills no {table}");
    }

    // Any number of instances may do it at once, and again.
    let (first, second) = tokio::join!(migrate(service, &url), migrate(service, &url));
    first.unwrap();
    second.unwrap();
    migrate(service, &url).await.unwrap();

    let after = rows(&old).await;
    for (table, then) in &before {
        assert_eq!(&restricted(&after[table], then), then, "{table}");
    }
    assert_same(&schema(&old).await, &schema(&fresh).await);
    world.replace_database(service, url, old);
    Bench::on(service, world, stepped).await
}

fn assert_same(found: &[String], expected: &[String]) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).cloned().collect()
    };
    assert_eq!(only(found, expected), only(expected, found), "the schemas differ");
}

/// What every upgraded service goes on to do: it takes its shards, knows what it has processed, holds back what waits.
async fn goes_on<R: ShopService>(bench: &Bench<R>, event: fn(usize) -> minuet_events::Event) {
    assert_eq!(
        bench.number("select min(epoch) from shards where shard < 2").await,
        42,
        "a shard's epoch goes up from 41"
    );
    bench.batch(&[bench.send_as(PROCESSED, event(0))]).await;
    assert_eq!(bench.hand.counts().duplicates.load(Ordering::Relaxed), 1);
    bench.batch(&[bench.send(event(3))]).await;
    let parked = "select reason, \"offset\" as at from dead_letters where in_order order by id";
    let parked: Vec<Value> = bench.rows(parked).await.iter().map(|row| row["reason"].clone()).collect();
    assert_eq!(parked, ["constraint", "waits_behind"]);
    bench.batch(&[bench.send(event(0))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_service_goes_on_with_a_database_of_release_0_1() {
    let bench = upgraded("order", order::stepped).await;
    goes_on(&bench, payment_succeeded).await;
    bench.batch(&[bench.send(inventory_confirmed(0))]).await;
    let order = "select status::text as status, event_sequence from orders order by id limit 1";
    assert_eq!(bench.rows(order).await, [json!({"status": "confirmed", "event_sequence": 2})]);
    assert_eq!(
        bench.number("select count(*) from outbox where topic = 'orders.events'").await,
        2,
        "the one of then, and OrderConfirmed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inventory_service_goes_on_with_a_database_of_release_0_1() {
    let bench = upgraded("inventory", inventory::stepped).await;
    goes_on(&bench, payment_succeeded).await;
    let stock = "select available, reserved, on_hand, version from stock";
    assert_eq!(bench.rows(stock).await, [json!({"available": 6, "reserved": 2, "on_hand": 8, "version": 4})]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payment_service_goes_on_with_a_database_of_release_0_1() {
    let bench = upgraded("payment", payment::stepped).await;
    goes_on(&bench, order_cancelled).await;
    let refunds = "select done, attempts from refunds order by done";
    assert_eq!(bench.rows(refunds).await, [false, true].map(|done| json!({"done": done, "attempts": 0})));
}

/// A service that is not of the shop gets the same tables.
#[tokio::test(flavor = "multi_thread")]
async fn the_library_alone_makes_the_tables_that_the_services_have() {
    let (world, url) = (World::new().await, empty_database().await);
    minuet_messaging::migrate(&url, &Migrator::with_migrations(Vec::new())).await.unwrap();
    let pool = PgPool::connect(&url).await.unwrap();
    let (alone, order) = (schema(&pool).await, schema(world.pool("order")).await);
    assert!(of_messaging(&alone).len() > 50, "{alone:#?}");
    assert_same(&of_messaging(&alone), &of_messaging(&order));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_the_librarys_is_refused_and_left_alone() {
    let url = empty_database().await;
    let pool = PgPool::connect(&url).await.unwrap();
    sqlx::raw_sql("create table outbox (id bigint not null, note text)").execute(&pool).await.unwrap();
    let before = schema(&pool).await;
    let refused = minuet_messaging::migrate(&url, &Migrator::with_migrations(Vec::new())).await.unwrap_err();
    let text = minuet_telemetry::error_chain(&refused);
    assert!(text.contains("outbox.shard is missing instead of smallint not null"), "{text}");
    assert!(text.contains("outbox.note is text instead of absent"), "{text}");
    until("the refused migration left nothing", || async {
        let mut after = schema(&pool).await;
        after.retain(|line| !line.contains("migrations"));
        if after == before { Ok(()) } else { Err(after) }
    })
    .await;
}
