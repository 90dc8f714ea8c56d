//! Every statement of the comparison: rows of the services' tables, each as a line of text.

use std::collections::HashMap;

use minuet_events::values::{Sku, WarehouseCode};
use rust_decimal::Decimal;
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::expected;
use super::stock_levels::Level;
use crate::{AuditError, Context};

const ORDERS: &str =
    "select id, status::text, currency, total, updated_at from orders where id = any($1::uuid[])";
const RESERVATIONS: &str = "select order_id, status::text, skus, warehouse_codes, quantities, updated_at
     from order_reservations where order_id = any($1::uuid[])";
const PAYMENTS: &str = "select order_id, status::text, currency, amount, updated_at
     from payments where order_id = any($1::uuid[])";
const LEVELS: &str = "select sku, warehouse_code, available, reserved, on_hand, version from stock";

const SKIPPED: &str = "select topic, \"partition\", from_offset, end_offset from skipped_offsets
     where accepted_at is null order by noticed_at, topic, \"partition\"";

const ON_SALE: &str = "select sku from products where active order by sku";

const ORDER_IDS: &str = "select id from orders where id > $1 order by id limit 10000";
const RESERVATION_IDS: &str =
    "select order_id from order_reservations where order_id > $1 order by order_id limit 10000";
const PAYMENT_IDS: &str = "select order_id from payments where order_id > $1 order by order_id limit 10000";

/// A row, and when it was last changed.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) text: String,
    pub(super) updated_at: OffsetDateTime,
}

#[derive(Debug)]
pub(super) struct Rows {
    pub(super) orders: HashMap<Uuid, Row>,
    pub(super) reservations: HashMap<Uuid, Row>,
    pub(super) payments: HashMap<Uuid, Row>,
}

pub(super) struct Tables {
    order: PgPool,
    inventory: PgPool,
    payment: PgPool,
}

type Reserved = (Uuid, String, Vec<String>, Vec<String>, Vec<i32>, OffsetDateTime);
type Priced = (Uuid, String, Option<String>, Option<Decimal>, OffsetDateTime);

impl Tables {
    pub(super) fn open(context: &Context) -> Result<Tables, AuditError> {
        let open = |service: &'static str| -> Result<PgPool, AuditError> {
            let url = context.databases.get(service).ok_or(AuditError::NoDatabase { service })?;
            let _runtime = context.runtime.enter();
            Ok(minuet_messaging::connect(url, 1, "audit")?)
        };
        Ok(Tables { order: open("order")?, inventory: open("inventory")?, payment: open("payment")? })
    }

    /// The rows of these orders.
    pub(super) async fn of(&self, orders: &[Uuid]) -> Result<Rows, AuditError> {
        let placed: Vec<Priced> = sqlx::query_as(ORDERS).bind(orders).fetch_all(&self.order).await?;
        let reserved: Vec<Reserved> =
            sqlx::query_as(RESERVATIONS).bind(orders).fetch_all(&self.inventory).await?;
        let paid: Vec<Priced> = sqlx::query_as(PAYMENTS).bind(orders).fetch_all(&self.payment).await?;
        Ok(Rows {
            orders: placed.into_iter().map(|row| priced(row, expected::order)).collect(),
            reservations: reserved.into_iter().map(reservation).collect(),
            payments: paid.into_iter().map(|row| priced(row, expected::payment)).collect(),
        })
    }

    /// Orders that somebody does not know, with the table that has them.
    pub(super) async fn strangers(
        &self,
        knows: impl Fn(Uuid) -> bool,
    ) -> Result<Vec<(&'static str, Uuid)>, AuditError> {
        let tables = [
            ("orders", ORDER_IDS, &self.order),
            ("order_reservations", RESERVATION_IDS, &self.inventory),
            ("payments", PAYMENT_IDS, &self.payment),
        ];
        let mut strangers = Vec::new();
        for (table, sql, pool) in tables {
            let mut last = Uuid::nil();
            loop {
                let ids: Vec<Uuid> = sqlx::query_scalar(sql).bind(last).fetch_all(pool).await?;
                let Some(end) = ids.last() else { break };
                last = *end;
                strangers.extend(ids.into_iter().filter(|id| !knows(*id)).map(|id| (table, id)));
            }
        }
        Ok(strangers)
    }

    /// Messages that were deleted before a service read them, each with the service's name.
    pub(super) async fn skipped(&self) -> Result<Vec<(&'static str, String)>, AuditError> {
        let mut found = Vec::new();
        for (service, pool) in
            [("order", &self.order), ("inventory", &self.inventory), ("payment", &self.payment)]
        {
            let rows: Vec<(String, i32, i64, i64)> = sqlx::query_as(SKIPPED).fetch_all(pool).await?;
            found.extend(rows.into_iter().map(|(topic, partition, from, end)| {
                let count = end - from;
                let what = format!(
                    "{count} messages of {topic}[{partition}] from offset {from} on were deleted before it read them"
                );
                (service, what)
            }));
        }
        Ok(found)
    }

    /// The skus that can be ordered.
    pub(super) async fn on_sale(&self) -> Result<Vec<String>, AuditError> {
        Ok(sqlx::query_scalar(ON_SALE).fetch_all(&self.order).await?)
    }

    pub(super) async fn levels(&self) -> Result<HashMap<(String, String), Level>, AuditError> {
        let rows: Vec<(String, String, i64, i64, i64, i64)> =
            sqlx::query_as(LEVELS).fetch_all(&self.inventory).await?;
        let level = |(sku, warehouse, available, reserved, on_hand, version)| {
            ((sku, warehouse), Level { available, reserved, on_hand, version })
        };
        Ok(rows.into_iter().map(level).collect())
    }
}

fn priced(
    (id, status, currency, amount, updated_at): Priced,
    show: fn(&str, Option<(&str, Decimal)>) -> String,
) -> (Uuid, Row) {
    let text = show(&status, currency.as_deref().zip(amount));
    (id, Row { text, updated_at })
}

fn reservation((id, status, skus, warehouses, quantities, updated_at): Reserved) -> (Uuid, Row) {
    // What is no sku cannot be what the topics say.
    let names: Vec<_> =
        skus.iter().zip(&warehouses).map(|(sku, at)| (Sku::parse(sku), WarehouseCode::parse(at))).collect();
    let lines = names.iter().zip(&quantities).filter_map(|((sku, warehouse), quantity)| {
        Some((sku.as_ref().ok()?, warehouse.as_ref().ok()?, i64::from(*quantity)))
    });
    let text = expected::reservation(&status, lines);
    (id, Row { text, updated_at })
}
