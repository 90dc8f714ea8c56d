//! Every statement of the rebuild: whether a database is empty, and what its tables say that the topics fix.
//!
//! What they do not fix is left out: when a row was touched, what the provider answered besides, and whatever depends on
//! which of two events that lead to the same came first.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::PgPool;

use crate::AuditError;
use crate::record::Service;
use crate::shadow::{Field, compare};

/// Whether anything was ever processed there.
const USED: &str = "select exists (select 1 from inbox) or exists (select 1 from outbox)";
pub(super) const TAKE_OUTBOX: &str = "with gone as (delete from outbox returning id, headers, payload) select headers, payload from gone order by id";
/// What was set aside, and whatever became of it.
const PARKED: &str = "select topic || '[' || \"partition\" || ']@' || \"offset\", detail from dead_letters order by id limit 10000";

/// A table, and a key and a document of each of its rows.
type Table = (&'static str, &'static str);

const ORDER: &[Table] = &[
    // The time of a row that exists before its order, and a payment of an order that was cancelled: by what came first. Of the trace only its id: the
    // span is the one that the live service was in.
    (
        "orders",
        "select id::text, ((to_jsonb(t) - array['updated_at', 'version', 'payment_id', 'created_at', 'traceparent'])
            || jsonb_build_object('payment_id', case when status = 'confirmed' then payment_id end,
                'created_at', case when user_id is not null then created_at end,
                'trace', split_part(traceparent, '-', 2)))::text from orders t",
    ),
    // A recorded message does not tell the id of its topic.
    ("products", "select sku, (to_jsonb(t) - 'source_topic_id')::text from products t"),
    ("refusals", "select request_id::text, (to_jsonb(t) - 'created_at')::text from refusals t"),
];

const INVENTORY: &[Table] = &[
    ("stock", "select sku || ' in ' || warehouse_code, to_jsonb(t)::text from stock t"),
    ("skus", "select sku, to_jsonb(t)::text from skus t"),
    ("adjustments", "select id::text, to_jsonb(t)::text from adjustments t"),
    (
        "order_reservations",
        "select order_id::text, ((to_jsonb(t) - array['updated_at', 'traceparent'])
            || jsonb_build_object('trace', split_part(traceparent, '-', 2)))::text from order_reservations t",
    ),
];

const PAYMENT: &[Table] = &[
    (
        "payments",
        "select order_id::text, (to_jsonb(t) - array['updated_at', 'created_at', 'version', 'gateway_response',
            'stop_reason', 'traceparent', 'tracestate'])::text from payments t",
    ),
    (
        "refunds",
        "select order_id::text, (to_jsonb(t) - array['updated_at', 'created_at', 'attempts', 'parked_reason'])::text
            from refunds t",
    ),
];

fn tables(service: Service) -> &'static [Table] {
    match service {
        Service::Order => ORDER,
        Service::Inventory => INVENTORY,
        Service::Payment => PAYMENT,
    }
}

pub(super) async fn is_empty(pool: &PgPool) -> Result<bool, AuditError> {
    let used: bool = sqlx::query_scalar(USED).fetch_one(pool).await?;
    Ok(!used)
}

/// What the rebuilt service has set aside, and the live one has not. `prefix`: of the live one's topics.
pub(super) async fn parked(
    rebuilt: &PgPool,
    live: Option<&PgPool>,
    prefix: &str,
) -> Result<Vec<String>, AuditError> {
    let ours = rows(rebuilt, PARKED).await?;
    let theirs = match live {
        Some(live) => rows(live, PARKED).await?,
        None => BTreeMap::new(),
    };
    let is_new = |(position, _): &(String, String)| !theirs.contains_key(&format!("{prefix}{position}"));
    Ok(ours.into_iter().filter(is_new).map(|(position, detail)| format!("{position}: {detail}")).collect())
}

/// A row that differs; without fields where one side has none.
#[derive(Debug)]
pub(super) struct RowDiffers {
    pub(super) table: &'static str,
    pub(super) key: String,
    pub(super) what: String,
    pub(super) fields: Vec<Field>,
}

/// What the live database says otherwise, and how many rows were compared.
pub(super) async fn differences(
    service: Service,
    rebuilt: &PgPool,
    live: &PgPool,
) -> Result<(Vec<RowDiffers>, usize), AuditError> {
    let (mut differences, mut compared) = (Vec::new(), 0);
    for (table, sql) in tables(service) {
        let (ours, mut theirs) = (rows(rebuilt, sql).await?, rows(live, sql).await?);
        compared += ours.len().max(theirs.len());
        for (key, ours) in ours {
            let difference = match theirs.remove(&key) {
                Some(theirs) if theirs == ours => continue,
                Some(theirs) => {
                    let mut fields = Vec::new();
                    let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
                    compare("", &json(&theirs), &json(&ours), &mut fields);
                    RowDiffers { table, key, what: "differs".to_owned(), fields }
                }
                None => {
                    RowDiffers { table, key, what: "only in the rebuilt one".to_owned(), fields: Vec::new() }
                }
            };
            differences.push(difference);
        }
        differences.extend(theirs.into_keys().map(|key| RowDiffers {
            table,
            key,
            what: "only in the live one".to_owned(),
            fields: Vec::new(),
        }));
    }
    Ok((differences, compared))
}

async fn rows(pool: &PgPool, sql: &'static str) -> Result<BTreeMap<String, String>, AuditError> {
    let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(pool).await?;
    Ok(rows.into_iter().collect())
}
