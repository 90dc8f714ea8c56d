//! Where PostgreSQL's time goes during T: its statements, and what back ends wait for.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sqlx::PgPool;
use tokio::task::JoinHandle;

use crate::BenchError;
use crate::numbers::short;
use crate::servers::Servers;

/// Shown of each database.
const TOP: usize = 16;
const WIDTH: usize = 88;
const SAMPLE: Duration = Duration::from_millis(20);

const STATEMENTS: &str = "select queryid, query, calls, total_exec_time as ms, rows, wal_bytes::bigint as wal
     from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())";
const WAITS: &str =
    "select datname::text, coalesce(wait_event_type || ' ' || wait_event, 'runs'), count(*) from pg_stat_activity
     where state <> 'idle' and pid <> pg_backend_pid() and application_name like 'minuet-%' group by 1, 2";

/// Of an inbox, a partition for each day.
const TABLES: &str = "select relname::text as name, n_tup_ins as inserted, n_tup_upd as updated, n_tup_hot_upd as hot, n_tup_del as deleted
     from pg_stat_user_tables";

#[derive(Clone, Debug, Default, sqlx::FromRow)]
struct Table {
    name: String,
    inserted: i64,
    updated: i64,
    /// In the same page, without a new entry in any index.
    hot: i64,
    deleted: i64,
}

#[derive(Clone, Debug, Default, sqlx::FromRow)]
struct Statement {
    queryid: i64,
    query: String,
    calls: i64,
    ms: f64,
    rows: i64,
    wal: i64,
}

type Statements = HashMap<i64, Statement>;
type Tables = BTreeMap<String, Table>;
/// By database and what was waited for.
type Waits = BTreeMap<(String, String), i64>;

pub(crate) struct Profile {
    before: Vec<Statements>,
    tables: Vec<Tables>,
    sampling: JoinHandle<Result<(), sqlx::Error>>,
    waits: tokio::sync::watch::Receiver<Waits>,
}

impl Profile {
    pub(crate) async fn begin(servers: &Servers) -> Result<Self, BenchError> {
        let (before, tables) = (statements(servers).await?, tables(servers).await?);
        let (told, waits) = tokio::sync::watch::channel(Waits::new());
        let pool = servers.pool("order")?.clone();
        let sampling = tokio::spawn(async move {
            loop {
                let seen: Vec<(String, String, i64)> = sqlx::query_as(WAITS).fetch_all(&pool).await?;
                told.send_modify(|waits| {
                    for (database, event, count) in seen {
                        *waits.entry((database, event)).or_default() += count;
                    }
                });
                tokio::time::sleep(SAMPLE).await;
            }
        });
        Ok(Profile { before, tables, sampling, waits })
    }

    /// As text: a table for each database.
    pub(crate) async fn end(self, servers: &Servers, orders: u64) -> Result<String, BenchError> {
        self.sampling.abort();
        let (after, tables_after) = (statements(servers).await?, tables(servers).await?);
        let waits = self.waits.borrow().clone();
        let mut text = String::new();
        let statements = self.before.iter().zip(after);
        let tables = self.tables.iter().zip(&tables_after);
        for ((database, (before, after)), (rows, rows_after)) in
            servers.databases.iter().zip(statements).zip(tables)
        {
            let used = difference(before, after);
            table(&mut text, database.service, &used, orders);
            rows_written(&mut text, rows, rows_after, orders);
        }
        shown(&mut text, &waits);
        Ok(text)
    }
}

async fn statements(servers: &Servers) -> Result<Vec<Statements>, BenchError> {
    let mut all = Vec::new();
    for database in &servers.databases {
        all.push(of(&database.pool).await?);
    }
    Ok(all)
}

async fn of(pool: &PgPool) -> Result<Statements, sqlx::Error> {
    let rows: Vec<Statement> = sqlx::query_as(STATEMENTS).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| (row.queryid, row)).collect())
}

async fn tables(servers: &Servers) -> Result<Vec<Tables>, BenchError> {
    let mut all = Vec::new();
    for database in &servers.databases {
        let rows: Vec<Table> = sqlx::query_as(TABLES).fetch_all(&database.pool).await?;
        all.push(rows.into_iter().map(|table| (table.name.clone(), table)).collect());
    }
    Ok(all)
}

/// By table: how many rows an order takes, and which part of the updates was HOT.
fn rows_written(text: &mut String, before: &Tables, after: &Tables, orders: u64) {
    let (none, orders) = (Table::default(), orders.max(1) as f64);
    text.push_str(&format!("{:>12} {:>12} {:>10} {:>10}  table\n", "inserts", "updates", "HOT", "deletes"));
    for (name, now) in after {
        let then = before.get(name).unwrap_or(&none);
        let (inserted, updated) = (now.inserted - then.inserted, now.updated - then.updated);
        let (hot, deleted) = (now.hot - then.hot, now.deleted - then.deleted);
        if inserted + updated + deleted == 0 {
            continue;
        }
        let each = |rows: i64| short(rows as f64 / orders);
        let hot = match updated {
            0 => String::new(),
            _ => format!("{:.1}%", 100.0 * hot as f64 / updated as f64),
        };
        text.push_str(&format!(
            "{:>12} {:>12} {hot:>10} {:>10}  {name}\n",
            each(inserted),
            each(updated),
            each(deleted)
        ));
    }
}

/// What was done in between, the longest first.
fn difference(before: &Statements, after: Statements) -> Vec<Statement> {
    let none = Statement::default();
    let mut used: Vec<Statement> = after
        .into_values()
        .map(|after| {
            let before = before.get(&after.queryid).unwrap_or(&none);
            Statement {
                calls: after.calls - before.calls,
                ms: after.ms - before.ms,
                rows: after.rows - before.rows,
                wal: after.wal - before.wal,
                ..after
            }
        })
        .filter(|statement| statement.calls > 0)
        .collect();
    used.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    used
}

fn table(text: &mut String, service: &str, used: &[Statement], orders: u64) {
    let mut all = Statement { query: "all".to_owned(), ..Statement::default() };
    for statement in used {
        all.calls += statement.calls;
        all.ms += statement.ms;
        all.rows += statement.rows;
        all.wal += statement.wal;
    }
    let orders = orders.max(1) as f64;
    text.push_str(&format!(
        "\ndatabase of {service}\n{:>12} {:>12} {:>10} {:>10}\n",
        "calls/1,000", "ms/1,000", "rows/order", "WAL/order"
    ));
    for Statement { query, calls, ms, rows, wal, .. } in used.iter().take(TOP).chain([&all]) {
        text.push_str(&format!(
            "{:>12} {:>12} {:>10} {:>10}  {}\n",
            short(*calls as f64 / orders * 1_000.0),
            short(ms / orders * 1_000.0),
            short(*rows as f64 / orders),
            short(*wal as f64 / orders),
            one_line(query)
        ));
    }
}

fn one_line(query: &str) -> String {
    let words: Vec<&str> = query.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

fn shown(text: &mut String, waits: &Waits) {
    let all: i64 = waits.values().sum();
    text.push_str("\nback ends that were busy, by what they did (samples)\n");
    let mut waits: Vec<_> = waits.iter().collect();
    waits.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for ((database, event), count) in waits.into_iter().take(TOP) {
        let part = 100.0 * *count as f64 / all as f64;
        text.push_str(&format!("{part:>11.1}% {database:<18} {event}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_before_does_not_count() {
        let statement = |queryid, calls, ms| Statement { queryid, calls, ms, ..Statement::default() };
        let before = Statements::from([(1, statement(1, 5, 1.0)), (2, statement(2, 7, 2.0))]);
        let after = Statements::from([
            (1, statement(1, 6, 1.5)),
            (2, statement(2, 7, 2.0)),
            (3, statement(3, 1, 9.0)),
        ]);
        let used = difference(&before, after);
        let seen: Vec<_> =
            used.iter().map(|statement| (statement.queryid, statement.calls, statement.ms)).collect();
        assert_eq!(seen, [(3, 1, 9.0), (1, 1, 0.5)]);
    }

    #[test]
    fn what_was_written_is_shown_per_order_and_table() {
        let table =
            |inserted, updated, hot| Table { name: "orders".to_owned(), inserted, updated, hot, deleted: 0 };
        let tables = |table: Table| {
            Tables::from([("idle".to_owned(), Table::default()), ("orders".to_owned(), table)])
        };
        let mut text = String::new();
        rows_written(&mut text, &tables(table(10, 20, 20)), &tables(table(20, 40, 39)), 10);
        let words: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            (words, text.lines().count()),
            (vec!["1.00", "2.00", "95.0%", "0.000", "orders"], 2),
            "{text}"
        );
    }

    #[test]
    fn a_statement_is_shown_on_one_line() {
        assert_eq!(one_line("select 1,\n       2"), "select 1, 2");
        assert_eq!(one_line(&"x".repeat(200)).len(), WIDTH + 3);
    }
}
