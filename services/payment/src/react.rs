//! What the payment service consumes and emits, and how a batch of it becomes one change of the database. The provider is
//! called after the commit, by [`crate::calls`].

mod table;

use std::collections::BTreeMap;

use minuet_events::trace::order_trace;
use minuet_events::values::{Micros, OrderId};
use minuet_events::{Codec, Envelope, Event, EventType};
use minuet_messaging::{BatchHandler, Cause, Fold, ReactError, Reads, Rows, Writes};
use sqlx::PgConnection;

use crate::call::Call;
use crate::calls::Calls;
use crate::domain::{Illegal, Input, InputKind, Payment, decide};
use crate::messaging::{Content, Handled, Received, ServiceContext};
use crate::meters::Tally;
use crate::record::settle;
use crate::row::Row;
use crate::store;

pub use table::PARTICIPANT;

pub(crate) struct PaymentHandler {
    pub(crate) context: ServiceContext,
    pub(crate) calls: Calls,
}

/// What is to be asked of the provider once the batch is committed.
pub(crate) struct Committed {
    calls: Vec<Call>,
    stops: Vec<OrderId>,
    /// Orders about whose payments the provider has sent a notification.
    notified: Vec<OrderId>,
    tally: Tally,
}

impl BatchHandler for PaymentHandler {
    type Contract = Codec;
    type After = Committed;
    type Due = OrderId;

    fn consumes(&self) -> Vec<EventType> {
        PARTICIPANT.consumed()
    }

    fn reads(&self, events: &[&Received], reads: &mut Reads) {
        store::read_payments(reads, &contents(events).map(|(.., order)| order).collect());
    }

    fn decide(
        &self,
        now: Micros,
        events: &[&Received],
        rows: &Rows,
    ) -> Result<Handled<Committed>, ReactError> {
        let mut rows = store::payments_of(rows)?;
        let mut fold = Fold::new(self.context.source(), now);
        let (mut tally, mut requests) = (Tally::default(), BTreeMap::new());
        let mut notified = Vec::new();

        for (index, envelope, event, order_id) in contents(events) {
            if matches!(event, Event::ProviderNotified(_)) {
                notified.push(order_id);
                continue;
            }
            let row = rows.entry(order_id).or_insert_with(|| Row::unknown(order_id, now));
            let kind = InputKind::Event(event.event_type());
            let illegal = || Illegal { state: row.payment.state(), input: kind };
            let input = Input::of(event, envelope.id, self.compared(now, envelope)).ok_or_else(illegal);
            let decision = input.and_then(|input| decide(&row.payment, input));
            let Some(decision) = fold.decided(index, decision) else { continue };
            if row.versioned.trace.is_none() && !decision.changes.is_empty() {
                row.versioned.trace = Some(envelope.trace.without_baggage());
            }
            if let Event::InventoryReserved(reserved) = event {
                row.user_id = Some(reserved.user_id.clone());
                row.expires_at = Some(reserved.expires_at);
            }
            let trace = order_trace(row.versioned.trace.as_ref(), Some(&envelope.trace), order_id);
            if trace.trace_id() != envelope.trace.trace_id() {
                requests.insert(order_id, envelope.trace.clone());
            }
            settle(&mut fold, &mut tally, row, decision, Cause::from(envelope), now, &trace)?;
        }

        let written: Vec<&Row> = rows.values().filter(|row| row.versioned.changed).collect();
        let mut writes = Writes::default();
        store::write_payments(&mut writes, &self.context, &written);
        let after = Committed {
            calls: written.iter().filter_map(|row| Call::of(row, requests.get(&row.order_id))).collect(),
            stops: written.iter().filter(|row| is_stopped(row)).map(|row| row.order_id).collect(),
            notified,
            tally,
        };
        Ok(Handled { writes, ..fold.handled(after) })
    }

    fn committed(&self, after: Committed) {
        self.calls.meters.count(&after.tally);
        self.calls.ask(after.calls);
        self.calls.stop(&after.stops);
        self.calls.ask_now(&after.notified);
    }

    async fn sample(&self, connection: &mut PgConnection, _: Micros) -> Result<(), ReactError> {
        self.calls.meters.sample(connection).await
    }

    async fn stopped(&self) {
        self.calls.finished().await;
    }

    /// Calls that died with whoever held the shards before are taken up again.
    async fn shards_taken(&self, shards: &[u32]) -> Result<(), ReactError> {
        self.calls.take_up(shards).await
    }
}

impl PaymentHandler {
    /// The time with which the end of a reservation is compared. Inventory's database has set that end; while this one's
    /// time is not trusted, inventory's own time of the event counts, and the charge is made. If that is too late,
    /// inventory says so, and the money is given back.
    fn compared(&self, now: Micros, envelope: &Envelope) -> Micros {
        if self.context.trusts_time() { now } else { now.min(envelope.time) }
    }
}

fn is_stopped(row: &Row) -> bool {
    matches!(row.payment, Payment::Processing { stop: Some(_), .. })
}

fn contents<'a>(
    events: &'a [&'a Received],
) -> impl Iterator<Item = (usize, &'a Envelope, &'a Event, OrderId)> {
    events.iter().enumerate().filter_map(|(index, received)| match &received.content {
        Content::Event(content) => {
            let (envelope, event) = &**content;
            event.subject().order().map(|order| (index, envelope, event, order))
        }
        Content::Tombstone { .. } => None,
    })
}
