//! What lies in the tables before the first order of the benchmark: to see whether cost grows with it.

use crate::BenchError;
use crate::args::Size;
use crate::progress::Progress;
use crate::servers::{SERVICES, Servers};

/// Rows of one statement.
const CHUNK: u64 = 1_000_000;

/// Ended orders, one every quarter of a second until an hour ago, as wide as those of the workload. Failed, so that no book counts them.
const ORDERS: &str = "insert into orders (id, user_id, status, payment_method, lines, problems, event_sequence, version, submission_id, submission_time,
        traceparent, created_at, updated_at)
     select n.id, 'user-' || n.i % 10000, 'failed', 'paypal',
        '[{\"sku\":\"BENCH-0001\",\"name\":\"Product BENCH-0001\",\"unit_price\":\"123.45\",\"quantity\":2,\"subtotal\":\"246.90\"}]',
        '[{\"code\":\"unknown_product\",\"sku\":\"BENCH-0001\",\"detail\":\"nobody sells it\"}]',
        1, 1, n.id, n.at, '00-' || md5(n.i::text) || '-00f067aa0ba902b7-00', n.at, n.at
     from (select i, at, (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid as id
           from (select i, now() - interval '1 hour' - (i * interval '250 ms') as at from generate_series($1::bigint, $2::bigint) i) t) n";

/// Ids of today: they lie where those of the benchmark will.
const INBOX: &str = "insert into inbox (id)
     select (lpad(to_hex((extract(epoch from date_trunc('day', now())) * 1000)::bigint + i / 1000), 12, '0') || '8' || lpad(to_hex(i % 1000), 3, '0') || '8' || substr(md5(i::text), 1, 15))::uuid
     from generate_series($1::bigint, $2::bigint) i";

pub(crate) async fn fill(size: &Size, servers: &Servers, progress: &Progress) -> Result<(), BenchError> {
    if size.orders_before > 0 {
        rows(servers, "order", ORDERS, size.orders_before).await?;
        progress.phase(&format!("{} orders of earlier times", size.orders_before));
    }
    if size.inbox_before > 0 {
        for service in SERVICES {
            rows(servers, service, INBOX, size.inbox_before).await?;
        }
        progress.phase(&format!("{} events of earlier times in each inbox", size.inbox_before));
    }
    Ok(())
}

async fn rows(servers: &Servers, service: &str, sql: &'static str, rows: u64) -> Result<(), BenchError> {
    let pool = servers.pool(service)?;
    let mut first = 1;
    while first <= rows {
        let last = rows.min(first + CHUNK - 1);
        sqlx::query(sql)
            .bind(i64::try_from(first).unwrap_or(i64::MAX))
            .bind(i64::try_from(last).unwrap_or(i64::MAX))
            .execute(pool)
            .await?;
        first = last + 1;
    }
    // As if it had lain there for a while.
    sqlx::query("vacuum analyze").execute(pool).await?;
    sqlx::query("checkpoint").execute(pool).await.map(drop).or_else(refused)
}

/// Only a superuser, or who is allowed to, may ask for a checkpoint.
fn refused(error: sqlx::Error) -> Result<(), BenchError> {
    let allowed = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    if allowed.as_deref() == Some("42501") { Ok(()) } else { Err(error.into()) }
}
