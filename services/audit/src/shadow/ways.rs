//! For rebuilding tables: the way of each order through a service, and what its decisions were made from. Of events that
//! were only taken in.

use minuet_events::values::OrderId;
use minuet_events::{Event, EventType};
use uuid::Uuid;

use super::difference::Difference;
use super::search::{Found, Step, search};
use super::{Case, Shadow, inventory, order, payment};
use crate::record::{Record, Service};

/// How a service came to what it emitted.
pub(crate) enum Way<'a> {
    Known(Vec<Step<'a>>),
    /// The record ends, or differs from what this build decides.
    Unknown(Difference),
    GaveUp,
}

impl<'a> Way<'a> {
    pub(super) fn of<S>(found: Found<'a, S>) -> Way<'a> {
        match found {
            Found::Agrees(_, steps) => Way::Known(steps),
            Found::More(difference) | Found::Differs(difference) => Way::Unknown(difference),
            Found::GaveUp => Way::GaveUp,
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

    /// How a service came to what it emitted about an order, from the beginning.
    pub(crate) fn way(&self, service: Service, id: OrderId) -> Way<'_> {
        let records = self.cases.get(&id).map(|case| &*case.records).unwrap_or_default();
        let (orders, reservations, payments) = self.sides(id);
        match service {
            Service::Order => Way::of(search(&orders, service, order::State::default(), records)),
            Service::Inventory => {
                Way::of(search(&reservations, service, inventory::State::default(), records))
            }
            Service::Payment => Way::of(search(&payments, service, payment::State::default(), records)),
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
