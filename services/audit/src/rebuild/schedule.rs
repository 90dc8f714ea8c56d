//! The order in which a service's inputs are given to it again.
//!
//! The record fixes it as far as it matters: each order's own steps (as the shadow finds them), the versions of each level, the
//! price that each line names, the numbers of each sku's answers. What it leaves open goes by time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::hash::Hash;

use minuet_events::values::{Micros, OrderId, Sku, WarehouseCode};
use minuet_events::{Event, EventType};
use uuid::Uuid;

use super::node::{Action, Node};
use super::rejections::{Rejection, placed_among};
use crate::record::{Position, Record, Service};
use crate::shadow::{Derivation, Difference, Shadow, Step, moves};

/// An order whose steps are not known.
#[derive(Debug)]
pub(super) struct Skipped {
    pub(super) order: OrderId,
    /// None: too many arrival orders to try.
    pub(super) because: Option<Difference>,
}

type Shelf = (Sku, WarehouseCode);

#[derive(Default)]
pub(super) struct Schedule<'a> {
    nodes: Vec<Node<'a>>,
    /// What comes after each.
    after: Vec<Vec<usize>>,
    /// They change no level, and follow from all that are there.
    rejections: Vec<Rejection<'a>>,
    pub(super) skipped: Vec<Skipped>,
}

/// A change of a product, in the order of its topic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub(super) position: Position,
    pub(super) time: Micros,
    pub(super) sku: &'a str,
    /// None: it is gone.
    pub(super) event: Option<Uuid>,
}

impl<'a> Schedule<'a> {
    pub(super) fn of(service: Service, shadow: &'a Shadow, products: &[Change<'_>]) -> Schedule<'a> {
        let mut schedule = Schedule::default();
        for order in shadow.known_orders() {
            match shadow.derivation(service, order) {
                Derivation::Known(steps) => schedule.steps_of(shadow, order, &steps),
                Derivation::Unknown(difference) => {
                    schedule.skipped.push(Skipped { order, because: Some(difference) });
                }
                Derivation::GaveUp => schedule.skipped.push(Skipped { order, because: None }),
            }
        }
        match service {
            Service::Order => schedule.products(shadow, products),
            Service::Inventory => {
                schedule.adjustments(shadow);
                schedule.levels();
            }
            Service::Payment => {}
        }
        schedule
    }

    fn push(&mut self, time: Micros, step: Action<'a>) -> usize {
        self.nodes.push(Node { time, step });
        self.after.push(Vec::new());
        self.nodes.len() - 1
    }

    fn steps_of(&mut self, shadow: &'a Shadow, order: OrderId, steps: &[Step<'a>]) {
        let nodes = nodes(order, steps);
        let rejected = nodes.iter().find_map(|node| match node.step.outcome() {
            Some(Record { event: Event::InventoryRejected(rejected), .. }) => Some((rejected, node.time)),
            _ => None,
        });
        match (rejected, shadow.event_of(order, EventType::OrderPlaced)) {
            (Some((rejected, at)), Some(Event::OrderPlaced(placed))) => {
                self.rejections.push(Rejection { placed, rejected, at, nodes });
            }
            _ => {
                let mut last = None;
                for Node { time, step } in nodes {
                    let node = self.push(time, step);
                    self.follows(last, node);
                    last = Some(node);
                }
            }
        }
    }

    fn follows(&mut self, before: Option<usize>, node: usize) {
        if let Some(before) = before {
            self.after[before].push(node);
        }
    }

    /// One after the other, in the order of their numbers.
    fn in_order<K: Eq + Hash, N: Ord>(&mut self, of: impl Iterator<Item = (K, N, usize)>) {
        let mut chains: HashMap<K, BTreeMap<N, usize>> = HashMap::new();
        for (key, number, node) in of {
            chains.entry(key).or_default().insert(number, node);
        }
        for chain in chains.values() {
            for (before, node) in chain.values().zip(chain.values().skip(1)) {
                self.follows(Some(*before), *node);
            }
        }
    }

    /// A product changes after the change before it, and between the orders that name the one and those that name the other.
    fn products(&mut self, shadow: &Shadow, changes: &[Change<'_>]) {
        let (mut nodes, mut of_event, mut of_sku) = (Vec::new(), HashMap::new(), HashMap::new());
        for change in changes {
            let node = self.push(change.time, Action::Input { position: change.position, outcome: None });
            let of: &mut Vec<usize> = of_sku.entry(change.sku).or_default();
            if let Some(event) = change.event {
                of_event.insert(event, (change.sku, of.len()));
            }
            of.push(node);
            nodes.push((change.position.partition, change.position.offset, node));
        }
        self.in_order(nodes.into_iter());
        for node in 0..self.nodes.len() {
            let Some(outcome) = self.nodes[node].step.outcome() else { continue };
            for event in shadow.product_events_of(outcome) {
                let Some((sku, at)) = of_event.get(&event) else { continue };
                let of = &of_sku[sku];
                self.after[of[*at]].push(node);
                if let Some(next) = of.get(at + 1) {
                    self.after[node].push(*next);
                }
            }
        }
    }

    fn adjustments(&mut self, shadow: &'a Shadow) {
        let mut numbered = Vec::new();
        for (asked, told) in shadow.known_adjustments() {
            for record in asked {
                let outcome = told.filter(|told| told.head.cause == Some(record.head.id));
                let time = outcome.or(told).unwrap_or(record).head.time;
                let node = self.push(time, Action::Input { position: record.head.position, outcome });
                numbered.extend(outcome.and_then(|o| Some((o.event.key(), o.head.sequence?, node))));
            }
            // Asked again: after the one that was answered.
            let first = self.nodes.len() - asked.len();
            let answered = (first..self.nodes.len()).find(|at| self.nodes[*at].step.outcome().is_some());
            let others = (first..self.nodes.len()).filter(|at| answered.is_some_and(|a| a != *at));
            for other in others.collect::<Vec<_>>() {
                self.follows(answered, other);
            }
        }
        self.in_order(numbered.into_iter());
    }

    /// The versions of a level come one after the other.
    fn levels(&mut self) {
        let mut versions: Vec<(Shelf, i64, usize)> = Vec::new();
        for (node, Node { step, .. }) in self.nodes.iter().enumerate() {
            let Some(outcome) = step.outcome() else { continue };
            for (allocation, _) in moves(&outcome.event) {
                let shelf = (allocation.sku.clone(), allocation.warehouse_code.clone());
                versions.push((shelf, allocation.stock_version, node));
            }
            if let Event::StockLevelChanged(e) = &outcome.event {
                versions.push(((e.sku.clone(), e.warehouse_code.clone()), e.version, node));
            }
        }
        self.in_order(versions.into_iter());
    }

    /// The nodes in an order that keeps all that, the earliest first; and how many had to be forced.
    pub(super) fn sorted(self) -> (Vec<Node<'a>>, usize) {
        let Schedule { nodes, after, rejections, .. } = self;
        let mut waits_for = vec![0_usize; nodes.len()];
        for next in after.iter().flatten() {
            waits_for[*next] += 1;
        }
        let (mut sorted, mut done, mut forced) =
            (Vec::with_capacity(nodes.len()), vec![false; nodes.len()], 0);
        let mut ready: BinaryHeap<Reverse<(Micros, usize)>> = BinaryHeap::new();
        ready.extend((0..nodes.len()).filter(|n| waits_for[*n] == 0).map(|n| Reverse((nodes[n].time, n))));
        while sorted.len() < nodes.len() {
            let next = ready.pop().map(|Reverse((_, node))| node).or_else(|| {
                // A circle: the record contradicts itself.
                forced += 1;
                (0..nodes.len()).filter(|n| !done[*n]).min_by_key(|n| (nodes[*n].time, *n))
            });
            let Some(node) = next else { break };
            if std::mem::replace(&mut done[node], true) {
                continue;
            }
            sorted.push(nodes[node]);
            for next in &after[node] {
                waits_for[*next] -= 1;
                if waits_for[*next] == 0 {
                    ready.push(Reverse((nodes[*next].time, *next)));
                }
            }
        }
        let (sorted, misplaced) = placed_among(sorted, rejections);
        (sorted, forced + misplaced)
    }
}

/// One order's steps, each when it was decided; what led to nothing, when it came in.
fn nodes<'a>(order: OrderId, steps: &[Step<'a>]) -> Vec<Node<'a>> {
    let mut time = Micros(i64::MIN);
    let node = |Step { input, outcome }: &Step<'a>| {
        let step = match (input, outcome) {
            (Some(input), outcome) => Action::Input { position: input.head.position, outcome: *outcome },
            (None, Some(outcome)) => Action::Spontaneous { order, outcome },
            (None, None) => return None,
        };
        time = match (outcome, input) {
            (Some(outcome), _) => outcome.head.time,
            (None, Some(input)) => time.max(input.head.time),
            (None, None) => time,
        };
        Some(Node { time, step })
    };
    steps.iter().filter_map(node).collect()
}
