//! Every statement of the payment service. Set-based: one per table and batch, rows in key order, so that nobody deadlocks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use minuet_events::values::{
    Amount, CancellationReason, Currency, Micros, OrderId, PaymentId, PaymentMethod, PaymentStatus, RefundId,
    UserId,
};
use minuet_events::{TraceContext, ids};
use minuet_messaging::{Cause, ReactError, Reads, Rows, Versioned, Writes};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use sqlx::prelude::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::call_kind::{Key, Kind};
use crate::domain::{Charge, Payment, Refund};
use crate::messaging::ServiceContext;
use crate::row::{RefundWrite, Row};

/// The columns of a payment and of the refund that is due, from `payments p left join refunds r`.
macro_rules! select_payments {
    ($rest:literal) => {
        concat!(
            "select p.order_id, p.id, p.user_id, p.status::text as status, p.payment_method, p.currency, p.amount, p.transaction_id,
                p.gateway_response, p.failure_reason, p.stop_reason, p.reserved_id, p.reserved_time, p.event_sequence, p.version,
                p.traceparent, p.tracestate, p.created_at, p.refunded, r.id as refund_id, r.reason as refund_reason, r.amount as refund_amount, r.return_stock,
                r.cause_id, r.cause_time, r.rest_cause_id, r.rest_cause_time
             from payments p left join refunds r on r.payment_id = p.id and not r.done ",
            $rest
        )
    };
}

const PAYMENTS: &str = select_payments!("where p.order_id = any($1::uuid[]) order by p.order_id");

/// Calls without an answer. Those of shard -1 may be anybody's.
const OPEN_CALLS: &str = "select order_id, kind, expires_at from open_calls where shard = any(-1::smallint || $1::smallint[]) order by shard, order_id, kind limit $2";

/// The calls that begin.
const OPEN_CALL: &str = "insert into open_calls (shard, order_id, kind, expires_at)
     select * from unnest($1::smallint[], $2::uuid[], $3::text[], $4::timestamptz[]) on conflict do nothing";

/// The calls that were answered.
const CLOSE_CALL: &str = "delete from open_calls o using unnest($1::smallint[], $2::uuid[], $3::text[]) as c (shard, order_id, kind)
     where o.shard = any(array[c.shard, (-1)::smallint]) and o.order_id = c.order_id and o.kind = c.kind";

const INSERT_PAYMENTS: &str = "insert into payments (order_id, id, user_id, status, payment_method, currency, amount, transaction_id, gateway_response, failure_reason,
        stop_reason, reserved_id, reserved_time, event_sequence, version, traceparent, created_at, updated_at, tracestate)
     select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::payment_status[], $5::text[], $6::text[], $7::numeric[], $8::text[], $9::text[], $10::text[],
        $11::text[], $12::uuid[], $13::timestamptz[], $14::bigint[], $15::integer[], $16::text[], $17::timestamptz[], $18::timestamptz[], $19::text[])
     on conflict (order_id) do nothing";

const UPDATE_PAYMENTS: &str = "update payments p set status = n.status, transaction_id = n.transaction_id, gateway_response = n.gateway_response,
        failure_reason = n.failure_reason, stop_reason = n.stop_reason, event_sequence = n.event_sequence, version = n.version, updated_at = n.updated_at,
        refunded = n.refunded
     from unnest($1::uuid[], $2::payment_status[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::integer[], $9::timestamptz[], $10::integer[],
            $11::bigint[], $12::numeric[])
        as n (order_id, status, transaction_id, gateway_response, failure_reason, stop_reason, event_sequence, version, updated_at, read_version,
            read_sequence, refunded)
     where p.order_id = n.order_id and p.version = n.read_version and p.event_sequence = n.read_sequence";

const WRITE_REFUNDS: &str = "insert into refunds (id, order_id, payment_id, reason, currency, amount, cause_id, cause_time, done, created_at, updated_at,
        return_stock, rest_cause_id, rest_cause_time)
     select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::numeric[], $7::uuid[], $8::timestamptz[], $9::boolean[],
        $10::timestamptz[], $10::timestamptz[], $11::boolean[], $12::uuid[], $13::timestamptz[])
     on conflict (id) do update set done = excluded.done, updated_at = excluded.updated_at,
        rest_cause_id = coalesce(excluded.rest_cause_id, refunds.rest_cause_id),
        rest_cause_time = coalesce(excluded.rest_cause_time, refunds.rest_cause_time)";

const PARK_REFUNDS: &str =
    "update refunds r set attempts = r.attempts + n.attempts, parked_reason = n.reason, updated_at = $4
     from unnest($1::uuid[], $2::integer[], $3::text[]) as n (id, attempts, reason)
     where r.id = n.id and not r.done";

const PARKED_REFUNDS: &str = "select order_id, payment_id, id, reason, currency, amount, attempts, parked_reason, created_at, updated_at from refunds
     where not done and parked_reason is not null order by created_at limit 1000";

const RETRY_REFUND: &str = "with retried as (update refunds set parked_reason = null, updated_at = $3
        where order_id = $1 and not done and parked_reason is not null returning order_id)
     insert into open_calls (shard, order_id, kind) select $2, order_id, 'refund' from retried on conflict do nothing";

/// For gauges.
const COUNT_PARKED_REFUNDS: &str =
    "select count(*) from refunds where not done and parked_reason is not null";
const COUNT_OPEN_CALLS: &str =
    "select kind, count(*) from (select kind from open_calls limit 100000) calls group by kind";

/// For the test that prepares each against the migrated schema.
pub const STATEMENTS: &[&str] = &[
    PAYMENTS,
    OPEN_CALLS,
    OPEN_CALL,
    CLOSE_CALL,
    INSERT_PAYMENTS,
    UPDATE_PAYMENTS,
    WRITE_REFUNDS,
    PARK_REFUNDS,
    PARKED_REFUNDS,
    RETRY_REFUND,
    COUNT_PARKED_REFUNDS,
    COUNT_OPEN_CALLS,
];

#[derive(FromRow)]
struct PaymentRow {
    order_id: Uuid,
    id: Uuid,
    user_id: Option<String>,
    status: String,
    payment_method: Option<String>,
    currency: Option<String>,
    amount: Option<Decimal>,
    transaction_id: Option<String>,
    gateway_response: Option<String>,
    failure_reason: Option<String>,
    stop_reason: Option<String>,
    reserved_id: Option<Uuid>,
    reserved_time: Option<OffsetDateTime>,
    event_sequence: i64,
    version: i32,
    traceparent: Option<String>,
    tracestate: Option<String>,
    created_at: OffsetDateTime,
    refunded: Decimal,
    refund_id: Option<Uuid>,
    refund_reason: Option<String>,
    refund_amount: Option<Decimal>,
    return_stock: Option<bool>,
    cause_id: Option<Uuid>,
    cause_time: Option<OffsetDateTime>,
    rest_cause_id: Option<Uuid>,
    rest_cause_time: Option<OffsetDateTime>,
}

/// Reads the payments' rows, in the order of their orders' ids.
pub(crate) fn read_payments(reads: &mut Reads, orders: &BTreeSet<OrderId>) {
    if !orders.is_empty() {
        let ids: Vec<Uuid> = orders.iter().map(|id| id.as_uuid()).collect();
        reads.select(PAYMENTS, "for update of p").bind(ids);
    }
}

pub(crate) fn payments_of(rows: &Rows) -> Result<BTreeMap<OrderId, Row>, ReactError> {
    let rows: Vec<PaymentRow> = rows.of(PAYMENTS)?;
    rows.into_iter().map(|row| loaded(row).map(|row| (row.order_id, row))).collect()
}

/// A call without an answer.
pub(crate) struct OpenCall {
    pub(crate) key: Key,
    expires_at: Option<OffsetDateTime>,
}

/// At most so many of the calls of these shards, and of those whose shard is not known.
pub(crate) async fn open_calls(
    connection: &mut PgConnection,
    shards: &[u32],
    limit: usize,
) -> Result<Vec<OpenCall>, ReactError> {
    let shards: Vec<i16> = shards.iter().map(|shard| number(*shard)).collect();
    let rows: Vec<(Uuid, String, Option<OffsetDateTime>)> = sqlx::query_as(OPEN_CALLS)
        .bind(shards)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await?;
    let call = |(order, kind, expires_at): (Uuid, String, _)| {
        let corrupt = || ReactError::Corrupt { table: "open_calls", detail: format!("{order}: kind {kind}") };
        let kind = Kind::parse(&kind).ok_or_else(corrupt)?;
        Ok(OpenCall { key: (OrderId::new(order), kind), expires_at })
    };
    rows.into_iter().map(call).collect()
}

/// The payments of these calls, as they are now.
pub(crate) async fn open_payments(
    connection: &mut PgConnection,
    calls: &[OpenCall],
) -> Result<Vec<Row>, ReactError> {
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = calls.iter().map(|call| call.key.0.as_uuid()).collect();
    let rows: Vec<PaymentRow> = sqlx::query_as(PAYMENTS).bind(ids).fetch_all(connection).await?;
    let ends: HashMap<OrderId, OffsetDateTime> =
        calls.iter().filter_map(|call| call.expires_at.map(|end| (call.key.0, end))).collect();
    let row = |stored| {
        let row = loaded(stored)?;
        let expires_at = ends.get(&row.order_id).copied().map(Micros::from_datetime);
        Ok(Row { expires_at, ..row })
    };
    rows.into_iter().map(row).collect()
}

fn loaded(stored: PaymentRow) -> Result<Row, ReactError> {
    let order = stored.order_id;
    let corrupt =
        |detail: String| ReactError::Corrupt { table: "payments", detail: format!("{order}: {detail}") };
    let order_id = OrderId::new(stored.order_id);
    let charge = match (&stored.payment_method, &stored.currency, stored.amount) {
        (Some(method), Some(currency), Some(amount)) => Some(Charge {
            order_id,
            payment_id: PaymentId::new(stored.id),
            payment_method: PaymentMethod::parse(method).map_err(|e| corrupt(e.to_string()))?,
            currency: Currency::parse(currency).map_err(|e| corrupt(e.to_string()))?,
            amount: Amount::new(amount).map_err(|e| corrupt(e.to_string()))?,
            payment_token: None,
        }),
        _ => None,
    };
    let cause = |id: Option<Uuid>, time: Option<OffsetDateTime>| {
        id.zip(time).map(|(id, time)| Cause { id, time: Micros::from_datetime(time) })
    };
    let amount = |amount| Amount::new(amount).map_err(|e| corrupt(e.to_string()));
    let refunded = amount(stored.refunded)?;
    let asked = cause(stored.cause_id, stored.cause_time);
    let refund = match (stored.refund_id, stored.refund_reason, stored.refund_amount, asked) {
        (Some(id), Some(reason), Some(due), Some(cause)) => {
            let return_stock = stored.return_stock.unwrap_or(true);
            let (refund_id, reason) = (RefundId::new(id), reason.as_str().into());
            Some((Refund { refund_id, reason, amount: amount(due)?, return_stock }, cause))
        }
        _ => None,
    };
    let stop_reason = stored.stop_reason.as_deref().map(CancellationReason::from);
    let status = PaymentStatus::parse(&stored.status).map_err(|e| corrupt(e.to_string()))?;
    let payment = match (status, charge.clone(), &refund) {
        (PaymentStatus::Pending | PaymentStatus::Processing, Some(charge), _) => {
            Payment::Processing { charge, stop: stop_reason.clone() }
        }
        (PaymentStatus::Success, Some(charge), None) => Payment::Success { charge, refunded },
        (PaymentStatus::Success, Some(charge), Some((refund, _)))
            if refund.amount < charge.left(refunded) =>
        {
            Payment::PartialRefundDue { charge, refunded, refund: refund.clone(), stop: stop_reason.clone() }
        }
        (PaymentStatus::Success, Some(charge), Some((refund, _))) => {
            Payment::RefundDue { charge, refund: refund.clone() }
        }
        (PaymentStatus::Refunded, _, _) => Payment::Refunded,
        (PaymentStatus::Failed, None, _) => Payment::Prevented,
        (PaymentStatus::Failed, Some(_), _) => Payment::Failed,
        (PaymentStatus::Pending | PaymentStatus::Processing | PaymentStatus::Success, None, _) => {
            return Err(corrupt(format!("{status} without payment method, currency or amount")));
        }
    };
    let created_at = Micros::from_datetime(stored.created_at);
    let (parent, state) = (stored.traceparent.as_deref(), stored.tracestate.as_deref());
    let trace = parent.and_then(|parent| TraceContext::parse(parent, state, None));
    Ok(Row {
        read_call: Kind::open(&payment),
        payment,
        charge,
        user_id: stored
            .user_id
            .as_deref()
            .map(UserId::parse)
            .transpose()
            .map_err(|e| corrupt(e.to_string()))?,
        transaction_id: stored.transaction_id,
        gateway_response: stored.gateway_response,
        failure_reason: stored.failure_reason,
        stop_reason,
        reserved: cause(stored.reserved_id, stored.reserved_time),
        refunded,
        refund,
        rest_cause: cause(stored.rest_cause_id, stored.rest_cause_time),
        versioned: Versioned::read(stored.event_sequence, stored.version, trace, created_at),
        ..Row::unknown(order_id, created_at)
    })
}

fn status(row: &Row) -> &'static str {
    row.payment.state().status().as_str()
}

/// Inserts the new rows and updates the others. A row that somebody else created or changed meanwhile is a lost race.
/// Keeps `open_calls` in step with them.
pub(crate) fn write_payments(writes: &mut Writes, context: &ServiceContext, rows: &[&Row]) {
    let (stored, new): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.versioned.stored);
    if !new.is_empty() {
        writes
            .every("payments", INSERT_PAYMENTS)
            .bind(new.iter().map(|row| row.order_id.as_uuid()).collect::<Vec<_>>())
            .bind(new.iter().map(|row| ids::payment_id(row.order_id).as_uuid()).collect::<Vec<_>>())
            .bind(new.iter().map(|row| row.user_id.as_ref().map(UserId::as_str)).collect::<Vec<_>>())
            .bind(new.iter().map(|row| status(row)).collect::<Vec<_>>())
            .bind(
                new.iter()
                    .map(|row| row.charge.as_ref().map(|c| c.payment_method.as_str()))
                    .collect::<Vec<_>>(),
            )
            .bind(new.iter().map(|row| row.charge.as_ref().map(|c| c.currency.as_str())).collect::<Vec<_>>())
            .bind(new.iter().map(|row| row.charge.as_ref().map(|c| c.amount.get())).collect::<Vec<_>>())
            .bind(new.iter().map(|row| row.transaction_id.as_deref()).collect::<Vec<_>>())
            .bind(new.iter().map(|row| row.gateway_response.as_deref()).collect::<Vec<_>>())
            .bind(new.iter().map(|row| row.failure_reason.as_deref()).collect::<Vec<_>>())
            .bind(
                new.iter()
                    .map(|row| row.stop_reason.as_ref().map(CancellationReason::as_str))
                    .collect::<Vec<_>>(),
            )
            .bind(new.iter().map(|row| row.reserved.map(|cause| cause.id)).collect::<Vec<_>>())
            .bind(
                new.iter().map(|row| row.reserved.map(|cause| cause.time.to_datetime())).collect::<Vec<_>>(),
            )
            .bind(new.iter().map(|row| row.versioned.event_sequence).collect::<Vec<_>>())
            .bind(new.iter().map(|row| row.versioned.version).collect::<Vec<_>>())
            .bind(
                new.iter()
                    .map(|row| Some(row.versioned.trace.as_ref()?.traceparent.as_str()))
                    .collect::<Vec<_>>(),
            )
            .bind(new.iter().map(|row| row.versioned.created_at.to_datetime()).collect::<Vec<_>>())
            .bind(new.iter().map(|row| row.versioned.updated_at.to_datetime()).collect::<Vec<_>>())
            .bind(
                new.iter().map(|row| row.versioned.trace.as_ref()?.tracestate.as_deref()).collect::<Vec<_>>(),
            );
    }
    if !stored.is_empty() {
        writes
            .every("payments", UPDATE_PAYMENTS)
            .bind(stored.iter().map(|row| row.order_id.as_uuid()).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| status(row)).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.transaction_id.as_deref()).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.gateway_response.as_deref()).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.failure_reason.as_deref()).collect::<Vec<_>>())
            .bind(
                stored
                    .iter()
                    .map(|row| row.stop_reason.as_ref().map(CancellationReason::as_str))
                    .collect::<Vec<_>>(),
            )
            .bind(stored.iter().map(|row| row.versioned.event_sequence).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.versioned.version).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.versioned.updated_at.to_datetime()).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.versioned.read_version).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.versioned.read_sequence).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.refunded.get()).collect::<Vec<_>>());
    }
    let now = |row: &Row| Kind::open(&row.payment);
    write_opened(writes, Changed::of(context, rows, |row| now(row).filter(|_| now(row) != row.read_call)));
    write_closed(
        writes,
        Changed::of(context, rows, |row| row.read_call.filter(|_| now(row) != row.read_call)),
    );
    write_refunds(writes, rows);
}

fn write_opened(writes: &mut Writes, opened: Changed) {
    if !opened.shards.is_empty() {
        let Changed { shards, orders, kinds, ends } = opened;
        writes.any(OPEN_CALL).bind(shards).bind(orders).bind(kinds).bind(ends);
    }
}

fn write_closed(writes: &mut Writes, closed: Changed) {
    if !closed.shards.is_empty() {
        let Changed { shards, orders, kinds, ends: _ } = closed;
        writes.any(CLOSE_CALL).bind(shards).bind(orders).bind(kinds);
    }
}

/// Rows of `open_calls`, by column.
#[derive(Default)]
struct Changed {
    shards: Vec<i16>,
    orders: Vec<Uuid>,
    kinds: Vec<&'static str>,
    ends: Vec<Option<OffsetDateTime>>,
}

impl Changed {
    fn of(context: &ServiceContext, rows: &[&Row], kind: impl Fn(&Row) -> Option<Kind>) -> Self {
        let mut changed = Changed::default();
        for (row, kind) in rows.iter().filter_map(|row| kind(row).map(|kind| (row, kind))) {
            changed.shards.push(shard(context, row.order_id));
            changed.orders.push(row.order_id.as_uuid());
            changed.kinds.push(kind.as_str());
            let end = row.expires_at.filter(|_| kind == Kind::Charge);
            changed.ends.push(end.map(Micros::to_datetime));
        }
        changed
    }
}

fn shard(context: &ServiceContext, order: OrderId) -> i16 {
    number(context.shard_of(&order.to_string()))
}

fn number(shard: u32) -> i16 {
    i16::try_from(shard).unwrap_or(i16::MAX)
}

/// The money is still owed: the row stays open, and says what a person has to know.
pub(crate) fn park_refunds(
    writes: &mut Writes,
    context: &ServiceContext,
    parked: &[(OrderId, RefundId, u32, &str)],
    now: Micros,
) {
    if parked.is_empty() {
        return;
    }
    let orders: Vec<Uuid> = parked.iter().map(|(order, ..)| order.as_uuid()).collect();
    let attempts = |attempts: u32| i32::try_from(attempts).unwrap_or(i32::MAX);
    writes
        .any(PARK_REFUNDS)
        .bind(parked.iter().map(|(_, refund, ..)| refund.as_uuid()).collect::<Vec<_>>())
        .bind(parked.iter().map(|(.., tried, _)| attempts(*tried)).collect::<Vec<_>>())
        .bind(parked.iter().map(|(.., reason)| *reason).collect::<Vec<_>>())
        .bind(now.to_datetime());
    // The provider is not called any more until somebody has the refund tried again.
    writes
        .any(CLOSE_CALL)
        .bind(parked.iter().map(|(order, ..)| shard(context, *order)).collect::<Vec<_>>())
        .bind(orders)
        .bind(vec![Kind::Refund.as_str(); parked.len()]);
}

/// A refund that the provider would not give: a person has to look.
#[derive(Debug, FromRow)]
pub(crate) struct ParkedRefund {
    pub(crate) order_id: Uuid,
    pub(crate) payment_id: Uuid,
    pub(crate) id: Uuid,
    pub(crate) reason: String,
    pub(crate) currency: String,
    pub(crate) amount: Decimal,
    pub(crate) attempts: i32,
    pub(crate) parked_reason: String,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) updated_at: OffsetDateTime,
}

/// The thousand that were asked for first.
pub(crate) async fn parked_refunds(connection: &mut PgConnection) -> Result<Vec<ParkedRefund>, sqlx::Error> {
    sqlx::query_as(PARKED_REFUNDS).fetch_all(connection).await
}

/// Opens the call of a parked refund again, for the owner of its shard to find. False: there is none parked.
pub(crate) async fn retry_refund(context: &ServiceContext, order: OrderId) -> Result<bool, sqlx::Error> {
    let retry = async |connection: &mut PgConnection| {
        let retry = sqlx::query(RETRY_REFUND).bind(order.as_uuid()).bind(shard(context, order));
        retry.bind(context.now().to_datetime()).execute(connection).await
    };
    Ok(context.with_connection(retry).await?.rows_affected() > 0)
}

/// How many are parked.
pub(crate) async fn count_parked_refunds(connection: &mut PgConnection) -> Result<i64, ReactError> {
    Ok(sqlx::query_scalar(COUNT_PARKED_REFUNDS).fetch_one(connection).await?)
}

/// Of each kind, how many calls are open; counted up to 100,000.
pub(crate) async fn count_open_calls(
    connection: &mut PgConnection,
) -> Result<Vec<(String, i64)>, ReactError> {
    Ok(sqlx::query_as(COUNT_OPEN_CALLS).fetch_all(connection).await?)
}

fn write_refunds(writes: &mut Writes, rows: &[&Row]) {
    let due: Vec<(&Row, &Charge, &RefundWrite)> = rows
        .iter()
        .filter_map(|row| row.charge.as_ref().map(|charge| (*row, charge)))
        .flat_map(|(row, charge)| newest(&row.refund_writes).map(move |write| (row, charge, write)))
        .collect();
    if due.is_empty() {
        return;
    }
    let time = |cause: Cause| cause.time.to_datetime();
    writes
        .any(WRITE_REFUNDS)
        .bind(due.iter().map(|(.., write)| write.refund.refund_id.as_uuid()).collect::<Vec<_>>())
        .bind(due.iter().map(|(row, ..)| row.order_id.as_uuid()).collect::<Vec<_>>())
        .bind(due.iter().map(|(_, charge, _)| charge.payment_id.as_uuid()).collect::<Vec<_>>())
        .bind(due.iter().map(|(.., write)| write.refund.reason.as_str()).collect::<Vec<_>>())
        .bind(due.iter().map(|(_, charge, _)| charge.currency.as_str()).collect::<Vec<_>>())
        .bind(due.iter().map(|(.., write)| write.refund.amount.get()).collect::<Vec<_>>())
        .bind(due.iter().map(|(.., write)| write.cause.id).collect::<Vec<_>>())
        .bind(due.iter().map(|(.., write)| time(write.cause)).collect::<Vec<_>>())
        .bind(due.iter().map(|(.., write)| write.is_done).collect::<Vec<_>>())
        .bind(due.iter().map(|(row, ..)| row.versioned.updated_at.to_datetime()).collect::<Vec<_>>())
        .bind(due.iter().map(|(.., write)| write.refund.return_stock).collect::<Vec<_>>())
        .bind(due.iter().map(|(.., write)| write.rest_cause.map(|cause| cause.id)).collect::<Vec<_>>())
        .bind(due.iter().map(|(.., write)| write.rest_cause.map(time)).collect::<Vec<_>>());
}

/// The last write of each refund: one statement writes a row once.
fn newest(writes: &[RefundWrite]) -> impl Iterator<Item = &RefundWrite> {
    writes.iter().enumerate().filter_map(|(index, write)| {
        let mut later = writes[index + 1..].iter();
        (!later.any(|other| other.refund.refund_id == write.refund.refund_id)).then_some(write)
    })
}
