use std::collections::BTreeMap;

use sqlx::PgPool;

use crate::wait::until;
use crate::world::{SERVICES, World};

/// Waits until nothing moves any more, then holds the books of the three databases against each other.
pub async fn books(world: &World) {
    books_of(world.pools()).await;
}

/// As [`books`], of any installation: its databases by service.
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

    let stock =
        "select count(*) from stock where available + reserved <> on_hand or reserved <> 0 or available < 0";
    assert_eq!(
        databases.number("inventory", stock).await,
        0,
        "at rest nothing is reserved, and available is what is on hand"
    );

    // Per sku: what was put in, less what is there, is what confirmed orders took.
    let put_in_less_there = "select coalesce(sum(d), 0)::bigint from (
        select sum(delta)::bigint as d from adjustments where applied union all select -sum(on_hand)::bigint from stock) x";
    let reserved = "select coalesce(sum(quantity), 0)::bigint from reservations where status = 'confirmed'";
    let sold = "select coalesce(sum((l->>'quantity')::bigint), 0)::bigint from orders, json_array_elements(lines) l where status = 'confirmed'";
    let gone = databases.number("inventory", put_in_less_there).await;
    assert_eq!(
        gone,
        databases.number("inventory", reserved).await,
        "goods that are gone are those that were confirmed"
    );
    assert_eq!(
        gone,
        databases.number("order", sold).await,
        "goods that are gone are those of confirmed orders"
    );

    // Money in units of the fourth decimal.
    let captured = "select coalesce(sum(amount * 10000), 0)::bigint from payments where status = 'success'";
    let totals = "select coalesce(sum(total * 10000), 0)::bigint from orders where status = 'confirmed'";
    assert_eq!(
        databases.number("payment", captured).await,
        databases.number("order", totals).await,
        "money kept is that of confirmed orders"
    );

    for service in SERVICES {
        let parked = databases.number(service, "select count(*) from dead_letters").await;
        assert_eq!(parked, 0, "nothing is parked in {service}");
    }
}

struct Databases<'a>(&'a BTreeMap<&'static str, PgPool>);

impl Databases<'_> {
    async fn number(&self, service: &str, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.0[service]).await.unwrap()
    }
}
