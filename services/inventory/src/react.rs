//! What the inventory service consumes and emits, and how a batch of it becomes one change of the database.

mod table;

use std::collections::BTreeSet;
use std::sync::Arc;

use minuet_events::inventory::{StockAdjusted, StockAdjustmentRejected, StockLevelChanged};
use minuet_events::trace::order_trace;
use minuet_events::values::{AdjustmentId, Micros, OrderId, Sku};
use minuet_events::{Codec, Envelope, Event, EventType};
use minuet_messaging::{BatchHandler, Cause, Fold, ReactError, Reads, Rows, Waiters, Writes};
use sqlx::PgConnection;
use time::Duration;

use crate::domain::{Adjusted, Decision, Illegal, Input, Reservation, Stock, adjust, decide, shift};
use crate::messaging::{Content, Handled, Received, ServiceContext};
use crate::meters::{InventoryMeters, Tally};
use crate::row::Row;
use crate::store::{self, Adjustment};

pub use table::PARTICIPANT;

pub(crate) struct InventoryHandler {
    pub(crate) context: ServiceContext,
    pub(crate) meters: InventoryMeters,
    pub(crate) adjustments: Arc<Waiters<AdjustmentId>>,
    /// How long goods are held for a payment.
    pub(crate) hold: Duration,
    pub(crate) sweep_interval: std::time::Duration,
}

/// Who is to be told once the batch is committed.
pub(crate) struct Committed {
    adjustments: Vec<AdjustmentId>,
    tally: Tally,
}

impl BatchHandler for InventoryHandler {
    type Contract = Codec;
    type After = Committed;
    type Due = OrderId;

    fn consumes(&self) -> Vec<EventType> {
        PARTICIPANT.consumed()
    }

    fn reads(&self, events: &[&Received], reads: &mut Reads) {
        let events: Vec<(usize, &Envelope, &Event)> = contents(events).collect();
        store::read(reads, &orders_of(&events), &skus_of(&events));
        store::read_adjusting(reads, &adjusted_of(&events), &adjustments_of(&events));
    }

    fn decide(
        &self,
        now: Micros,
        events: &[&Received],
        rows: &Rows,
    ) -> Result<Handled<Committed>, ReactError> {
        let events: Vec<(usize, &Envelope, &Event)> = contents(events).collect();
        let (sequences_before, stock_before) = (store::sequences_of(rows)?, store::stock_of(rows)?);
        let (mut sequences, mut stock) = (sequences_before.clone(), stock_before.clone());
        let known = store::adjustments_of(rows)?;
        let mut rows = store::reservations_of(rows)?;
        let mut fold = Fold::new(self.context.source(), now);
        let mut batch = Adjusting { known, adjustments: Vec::new() };

        for (index, envelope, event) in events {
            if let Event::StockAdjusted(adjusted) = event {
                let sequence = sequences.entry(adjusted.sku.clone()).or_default();
                match batch.adjust(&mut stock, adjusted, now) {
                    None => fold.no_op(),
                    Some(event) => {
                        fold.applied(index);
                        *sequence += 1;
                        fold.emit_as(Some(*sequence), Cause::from(envelope), &envelope.trace, event);
                    }
                }
                continue;
            }
            let Some(order_id) = event.subject().order() else { continue };
            let reservation = rows.get(&order_id).map_or(&Reservation::Unknown, |row| &row.reservation);
            let illegal = || Illegal { state: reservation.state(), event: event.event_type() };
            let input = Input::of(event, now.plus(self.hold)).ok_or_else(illegal);
            let decision = input.and_then(|input| decide(reservation, input, &stock));
            let Some(Decision { change, moves, emit }) = fold.decided(index, decision) else { continue };
            // An event that changed nothing does not begin a row.
            let row = rows
                .entry(order_id)
                .or_insert_with(|| Row::unknown(order_id, Cause::from(envelope), &envelope.trace, now));
            let trace = order_trace(row.versioned.trace.as_ref(), Some(&envelope.trace), order_id);
            shift(&mut stock, &moves);
            if let Some(change) = change {
                row.apply(change, now)?;
            }
            if let Some(event) = emit {
                fold.emit(&mut row.versioned, Cause::from(envelope), &trace, event);
            }
        }

        let written: Vec<&Row> = rows.values().filter(|row| row.versioned.changed).collect();
        let mut writes = Writes::default();
        store::write_reservations(&mut writes, &written);
        store::write_stock(&mut writes, &stock_before, &stock);
        store::write_sequences(&mut writes, &sequences_before, &sequences);
        store::write_adjustments(&mut writes, &batch.adjustments);
        let after = Committed {
            adjustments: batch.adjustments.iter().map(|a| a.id).collect(),
            tally: Tally::of(fold.events()),
        };
        Ok(Handled { writes, ..fold.handled(after) })
    }

    fn committed(&self, after: Committed) {
        self.meters.count(&after.tally);
        self.adjustments.wake(&after.adjustments);
    }

    fn sweep_interval(&self) -> Option<std::time::Duration> {
        Some(self.sweep_interval)
    }

    async fn sample(&self, connection: &mut PgConnection, _: Micros) -> Result<(), ReactError> {
        self.meters.sample(connection).await
    }

    async fn due(
        &self,
        connection: &mut PgConnection,
        since: Micros,
        now: Micros,
    ) -> Result<Vec<OrderId>, ReactError> {
        store::due(connection, since, now).await
    }

    /// Reservations that have expired go back, in the name of the OrderPlaced that reserved.
    async fn sweep(
        &self,
        connection: &mut PgConnection,
        now: Micros,
        orders: &[OrderId],
    ) -> Result<Handled<Committed>, ReactError> {
        let mut reads = Reads::locked();
        store::read(&mut reads, orders, &BTreeSet::new());
        let found = reads.fetch(connection).await?;
        let (mut rows, mut stock) = (store::reservations_of(&found)?, store::stock_of(&found)?);
        let before = stock.clone();
        let mut fold = Fold::new(self.context.source(), now);
        for row in rows.values_mut() {
            let due = Input::Due { order_id: row.order_id, now };
            let Ok(Decision { change: Some(change), moves, emit: Some(event) }) =
                decide(&row.reservation, due, &stock)
            else {
                continue;
            };
            let trace = order_trace(row.versioned.trace.as_ref(), None, row.order_id);
            shift(&mut stock, &moves);
            row.apply(change, now)?;
            fold.emit(&mut row.versioned, row.placed, &trace, event);
        }
        let written: Vec<&Row> = rows.values().filter(|row| row.versioned.changed).collect();
        let mut writes = Writes::default();
        store::write_reservations(&mut writes, &written);
        store::write_stock(&mut writes, &before, &stock);
        let after = Committed { adjustments: Vec::new(), tally: Tally::of(fold.events()) };
        Ok(Handled { writes, ..fold.handled(after) })
    }
}

/// The adjustments of a batch so far.
struct Adjusting {
    /// Adjustments that were decided before.
    known: BTreeSet<AdjustmentId>,
    adjustments: Vec<Adjustment>,
}

impl Adjusting {
    /// The event that follows. `None`: the adjustment was decided before.
    fn adjust(&mut self, stock: &mut Stock, adjusted: &StockAdjusted, now: Micros) -> Option<Event> {
        if !self.known.insert(adjusted.adjustment_id) {
            return None;
        }
        let shelf = (adjusted.sku.clone(), adjusted.warehouse_code.clone());
        let outcome = adjust(stock.get(&shelf).copied(), adjusted);
        let (sku, warehouse_code) = shelf.clone();
        let adjustment_id = adjusted.adjustment_id;
        let event = match &outcome {
            Adjusted::Applied(level) => {
                stock.insert(shelf, *level);
                let crate::domain::Level { available, reserved, on_hand, version } = *level;
                Event::from(StockLevelChanged {
                    sku,
                    warehouse_code,
                    available,
                    reserved,
                    on_hand,
                    version,
                    adjustment_id,
                })
            }
            Adjusted::Refused(reason) => Event::from(StockAdjustmentRejected {
                adjustment_id,
                sku,
                warehouse_code,
                delta: adjusted.delta,
                reason: (*reason).to_owned(),
            }),
        };
        self.adjustments.push(Adjustment::new(adjusted, outcome, now));
        Some(event)
    }
}

fn contents<'a>(events: &'a [&'a Received]) -> impl Iterator<Item = (usize, &'a Envelope, &'a Event)> {
    events.iter().enumerate().filter_map(|(index, received)| match &received.content {
        Content::Event(content) => Some((index, &content.0, &content.1)),
        Content::Tombstone { .. } => None,
    })
}

fn orders_of(events: &[(usize, &Envelope, &Event)]) -> Vec<OrderId> {
    let ids: BTreeSet<OrderId> = events.iter().filter_map(|(_, _, event)| event.subject().order()).collect();
    ids.into_iter().collect()
}

fn adjustments(events: &[(usize, &Envelope, &Event)]) -> impl Iterator<Item = StockAdjusted> {
    events.iter().filter_map(|(_, _, event)| match event {
        Event::StockAdjusted(adjusted) => Some(adjusted.clone()),
        _ => None,
    })
}

fn adjusted_of(events: &[(usize, &Envelope, &Event)]) -> BTreeSet<Sku> {
    adjustments(events).map(|adjusted| adjusted.sku).collect()
}

fn adjustments_of(events: &[(usize, &Envelope, &Event)]) -> Vec<AdjustmentId> {
    adjustments(events).map(|adjusted| adjusted.adjustment_id).collect()
}

/// The skus of placed orders and of adjustments. Levels of other skus are moved only for what a reservation holds.
fn skus_of(events: &[(usize, &Envelope, &Event)]) -> BTreeSet<Sku> {
    let mut skus = adjusted_of(events);
    for (_, _, event) in events {
        if let Event::OrderPlaced(placed) = event {
            skus.extend(placed.lines.iter().map(|line| line.sku.clone()));
        }
    }
    skus
}
