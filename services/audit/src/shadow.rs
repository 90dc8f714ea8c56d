//! `audit replay shadow`: today's decisions over yesterday's events.
//!
//! The inputs of each service are given to the decisions of a build, in memory, and what these would emit is compared with
//! what was emitted: same id, same cause, same number, same payload. What the topics do not fix is taken from the record:
//! the time from the outcome, the price from the ProductChanged that a line names, the stock from the version before the
//! allocation's, the provider's answer from its event. An order agrees if some arrival order gives exactly the record.

mod adjusting;
mod derivation;
mod difference;
mod emits;
mod inventory;
mod levels;
mod order;
mod payment;
mod products;
mod run;
mod search;

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};

use minuet_events::inventory::{Allocation, StockAdjusted};
use minuet_events::values::{Micros, OrderId, Sku};
use minuet_events::{Event, EventType, Subject};
use minuet_inventory::domain as stock;
use minuet_messaging::Cause;
use minuet_order::domain as orders;
use minuet_payment::domain as payments;
use time::Duration;
use uuid::Uuid;

pub(crate) use difference::compare;
pub use difference::{Difference, Field};
pub(crate) use payment::answer;
pub(crate) use run::run;

use crate::record::{Position, Record, Service};
use adjusting::Adjusting;
pub(crate) use derivation::Derivation;
use levels::LevelHistory;
use minuet_story::OrderProgress;
use products::ProductHistory;
pub(crate) use search::Step;
use search::{Found, search};

/// The decisions of a build.
#[derive(Clone, Copy)]
pub struct Build {
    pub order: fn(&orders::Order, orders::Input<'_>) -> Result<orders::Decision, orders::Illegal>,
    pub inventory:
        fn(&stock::Reservation, stock::Input<'_>, &stock::Stock) -> Result<stock::Decision, stock::Illegal>,
    pub payment: fn(&payments::Payment, payments::Input<'_>) -> Result<payments::Decision, payments::Illegal>,
    pub adjust: fn(Option<stock::Level>, &StockAdjusted) -> stock::Adjusted,
}

impl Build {
    pub const PRESENT: Build = Build {
        order: orders::decide,
        inventory: stock::decide,
        payment: payments::decide,
        adjust: stock::adjust,
    };
}

/// So long after its last event an order is looked at: what happened to the stock at that time has been read by then.
const SETTLED: Duration = Duration::seconds(30);

/// Where reading begins in the middle: so long after that, something of an order may lie before it and not be missed, such
/// as a cancellation that came before its order.
const HAZY: Duration = Duration::minutes(5);

/// Requests with inadmissible names that are kept for one order.
const MAX_INADMISSIBLE: usize = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub events: u64,
    /// Orders that agree, and adjustments that do.
    pub orders: u64,
    pub adjustments: u64,
    pub differing: u64,
    /// Orders whose record ends before they do, and agrees as far as it goes.
    pub open: u64,
    /// Orders whose beginning is not in what was read.
    pub cut: u64,
    /// Lines and reservations of which the record does not tell what they were decided from.
    pub unproven: u64,
    /// Orders with more arrival orders than are searched: nothing is known about them.
    pub gave_up: u64,
}

/// An order, or an adjustment, that would be decided otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Differing {
    pub subject: String,
    pub difference: Difference,
}

#[derive(Default)]
struct Case {
    records: Vec<Record>,
    /// Requests that a service parks for the names in them, unless it took them before this was a rule.
    inadmissible: Vec<Record>,
    progress: OrderProgress,
    /// Events that agreed already, by the random half of their ids.
    seen: Vec<u64>,
    order: order::State,
    inventory: inventory::State,
    payment: payment::State,
    last: Micros,
    waits: bool,
    given_up: bool,
}

/// Decides again what was decided: a fold over all events, in whatever order the topics are read.
pub struct Shadow {
    build: Build,
    truncated: bool,
    cases: HashMap<OrderId, Case>,
    /// Orders at rest, and from when on they may be looked at.
    resting: VecDeque<(Micros, OrderId)>,
    adjusting: HashMap<Uuid, Adjusting>,
    told: VecDeque<(Micros, Uuid)>,
    levels: LevelHistory,
    products: ProductHistory,
    unproven: Cell<u64>,
    begun: Option<Micros>,
    now: Micros,
    counts: Counts,
}

impl Shadow {
    pub fn new(build: Build, truncated: bool) -> Self {
        Shadow {
            build,
            truncated,
            cases: HashMap::new(),
            resting: VecDeque::new(),
            adjusting: HashMap::new(),
            told: VecDeque::new(),
            levels: LevelHistory::new(truncated),
            products: ProductHistory::default(),
            unproven: Cell::new(0),
            begun: None,
            now: Micros(i64::MIN),
            counts: Counts::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        Counts { unproven: self.unproven.get(), ..self.counts }
    }

    pub fn erased(&mut self, key: &str, position: Position, recorded: Micros) {
        if let Ok(sku) = Sku::parse(key) {
            self.products.erased(&sku, position, recorded);
        }
    }

    /// Takes an event in, and decides nothing yet.
    pub(crate) fn take_in(&mut self, record: Record) {
        self.counts.events += 1;
        self.begun.get_or_insert(record.head.time_seen());
        self.now = self.now.max(record.head.time_seen());
        match record.event.subject() {
            Subject::Order(order) => self.order(order, record),
            Subject::Sku(_) => self.sku(record),
            Subject::Parked(_) => {}
        }
    }

    /// Takes an event in, and says what was found out meanwhile.
    pub fn see(&mut self, record: Record) -> Vec<Differing> {
        self.take_in(record);
        let mut found = Vec::new();
        while let Some((due, _)) = self.resting.front()
            && *due <= self.now
        {
            let Some((_, order)) = self.resting.pop_front() else { break };
            found.extend(self.settle(order, false));
        }
        while let Some((due, _)) = self.told.front()
            && *due <= self.now
        {
            let Some((_, adjustment)) = self.told.pop_front() else { break };
            found.extend(self.adjusted(adjustment));
        }
        found
    }

    /// Nothing more will come.
    pub fn end(&mut self) -> Vec<Differing> {
        let told: Vec<Uuid> = std::mem::take(&mut self.told).into_iter().map(|(_, id)| id).collect();
        let mut found: Vec<Differing> = told.into_iter().filter_map(|id| self.adjusted(id)).collect();
        let mut open: Vec<OrderId> =
            self.cases.iter().filter(|(_, case)| !case.records.is_empty()).map(|(id, _)| *id).collect();
        open.sort_unstable();
        found.extend(open.into_iter().filter_map(|order| self.settle(order, true)));
        found
    }

    fn order(&mut self, order: OrderId, record: Record) {
        for (allocation, change) in moves(&record.event) {
            self.levels.moved(allocation, change, record.head.time);
        }
        let case = self.cases.entry(order).or_default();
        if record.event.check_admissible().is_err() {
            if !case.given_up && case.inadmissible.len() < MAX_INADMISSIBLE {
                case.inadmissible.push(record);
            }
            return;
        }
        let id = record.head.id.as_u64_pair().1;
        let again =
            case.seen.contains(&id) || case.records.iter().any(|known| known.head.id == record.head.id);
        if case.given_up || again {
            return;
        }
        let head = &record.head;
        case.progress.see(&record.event, head.id, head.cause, head.position.partition);
        case.last = case.last.max(head.time_seen());
        case.records.push(record);
        if case.progress.is_at_rest() && !case.waits {
            case.waits = true;
            self.resting.push_back((case.last.plus(SETTLED), order));
        }
    }

    fn sku(&mut self, record: Record) {
        let id = match &record.event {
            Event::ProductChanged(changed) => return self.products.changed(changed, &record.head),
            Event::StockAdjusted(e) => e.adjustment_id.as_uuid(),
            Event::StockLevelChanged(e) => {
                let level = stock::Level {
                    available: e.available,
                    reserved: e.reserved,
                    on_hand: e.on_hand,
                    version: e.version,
                };
                self.levels.told((&e.sku, &e.warehouse_code), level, record.head.time);
                e.adjustment_id.as_uuid()
            }
            Event::StockAdjustmentRejected(e) => e.adjustment_id.as_uuid(),
            _ => return,
        };
        let entry = self.adjusting.entry(id).or_default();
        if entry.done {
            return;
        }
        if matches!(record.event, Event::StockAdjusted(_)) {
            entry.asked.push(record);
        } else if entry.told.is_none() {
            self.told.push_back((record.head.time_seen().plus(SETTLED), id));
            entry.told = Some(record);
        }
    }

    fn settle(&mut self, id: OrderId, at_the_end: bool) -> Option<Differing> {
        let case = self.cases.get_mut(&id)?;
        case.waits = false;
        if case.records.is_empty() || case.given_up {
            return None;
        }
        case.take_what_was_taken();
        let at_rest = case.progress.is_at_rest();
        if !at_rest && !at_the_end {
            // It was opened again meanwhile, and will come to rest again.
            return None;
        }
        if self.truncated && is_cut(case) {
            self.counts.cut += 1;
            case.give_up();
            return None;
        }
        let found = self.search(id);
        let case = self.cases.get_mut(&id)?;
        let difference = match found {
            (Found::Agrees(order, _), Found::Agrees(inventory, _), Found::Agrees(payment, _)) => {
                (case.order, case.inventory, case.payment) = (order, inventory, payment);
                let settled = std::mem::take(&mut case.records);
                case.seen.extend(settled.iter().map(|record| record.head.id.as_u64_pair().1));
                if at_rest {
                    self.counts.orders += 1;
                } else {
                    self.counts.open += 1;
                }
                return None;
            }
            (Found::Differs(difference), _, _)
            | (_, Found::Differs(difference), _)
            | (_, _, Found::Differs(difference)) => difference,
            (Found::GaveUp, _, _) | (_, Found::GaveUp, _) | (_, _, Found::GaveUp) => {
                self.counts.gave_up += 1;
                case.give_up();
                return None;
            }
            (Found::More(more), _, _) | (_, Found::More(more), _) | (_, _, Found::More(more)) => {
                if !at_rest {
                    // The record ends here.
                    self.counts.open += 1;
                    case.give_up();
                    return None;
                }
                more
            }
        };
        let begun = case.records.iter().map(|record| record.head.time).min();
        if self.truncated && begun < self.begun.map(|begun| begun.plus(HAZY)) {
            self.counts.cut += 1;
            case.give_up();
            return None;
        }
        self.counts.differing += 1;
        case.give_up();
        Some(Differing { subject: id.to_string(), difference })
    }

    /// Of all three services.
    fn search(
        &self,
        id: OrderId,
    ) -> (Found<'static, order::State>, Found<'static, inventory::State>, Found<'static, payment::State>)
    {
        let case = &self.cases[&id];
        let (orders, reservations, payments) = self.deciders(id);
        let records = &case.records;
        (
            search(&orders, Service::Order, case.order.clone(), records).without_way(),
            search(&reservations, Service::Inventory, case.inventory.clone(), records).without_way(),
            search(&payments, Service::Payment, case.payment.clone(), records).without_way(),
        )
    }

    fn deciders(
        &self,
        order_id: OrderId,
    ) -> (order::Orders<'_>, inventory::Reservations<'_>, payment::Payments<'_>) {
        let Shadow { build, unproven, products, levels, .. } = self;
        (
            order::Orders { build, products, unproven },
            inventory::Reservations { order_id, build, levels, unproven },
            payment::Payments { build },
        )
    }
}

impl Case {
    /// Moves requests with inadmissible names to the records where something names them as its cause.
    fn take_what_was_taken(&mut self) {
        for record in std::mem::take(&mut self.inadmissible) {
            let head = &record.head;
            let causes = |other: &Record| other.head.cause == Some(head.id);
            let is_new = |other: &Record| other.head.id != head.id;
            if self.records.iter().any(causes) && self.records.iter().all(is_new) {
                self.progress.see(&record.event, head.id, head.cause, head.position.partition);
                self.records.push(record);
            }
        }
    }

    /// Nothing more can be said about it.
    fn give_up(&mut self) {
        *self = Case { given_up: true, ..Case::default() };
    }
}

/// Something of it lies before what was read: a number that is not the first, or a cause that is not there.
fn is_cut(case: &Case) -> bool {
    if !case.seen.is_empty() {
        return false;
    }
    let known = |id: Uuid| case.records.iter().any(|record| record.head.id == id);
    case.records
        .iter()
        .any(|Record { head, .. }| head.source.service().is_some() && !head.cause.is_some_and(known))
        || Service::ALL.into_iter().any(|service| {
            let own = case.records.iter().filter(|record| record.head.source.service() == Some(service));
            own.filter_map(|record| record.head.sequence).min().is_some_and(|first| first > 1)
        })
}

/// Whether the service reacts to the event.
pub(crate) fn consumes(service: Service, event_type: EventType) -> bool {
    crate::participants::participant(service).consumes(event_type)
}

fn cause(record: &Record) -> Cause {
    Cause { id: record.head.id, time: record.head.time }
}

pub(crate) type Change = fn(i64) -> stock::Move;

pub(crate) fn moves(event: &Event) -> impl Iterator<Item = (&Allocation, Change)> {
    let (allocations, change): (&[Allocation], Change) = match event {
        Event::InventoryReserved(e) => (&e.allocations, stock::Move::Reserve),
        Event::InventoryConfirmed(e) => (&e.allocations, stock::Move::Confirm),
        Event::InventoryReleased(e) if e.returned => (&e.allocations, stock::Move::Return),
        Event::InventoryReleased(e) => (&e.allocations, stock::Move::Release),
        Event::ReservationExpired(e) => (&e.allocations, stock::Move::Release),
        _ => (&[], stock::Move::Reserve),
    };
    allocations.iter().map(move |allocation| (allocation, change))
}
