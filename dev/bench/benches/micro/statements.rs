//! What the inbox and the outbox cost on a real PostgreSQL that syncs what it commits: one transaction per batch.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use minuet_messaging::STATEMENTS;
use minuet_stack::{Part, Ports, Stack, StackOptions};
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::runtime::Runtime;
use uuid::Uuid;

const BATCHES: [usize; 3] = [1, 100, 500];
const SHARD: i16 = 0;
const EPOCH: i64 = 1;
/// Of the size of an event's headers, and of its record.
const HEADERS: usize = 420;
const PAYLOAD: usize = 140;

/// By what it does: the statements are nobody else's to name.
fn statement(does: &str) -> &'static str {
    STATEMENTS.iter().find(|statement| statement.contains(does)).expect("a statement that does so")
}

async fn start() -> (Stack, PgPool) {
    let root = std::env::temp_dir().join(format!("minuet-statements-{}", std::process::id()));
    let mut options = StackOptions::for_up(root).only(&[Part::Postgres]);
    (options.ports, options.ephemeral) = (Ports::ANY, true);
    options.postgres_settings.push(("pg_stat_statements.track".into(), "none".into()));
    let stack = Stack::start(options, |_| {}).await.unwrap();
    stack.create_database("minuet_order").await.unwrap();
    let url = stack.database_url("minuet_order");
    minuet_order::migrate(&url).await.unwrap();
    let pool = minuet_messaging::connect(&url, 1, "bench").unwrap();
    sqlx::query("insert into shards (shard, epoch, owner, taken_at) values ($1, $2, 'bench', now())")
        .bind(SHARD)
        .bind(EPOCH)
        .execute(&pool)
        .await
        .unwrap();
    (stack, pool)
}

/// Ids as they come: ordered by time.
async fn claim(pool: &PgPool, batch: usize) -> Duration {
    let ids: Vec<Uuid> = (0..batch).map(|_| Uuid::now_v7()).collect();
    let today = OffsetDateTime::now_utc().date();
    let begun = Instant::now();
    let mut transaction = pool.begin().await.unwrap();
    let (_, _, fresh): (Vec<i16>, bool, Vec<Uuid>) = sqlx::query_as(statement("insert into inbox"))
        .bind([SHARD].as_slice())
        .bind([EPOCH].as_slice())
        .bind(&ids)
        .bind(today)
        .bind(["orders.events"].as_slice())
        .bind([i32::from(SHARD)].as_slice())
        .bind([1_i64].as_slice())
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(fresh.len(), batch);
    begun.elapsed()
}

async fn append(pool: &PgPool, batch: usize) -> Duration {
    let keys: Vec<String> = (0..batch).map(|_| Uuid::now_v7().to_string()).collect();
    let (shards, topics) = (vec![SHARD; batch], vec!["orders.events"; batch]);
    let (headers, payloads) = (vec!["h".repeat(HEADERS); batch], vec![vec![7_u8; PAYLOAD]; batch]);
    let begun = Instant::now();
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query(statement("insert into outbox"))
        .bind(shards)
        .bind(topics)
        .bind(&keys)
        .bind(headers)
        .bind(payloads)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    begun.elapsed()
}

/// As the relay does with rows of other processes, without the broker: read the lowest rows, delete them.
async fn drain(pool: &PgPool, batch: usize) -> Duration {
    append(pool, batch).await;
    let begun = Instant::now();
    let rows: Vec<(i64, OffsetDateTime, String, String, String, Vec<u8>)> =
        sqlx::query_as(statement("select id, created_at, topic, key, headers, payload from outbox"))
            .bind([SHARD].as_slice())
            .bind("order.dead-letters")
            .bind([""; 0].as_slice())
            .bind([""; 0].as_slice())
            .bind(1_000_i64)
            .fetch_all(pool)
            .await
            .unwrap();
    let (ids, times): (Vec<i64>, Vec<OffsetDateTime>) = rows.into_iter().map(|row| (row.0, row.1)).unzip();
    let deleted = sqlx::query(statement("delete from outbox o"))
        .bind(ids)
        .bind(times.into_iter().max())
        .bind([SHARD].as_slice())
        .bind([EPOCH].as_slice())
        .execute(pool)
        .await
        .unwrap();
    let took = begun.elapsed();
    assert_eq!(deleted.rows_affected(), batch as u64);
    took
}

async fn clear(pool: &PgPool) {
    sqlx::query("truncate outbox").execute(pool).await.unwrap();
}

pub(crate) fn tables(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (stack, pool) = runtime.block_on(start());
    for batch in BATCHES {
        let mut group = criterion.benchmark_group("statements");
        group.throughput(Throughput::Elements(batch as u64));
        group.sample_size(20);
        let sum = |count: u64, each: &dyn Fn() -> Duration| (0..count).map(|_| each()).sum::<Duration>();
        group.bench_function(BenchmarkId::new("inbox: claim", batch), |bencher| {
            bencher.iter_custom(|count| sum(count, &|| runtime.block_on(claim(&pool, batch))));
        });
        group.bench_function(BenchmarkId::new("outbox: append", batch), |bencher| {
            bencher.iter_custom(|count| sum(count, &|| runtime.block_on(append(&pool, batch))));
        });
        runtime.block_on(clear(&pool));
        group.bench_function(BenchmarkId::new("outbox: read and delete", batch), |bencher| {
            bencher.iter_custom(|count| sum(count, &|| runtime.block_on(drain(&pool, batch))));
        });
        group.finish();
    }
    runtime.block_on(async {
        pool.close().await;
        stack.stop().await.unwrap();
    });
}
