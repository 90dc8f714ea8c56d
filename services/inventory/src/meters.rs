//! What the inventory service is measured by: counted once the transaction has committed, from the events that it published.

use std::collections::BTreeMap;

use minuet_events::Event;
use minuet_events::values::ReleaseCause;
use minuet_messaging::ReactError;
use minuet_telemetry::meters::{Counter, Meters, Sample, attribute};
use sqlx::PgConnection;

use crate::messaging::OutboxEvent;
use crate::names::meter::{self, attribute as key};
use crate::store;

const EXPIRED: &str = "expired";
const OTHER: &str = "other";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Done {
    Reserved,
    Rejected,
    Confirmed,
    NotConfirmed,
    Released(&'static str),
}

/// How often a transaction did what.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tally(BTreeMap<Done, u64>);

impl Tally {
    pub(crate) fn of(emissions: &[OutboxEvent]) -> Tally {
        let mut tally = Tally::default();
        for done in emissions.iter().filter_map(|emission| done(&emission.event)) {
            *tally.0.entry(done).or_default() += 1;
        }
        tally
    }
}

fn done(event: &Event) -> Option<Done> {
    match event {
        Event::InventoryReserved(_) => Some(Done::Reserved),
        Event::InventoryRejected(_) => Some(Done::Rejected),
        Event::InventoryConfirmed(_) => Some(Done::Confirmed),
        Event::InventoryConfirmationFailed(_) => Some(Done::NotConfirmed),
        Event::InventoryReleased(released) => Some(Done::Released(released.cause.known().unwrap_or(OTHER))),
        Event::ReservationExpired(_) => Some(Done::Released(EXPIRED)),
        _ => None,
    }
}

pub(crate) struct InventoryMeters {
    reserved: Counter,
    confirmed: Counter,
    released: Counter,
    level: Sample,
    low: Sample,
    /// How few available items make a sku low.
    low_stock: u32,
}

impl InventoryMeters {
    pub(crate) fn new(meters: &Meters, low_stock: u32) -> Self {
        let of = InventoryMeters {
            reserved: meters.counter(&meter::INVENTORY_RESERVE_COUNT),
            confirmed: meters.counter(&meter::INVENTORY_CONFIRM_COUNT),
            released: meters.counter(&meter::INVENTORY_RELEASE_COUNT),
            level: meters.sample(&meter::INVENTORY_STOCK_LEVEL),
            low: meters.sample(&meter::INVENTORY_STOCK_LOW),
            low_stock,
        };
        // A series that begins at its first event hides that event from rate().
        let all = [Done::Reserved, Done::Rejected, Done::Confirmed, Done::NotConfirmed].into_iter();
        let causes = ReleaseCause::KNOWN.into_iter().chain([EXPIRED]).map(Done::Released);
        of.count(&Tally(all.chain(causes).map(|done| (done, 0)).collect()));
        of
    }

    pub(crate) fn count(&self, tally: &Tally) {
        for (done, count) in &tally.0 {
            let (counter, attribute) = match done {
                Done::Reserved => (&self.reserved, attribute(key::STATUS, "reserved")),
                Done::Rejected => (&self.reserved, attribute(key::STATUS, "rejected")),
                Done::Confirmed => (&self.confirmed, attribute(key::STATUS, "confirmed")),
                Done::NotConfirmed => (&self.confirmed, attribute(key::STATUS, "failed")),
                Done::Released(cause) => (&self.released, attribute(key::CAUSE, *cause)),
            };
            counter.add(*count, &[attribute]);
        }
    }

    /// The stock by warehouse, and of what is low each sku.
    pub(crate) async fn sample(&self, connection: &mut PgConnection) -> Result<(), ReactError> {
        let mut levels = Vec::new();
        for (warehouse, available, reserved) in store::warehouses(connection).await? {
            for (kind, items) in [("available", available), ("reserved", reserved)] {
                let attributes =
                    vec![attribute(key::TYPE, kind), attribute(key::WAREHOUSE, warehouse.clone())];
                levels.push((attributes, items));
            }
        }
        self.level.show(levels);
        let low = store::low(connection, self.low_stock).await?;
        let series = low.into_iter().map(|(sku, warehouse, available)| {
            (vec![attribute(key::SKU, sku), attribute(key::WAREHOUSE, warehouse)], available)
        });
        self.low.show(series.collect());
        Ok(())
    }
}
