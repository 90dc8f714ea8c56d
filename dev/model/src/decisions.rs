use std::collections::BTreeSet;

use minuet_events::values::Micros;
use minuet_events::{Event, EventType, TraceContext};
use minuet_messaging::{Cause, OutboxEvent};
use minuet_saga::Trigger;
use uuid::Uuid;

use crate::actors::units;
use crate::cases::{Case, Cell, Emitted, Happening, Levels, Outcome};
use crate::service::{
    Done, Parked, Published, Service, breaks_an_end, fold, inventory, is_listed, order, payment,
};
use crate::state::{Broken, Message, OrderRow, PaymentRow, ReservationRow};
use crate::world::World;

impl World {
    pub(crate) fn decide_order(&self, order: u8, row: OrderRow, happening: Happening) -> Outcome<OrderRow> {
        let case = Case { order, row: row.row, happening };
        self.decisions.of_orders.of(case, || {
            let before = self.decisions.orders.get(row.row);
            let done = match happening {
                Happening::Message { message, .. } => {
                    order::react(&before, &self.published(message), &self.products, self.bug)
                }
                Happening::Due => order::deadline(&before, self.bug),
                Happening::Answered { .. } | Happening::Refunded { .. } => Err(Parked),
            };
            self.outcome(Service::Order, row.state.name(), happening, row, done, |after| {
                let state = after.order.state();
                (state.name(), OrderRow { state, row: self.decisions.orders.number(after) })
            })
        })
    }

    pub(crate) fn decide_reservation(
        &self,
        order: u8,
        row: ReservationRow,
        happening: Happening,
        levels: Levels,
    ) -> Outcome<(ReservationRow, Levels)> {
        let case = Case { order, row: row.row, happening };
        self.decisions.of_reservations.of((case, levels), || {
            let before = self.decisions.reservations.get(row.row);
            let order_id = self.scripts[usize::from(order)].order_id;
            let (shelves, bug) = (&self.shelves, self.bug);
            let done = match happening {
                Happening::Message { message, .. } => {
                    inventory::react(&before, &self.published(message), shelves, &levels, bug)
                }
                Happening::Due => inventory::expire(&before, order_id, shelves, &levels, bug),
                Happening::Answered { .. } | Happening::Refunded { .. } => Err(Parked),
            };
            let name = row.state.name();
            self.outcome(Service::Inventory, name, happening, (row, levels), done, |(after, levels)| {
                let (state, held) = (after.reservation.state(), after.held(shelves));
                let row = self.decisions.reservations.number(after);
                (state.name(), (ReservationRow { row, state, held }, levels))
            })
        })
    }

    pub(crate) fn decide_payment(
        &self,
        order: u8,
        row: PaymentRow,
        happening: Happening,
    ) -> Outcome<PaymentRow> {
        let case = Case { order, row: row.row, happening };
        self.decisions.of_payments.of(case, || {
            let before = self.decisions.payments.get(row.row);
            let done = match happening {
                Happening::Message { message, late } => {
                    payment::react(&before, &self.published(message), late, self.bug)
                }
                Happening::Answered { captured } => payment::answered(&before, captured, self.bug),
                Happening::Refunded { again } => payment::refunded(&before, again, self.bug),
                Happening::Due => Err(Parked),
            };
            self.outcome(Service::Payment, row.state.name(), happening, row, done, |after| {
                let (state, stopping) = (after.payment.state(), after.is_stopping());
                let (asked, parts) = (after.asked().map_or(0, units), after.parts);
                let row = self.decisions.payments.number(after);
                (state.name(), PaymentRow { row, state, stopping, asked, parts })
            })
        })
    }

    /// `numbered`: the row that follows as states hold it, and the name of its state.
    fn outcome<R, N>(
        &self,
        service: Service,
        before: &'static str,
        happening: Happening,
        unchanged: N,
        done: Result<Done<R>, Parked>,
        numbered: impl FnOnce(R) -> (&'static str, N),
    ) -> Outcome<N> {
        let on = self.trigger(service, happening);
        self.decisions.met.lock().insert((service, on, before));
        let Ok(Done { row, emit }) = done else {
            return Outcome {
                row: unchanged,
                emit: None,
                broken: Broken { illegal: true, ..Broken::default() },
            };
        };
        let (after, row) = numbered(row);
        let emit = emit.and_then(|(cause, event)| self.emit(cause, event));
        let participant = service.participant();
        let broken = Broken {
            unlisted: !is_listed(participant, on, (before, after), emit.map(|emitted| emitted.kind)),
            final_changed: breaks_an_end(participant, on, (before, after)),
            ..Broken::default()
        };
        Outcome { row, emit, broken }
    }

    fn trigger(&self, service: Service, happening: Happening) -> Trigger<EventType> {
        match happening {
            Happening::Message { message, .. } => Trigger::Event(self.kind(message)),
            Happening::Due if service == Service::Order => Trigger::Time("deadline"),
            Happening::Due => Trigger::Time("expiry"),
            Happening::Answered { captured: true } => Trigger::Provider("captured"),
            Happening::Answered { captured: false } => Trigger::Provider("declined"),
            Happening::Refunded { .. } => Trigger::Provider("refunded"),
        }
    }

    fn published(&self, message: Message) -> Published {
        Published { id: *self.ids.get(message.id), event: Event::clone(&self.events.get(message.event)) }
    }

    /// The event as the services' fold puts it into the outbox.
    fn emit(&self, cause: Uuid, event: Event) -> Option<Emitted> {
        let mut fold = fold();
        let refuses = match &event {
            Event::OrderCancellationRejected(rejected) => Some(rejected.request_id),
            Event::RefundRejected(rejected) => Some(rejected.request_id),
            _ => None,
        };
        fold.emit_as(None, Cause { id: cause, time: Micros(0) }, &TraceContext::root(1, 1, false), event);
        let OutboxEvent { envelope, event, .. } = fold.handled(()).events.pop()?;
        let message = Message { id: self.ids.number(envelope.id), event: self.events.number(event) };
        let refuses = refuses.map(|request| self.ids.number(request));
        Some(Emitted { message, kind: envelope.event_type, refuses })
    }

    /// The cells of the tables that were met so far.
    pub fn met(&self) -> BTreeSet<Cell> {
        self.decisions.met.lock().clone()
    }
}
