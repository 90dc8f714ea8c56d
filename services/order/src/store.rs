//! Every statement of the order service. Set-based: one per table and batch, rows in key order, so that nobody deadlocks.

use std::collections::BTreeMap;

use minuet_events::payments::PaymentRefunded;
use minuet_events::values::{
    Amount, CancellationReason, Currency, Micros, OrderId, OrderStatus, PaymentId, Sku, UserId, ValueError,
};
use minuet_events::{Envelope, Event, TraceContext};
use minuet_messaging::{Cause, KeptKeys, ReactError, Reads, Rows, Versioned, Writes};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::prelude::FromRow;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{EarlyCancellation, Order, Placed, Product, ProductVersion};
use crate::row::Row;
use crate::view::{ProductRow, ProductView};

const LOAD_ORDERS: &str = "select id, user_id, status::text as status, currency, total, payment_id, withdrawals, submission_id, submission_time,
        event_sequence, version, traceparent, tracestate, created_at, refunded
     from orders where id = any($1::uuid[]) order by id";

const INSERT_ORDERS: &str = "insert into orders (id, user_id, status, payment_method, currency, total, payment_id, lines, problems, reason, detail, withdrawals,
        submission_id, submission_time, event_sequence, version, traceparent, created_at, updated_at, ended_by, tracestate, expected_total, expected_currency)
     select * from unnest($1::uuid[], $2::text[], $3::order_status[], $4::text[], $5::text[], $6::numeric[], $7::uuid[], $8::json[], $9::json[],
        $10::text[], $11::text[], $12::json[], $13::uuid[], $14::timestamptz[], $15::bigint[], $16::integer[], $17::text[], $18::timestamptz[], $19::timestamptz[], $20::uuid[], $21::text[], $22::numeric[], $23::text[])
     on conflict (id) do nothing";

const SUBMIT_ORDERS: &str = "update orders o set user_id = n.user_id, payment_method = n.payment_method, currency = n.currency, total = n.total, lines = n.lines,
        submission_id = n.submission_id, submission_time = n.submission_time, traceparent = n.traceparent, created_at = n.updated_at, tracestate = n.tracestate,
        expected_total = n.expected_total, expected_currency = n.expected_currency,
        status = n.status, payment_id = n.payment_id, problems = coalesce(n.problems, o.problems),
        reason = coalesce(n.reason, o.reason), detail = coalesce(n.detail, o.detail), withdrawals = n.withdrawals,
        event_sequence = n.event_sequence, version = n.version, updated_at = n.updated_at, ended_by = coalesce(n.ended_by, o.ended_by)
     from unnest($1::uuid[], $2::order_status[], $3::uuid[], $4::json[], $5::text[], $6::text[], $7::json[], $8::bigint[], $9::integer[], $10::timestamptz[], $11::uuid[], $12::integer[],
            $13::bigint[], $14::text[], $15::text[], $16::text[], $17::numeric[], $18::json[], $19::uuid[], $20::timestamptz[], $21::text[], $22::text[],
            $23::numeric[], $24::text[])
        as n (id, status, payment_id, problems, reason, detail, withdrawals, event_sequence, version, updated_at, ended_by, read_version,
            read_sequence, user_id, payment_method, currency, total, lines, submission_id, submission_time, traceparent, tracestate,
            expected_total, expected_currency)
     where o.id = n.id and o.version = n.read_version and o.event_sequence = n.read_sequence";

const UPDATE_ORDERS: &str = "update orders o set status = n.status, payment_id = n.payment_id, problems = coalesce(n.problems, o.problems),
        reason = coalesce(n.reason, o.reason), detail = coalesce(n.detail, o.detail), withdrawals = n.withdrawals,
        event_sequence = n.event_sequence, version = n.version, updated_at = n.updated_at, ended_by = coalesce(n.ended_by, o.ended_by), refunded = n.refunded
     from unnest($1::uuid[], $2::order_status[], $3::uuid[], $4::json[], $5::text[], $6::text[], $7::json[], $8::bigint[], $9::integer[], $10::timestamptz[], $11::uuid[], $12::integer[],
            $13::bigint[], $14::numeric[])
        as n (id, status, payment_id, problems, reason, detail, withdrawals, event_sequence, version, updated_at, ended_by, read_version,
            read_sequence, refunded)
     where o.id = n.id and o.version = n.read_version and o.event_sequence = n.read_sequence";

const WRITE_REFUSALS: &str = "insert into refusals (request_id, order_id, reason, created_at)
     select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) on conflict (request_id) do nothing";

const WRITE_GIVEN_REFUNDS: &str = "insert into given_refunds (request_id, order_id, amount, return_stock, created_at)
     select * from unnest($1::uuid[], $2::uuid[], $3::numeric[], $4::boolean[], $5::timestamptz[]) on conflict (request_id) do nothing";

/// What became of a request: a refusal, the end of the order, or a refund.
const REQUEST: &str =
    "select reason as refusal, null::text as status, null::numeric as amount, null::boolean as return_stock
        from refusals where request_id = $2 and order_id = $1
     union all select null, case when o.ended_by = $2 then o.status::text end, g.amount, g.return_stock
        from orders o left join given_refunds g on g.request_id = $2 and g.order_id = o.id
        where o.id = $1 and (o.ended_by = $2 or g.request_id is not null) limit 1";

/// Orders that this user was the first to cancel before they were submitted, up to a number.
const EARLY_CANCELLATIONS: &str = "select count(*) from (select from orders where user_id is null and withdrawals->0->>'requested_by' = $1 limit $2) early";

/// `created_at`: by the index. `updated_at`: the last cancellation that is kept.
const EXPIRE_EARLY_CANCELLATIONS: &str = "delete from orders where user_id is null and updated_at < $1
        and id = any(array(select id from orders where user_id is null and created_at < $1 and updated_at < $1 limit $2))";

const EXPIRE_REFUSALS: &str = "delete from refusals where request_id = any(array(select request_id from refusals where created_at < $1 limit $2))";

const EXPIRE_GIVEN_REFUNDS: &str = "delete from given_refunds where request_id = any(array(select request_id from given_refunds where created_at < $1 limit $2))";

/// Open orders by their age.
const DUE: &str = "select id from orders where created_at > $1 and created_at <= $2 and status in ('pending', 'paid') order by created_at";

/// For gauges: the orders that are still open.
const OPEN: &str = "select status::text, count(*), min(created_at) from orders where created_at >= $1 and status in ('pending', 'paid') group by status";
const SWEPT_UNTIL: &str = "select coalesce(min(swept_until), 'epoch') from shards";

const LOAD_PRODUCTS: &str =
    "select sku, name, currency as product_currency, unit_price, active, event_id, event_time, source_time, source_topic_id, source_partition, source_offset
     from products where sku = any($1::text[])";

/// As [`ProductVersion::is_newer_than`]: two instances may each hold a partition on which the product changed.
const WRITE_PRODUCTS: &str = "insert into products (sku, name, currency, unit_price, active, event_id, event_time, source_time, source_partition, source_offset, source_topic_id)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::boolean[], $6::uuid[], $7::timestamptz[], $8::timestamptz[], $9::integer[], $10::bigint[], $11::uuid[])
     on conflict (sku) do update set name = excluded.name, currency = excluded.currency, unit_price = excluded.unit_price, active = excluded.active,
        event_id = excluded.event_id, event_time = excluded.event_time, source_time = excluded.source_time, source_partition = excluded.source_partition, source_offset = excluded.source_offset,
        source_topic_id = excluded.source_topic_id
     where case when (products.source_topic_id, products.source_partition) = (excluded.source_topic_id, excluded.source_partition) then products.source_offset < excluded.source_offset
        else (products.source_time, products.source_partition) < (excluded.source_time, excluded.source_partition) end";

/// What is known from a partition and lies before an offset, except these skus.
const WITHDRAW_PRODUCTS: &str = "update products set active = false
     where active and source_partition = $1 and source_topic_id in ($2, '00000000-0000-0000-0000-000000000000') and source_offset < $3
        and not (sku = any($4::text[]))";

const ORDER: &str = "select id, user_id, status::text as status, payment_method, payment_id, currency, total, lines, problems, reason, detail, created_at, updated_at, expected_total, expected_currency, refunded
     from orders where id = $1 and user_id is not null";

/// A page of orders. The condition on $1 decides about the index, and a plan is made once for all values.
macro_rules! page_of_orders {
    ($of:literal) => {
        concat!(
            "select id, user_id, status::text as status, payment_method, payment_id, currency, total, lines, problems, reason, detail, created_at, updated_at, expected_total, expected_currency, refunded
     from orders where ",
            $of,
            " and ($2::text is null or status = $2::order_status)
        and (created_at, id) < (coalesce($3::timestamptz, 'infinity'), coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
     order by created_at desc, id desc limit $5"
        )
    };
}
const ORDERS: &str = page_of_orders!("user_id is not null and $1::text is null");
const ORDERS_OF_USER: &str = page_of_orders!("user_id = $1::text");

const PRODUCT: &str =
    "select sku, name, currency as product_currency, unit_price, active, event_id, event_time, source_time, source_topic_id, source_partition, source_offset
     from products where sku = $1";

/// For the test that prepares each against the migrated schema.
pub const STATEMENTS: &[&str] = &[
    LOAD_ORDERS,
    INSERT_ORDERS,
    SUBMIT_ORDERS,
    UPDATE_ORDERS,
    WRITE_REFUSALS,
    REQUEST,
    EARLY_CANCELLATIONS,
    EXPIRE_EARLY_CANCELLATIONS,
    EXPIRE_REFUSALS,
    WRITE_GIVEN_REFUNDS,
    EXPIRE_GIVEN_REFUNDS,
    DUE,
    OPEN,
    SWEPT_UNTIL,
    LOAD_PRODUCTS,
    WRITE_PRODUCTS,
    WITHDRAW_PRODUCTS,
    ORDER,
    ORDERS,
    ORDERS_OF_USER,
    PRODUCT,
];

#[derive(FromRow)]
struct OrderRow {
    id: Uuid,
    user_id: Option<String>,
    status: String,
    currency: Option<String>,
    total: Option<Decimal>,
    payment_id: Option<Uuid>,
    withdrawals: Option<Json<Vec<EarlyCancellation>>>,
    submission_id: Option<Uuid>,
    submission_time: Option<OffsetDateTime>,
    event_sequence: i64,
    version: i32,
    traceparent: Option<String>,
    tracestate: Option<String>,
    created_at: OffsetDateTime,
    refunded: Decimal,
}

/// Reads the orders' rows, in the order of their ids.
pub(crate) fn read_orders(reads: &mut Reads, ids: &[OrderId]) {
    if !ids.is_empty() {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        reads.select(LOAD_ORDERS, "for update").bind(ids);
    }
}

pub(crate) fn orders_of(rows: &Rows) -> Result<BTreeMap<OrderId, Row>, ReactError> {
    let rows: Vec<OrderRow> = rows.of(LOAD_ORDERS)?;
    rows.into_iter().map(|row| loaded(row).map(|row| (row.id, row))).collect()
}

fn loaded(stored: OrderRow) -> Result<Row, ReactError> {
    let corrupt =
        |detail: String| ReactError::Corrupt { table: "orders", detail: format!("{}: {detail}", stored.id) };
    let id = OrderId::new(stored.id);
    let user_id =
        stored.user_id.as_deref().map(UserId::parse).transpose().map_err(|e| corrupt(e.to_string()))?;
    let payment = stored.payment_id.map(PaymentId::new);
    let placed = || -> Result<Placed, ReactError> {
        let (Some(user_id), Some(currency), Some(total)) = (user_id.clone(), &stored.currency, stored.total)
        else {
            return Err(corrupt("a priced order without user, currency or total".to_owned()));
        };
        let currency = Currency::parse(currency).map_err(|e| corrupt(e.to_string()))?;
        let total = Amount::new(total).map_err(|e| corrupt(e.to_string()))?;
        Ok(Placed { order_id: id, user_id, currency, total })
    };
    let status = OrderStatus::parse(&stored.status).map_err(|e| corrupt(e.to_string()))?;
    let order = match (status, payment, &stored.withdrawals) {
        (OrderStatus::Pending, _, _) => Order::Pending(placed()?),
        (OrderStatus::Paid, Some(payment), _) => Order::Paid(placed()?, payment),
        (OrderStatus::Paid, None, _) => return Err(corrupt("paid without a payment_id".to_owned())),
        (OrderStatus::Confirmed, payment, _) => Order::Confirmed(placed()?, payment),
        (OrderStatus::Cancelled, _, Some(Json(cancellations))) if user_id.is_none() => {
            Order::CancelledBeforeSubmission(cancellations.clone())
        }
        (OrderStatus::Cancelled, _, _) => Order::Cancelled,
        (OrderStatus::Failed, _, _) => Order::Failed,
    };
    let created_at = Micros::from_datetime(stored.created_at);
    let submission = stored.submission_id.zip(stored.submission_time);
    let (parent, state) = (stored.traceparent.as_deref(), stored.tracestate.as_deref());
    let trace = parent.and_then(|parent| TraceContext::parse(parent, state, None));
    Ok(Row {
        order,
        user_id,
        payment_id: payment,
        refunded: Amount::new(stored.refunded).map_err(|e| corrupt(e.to_string()))?,
        submission: submission.map(|(id, time)| Cause { id, time: Micros::from_datetime(time) }),
        versioned: Versioned::read(stored.event_sequence, stored.version, trace, created_at),
        ..Row::unknown(id, created_at)
    })
}

/// Inserts the new rows and updates the others. A row that somebody else created or changed meanwhile is a lost race.
pub(crate) fn write_orders(writes: &mut Writes, rows: &[&Row]) {
    let (stored, new): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.versioned.stored);
    // Rows of orders that were cancelled before they were submitted: rare, so the usual update does not carry these columns.
    let (submitted, changed): (Vec<&Row>, Vec<&Row>) = stored.iter().partition(|row| row.lines.is_some());
    if !new.is_empty() {
        let c = Columns::of(&new);
        writes
            .every("orders", INSERT_ORDERS)
            .bind(c.ids)
            .bind(c.users)
            .bind(c.statuses)
            .bind(c.methods)
            .bind(c.currencies)
            .bind(c.totals)
            .bind(c.payments)
            .bind(c.lines)
            .bind(c.problems)
            .bind(c.reasons)
            .bind(c.details)
            .bind(c.withdrawals)
            .bind(c.submission_ids)
            .bind(c.submission_times)
            .bind(c.sequences)
            .bind(c.versions)
            .bind(c.traces)
            .bind(new.iter().map(|row| row.versioned.created_at.to_datetime()).collect::<Vec<_>>())
            .bind(c.updated)
            .bind(c.ended_by)
            .bind(c.states)
            .bind(c.expected_totals)
            .bind(c.expected_currencies);
    }
    for (rows, statement) in [(&submitted, SUBMIT_ORDERS), (&changed, UPDATE_ORDERS)] {
        if rows.is_empty() {
            continue;
        }
        let c = Columns::of(rows);
        let update = writes
            .every("orders", statement)
            .bind(c.ids)
            .bind(c.statuses)
            .bind(c.payments)
            .bind(c.problems)
            .bind(c.reasons)
            .bind(c.details)
            .bind(c.withdrawals)
            .bind(c.sequences)
            .bind(c.versions)
            .bind(c.updated)
            .bind(c.ended_by)
            .bind(rows.iter().map(|row| row.versioned.read_version).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.versioned.read_sequence).collect::<Vec<_>>());
        if statement == UPDATE_ORDERS {
            update.bind(rows.iter().map(|row| row.refunded.get()).collect::<Vec<_>>());
        } else {
            update
                .bind(c.users)
                .bind(c.methods)
                .bind(c.currencies)
                .bind(c.totals)
                .bind(c.lines)
                .bind(c.submission_ids)
                .bind(c.submission_times)
                .bind(c.traces)
                .bind(c.states)
                .bind(c.expected_totals)
                .bind(c.expected_currencies);
        }
    }
}

/// Rows, turned on their side for UNNEST.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    users: Vec<Option<&'a str>>,
    statuses: Vec<&'static str>,
    methods: Vec<Option<&'static str>>,
    currencies: Vec<Option<&'a str>>,
    totals: Vec<Option<Decimal>>,
    payments: Vec<Option<Uuid>>,
    lines: Vec<Option<Json<&'a Value>>>,
    problems: Vec<Option<Json<&'a Value>>>,
    reasons: Vec<Option<&'a str>>,
    details: Vec<Option<&'a str>>,
    withdrawals: Vec<Option<Json<&'a [EarlyCancellation]>>>,
    submission_ids: Vec<Option<Uuid>>,
    submission_times: Vec<Option<OffsetDateTime>>,
    sequences: Vec<i64>,
    versions: Vec<i32>,
    traces: Vec<Option<&'a str>>,
    states: Vec<Option<&'a str>>,
    updated: Vec<OffsetDateTime>,
    ended_by: Vec<Option<Uuid>>,
    expected_totals: Vec<Option<Decimal>>,
    expected_currencies: Vec<Option<&'static str>>,
}

impl<'a> Columns<'a> {
    fn of(rows: &[&'a Row]) -> Self {
        let mut c = Columns::default();
        for row in rows {
            // A cancellation that came before its order is stored as a cancelled order without a user.
            let status = row.order.state().status().unwrap_or(OrderStatus::Cancelled);
            c.ids.push(row.id.as_uuid());
            c.users.push(row.user_id.as_ref().map(UserId::as_str));
            c.statuses.push(status.as_str());
            c.methods.push(row.payment_method);
            c.currencies.push(row.money.as_ref().map(|(currency, _)| currency.as_str()));
            c.totals.push(row.money.as_ref().map(|(_, total)| total.get()));
            c.payments.push(row.payment_id.map(|id| id.as_uuid()));
            c.lines.push(row.lines.as_ref().map(Json));
            c.problems.push(row.problems.as_ref().map(Json));
            c.reasons.push(row.reason.as_deref());
            c.details.push(row.detail.as_deref());
            c.withdrawals.push(row.early_cancellations().map(Json));
            c.submission_ids.push(row.submission.map(|cause| cause.id));
            c.submission_times.push(row.submission.map(|cause| cause.time.to_datetime()));
            c.sequences.push(row.versioned.event_sequence);
            c.versions.push(row.versioned.version);
            c.traces.push(row.versioned.trace.as_ref().map(|trace| trace.traceparent.as_str()));
            c.states.push(row.versioned.trace.as_ref().and_then(|trace| trace.tracestate.as_deref()));
            c.updated.push(row.versioned.updated_at.to_datetime());
            c.ended_by.push(row.ended_by);
            c.expected_totals.push(row.expected_total.map(|expected| expected.amount.get()));
            c.expected_currencies.push(row.expected_total.map(|expected| expected.currency.as_str()));
        }
        c
    }
}

/// Open orders that were created between these times, the oldest first.
pub(crate) async fn due(
    connection: &mut PgConnection,
    after: Micros,
    until: Micros,
) -> Result<Vec<OrderId>, ReactError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(DUE)
        .bind(after.to_datetime())
        .bind(until.to_datetime())
        .fetch_all(connection)
        .await?;
    Ok(ids.into_iter().map(OrderId::new).collect())
}

/// Of each status that is open: how many orders since then, and when the oldest was created.
pub(crate) async fn open(
    connection: &mut PgConnection,
    since: Micros,
) -> Result<Vec<(OrderStatus, i64, Micros)>, ReactError> {
    let rows: Vec<(String, i64, OffsetDateTime)> =
        sqlx::query_as(OPEN).bind(since.to_datetime()).fetch_all(connection).await?;
    let open = |(status, count, oldest): (String, i64, OffsetDateTime)| {
        let corrupt = |e: ValueError| ReactError::Corrupt { table: "orders", detail: e.to_string() };
        Ok((OrderStatus::parse(&status).map_err(corrupt)?, count, Micros::from_datetime(oldest)))
    };
    rows.into_iter().map(open).collect()
}

/// Until when every shard was swept.
pub(crate) async fn swept_until(connection: &mut PgConnection) -> Result<Micros, ReactError> {
    let until: OffsetDateTime = sqlx::query_scalar(SWEPT_UNTIL).fetch_one(connection).await?;
    Ok(Micros::from_datetime(until))
}

#[derive(FromRow)]
struct StoredProduct {
    sku: String,
    name: String,
    product_currency: String,
    unit_price: Decimal,
    active: bool,
    event_id: Uuid,
    event_time: OffsetDateTime,
    source_time: OffsetDateTime,
    source_topic_id: Uuid,
    source_partition: i32,
    source_offset: i64,
}

impl TryFrom<StoredProduct> for ProductRow {
    type Error = ReactError;

    fn try_from(stored: StoredProduct) -> Result<Self, ReactError> {
        let corrupt = |detail: String| ReactError::Corrupt {
            table: "products",
            detail: format!("{}: {detail}", stored.sku),
        };
        Ok(ProductRow {
            sku: Sku::parse(&stored.sku).map_err(|e| corrupt(e.to_string()))?,
            product: Product {
                currency: Currency::parse(&stored.product_currency).map_err(|e| corrupt(e.to_string()))?,
                unit_price: Amount::new(stored.unit_price).map_err(|e| corrupt(e.to_string()))?,
                name: stored.name,
                active: stored.active,
                event: stored.event_id,
            },
            event_time: Micros::from_datetime(stored.event_time),
            version: ProductVersion {
                recorded: Micros::from_datetime(stored.source_time),
                topic: stored.source_topic_id,
                partition: stored.source_partition,
                offset: stored.source_offset,
            },
        })
    }
}

pub(crate) fn read_products(reads: &mut Reads, skus: &[Sku]) {
    if !skus.is_empty() {
        reads.select(LOAD_PRODUCTS, "").bind(skus.iter().map(Sku::as_str).collect::<Vec<_>>());
    }
}

pub(crate) fn products_of(rows: &Rows) -> Result<ProductView, ReactError> {
    let mut view = ProductView::default();
    for row in rows.of::<StoredProduct>(LOAD_PRODUCTS)? {
        view.insert(ProductRow::try_from(row)?);
    }
    Ok(view)
}

/// Takes products off sale that their topic no longer has.
pub(crate) async fn withdraw_products(
    connection: &mut PgConnection,
    kept: &KeptKeys<'_>,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(WITHDRAW_PRODUCTS)
        .bind(kept.partition)
        .bind(kept.topic_id)
        .bind(kept.end)
        .bind(kept.keys)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

pub(crate) fn write_products(writes: &mut Writes, rows: Vec<ProductRow>) {
    if rows.is_empty() {
        return;
    }
    writes
        .any(WRITE_PRODUCTS)
        .bind(rows.iter().map(|r| r.sku.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.product.name.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.product.currency.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.product.unit_price.get()).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.product.active).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.product.event).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.event_time.to_datetime()).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.version.recorded.to_datetime()).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.version.partition).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.version.offset).collect::<Vec<_>>())
        .bind(rows.iter().map(|r| r.version.topic).collect::<Vec<_>>());
}

/// A request about an order that was refused.
#[derive(Debug)]
pub(crate) struct RefusedRequest {
    pub(crate) request_id: Uuid,
    pub(crate) order_id: OrderId,
    pub(crate) reason: String,
}

pub(crate) fn write_refusals(writes: &mut Writes, refusals: &[RefusedRequest], now: Micros) {
    if refusals.is_empty() {
        return;
    }
    writes
        .any(WRITE_REFUSALS)
        .bind(refusals.iter().map(|r| r.request_id).collect::<Vec<_>>())
        .bind(refusals.iter().map(|r| r.order_id.as_uuid()).collect::<Vec<_>>())
        .bind(refusals.iter().map(|r| r.reason.as_str()).collect::<Vec<_>>())
        .bind(vec![now.to_datetime(); refusals.len()]);
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum RequestOutcome {
    Rejected {
        reason: String,
    },
    /// It ended the order in this status. `refund`: by giving money back.
    Ended {
        status: OrderStatus,
        refund: Option<(Decimal, bool)>,
    },
    /// Money was given back, and the order stands.
    Refunded {
        amount: Decimal,
        return_stock: bool,
    },
}

/// A refund that somebody asked for, and that was given.
#[derive(Debug)]
pub(crate) struct GivenRefund {
    request_id: Uuid,
    pub(crate) order_id: OrderId,
    amount: Amount,
    return_stock: bool,
}

impl GivenRefund {
    /// None: the event is no refund, or none that somebody asked for.
    pub(crate) fn of(envelope: &Envelope, event: &Event) -> Option<Self> {
        let Event::PaymentRefunded(PaymentRefunded { order_id, amount, return_stock, reason, .. }) = event
        else {
            return None;
        };
        let request_id = envelope.causation_id.filter(|_| *reason == CancellationReason::Refunded)?;
        Some(GivenRefund {
            request_id,
            order_id: *order_id,
            amount: *amount,
            return_stock: return_stock.unwrap_or(true),
        })
    }
}

pub(crate) fn write_given_refunds(writes: &mut Writes, refunds: &[GivenRefund], now: Micros) {
    if refunds.is_empty() {
        return;
    }
    writes
        .any(WRITE_GIVEN_REFUNDS)
        .bind(refunds.iter().map(|r| r.request_id).collect::<Vec<_>>())
        .bind(refunds.iter().map(|r| r.order_id.as_uuid()).collect::<Vec<_>>())
        .bind(refunds.iter().map(|r| r.amount.get()).collect::<Vec<_>>())
        .bind(refunds.iter().map(|r| r.return_stock).collect::<Vec<_>>())
        .bind(vec![now.to_datetime(); refunds.len()]);
}

#[derive(FromRow)]
struct RequestRow {
    refusal: Option<String>,
    status: Option<String>,
    amount: Option<Decimal>,
    return_stock: Option<bool>,
}

pub(crate) async fn request(
    connection: &mut PgConnection,
    order: OrderId,
    request: Uuid,
) -> Result<Option<RequestOutcome>, sqlx::Error> {
    let found: Option<RequestRow> =
        sqlx::query_as(REQUEST).bind(order.as_uuid()).bind(request).fetch_optional(connection).await?;
    let Some(RequestRow { refusal, status, amount, return_stock }) = found else { return Ok(None) };
    let refund = amount.zip(return_stock);
    Ok(match (refusal, status, refund) {
        (Some(reason), ..) => Some(RequestOutcome::Rejected { reason }),
        (None, Some(status), refund) => {
            let status = OrderStatus::parse(&status).map_err(|e| sqlx::Error::Decode(e.into()))?;
            Some(RequestOutcome::Ended { status, refund })
        }
        (None, None, Some((amount, return_stock))) => Some(RequestOutcome::Refunded { amount, return_stock }),
        (None, None, None) => None,
    })
}

/// How many orders this user was the first to cancel before they were submitted, counted up to `limit`.
pub(crate) async fn early_cancellations(
    connection: &mut PgConnection,
    requested_by: &str,
    limit: i64,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(EARLY_CANCELLATIONS).bind(requested_by).bind(limit).fetch_one(connection).await
}

/// Upper bound of rows per delete.
const MAX_EXPIRED: i64 = 1_000;

/// Number of deleted rows.
#[derive(Debug)]
pub(crate) struct Expired {
    pub(crate) early_cancellations: u64,
    pub(crate) refusals: u64,
    pub(crate) given_refunds: u64,
}

impl Expired {
    /// Whether there may be more to delete.
    pub(crate) fn is_full(&self) -> bool {
        self.early_cancellations.max(self.refusals).max(self.given_refunds) >= MAX_EXPIRED.unsigned_abs()
    }
}

/// Deletes early cancellations, refusals and outcomes of refunds older than `before`, a number of each.
pub(crate) async fn expire(connection: &mut PgConnection, before: Micros) -> Result<Expired, sqlx::Error> {
    let mut delete = async |statement: &'static str| {
        let query = sqlx::query(statement).bind(before.to_datetime()).bind(MAX_EXPIRED);
        Ok::<_, sqlx::Error>(query.execute(&mut *connection).await?.rows_affected())
    };
    let early_cancellations = delete(EXPIRE_EARLY_CANCELLATIONS).await?;
    let refusals = delete(EXPIRE_REFUSALS).await?;
    Ok(Expired { early_cancellations, refusals, given_refunds: delete(EXPIRE_GIVEN_REFUNDS).await? })
}

/// An order as it is shown.
#[derive(Debug, FromRow)]
pub(crate) struct OrderView {
    pub(crate) id: Uuid,
    pub(crate) user_id: String,
    #[sqlx(try_from = "String")]
    pub(crate) status: OrderStatus,
    pub(crate) payment_method: Option<String>,
    pub(crate) payment_id: Option<Uuid>,
    pub(crate) currency: Option<String>,
    pub(crate) total: Option<Decimal>,
    pub(crate) refunded: Decimal,
    pub(crate) expected_total: Option<Decimal>,
    pub(crate) expected_currency: Option<String>,
    pub(crate) lines: Option<Value>,
    pub(crate) problems: Option<Value>,
    pub(crate) reason: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

pub(crate) async fn order(
    connection: &mut PgConnection,
    id: OrderId,
) -> Result<Option<OrderView>, sqlx::Error> {
    sqlx::query_as(ORDER).bind(id.as_uuid()).fetch_optional(connection).await
}

/// A page of orders, newest first, after the given (created_at, id).
pub(crate) async fn orders(
    connection: &mut PgConnection,
    user: Option<&str>,
    status: Option<OrderStatus>,
    after: Option<(OffsetDateTime, Uuid)>,
    limit: i64,
) -> Result<Vec<OrderView>, sqlx::Error> {
    let (time, id) = after.unzip();
    let status = status.as_ref().map(OrderStatus::as_str);
    let statement = if user.is_some() { ORDERS_OF_USER } else { ORDERS };
    sqlx::query_as(statement)
        .bind(user)
        .bind(status)
        .bind(time)
        .bind(id)
        .bind(limit)
        .fetch_all(connection)
        .await
}

pub(crate) async fn product(
    connection: &mut PgConnection,
    sku: &Sku,
) -> Result<Option<ProductRow>, ReactError> {
    let stored: Option<StoredProduct> =
        sqlx::query_as(PRODUCT).bind(sku.as_str()).fetch_optional(connection).await?;
    stored.map(ProductRow::try_from).transpose()
}
