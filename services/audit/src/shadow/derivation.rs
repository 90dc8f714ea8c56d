//! For rebuilding tables: the steps of each order in a service, and what its decisions were made from, of events that
//! [`Shadow::take_in`] has taken in.

use minuet_events::values::OrderId;
use minuet_events::{Event, EventType};
use uuid::Uuid;

use super::difference::Difference;
use super::search::{Found, Step, search};
use super::{Case, Shadow, inventory, order, payment};
use crate::record::{Record, Service};

/// The steps by which a service came to what it emitted.
pub(crate) enum Derivation<'a> {
    Known(Vec<Step<'a>>),
    /// The record ends, or differs from what this build decides.
    Unknown(Difference),
    GaveUp,
}

impl<'a> Derivation<'a> {
    pub(super) fn of<S>(found: Found<'a, S>) -> Derivation<'a> {
        match found {
            Found::Agrees(_, steps) => Derivation::Known(steps),
            Found::More(difference) | Found::Differs(difference) => Derivation::Unknown(difference),
            Found::GaveUp => Derivation::GaveUp,
        }
    }
}

impl Shadow {
    /// Everything was taken in: what services parked for the names in it leaves the record.
    pub(crate) fn all_taken_in(&mut self) {
        self.cases.values_mut().for_each(Case::take_what_was_taken);
        for adjusting in self.adjusting.values_mut().filter(|adjusting| adjusting.told.is_none()) {
            adjusting.asked.retain(|asked| asked.event.check_admissible().is_ok());
        }
    }

    /// How a service came to what it emitted about an order, from the order's beginning.
    pub(crate) fn derivation(&self, service: Service, id: OrderId) -> Derivation<'_> {
        let records = self.cases.get(&id).map(|case| &*case.records).unwrap_or_default();
        let (orders, reservations, payments) = self.deciders(id);
        match service {
            Service::Order => Derivation::of(search(&orders, service, order::State::default(), records)),
            Service::Inventory => {
                Derivation::of(search(&reservations, service, inventory::State::default(), records))
            }
            Service::Payment => {
                Derivation::of(search(&payments, service, payment::State::default(), records))
            }
        }
    }

    pub(crate) fn known_orders(&self) -> Vec<OrderId> {
        let mut orders: Vec<OrderId> = self.cases.keys().copied().collect();
        orders.sort_unstable();
        orders
    }

    pub(crate) fn event_of(&self, order: OrderId, event_type: EventType) -> Option<&Event> {
        let mut records = self.cases.get(&order)?.records.iter();
        records.find(|record| record.head.event_type == event_type).map(|record| &record.event)
    }

    /// The product versions that an order was priced or rejected by.
    pub(crate) fn product_events_of(&self, outcome: &Record) -> Vec<Uuid> {
        match &outcome.event {
            Event::OrderPlaced(placed) => placed.lines.iter().map(|line| line.product_event).collect(),
            Event::OrderRejected(rejected) => {
                let submitted = self.event_of(rejected.order_id, EventType::OrderSubmitted);
                let Some(Event::OrderSubmitted(submitted)) = submitted else { return Vec::new() };
                let at = outcome.head.time;
                let products = self.products.of_rejected(submitted, rejected, at, &mut 0);
                products.values().map(|product| product.event).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Of each adjustment what was asked, and what was told of it.
    pub(crate) fn known_adjustments(&self) -> impl Iterator<Item = (&[Record], Option<&Record>)> {
        self.adjusting.values().map(|adjusting| (&*adjusting.asked, adjusting.told.as_ref()))
    }
}
