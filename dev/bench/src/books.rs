//! The books after a run: what has to be true once nothing moves any more, whatever happened on the way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use sqlx::FromRow;
use sqlx::types::Decimal;
use uuid::Uuid;

use crate::BenchError;
use crate::args::Variant;
use crate::inboxes::{self, Inboxes};
use crate::servers::{SERVICES, Servers};

/// How long the last transactions and publications may take.
const REST: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// What was found in order. A broken book is an error, so there is none of those here.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Books {
    pub(crate) balanced: bool,
    pub(crate) orders: u64,
    pub(crate) confirmed: i64,
    pub(crate) cancelled: i64,
    pub(crate) failed: i64,
    /// Events on the topics, each with its inbox row where it has a consumer.
    pub(crate) events: u64,
}

/// Rows that something may still happen to.
#[derive(Debug, PartialEq, Eq)]
struct Open {
    outbox: i64,
    reserved: i64,
    payments: i64,
    refunds: i64,
}

const OUTBOX: &str = "select count(*) from outbox";
const PARKED: &str = "select count(*) from dead_letters where discarded_at is null";
const RESERVED: &str = "select count(*) from order_reservations where status = 'reserved'";
const PAYMENTS: &str = "select count(*) from payments where status in ('pending', 'processing')";
const REFUNDS: &str = "select count(*) from refunds where not done";

/// # Errors
/// [`BenchError::Books`] names everything that does not hold.
pub(crate) async fn check(
    servers: &Servers,
    submitted: &[Uuid],
    variant: Variant,
) -> Result<Books, BenchError> {
    let mut broken = at_rest(servers).await?;
    let Inboxes { events, broken: without_row } = inboxes::check(servers).await?;
    broken.extend(without_row);
    let mut books = orders(servers, submitted, &mut broken).await?;
    books.events = events;
    broken.extend(not_confirmed(variant, &books));
    stock(servers, &mut broken).await?;
    money(servers, &mut broken).await?;
    for service in SERVICES {
        match number(servers, service, PARKED).await? {
            0 => {}
            parked => broken.push(format!("{parked} events are parked in {service}")),
        }
    }
    if broken.is_empty() { Ok(books) } else { Err(BenchError::Books { broken }) }
}

/// Waits for rest; says what is still open after that.
async fn at_rest(servers: &Servers) -> Result<Vec<String>, BenchError> {
    let begun = Instant::now();
    loop {
        let mut outbox = 0;
        for service in SERVICES {
            outbox += number(servers, service, OUTBOX).await?;
        }
        let open = Open {
            outbox,
            reserved: number(servers, "inventory", RESERVED).await?,
            payments: number(servers, "payment", PAYMENTS).await?,
            refunds: number(servers, "payment", REFUNDS).await?,
        };
        if open == (Open { outbox: 0, reserved: 0, payments: 0, refunds: 0 }) {
            return Ok(Vec::new());
        }
        if begun.elapsed() > REST {
            return Ok(vec![format!("{} s after the last order there is still {open:?}", REST.as_secs())]);
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[derive(FromRow)]
struct Ends {
    confirmed: i64,
    cancelled: i64,
    failed: i64,
    open: i64,
    missing: i64,
}

/// Every submitted order terminal.
async fn orders(
    servers: &Servers,
    submitted: &[Uuid],
    broken: &mut Vec<String>,
) -> Result<Books, BenchError> {
    let ends: Ends = sqlx::query_as(
        "select count(*) filter (where o.status = 'confirmed') as confirmed,
                count(*) filter (where o.status = 'cancelled') as cancelled,
                count(*) filter (where o.status = 'failed') as failed,
                count(*) filter (where o.status in ('pending', 'paid')) as open,
                count(*) filter (where o.id is null) as missing
         from unnest($1::uuid[]) as s (id) left join orders o on o.id = s.id",
    )
    .bind(submitted)
    .fetch_one(servers.pool("order")?)
    .await?;
    let Ends { confirmed, cancelled, failed, open, missing } = ends;
    let orders = submitted.len() as u64;
    if open > 0 {
        broken.push(format!("{open} of {orders} orders are not terminal"));
    }
    if missing > 0 {
        broken.push(format!("{missing} of {orders} orders are unknown to the order service"));
    }
    if orders == 0 {
        broken.push("no order was submitted".to_owned());
    }
    Ok(Books { balanced: true, orders, confirmed, cancelled, failed, events: 0 })
}

/// An order that ends early costs less: a run of such orders is not the workload.
fn not_confirmed(variant: Variant, books: &Books) -> Option<String> {
    let Books { orders, confirmed, cancelled, failed, .. } = books;
    let all_succeed = match variant {
        Variant::Standard | Variant::Hot => true,
        Variant::Provider => false,
    };
    (all_succeed && confirmed.unsigned_abs() != *orders).then(|| {
        format!("stock is ample and every payment succeeds, yet {cancelled} of {orders} orders were cancelled and {failed} failed")
    })
}

#[derive(FromRow)]
struct Level {
    sku: String,
    available: i64,
    reserved: i64,
    on_hand: i64,
    put_in: i64,
    confirmed: i64,
}

/// available + reserved = on hand, and sold = confirmed, for every product.
async fn stock(servers: &Servers, broken: &mut Vec<String>) -> Result<(), BenchError> {
    let levels: Vec<Level> = sqlx::query_as(
        "select s.sku, s.available, s.reserved, s.on_hand, coalesce(a.put_in, 0) as put_in, coalesce(r.confirmed, 0) as confirmed
         from (select sku, sum(available)::bigint as available, sum(reserved)::bigint as reserved, sum(on_hand)::bigint as on_hand
               from stock group by sku) s
         left join (select sku, sum(delta)::bigint as put_in from adjustments where applied group by sku) a using (sku)
         left join (select sku, sum(quantity)::bigint as confirmed from reservations where status = 'confirmed' group by sku) r using (sku)",
    )
    .fetch_all(servers.pool("inventory")?)
    .await?;
    let sold: Vec<(String, i64)> = sqlx::query_as(
        "select l->>'sku', sum((l->>'quantity')::bigint)::bigint
         from orders, json_array_elements(lines) l where status = 'confirmed' group by 1",
    )
    .fetch_all(servers.pool("order")?)
    .await?;
    let mut sold: BTreeMap<String, i64> = sold.into_iter().collect();
    for Level { sku, available, reserved, on_hand, put_in, confirmed } in levels {
        let sold = sold.remove(&sku).unwrap_or(0);
        if available + reserved != on_hand || reserved != 0 || available < 0 {
            broken.push(format!(
                "{sku}: {available} available, {reserved} reserved and {on_hand} on hand, at rest"
            ));
        }
        if put_in - on_hand != confirmed || confirmed != sold {
            let gone = put_in - on_hand;
            broken.push(format!(
                "{sku}: {gone} are gone, {confirmed} were confirmed, {sold} are in confirmed orders"
            ));
        }
    }
    for (sku, sold) in sold {
        broken.push(format!("{sku}: {sold} are in confirmed orders, and it has no stock"));
    }
    Ok(())
}

/// Money captured = total of confirmed orders, in each currency.
async fn money(servers: &Servers, broken: &mut Vec<String>) -> Result<(), BenchError> {
    type Sum = (String, i64, Decimal);
    let captured: Vec<Sum> = sqlx::query_as(
        "select currency, count(*), sum(amount) from payments where status = 'success' group by 1 order by 1",
    )
    .fetch_all(servers.pool("payment")?)
    .await?;
    let confirmed: Vec<Sum> = sqlx::query_as(
        "select currency, count(*), sum(total) from orders where status = 'confirmed' group by 1 order by 1",
    )
    .fetch_all(servers.pool("order")?)
    .await?;
    if captured != confirmed {
        broken.push(format!(
            "captured is {}, confirmed orders come to {}",
            told(&captured),
            told(&confirmed)
        ));
    }
    Ok(())
}

fn told(sums: &[(String, i64, Decimal)]) -> String {
    let sums: Vec<String> =
        sums.iter().map(|(currency, count, sum)| format!("{sum} {currency} in {count} orders")).collect();
    if sums.is_empty() { "nothing".to_owned() } else { sums.join(", ") }
}

async fn number(servers: &Servers, service: &str, sql: &'static str) -> Result<i64, BenchError> {
    Ok(sqlx::query_scalar(sql).fetch_one(servers.pool(service)?).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_whose_orders_end_early_is_not_the_workload() {
        let books = |cancelled| Books {
            balanced: true,
            orders: 20,
            confirmed: 20 - cancelled,
            cancelled,
            failed: 0,
            events: 0,
        };
        assert_eq!(not_confirmed(Variant::Standard, &books(0)), None);
        assert_eq!(not_confirmed(Variant::Provider, &books(1)), None);
        let told = not_confirmed(Variant::Hot, &books(1)).expect("one too few");
        assert!(told.contains("1 of 20 orders were cancelled"), "{told}");
    }
}
