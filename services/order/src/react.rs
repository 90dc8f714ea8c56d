//! What the order service consumes and emits, and how a batch of it becomes one change of the database.

mod table;

use std::collections::BTreeSet;

use minuet_events::catalog::ProductChanged;
use minuet_events::trace::order_trace;
use minuet_events::values::{Micros, OrderId, OrderStatus, Sku};
use minuet_events::{Codec, Envelope, Event, EventType};
use minuet_messaging::{BatchHandler, Cause, Fold, KeptKeys, ReactError, Reads, Rows, Writes};
use sqlx::PgConnection;

use crate::Waiting;
use crate::domain::{Change, Decision, Illegal, Input, decide};
use crate::messaging::{Content, Handled, Received, ServiceContext};
use crate::meters::{OrderMeters, StatusChange};
use crate::row::Row;
use crate::store::{self, GivenRefund, RefusedRequest};

pub use table::PARTICIPANT;

pub(crate) struct OrderHandler {
    pub(crate) context: ServiceContext,
    pub(crate) meters: OrderMeters,
    pub(crate) waiting: Waiting,
    /// How old an order may become that is neither confirmed nor cancelled nor failed.
    pub(crate) deadline: time::Duration,
    pub(crate) sweep_interval: std::time::Duration,
}

/// What happens once the batch has committed: waiters to notify, and what to count.
pub(crate) struct Committed {
    submitted: Vec<OrderId>,
    /// At their end, or with a request that was refused.
    ended: Vec<OrderId>,
    products: Vec<Sku>,
    status_changes: Vec<StatusChange>,
}

impl BatchHandler for OrderHandler {
    type Contract = Codec;
    type After = Committed;
    type Due = OrderId;

    fn consumes(&self) -> Vec<EventType> {
        PARTICIPANT.consumed()
    }

    fn reads(&self, events: &[&Received], reads: &mut Reads) {
        let (ids, skus) = touched(events);
        store::read_orders(reads, &ids);
        store::read_products(reads, &skus);
    }

    fn decide(
        &self,
        now: Micros,
        events: &[&Received],
        rows: &Rows,
    ) -> Result<Handled<Committed>, ReactError> {
        let (mut rows, mut products) = (store::orders_of(rows)?, store::products_of(rows)?);
        let mut changed_products = BTreeSet::new();
        let mut refused_requests: Vec<RefusedRequest> = Vec::new();
        let mut given_refunds: Vec<GivenRefund> = Vec::new();
        let mut fold = Fold::new(self.context.source(), now);
        let mut status_changes = Vec::new();

        for (index, received) in events.iter().enumerate() {
            let incoming = &received.incoming;
            let (envelope, event) = match &received.content {
                Content::Event(content) => (&content.0, &content.1),
                Content::Tombstone { key } => {
                    if let Some(sku) = products.erase(key, incoming) {
                        changed_products.insert(sku);
                    }
                    continue;
                }
            };
            if let Event::ProductChanged(changed) = event {
                if products.apply(changed, envelope, incoming) {
                    fold.applied(index);
                    changed_products.insert(changed.sku.clone());
                }
                continue;
            }
            let Some(order_id) = event.subject().order() else { continue };
            if let Event::RefundRejected(rejected) = event {
                let (request_id, reason) = (rejected.request_id, rejected.reason.clone());
                refused_requests.push(RefusedRequest { request_id, order_id, reason });
                continue;
            }
            if matches!(event, Event::PaymentActionRequired(_) | Event::PaymentDisputed(_)) {
                continue;
            }
            let row = rows.entry(order_id).or_insert_with(|| Row::unknown(order_id, now));
            let illegal = || Illegal { state: row.order.state(), event: event.event_type() };
            let input = Input::of(event, envelope.id, products.known()).ok_or_else(illegal);
            let decision = input.and_then(|input| decide(&row.order, input));
            let Some(Decision { change, emit }) = fold.decided(index, decision) else { continue };
            let trace = order_trace(row.versioned.trace.as_ref(), Some(&envelope.trace), order_id);
            if let Some(change) = change {
                given_refunds.extend(GivenRefund::of(envelope, event));
                status_changes.extend(apply(row, change, Some((envelope, event)), now)?);
            }
            if let Some(event) = emit {
                if let Event::OrderCancellationRejected(rejected) = &event {
                    let (request_id, reason) = (rejected.request_id, rejected.reason.clone());
                    refused_requests.push(RefusedRequest { request_id, order_id, reason });
                }
                fold.emit(&mut row.versioned, Cause::from(envelope), &trace, event);
            }
        }

        let written: Vec<&Row> = rows.values().filter(|row| row.versioned.changed).collect();
        let mut writes = Writes::default();
        store::write_orders(&mut writes, &written);
        store::write_refusals(&mut writes, &refused_requests, now);
        store::write_given_refunds(&mut writes, &given_refunds, now);
        store::write_products(&mut writes, products.rows(&changed_products));
        let after = Committed {
            submitted: written.iter().filter(|row| row.lines.is_some()).map(|row| row.id).collect(),
            ended: ended(&written)
                .chain(refused_requests.iter().map(|r| r.order_id))
                .chain(given_refunds.iter().map(|r| r.order_id))
                .collect(),
            products: changed_products.into_iter().collect(),
            status_changes,
        };
        Ok(Handled { writes, ..fold.handled(after) })
    }

    fn committed(&self, after: Committed) {
        self.meters.count(&after.status_changes);
        self.waiting.submissions.wake(&after.submitted);
        self.waiting.ends.wake(&after.ended);
        self.waiting.products.wake(&after.products);
    }

    /// The catalogue is the only compacted input.
    async fn keep_only(&self, connection: &mut PgConnection, kept: &KeptKeys<'_>) -> Result<u64, ReactError> {
        Ok(store::withdraw_products(connection, kept).await?)
    }

    fn sweep_interval(&self) -> Option<std::time::Duration> {
        Some(self.sweep_interval)
    }

    async fn sample(&self, connection: &mut PgConnection, now: Micros) -> Result<(), ReactError> {
        self.meters.sample(connection, now, self.deadline).await
    }

    async fn due(
        &self,
        connection: &mut PgConnection,
        since: Micros,
        now: Micros,
    ) -> Result<Vec<OrderId>, ReactError> {
        store::due(connection, since.plus(-self.deadline), now.plus(-self.deadline)).await
    }

    /// The deadline: an order that is still open is cancelled, in the name of its submission.
    async fn sweep(
        &self,
        connection: &mut PgConnection,
        now: Micros,
        orders: &[OrderId],
    ) -> Result<Handled<Committed>, ReactError> {
        let mut reads = Reads::locked();
        store::read_orders(&mut reads, orders);
        let mut rows = store::orders_of(&reads.fetch(connection).await?)?;
        let mut fold = Fold::new(self.context.source(), now);
        let mut status_changes = Vec::new();
        for row in rows.values_mut() {
            let (Some(cause), Ok(decision)) = (row.submission, decide(&row.order, Input::DeadlinePassed))
            else {
                continue;
            };
            let Decision { change: Some(change), emit: Some(event) } = decision else { continue };
            let trace = order_trace(row.versioned.trace.as_ref(), None, row.id);
            status_changes.extend(apply(row, change, None, now)?);
            fold.emit(&mut row.versioned, cause, &trace, event);
        }
        let written: Vec<&Row> = rows.values().filter(|row| row.versioned.changed).collect();
        let mut writes = Writes::default();
        store::write_orders(&mut writes, &written);
        let ended = ended(&written).collect();
        let after = Committed { submitted: Vec::new(), ended, products: Vec::new(), status_changes };
        Ok(Handled { writes, ..fold.handled(after) })
    }
}

fn ended<'a>(written: &'a [&'a Row]) -> impl Iterator<Item = OrderId> + 'a {
    let is_final = |row: &&&Row| row.order.state().status().is_some_and(OrderStatus::is_final);
    written.iter().filter(is_final).map(|row| row.id)
}

/// Answers with what is to be counted once it has committed.
fn apply(
    row: &mut Row,
    change: Change,
    cause: Option<(&Envelope, &Event)>,
    now: Micros,
) -> Result<Option<StatusChange>, ReactError> {
    let (before, changed) = (row.order.clone(), change.clone());
    row.apply(change, cause, now)?;
    Ok(StatusChange::of(&before, &changed, row, now))
}

fn touched(events: &[&Received]) -> (Vec<OrderId>, Vec<Sku>) {
    let (mut ids, mut skus) = (BTreeSet::new(), BTreeSet::new());
    for received in events {
        match &received.content {
            Content::Tombstone { key } => skus.extend(Sku::parse(key).ok()),
            Content::Event(content) => match &content.1 {
                Event::ProductChanged(ProductChanged { sku, .. }) => {
                    skus.insert(sku.clone());
                }
                Event::OrderSubmitted(submitted) => {
                    ids.insert(submitted.order_id);
                    skus.extend(submitted.lines.iter().map(|line| line.sku.clone()));
                }
                other => ids.extend(other.subject().order()),
            },
        }
    }
    (ids.into_iter().collect(), skus.into_iter().collect())
}
