//! Every statement of the inventory service. Set-based: one per table and batch, rows in key order, so that nobody
//! deadlocks.

use std::collections::{BTreeMap, BTreeSet};

use minuet_events::TraceContext;
use minuet_events::inventory::StockAdjusted;
use minuet_events::values::{AdjustmentId, Micros, OrderId, Quantity, ReservationStatus, Sku, WarehouseCode};
use minuet_messaging::{Cause, ReactError, Reads, Rows, Versioned, Writes};
use sqlx::PgConnection;
use sqlx::prelude::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Adjusted, Held, HeldLine, Level, Reservation, Stock};
use crate::row::Row;

const LOAD_RESERVATIONS: &str = "select order_id, status::text as status, expires_at, skus, warehouse_codes, quantities, placed_id, placed_time,
        event_sequence, version, traceparent, tracestate, created_at
     from order_reservations where order_id = any($1::uuid[]) order by order_id";

/// The lines of all rows lie one after the other in $4 to $6; each row takes its slice of them.
const INSERT_RESERVATIONS: &str = "insert into order_reservations (order_id, status, expires_at, skus, warehouse_codes, quantities, placed_id, placed_time,
        event_sequence, version, traceparent, created_at, updated_at, tracestate)
     select n.order_id, n.status, n.expires_at,
        ($4::text[])[n.first:n.last], ($5::text[])[n.first:n.last], ($6::integer[])[n.first:n.last],
        n.placed_id, n.placed_time, n.event_sequence, n.version, n.traceparent, n.created_at, n.updated_at, n.tracestate
     from unnest($1::uuid[], $2::reservation_status[], $3::timestamptz[], $7::integer[], $8::integer[], $9::uuid[], $10::timestamptz[],
        $11::bigint[], $12::integer[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::text[])
        as n (order_id, status, expires_at, first, last, placed_id, placed_time, event_sequence, version, traceparent, created_at, updated_at, tracestate)
     on conflict (order_id) do nothing";

const UPDATE_RESERVATIONS: &str = "update order_reservations r set status = n.status, event_sequence = n.event_sequence, version = n.version, updated_at = n.updated_at
     from unnest($1::uuid[], $2::reservation_status[], $3::bigint[], $4::integer[], $5::timestamptz[], $6::integer[], $7::bigint[])
        as n (order_id, status, event_sequence, version, updated_at, read_version, read_sequence)
     where r.order_id = n.order_id and r.version = n.read_version and r.event_sequence = n.read_sequence";

/// Goods held past their time.
const DUE: &str = "select order_id from order_reservations where expires_at > $1 and expires_at <= $2 and status = 'reserved' order by expires_at";

const LOAD_SEQUENCES: &str = "select sku as sequence_sku, event_sequence as sku_sequence from skus where sku = any($1::text[]) order by sku";

const INSERT_SEQUENCES: &str = "insert into skus (sku, event_sequence)
     select n.sku, n.event_sequence from unnest($1::text[], $2::bigint[], $3::bigint[]) as n (sku, event_sequence, read_sequence) order by n.sku
     on conflict (sku) do nothing";

const UPDATE_SEQUENCES: &str = "update skus s set event_sequence = n.event_sequence
     from unnest($1::text[], $2::bigint[], $3::bigint[]) as n (sku, event_sequence, read_sequence)
     where s.sku = n.sku and s.event_sequence = n.read_sequence";

/// $1: skus; $2: orders, whose held lines name further skus. What a reservation holds never changes.
const LOAD_STOCK: &str = "select sku, warehouse_code, available, reserved, on_hand, version as stock_version
     from stock where sku = any($1::text[] || array(select unnest(r.skus) from order_reservations r where r.order_id = any($2::uuid[])))
     order by sku, warehouse_code";

const INSERT_STOCK: &str = "insert into stock (sku, warehouse_code, available, reserved, on_hand, version)
     select n.sku, n.warehouse_code, n.available, n.reserved, n.on_hand, n.version
     from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
        as n (sku, warehouse_code, available, reserved, on_hand, version, read_version)
     on conflict (sku, warehouse_code) do nothing";

const UPDATE_STOCK: &str = "update stock s set available = n.available, reserved = n.reserved, on_hand = n.on_hand, version = n.version
     from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
        as n (sku, warehouse_code, available, reserved, on_hand, version, read_version)
     where s.sku = n.sku and s.warehouse_code = n.warehouse_code and s.version = n.read_version";

const LOAD_ADJUSTMENTS: &str = "select id as adjustment_id from adjustments where id = any($1::uuid[])";

const WRITE_ADJUSTMENTS: &str = "insert into adjustments (id, sku, warehouse_code, delta, applied, reason, available, reserved, on_hand, version, created_at)
     select * from unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::boolean[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::timestamptz[])
     on conflict (id) do nothing";

const LEVELS: &str = "select sku, warehouse_code, available, reserved, on_hand, version as stock_version from stock where sku = $1 order by warehouse_code";

const ADJUSTMENT: &str = "select id, sku, warehouse_code, delta, applied, reason, available, reserved, on_hand, version from adjustments where id = $1";

/// For gauges.
const WAREHOUSES: &str = "select warehouse_code, sum(available)::float8, sum(reserved)::float8 from stock
     group by warehouse_code order by sum(available) desc, warehouse_code limit 50";
const LOW: &str = "select sku, warehouse_code, available::float8 from stock where available <= $1 order by available, sku, warehouse_code limit 20";

/// For the test that prepares each against the migrated schema.
pub const STATEMENTS: &[&str] = &[
    LOAD_RESERVATIONS,
    INSERT_RESERVATIONS,
    UPDATE_RESERVATIONS,
    DUE,
    LOAD_SEQUENCES,
    INSERT_SEQUENCES,
    UPDATE_SEQUENCES,
    LOAD_STOCK,
    INSERT_STOCK,
    UPDATE_STOCK,
    LOAD_ADJUSTMENTS,
    WRITE_ADJUSTMENTS,
    LEVELS,
    WAREHOUSES,
    LOW,
    ADJUSTMENT,
];

#[derive(FromRow)]
struct ReservationRow {
    order_id: Uuid,
    status: String,
    expires_at: OffsetDateTime,
    skus: Vec<String>,
    warehouse_codes: Vec<String>,
    quantities: Vec<i32>,
    placed_id: Uuid,
    placed_time: OffsetDateTime,
    event_sequence: i64,
    version: i32,
    traceparent: String,
    tracestate: Option<String>,
    created_at: OffsetDateTime,
}

/// Reads the reservations, in the order of their ids, and all levels of their skus and of these, in the order of (sku, warehouse).
/// In this order rows are locked by every transaction.
pub(crate) fn read(reads: &mut Reads, orders: &[OrderId], skus: &BTreeSet<Sku>) {
    let ids: Vec<Uuid> = orders.iter().map(|id| id.as_uuid()).collect();
    if !orders.is_empty() {
        reads.select(LOAD_RESERVATIONS, "for update").bind(&ids);
    }
    if !(orders.is_empty() && skus.is_empty()) {
        let names: Vec<&str> = skus.iter().map(Sku::as_str).collect();
        reads.select(LOAD_STOCK, "for update").bind(names).bind(&ids);
    }
}

/// Reads the rows in which the `ce_sequence` of the skus' events is drawn, and these adjustments.
pub(crate) fn read_adjusting(reads: &mut Reads, skus: &BTreeSet<Sku>, adjustments: &[AdjustmentId]) {
    if adjustments.is_empty() {
        return;
    }
    let ids: Vec<Uuid> = adjustments.iter().map(|id| id.as_uuid()).collect();
    let names: Vec<&str> = skus.iter().map(Sku::as_str).collect();
    reads.select(LOAD_SEQUENCES, "for update").bind(names).select(LOAD_ADJUSTMENTS, "").bind(ids);
}

pub(crate) fn reservations_of(rows: &Rows) -> Result<BTreeMap<OrderId, Row>, ReactError> {
    let rows: Vec<ReservationRow> = rows.of(LOAD_RESERVATIONS)?;
    rows.into_iter().map(|row| loaded(row).map(|row| (row.order_id, row))).collect()
}

/// Reservations that expired between these times, the oldest first.
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

fn loaded(stored: ReservationRow) -> Result<Row, ReactError> {
    let order = stored.order_id;
    let corrupt = |detail: String| ReactError::Corrupt {
        table: "order_reservations",
        detail: format!("{order}: {detail}"),
    };
    let shelves = stored.skus.iter().zip(&stored.warehouse_codes).zip(&stored.quantities);
    let lines: Result<Vec<HeldLine>, _> = shelves
        .map(|((sku, warehouse), quantity)| {
            Ok(HeldLine {
                sku: Sku::parse(sku)?,
                warehouse_code: WarehouseCode::parse(warehouse)?,
                quantity: Quantity::try_from(i64::from(*quantity))?,
            })
        })
        .collect();
    let lines = lines.map_err(|e: minuet_events::values::ValueError| corrupt(e.to_string()))?;
    let held = Held { lines, expires_at: Micros::from_datetime(stored.expires_at) };
    let status = ReservationStatus::parse(&stored.status).map_err(|e| corrupt(e.to_string()))?;
    let reservation = match status {
        ReservationStatus::Reserved => Reservation::Reserved(held.clone()),
        ReservationStatus::Confirmed => Reservation::Confirmed(held.clone()),
        ReservationStatus::Released if held.lines.is_empty() => Reservation::Rejected,
        ReservationStatus::Released => Reservation::Released,
    };
    let created_at = Micros::from_datetime(stored.created_at);
    Ok(Row {
        order_id: OrderId::new(stored.order_id),
        reservation,
        held,
        placed: Cause { id: stored.placed_id, time: Micros::from_datetime(stored.placed_time) },
        versioned: Versioned::read(
            stored.event_sequence,
            stored.version,
            TraceContext::parse(&stored.traceparent, stored.tracestate.as_deref(), None),
            created_at,
        ),
    })
}

fn status(row: &Row) -> &'static str {
    row.reservation.state().status().as_str()
}

/// Inserts the new rows and updates the others. A row that somebody else created or changed meanwhile is a lost race.
pub(crate) fn write_reservations(writes: &mut Writes, rows: &[&Row]) {
    let (stored, new): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.versioned.stored);
    let times = |rows: &[&Row], time: fn(&Row) -> Micros| -> Vec<OffsetDateTime> {
        rows.iter().map(|row| time(row).to_datetime()).collect()
    };
    if !new.is_empty() {
        let (mut skus, mut warehouses, mut quantities) = (Vec::new(), Vec::new(), Vec::new());
        let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
        for row in &new {
            firsts.push(skus.len() as i32 + 1);
            for line in &row.held.lines {
                skus.push(line.sku.as_str());
                warehouses.push(line.warehouse_code.as_str());
                quantities.push(line.quantity.get().cast_signed());
            }
            lasts.push(skus.len() as i32);
        }
        writes
            .every("order_reservations", INSERT_RESERVATIONS)
            .bind(new.iter().map(|row| row.order_id.as_uuid()).collect::<Vec<_>>())
            .bind(new.iter().map(|row| status(row)).collect::<Vec<_>>())
            .bind(times(&new, |row| row.held.expires_at))
            .bind(skus)
            .bind(warehouses)
            .bind(quantities)
            .bind(firsts)
            .bind(lasts)
            .bind(new.iter().map(|row| row.placed.id).collect::<Vec<_>>())
            .bind(times(&new, |row| row.placed.time))
            .bind(new.iter().map(|row| row.versioned.event_sequence).collect::<Vec<_>>())
            .bind(new.iter().map(|row| row.versioned.version).collect::<Vec<_>>())
            .bind(
                new.iter()
                    .map(|row| Some(row.versioned.trace.as_ref()?.traceparent.as_str()))
                    .collect::<Vec<_>>(),
            )
            .bind(times(&new, |row| row.versioned.created_at))
            .bind(times(&new, |row| row.versioned.updated_at))
            .bind(
                new.iter().map(|row| row.versioned.trace.as_ref()?.tracestate.as_deref()).collect::<Vec<_>>(),
            );
    }
    if !stored.is_empty() {
        writes
            .every("order_reservations", UPDATE_RESERVATIONS)
            .bind(stored.iter().map(|row| row.order_id.as_uuid()).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| status(row)).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.versioned.event_sequence).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.versioned.version).collect::<Vec<_>>())
            .bind(times(&stored, |row| row.versioned.updated_at))
            .bind(stored.iter().map(|row| row.versioned.read_version).collect::<Vec<_>>())
            .bind(stored.iter().map(|row| row.versioned.read_sequence).collect::<Vec<_>>());
    }
}

#[derive(FromRow)]
struct SequenceRow {
    sequence_sku: String,
    sku_sequence: i64,
}

/// The last `ce_sequence` of each sku that has one.
pub(crate) fn sequences_of(rows: &Rows) -> Result<BTreeMap<Sku, i64>, ReactError> {
    let parse = |SequenceRow { sequence_sku, sku_sequence }| match Sku::parse(&sequence_sku) {
        Ok(sku) => Ok((sku, sku_sequence)),
        Err(error) => Err(ReactError::Corrupt { table: "skus", detail: error.to_string() }),
    };
    rows.of::<SequenceRow>(LOAD_SEQUENCES)?.into_iter().map(parse).collect()
}

/// Writes the sequences that moved. One that somebody else moved meanwhile is a lost race.
pub(crate) fn write_sequences(writes: &mut Writes, before: &BTreeMap<Sku, i64>, after: &BTreeMap<Sku, i64>) {
    let moved = after.iter().filter(|(sku, sequence)| before.get(*sku) != Some(*sequence));
    let (known, new): (Vec<_>, Vec<_>) = moved.partition(|(sku, _)| before.contains_key(*sku));
    for (statement, rows) in [(INSERT_SEQUENCES, new), (UPDATE_SEQUENCES, known)] {
        if !rows.is_empty() {
            writes
                .every("skus", statement)
                .bind(rows.iter().map(|(sku, _)| sku.as_str()).collect::<Vec<_>>())
                .bind(rows.iter().map(|(_, sequence)| **sequence).collect::<Vec<_>>())
                .bind(rows.iter().map(|(sku, _)| before.get(*sku).copied().unwrap_or(0)).collect::<Vec<_>>());
        }
    }
}

#[derive(FromRow)]
pub(crate) struct LevelRow {
    pub(crate) sku: String,
    pub(crate) warehouse_code: String,
    pub(crate) available: i64,
    pub(crate) reserved: i64,
    pub(crate) on_hand: i64,
    #[sqlx(rename = "stock_version")]
    pub(crate) version: i64,
}

pub(crate) fn stock_of(rows: &Rows) -> Result<Stock, ReactError> {
    let rows: Vec<LevelRow> = rows.of(LOAD_STOCK)?;
    let parse = |row: LevelRow| {
        let corrupt = |e: minuet_events::values::ValueError| ReactError::Corrupt {
            table: "stock",
            detail: e.to_string(),
        };
        let shelf = (
            Sku::parse(&row.sku).map_err(corrupt)?,
            WarehouseCode::parse(&row.warehouse_code).map_err(corrupt)?,
        );
        let LevelRow { available, reserved, on_hand, version, .. } = row;
        Ok((shelf, Level { available, reserved, on_hand, version }))
    };
    rows.into_iter().map(parse).collect()
}

/// Writes the levels that moved. One that somebody else created or changed meanwhile is a lost race.
pub(crate) fn write_stock(writes: &mut Writes, before: &Stock, after: &Stock) {
    let moved = after.iter().filter(|(shelf, level)| before.get(*shelf) != Some(*level));
    let (known, new): (Vec<_>, Vec<_>) = moved.partition(|(shelf, _)| before.contains_key(*shelf));
    for (statement, rows) in [(UPDATE_STOCK, known), (INSERT_STOCK, new)] {
        if rows.is_empty() {
            continue;
        }
        writes
            .every("stock", statement)
            .bind(rows.iter().map(|((sku, _), _)| sku.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|((_, warehouse), _)| warehouse.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|(_, level)| level.available).collect::<Vec<_>>())
            .bind(rows.iter().map(|(_, level)| level.reserved).collect::<Vec<_>>())
            .bind(rows.iter().map(|(_, level)| level.on_hand).collect::<Vec<_>>())
            .bind(rows.iter().map(|(_, level)| level.version).collect::<Vec<_>>())
            .bind(
                rows.iter().map(|(shelf, _)| before.get(*shelf).map_or(0, |l| l.version)).collect::<Vec<_>>(),
            );
    }
}

/// An adjustment and how it ended.
#[derive(Debug)]
pub(crate) struct Adjustment {
    pub(crate) id: AdjustmentId,
    sku: Sku,
    warehouse_code: WarehouseCode,
    delta: i32,
    outcome: Adjusted,
    at: Micros,
}

impl Adjustment {
    pub(crate) fn new(adjusted: &StockAdjusted, outcome: Adjusted, at: Micros) -> Self {
        Adjustment {
            id: adjusted.adjustment_id,
            sku: adjusted.sku.clone(),
            warehouse_code: adjusted.warehouse_code.clone(),
            delta: adjusted.delta,
            outcome,
            at,
        }
    }

    fn level(&self) -> Option<&Level> {
        match &self.outcome {
            Adjusted::Applied(level) => Some(level),
            Adjusted::Refused(_) => None,
        }
    }

    fn refusal(&self) -> Option<&'static str> {
        match &self.outcome {
            Adjusted::Applied(_) => None,
            Adjusted::Refused(reason) => Some(reason),
        }
    }
}

#[derive(FromRow)]
struct AdjustmentRow {
    adjustment_id: Uuid,
}

/// The adjustments that were decided before.
pub(crate) fn adjustments_of(rows: &Rows) -> Result<BTreeSet<AdjustmentId>, ReactError> {
    let known: Vec<AdjustmentRow> = rows.of(LOAD_ADJUSTMENTS)?;
    Ok(known.into_iter().map(|row| AdjustmentId::new(row.adjustment_id)).collect())
}

/// One that somebody else wrote meanwhile is a lost race: then it is known, and the batch starts again.
pub(crate) fn write_adjustments(writes: &mut Writes, adjustments: &[Adjustment]) {
    if adjustments.is_empty() {
        return;
    }
    writes
        .every("adjustments", WRITE_ADJUSTMENTS)
        .bind(adjustments.iter().map(|a| a.id.as_uuid()).collect::<Vec<_>>())
        .bind(adjustments.iter().map(|a| a.sku.as_str()).collect::<Vec<_>>())
        .bind(adjustments.iter().map(|a| a.warehouse_code.as_str()).collect::<Vec<_>>())
        .bind(adjustments.iter().map(|a| a.delta).collect::<Vec<_>>())
        .bind(adjustments.iter().map(|a| a.level().is_some()).collect::<Vec<_>>())
        .bind(adjustments.iter().map(Adjustment::refusal).collect::<Vec<_>>())
        .bind(adjustments.iter().map(|a| a.level().map(|l| l.available)).collect::<Vec<_>>())
        .bind(adjustments.iter().map(|a| a.level().map(|l| l.reserved)).collect::<Vec<_>>())
        .bind(adjustments.iter().map(|a| a.level().map(|l| l.on_hand)).collect::<Vec<_>>())
        .bind(adjustments.iter().map(|a| a.level().map(|l| l.version)).collect::<Vec<_>>())
        .bind(adjustments.iter().map(|a| a.at.to_datetime()).collect::<Vec<_>>());
}

pub(crate) async fn levels(connection: &mut PgConnection, sku: &Sku) -> Result<Vec<LevelRow>, sqlx::Error> {
    sqlx::query_as(LEVELS).bind(sku.as_str()).fetch_all(connection).await
}

/// Of the 50 largest warehouses, how many items are available and reserved.
pub(crate) async fn warehouses(connection: &mut PgConnection) -> Result<Vec<(String, f64, f64)>, ReactError> {
    Ok(sqlx::query_as(WAREHOUSES).fetch_all(connection).await?)
}

/// The 20 lowest of the levels with at most this many available items: sku, warehouse, available.
pub(crate) async fn low(
    connection: &mut PgConnection,
    most: u32,
) -> Result<Vec<(String, String, f64)>, ReactError> {
    Ok(sqlx::query_as(LOW).bind(i64::from(most)).fetch_all(connection).await?)
}

/// An adjustment as it is shown.
#[derive(FromRow)]
pub(crate) struct AdjustmentView {
    pub(crate) id: Uuid,
    pub(crate) sku: String,
    pub(crate) warehouse_code: String,
    pub(crate) delta: i32,
    pub(crate) applied: bool,
    pub(crate) reason: Option<String>,
    pub(crate) available: Option<i64>,
    pub(crate) reserved: Option<i64>,
    pub(crate) on_hand: Option<i64>,
    pub(crate) version: Option<i64>,
}

pub(crate) async fn adjustment(
    connection: &mut PgConnection,
    id: AdjustmentId,
) -> Result<Option<AdjustmentView>, sqlx::Error> {
    sqlx::query_as(ADJUSTMENT).bind(id.as_uuid()).fetch_optional(connection).await
}
