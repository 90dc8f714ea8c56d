use std::collections::{BTreeMap, HashMap};

use sqlx::PgPool;

use crate::topic::Consumed;
use crate::wait::until;
use crate::world::{SERVICES, World};

/// Waits until nothing moves any more, then holds the books of the three databases against each other, and what they published
/// against its order.
pub async fn assert_books_balance(world: &World) {
    books_of(world.pools()).await;
    for topic in ["orders.events", "inventory.events", "payments.events", "inventory.stock"] {
        until(&format!("{topic} is dense"), || async { dense(&world.topics.read(topic).await) }).await;
    }
}

/// Of every key and source: dense from 1 in the order of the topic, apart from repetitions of the same event.
fn dense(events: &[Consumed]) -> Result<(), String> {
    let (mut last, mut ids) = (HashMap::new(), HashMap::new());
    for event in events.iter().filter(|event| event.envelope.source.starts_with("/minuet/")) {
        // Only a refusal about an order that the service does not know has none.
        let Some(sequence) = event.envelope.sequence else { continue };
        let seen = last.entry((&event.key, &event.envelope.source)).or_insert(0);
        let id = *ids.entry((&event.key, &event.envelope.source, sequence)).or_insert(event.envelope.id);
        if sequence > *seen + 1 {
            return Err(format!("{sequence} follows {seen}: {event:#?}"));
        }
        if id != event.envelope.id {
            return Err(format!("{sequence} was another event before, {id}: {event:#?}"));
        }
        *seen = sequence.max(*seen);
    }
    Ok(())
}

/// As [`assert_books_balance`], of any installation: its databases by service.
pub async fn books_of(pools: &BTreeMap<&'static str, PgPool>) {
    let databases = Databases(pools);
    until("every order is at its end and every outbox empty", || async {
        let open = databases
            .number("order", "select count(*) from orders where status in ('pending', 'paid')")
            .await;
        let calls = databases
            .number("payment", "select count(*) from payments where status in ('pending', 'processing')")
            .await;
        let refunds = databases.number("payment", "select count(*) from refunds where not done").await;
        let mut outboxes = 0;
        for service in SERVICES {
            outboxes += databases.number(service, "select count(*) from outbox").await;
        }
        // A reservation may still wait for the news of its order's end.
        let held = databases
            .number("inventory", "select count(*) from order_reservations where status = 'reserved'")
            .await;
        let seen = [open, calls, refunds, outboxes, held];
        if seen == [0; 5] { Ok(()) } else { Err(seen) }
    })
    .await;

    // News of an end may still be on its way between two services: the books are waited for, too.
    until("the books balance", || async {
        // Per sku: what was put in, less what is there, is what confirmed orders took.
        let gone = databases.number("inventory", PUT_IN_LESS_THERE).await;
        let seen = Books {
            stock_rows_off: databases.number("inventory", STOCK_ROWS_OFF).await,
            goods_gone: gone,
            goods_confirmed: databases.number("inventory", GOODS_CONFIRMED).await,
            goods_sold: databases.number("order", GOODS_SOLD).await,
            money_kept: databases.number("payment", MONEY_KEPT).await,
            money_confirmed: databases.number("order", MONEY_CONFIRMED).await,
        };
        if seen.balance() { Ok(()) } else { Err(seen) }
    })
    .await;

    for service in SERVICES {
        let parked =
            databases.number(service, "select count(*) from dead_letters where discarded_at is null").await;
        assert_eq!(parked, 0, "nothing is parked in {service}");
    }
}

/// At rest nothing is reserved, and available is what is on hand.
const STOCK_ROWS_OFF: &str =
    "select count(*) from stock where available + reserved <> on_hand or reserved <> 0 or available < 0";
const PUT_IN_LESS_THERE: &str = "select coalesce(sum(d), 0)::bigint from (
    select sum(delta)::bigint as d from adjustments where applied union all select -sum(on_hand)::bigint from stock) x";
const GOODS_CONFIRMED: &str =
    "select coalesce(sum(quantity), 0)::bigint from reservations where status = 'confirmed'";
const GOODS_SOLD: &str = "select coalesce(sum((l->>'quantity')::bigint), 0)::bigint from orders, json_array_elements(lines) l where status = 'confirmed'";
/// Money in units of the fourth decimal, less what was given back in parts.
const MONEY_KEPT: &str =
    "select coalesce(sum((amount - refunded) * 10000), 0)::bigint from payments where status = 'success'";
const MONEY_CONFIRMED: &str =
    "select coalesce(sum((total - refunded) * 10000), 0)::bigint from orders where status = 'confirmed'";

#[derive(Debug)]
struct Books {
    stock_rows_off: i64,
    goods_gone: i64,
    goods_confirmed: i64,
    goods_sold: i64,
    money_kept: i64,
    money_confirmed: i64,
}

impl Books {
    fn balance(&self) -> bool {
        self.stock_rows_off == 0
            && self.goods_gone == self.goods_confirmed
            && self.goods_gone == self.goods_sold
            && self.money_kept == self.money_confirmed
    }
}

struct Databases<'a>(&'a BTreeMap<&'static str, PgPool>);

impl Databases<'_> {
    async fn number(&self, service: &str, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.0[service]).await.unwrap()
    }
}
