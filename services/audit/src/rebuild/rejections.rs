//! Where a rejected order comes among the others. It changes no level, so any place does where its skus have just what it
//! tells of; the nearest to its time is taken. The others are in their order by then, and stay in it.

use std::collections::HashMap;

use minuet_events::Event;
use minuet_events::inventory::InventoryRejected;
use minuet_events::orders::OrderPlaced;
use minuet_events::values::{Micros, Sku, WarehouseCode};
use minuet_inventory::domain::Level;

use super::node::Node;
use crate::shadow::moves;

/// Changes of each sku that are looked at, to either side of an order's time.
const WIDEST: usize = 5_000;

/// A rejected order: all that came in for it, one after the other.
pub(super) struct Rejection<'a> {
    pub(super) placed: &'a OrderPlaced,
    pub(super) rejected: &'a InventoryRejected,
    pub(super) at: Micros,
    pub(super) nodes: Vec<Node<'a>>,
}

/// What is available of a sku in all warehouses together, from which place on.
type Totals<'a> = HashMap<&'a Sku, Vec<(usize, i64)>>;

/// Puts the rejections between the others; and how many of them fit nowhere.
pub(super) fn placed_among<'a>(
    others: Vec<Node<'a>>,
    rejections: Vec<Rejection<'a>>,
) -> (Vec<Node<'a>>, usize) {
    let totals = totals(&others);
    // By when it was decided, as far as that is in order.
    let mut latest = Micros(i64::MIN);
    let times: Vec<Micros> = others
        .iter()
        .map(|node| {
            latest = latest.max(node.time);
            latest
        })
        .collect();
    let mut misplaced = 0;
    let mut positions: Vec<(usize, Micros, Vec<Node<'a>>)> = rejections
        .into_iter()
        .map(|rejection| {
            let by_time = times.partition_point(|time| *time <= rejection.at);
            let position = position(&rejection, &totals, by_time);
            misplaced += usize::from(position.is_none());
            (position.unwrap_or(by_time), rejection.at, rejection.nodes)
        })
        .collect();
    positions.sort_by_key(|(position, at, _)| (*position, *at));
    let mut all = Vec::with_capacity(others.len() + positions.len());
    let mut positions = positions.into_iter().peekable();
    for (at, node) in others.into_iter().enumerate() {
        while let Some((_, _, nodes)) = positions.next_if(|(position, _, _)| *position == at) {
            all.extend(nodes);
        }
        all.push(node);
    }
    all.extend(positions.flat_map(|(_, _, nodes)| nodes));
    (all, misplaced)
}

fn totals<'a>(nodes: &[Node<'a>]) -> Totals<'a> {
    let mut levels: HashMap<(&Sku, &WarehouseCode), Level> = HashMap::new();
    let mut totals = Totals::new();
    for (at, outcome) in nodes.iter().enumerate().filter_map(|(at, node)| Some((at, node.step.outcome()?))) {
        let mut change = |sku: &'a Sku, warehouse: &'a WarehouseCode, next: &dyn Fn(Level) -> Level| {
            let level = levels.entry((sku, warehouse)).or_default();
            let before = std::mem::replace(level, next(*level)).available;
            let total = totals.entry(sku).or_default();
            let last = total.last().map_or(0, |(_, total)| *total);
            total.push((at + 1, last + level.available - before));
        };
        for (allocation, step) in moves(&outcome.event) {
            let quantity = i64::from(allocation.quantity.get());
            change(&allocation.sku, &allocation.warehouse_code, &|level| level.after(step(quantity)));
        }
        if let Event::StockLevelChanged(e) = &outcome.event {
            let told = Level {
                available: e.available,
                reserved: e.reserved,
                on_hand: e.on_hand,
                version: e.version,
            };
            change(&e.sku, &e.warehouse_code, &|_| told);
        }
    }
    totals
}

/// The place nearest to `from` at which the order would have been rejected as it was.
fn position(rejection: &Rejection<'_>, totals: &Totals<'_>, from: usize) -> Option<usize> {
    let Rejection { placed, rejected, .. } = rejection;
    let none = Vec::new();
    let of = |sku: &Sku| totals.get(sku).unwrap_or(&none);
    let fits = |position: usize| {
        placed.lines.iter().all(|line| {
            let total = of(&line.sku);
            let known = total.partition_point(|(from, _)| *from <= position);
            let available = known.checked_sub(1).map_or(0, |last| total[last].1);
            match rejected.shortages.iter().find(|shortage| shortage.sku == line.sku) {
                Some(shortage) => available == shortage.available,
                None => available >= i64::from(line.quantity.get()),
            }
        })
    };
    // What is behind a change is as what is right after it.
    let mut changes = vec![from];
    for line in &placed.lines {
        let total = of(&line.sku);
        let split = total.partition_point(|(at, _)| *at <= from);
        let near = split.saturating_sub(WIDEST)..total.len().min(split + WIDEST);
        changes.extend(total[near].iter().map(|(at, _)| *at));
    }
    changes.sort_by_key(|at| at.abs_diff(from));
    // Before anything has changed.
    changes.push(0);
    changes.into_iter().find(|position| fits(*position))
}

#[cfg(test)]
mod tests {
    use minuet_events::inventory::{Shortage, StockLevelChanged};
    use minuet_events::orders::PlacedLine;
    use minuet_events::values::{Amount, Currency, PaymentMethod, Quantity, UserId};
    use uuid::Uuid;

    use super::*;
    use crate::rebuild::node::Action;
    use crate::record::{Head, Position, Record, Service, Source};

    fn sku() -> Sku {
        Sku::parse("MUG").unwrap()
    }

    fn told(at: i64, warehouse: &str, available: i64, version: i64) -> Record {
        let event = Event::from(StockLevelChanged {
            sku: sku(),
            warehouse_code: WarehouseCode::parse(warehouse).unwrap(),
            available,
            reserved: 0,
            on_hand: available,
            version,
            adjustment_id: Uuid::new_v4().into(),
        });
        let head = Head {
            position: Position { topic: 0, partition: 0, offset: at },
            id: Uuid::new_v4(),
            event_type: event.event_type(),
            source: Source::Service(Service::Inventory),
            time: Micros(at),
            recorded: Micros(at),
            cause: None,
            sequence: None,
            payload: 0,
        };
        Record { head, event }
    }

    fn placed() -> OrderPlaced {
        let amount = Amount::parse("1.00").unwrap();
        OrderPlaced {
            order_id: Uuid::new_v4().into(),
            user_id: UserId::parse("user").unwrap(),
            payment_method: PaymentMethod::CreditCard,
            currency: Currency::parse("EUR").unwrap(),
            total: amount,
            lines: vec![PlacedLine {
                sku: sku(),
                name: "Mug".to_owned(),
                unit_price: amount,
                quantity: Quantity::new(1_000).unwrap(),
                subtotal: amount,
                product_event: Uuid::new_v4(),
            }],
            payment_token: None,
        }
    }

    #[test]
    fn a_rejection_comes_where_there_was_what_it_tells_of() {
        let levels = [
            told(0, "BER", 60, 1),
            told(1, "MUC", 6, 1),
            told(2, "BER", 50, 2),
            told(3, "BER", 44, 3),
            told(4, "MUC", 3, 2),
            told(5, "BER", 47, 4),
        ];
        let placed = placed();
        let step =
            |outcome| Action::Input { position: Position { topic: 1, partition: 0, offset: 0 }, outcome };
        // 50 are there between 3 and 4, and again after 5: together, and not in one warehouse.
        for (available, at, wanted, misplaced) in [
            (50, 3, Some(3), 0),
            (50, 0, Some(3), 0),
            (50, 9, Some(5), 0),
            (56, 9, Some(2), 0),
            (0, 0, None, 0),
            (17, 3, Some(3), 1),
        ] {
            let shortages = vec![Shortage { sku: sku(), requested: 1_000, available }];
            let rejected = InventoryRejected { order_id: placed.order_id, shortages };
            let nodes: Vec<Node<'_>> =
                levels.iter().map(|r| Node { time: r.head.time, step: step(Some(r)) }).collect();
            let rejection = Rejection {
                placed: &placed,
                rejected: &rejected,
                at: Micros(at),
                nodes: vec![Node { time: Micros(at), step: step(None) }],
            };
            let (all, wrong) = placed_among(nodes, vec![rejection]);
            assert_eq!((all.len(), wrong), (7, misplaced), "{available} at {at}");
            let before: Vec<i64> =
                all.iter().take_while(|node| node.step.outcome().is_some()).map(|node| node.time.0).collect();
            assert_eq!(before.last().copied(), wanted, "{available} at {at}");
        }
    }
}
