//! Prunes the inbox. It has one partition per day of the ids, created ahead and dropped when it may be forgotten.
//!
//! A day is dropped when all its ids are older than the retention and none was claimed within the retention: an old id
//! may arrive late, by a redrive or from any producer. Ids without a time, or outside every partition, are in
//! `inbox_default` and are deleted row by row, by the day of their claim.

use std::sync::Arc;
use std::time::Duration;

use minuet_envelope::Micros;
use minuet_telemetry::error_chain;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqlSafeStr};
use time::Date;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::store::connections::Connections;
use crate::store::context::Core;

const INTERVAL: Duration = Duration::from_secs(3600);
/// Retry interval after a failure, usually a lock timeout.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
/// Upper bound of a step on this side: the server ends each statement after a minute.
const STEP_TIMEOUT: Duration = Duration::from_secs(90);
/// Partitions created ahead, in days: how long a service may skip pruning before ids fall into the default partition.
const DAYS_AHEAD: i64 = 3;
/// Upper bound of rows per delete.
const MAX_ROWS: i64 = 20_000;

pub(crate) const PARTITIONS: &str =
    "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'inbox'::regclass and c.relname like 'inbox\\_d________'";
pub(crate) const TRY_LOCK: &str = "select pg_try_advisory_xact_lock(hashtext('minuet inbox'))";
pub(crate) const PRUNE: &str = "delete from inbox_default where ctid = any(array(select ctid from inbox_default where claimed_on < $1 limit $2))";

/// The result of one round.
#[derive(Debug, Default)]
pub(crate) struct Pruned {
    made: usize,
    dropped: usize,
    forgotten: u64,
}

pub(crate) async fn run(core: Arc<Core>, retention: Duration, shutdown: CancellationToken) {
    loop {
        let wait = match pruned(&core, retention).await {
            Ok(Pruned { made: 0, dropped: 0, forgotten: 0 }) => INTERVAL,
            Ok(Pruned { made, dropped, forgotten }) => {
                info!(service = core.service, created = made, dropped, deleted = forgotten, "inbox pruned");
                INTERVAL
            }
            Err(error) => {
                warn!(
                    error = error_chain(&error),
                    service = core.service,
                    "inbox could not be pruned; it is retried"
                );
                RETRY_INTERVAL
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// By the database's time: a machine whose clock is days ahead would forget days too early.
async fn pruned(core: &Core, retention: Duration) -> Result<Pruned, sqlx::Error> {
    let ask = async |connection: &mut PgConnection| core.clock.ask(connection).await;
    core.connections.run_within(STEP_TIMEOUT, ask).await?;
    prune(&core.connections, core.now(), retention).await
}

/// Any number of instances may prune at once: an advisory lock admits one at a time.
pub(crate) async fn prune(
    connections: &Connections,
    now: Micros,
    retention: Duration,
) -> Result<Pruned, sqlx::Error> {
    let today = now.to_datetime().date();
    let oldest = now.plus(-time::Duration::seconds_f64(retention.as_secs_f64())).to_datetime().date();
    let there = async |connection: &mut PgConnection| -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(PARTITIONS).fetch_all(connection).await
    };
    let mut there = connections.run_within(STEP_TIMEOUT, there).await?;
    there.sort_unstable();
    let mut pruned = Pruned::default();
    for ahead in 0..=DAYS_AHEAD {
        let day = today.saturating_add(time::Duration::days(ahead));
        if !there.contains(&name(day)) {
            pruned.made += usize::from(one_step(connections, Step::Make(day)).await?);
        }
    }
    // Partition names sort by day.
    for old in there.into_iter().filter(|partition| *partition < name(oldest)) {
        pruned.dropped += usize::from(one_step(connections, Step::Drop(&old, oldest)).await?);
    }
    loop {
        let prune = async |connection: &mut PgConnection| {
            sqlx::query(PRUNE).bind(oldest).bind(MAX_ROWS).execute(connection).await
        };
        let gone = connections.run_within(STEP_TIMEOUT, prune).await?.rows_affected();
        pruned.forgotten += gone;
        if gone < MAX_ROWS.unsigned_abs() {
            return Ok(pruned);
        }
    }
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Make(Date),
    /// Drop the partition unless an id in it was claimed since that day.
    Drop(&'a str, Date),
}

async fn one_step(connections: &Connections, of: Step<'_>) -> Result<bool, sqlx::Error> {
    connections.run_within(STEP_TIMEOUT, async |connection| step(connection, of).await).await
}

/// One transaction with a short lock timeout, since batches wait behind it. `false`: another instance is pruning.
async fn step(connection: &mut PgConnection, step: Step<'_>) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let is_alone: bool = sqlx::query_scalar(TRY_LOCK).fetch_one(&mut *transaction).await?;
    if !is_alone {
        return Ok(false);
    }
    execute(&mut transaction, "set local lock_timeout = '1s'".to_owned()).await?;
    let done = match step {
        Step::Make(day) => make(&mut transaction, day).await.map(|()| true),
        Step::Drop(partition, since) => drop_unless(&mut transaction, partition, since).await,
    };
    let done = done?;
    transaction.commit().await?;
    Ok(done)
}

/// Moves the rows of that day from the default partition.
async fn make(connection: &mut PgConnection, day: Date) -> Result<(), sqlx::Error> {
    let there: Option<String> = sqlx::query_scalar("select to_regclass($1)::text")
        .bind(name(day))
        .fetch_one(&mut *connection)
        .await?;
    if there.is_some() {
        return Ok(());
    }
    let (name, from, to) = (name(day), first_id(day), first_id(day.saturating_add(time::Duration::days(1))));
    for statement in [
        "lock table inbox_default in access exclusive mode".to_owned(),
        format!("create table {name} (like inbox including all)"),
        format!(
            "with moved as (delete from inbox_default where id >= '{from}' and id < '{to}' returning id, claimed_on)
             insert into {name} (id, claimed_on) select id, claimed_on from moved"
        ),
        format!("alter table inbox attach partition {name} for values from ('{from}') to ('{to}')"),
    ] {
        execute(connection, statement).await?;
    }
    Ok(())
}

async fn drop_unless(
    connection: &mut PgConnection,
    partition: &str,
    since: Date,
) -> Result<bool, sqlx::Error> {
    let is_needed: bool = sqlx::query_scalar(
        AssertSqlSafe(format!("select exists (select from {partition} where claimed_on >= $1)"))
            .into_sql_str(),
    )
    .bind(since)
    .fetch_one(&mut *connection)
    .await?;
    if !is_needed {
        execute(connection, format!("drop table if exists {partition}")).await?;
    }
    Ok(!is_needed)
}

async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement).into_sql_str()).execute(connection).await?;
    Ok(())
}

fn name(day: Date) -> String {
    format!("inbox_d{:04}{:02}{:02}", day.year(), u8::from(day.month()), day.day())
}

/// The lowest id of that day: its first 48 bits are milliseconds since 1970.
fn first_id(day: Date) -> uuid::Uuid {
    let millis = day.midnight().assume_utc().unix_timestamp().unsigned_abs() * 1_000;
    uuid::Uuid::from_u64_pair(millis << 16, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_with_its_lowest_id() {
        let day = time::macros::date!(2026 - 11 - 24);
        assert_eq!(name(day), "inbox_d20261124");
        let first = first_id(day);
        assert_eq!(first.to_string(), "01a20ada-2c00-0000-0000-000000000000");
    }
}
