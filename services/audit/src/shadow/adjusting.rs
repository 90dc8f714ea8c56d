//! Adjustments of stock, each decided again from the level before it.

use minuet_events::Event;
use minuet_events::inventory::{StockAdjusted, StockAdjustmentRejected, StockLevelChanged};
use minuet_inventory::domain as stock;
use uuid::Uuid;

use super::difference::Difference;
use super::emits::Emits;
use super::{Differing, Shadow, cause};
use crate::record::{Record, Service};

#[derive(Default)]
pub(super) struct Adjusting {
    pub(super) asked: Vec<Record>,
    pub(super) told: Option<Record>,
    pub(super) done: bool,
}

impl Shadow {
    pub(super) fn adjusted(&mut self, id: Uuid) -> Option<Differing> {
        let Adjusting { asked, told, done } = self.adjusting.get_mut(&id)?;
        let told = told.take()?;
        let asked = std::mem::take(asked);
        *done = true;
        let by = asked.iter().find(|asked| Some(asked.head.id) == told.head.cause);
        let Some(Record { event: Event::StockAdjusted(adjusted), .. }) = by else {
            // That nobody asked for it is not for us to say.
            self.counts.cut += 1;
            return None;
        };
        let by = by.map(cause)?;
        let emits = |outcome: stock::Adjusted| Emits {
            cause: by,
            event: outcome_of(adjusted, outcome),
            // Drawn per sku, in an order that only the database knows.
            sequence: told.head.sequence,
        };
        let shelf = (&adjusted.sku, &adjusted.warehouse_code);
        let before = match &told.event {
            Event::StockLevelChanged(e) if e.version == 1 => vec![None],
            Event::StockLevelChanged(e) => {
                self.levels.at(shelf.0, shelf.1, e.version - 1).map(Some).into_iter().collect()
            }
            _ => {
                let near = self.levels.near(shelf.0, shelf.1, told.head.time);
                if near.is_empty() { vec![None] } else { near.into_iter().map(Some).collect() }
            }
        };
        let mut difference = None;
        for level in &before {
            let emits = emits((self.build.adjust)(*level, adjusted));
            if emits.is(&told) {
                self.counts.adjustments += 1;
                return None;
            }
            difference = Some(Difference::between(Service::Inventory, &told, &emits));
        }
        let Some(difference) = difference else {
            self.unproven.set(self.unproven.get() + 1);
            return None;
        };
        self.counts.differing += 1;
        Some(Differing { subject: id.to_string(), difference })
    }
}

fn outcome_of(adjusted: &StockAdjusted, outcome: stock::Adjusted) -> Event {
    let StockAdjusted { adjustment_id, sku, warehouse_code, delta, .. } = adjusted.clone();
    match outcome {
        stock::Adjusted::Applied(stock::Level { available, reserved, on_hand, version }) => {
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
        stock::Adjusted::Refused(reason) => Event::from(StockAdjustmentRejected {
            adjustment_id,
            sku,
            warehouse_code,
            delta,
            reason: reason.to_owned(),
        }),
    }
}
