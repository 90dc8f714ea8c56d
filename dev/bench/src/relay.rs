//! The relay alone: an outbox that is full when its service starts, and how soon it is empty.

use std::path::Path;
use std::time::{Duration, Instant};

use minuet_messaging::{Partition, Reader};
use serde::Serialize;

use crate::flight::Flight;
use crate::meter::Meter;
use crate::numbers::{short, whole};
use crate::program::Program;
use crate::progress::Progress;
use crate::servers::Servers;
use crate::{Args, BenchError, with_program, with_servers};

const SERVICE: &str = "order";
const TOPIC: &str = "orders.events";
const LOOK: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(120);

/// 300 bytes each, a key each, spread over the shards as keys are; what they say is read by nobody.
const FILL: &str = "insert into outbox (shard, topic, key, headers, payload)
     select i % $2, $3, gen_random_uuid(), E'ce_type: minuet.bench.Nothing.v1\\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\\n',
        decode(repeat('ab', 150), 'hex') from generate_series(1, $1::bigint) i";

#[derive(Debug, Serialize)]
struct Drained {
    rows: u64,
    rows_per_s: f64,
    /// The service's, PostgreSQL's and the broker's.
    cpu_s_per_1000_rows: f64,
    program_cpu_s_per_1000_rows: f64,
}

pub(crate) async fn measure(
    args: &Args,
    binary: &Path,
    rows: u64,
    progress: &Progress,
) -> Result<String, BenchError> {
    with_servers(args, progress, async |servers, scratch| {
        fill(servers, rows, progress).await?;
        let drain = async |program: &Program| drain(args, servers, program, rows).await;
        with_program(args, binary, servers, scratch, progress, drain).await
    })
    .await
}

async fn fill(servers: &Servers, rows: u64, progress: &Progress) -> Result<(), BenchError> {
    let pool = servers.pool(SERVICE)?;
    sqlx::query(FILL)
        .bind(i64::try_from(rows).unwrap_or(i64::MAX))
        .bind(i16::try_from(servers.catalogue.partitions()).unwrap_or(i16::MAX))
        .bind(TOPIC)
        .execute(pool)
        .await?;
    sqlx::query("vacuum analyze outbox").execute(pool).await?;
    progress.phase(&format!("{rows} rows lie in the outbox"));
    Ok(())
}

/// From the first row that is gone to the last one.
async fn drain(args: &Args, servers: &Servers, program: &Program, rows: u64) -> Result<String, BenchError> {
    let (meter, flight) = (Meter::new(servers, program).await?, Flight::new());
    let before = meter.read(servers, &flight).await?;
    let begun =
        wait(servers, "the first publication", "select not exists (select from outbox where id = 1)").await?;
    let ended = wait(servers, "the last publication", "select not exists (select from outbox)").await?;
    let used = meter.read(servers, &flight).await?.since(&before);
    published(servers, rows).await?;

    let thousands = rows as f64 / 1_000.0;
    let all = used.cpu.program + used.cpu.postgres.unwrap_or(0.0) + used.cpu.broker.unwrap_or(0.0);
    let drained = Drained {
        rows,
        rows_per_s: rows as f64 / ended.duration_since(begun).as_secs_f64(),
        cpu_s_per_1000_rows: all / thousands,
        program_cpu_s_per_1000_rows: used.cpu.program / thousands,
    };
    if args.json {
        return serde_json::to_string_pretty(&drained).map(|json| json + "\n").map_err(BenchError::Figures);
    }
    Ok(format!(
        "the relay alone, {} rows of 300 bytes\n\n{:<44} {:>10}\n{:<44} {:>10}\n{:<44} {:>10}\n",
        whole(rows),
        "rows/s",
        short(drained.rows_per_s),
        "CPU s per 1,000 rows, all",
        short(drained.cpu_s_per_1000_rows),
        "   program",
        short(drained.program_cpu_s_per_1000_rows)
    ))
}

async fn wait(servers: &Servers, what: &'static str, holds: &'static str) -> Result<Instant, BenchError> {
    let since = Instant::now();
    while !sqlx::query_scalar::<_, bool>(holds).fetch_one(servers.pool(SERVICE)?).await? {
        if since.elapsed() > PATIENCE {
            return Err(BenchError::Late { what, seconds: PATIENCE.as_secs(), detail: String::new() });
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(Instant::now())
}

/// Every row once on its topic.
async fn published(servers: &Servers, rows: u64) -> Result<(), BenchError> {
    let (kafka, topic) = (servers.kafka.clone(), format!("{}{TOPIC}", servers.prefix));
    let partitions: Vec<Partition> = (0..servers.catalogue.partitions())
        .map(|partition| (topic.as_str().into(), partition.cast_signed()))
        .collect();
    let reading =
        tokio::task::spawn_blocking(move || Reader::new(&kafka, "minuet-bench-relay")?.bounds(&partitions));
    let found: i64 = reading.await??.into_iter().map(|offsets| offsets.end - offsets.start).sum();
    if found.unsigned_abs() == rows {
        return Ok(());
    }
    Err(BenchError::Books { broken: vec![format!("{found} events lie on {TOPIC}, of {rows} rows")] })
}
