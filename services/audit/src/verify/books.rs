//! The books: a fold over all events, in whatever order topics are read. Pure: time comes in as an argument.
//!
//! What is remembered is bounded by what is open: an order at rest keeps its account for a while, for what may come
//! again or late, and is then forgotten. A level is a few numbers.

use std::collections::{BTreeMap, HashMap, VecDeque};

use minuet_events::inventory::Allocation;
use minuet_events::values::{Currency, Micros, Sku, WarehouseCode};
use minuet_events::{Event, EventType, Subject};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

use super::account::{Account, News};
use super::adjustments::Adjustments;
use super::counts::Counts;
use super::expected::Expected;
use super::findings::{Check, Findings};
use super::ids::ById;
use super::stock_levels::{Held, Level, Move, StockLevels};
use crate::record::{Head, Malformed, Position, Record};
use minuet_story::Stage;

/// What the books go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// How long anything may be owed: the order's deadline, and a little.
    pub deadline: Duration,
    /// Orders at rest that are remembered.
    pub remember: usize,
    /// Reading begins in the middle of history.
    pub truncated: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { deadline: Duration::minutes(31), remember: 100_000, truncated: false }
    }
}

/// Of one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub captured: Decimal,
    pub refunded: Decimal,
    pub confirmed: Decimal,
}

/// An order that is owed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    pub order: Uuid,
    pub stage: Stage,
    pub since: Micros,
    /// What, by whom.
    pub awaited: Vec<String>,
    pub late: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Books {
    pub(super) rules: Rules,
    /// Boxed: a table that grows holds much room.
    accounts: HashMap<Uuid, Box<Account>, ById>,
    /// Orders at rest, those first that came to it first. One that was opened again is in it twice.
    closed: VecDeque<Uuid>,
    /// Whether an order was forgotten: what is new may be old.
    forgot: bool,
    /// What an order from before this time has done may be unknown: history was cut off, or forgotten.
    hazy_until: Option<Micros>,
    /// Money of forgotten orders whose beginning was not read.
    forgotten: BTreeMap<Currency, Decimal>,
    shelves: StockLevels,
    adjustments: Adjustments,
    pub money: BTreeMap<Currency, Money>,
    pub counts: Counts,
    /// What lay on the topics and was no event, by its code.
    #[serde(rename = "odd")]
    pub malformed: BTreeMap<String, u64>,
    pub findings: Findings,
    /// Ids of requests that a service parks for the names in them, the latest: see [`Event::check_admissible`]. One that was
    /// taken under an earlier rule is still the cause of what followed.
    #[serde(default)]
    inadmissible: VecDeque<Uuid>,
    /// Orders that were forgotten, where somebody compares them.
    #[serde(skip)]
    pub(super) forgotten_orders: Option<Vec<(Uuid, Option<Expected>)>>,
}

/// How long a stock version may be on its way from a relay.
const ON_ITS_WAY: Duration = Duration::minutes(1);

impl Books {
    pub fn new(rules: Rules) -> Self {
        Books {
            rules,
            shelves: StockLevels::new(rules.truncated),
            adjustments: Adjustments::new(rules.truncated, rules.remember),
            ..Books::default()
        }
    }

    /// After a snapshot was read.
    pub(super) fn indexed(mut self) -> Self {
        self.shelves = self.shelves.indexed();
        self
    }

    pub fn malformed(&mut self, malformed: &Malformed) {
        *self.malformed.entry(malformed.code.to_owned()).or_default() += 1;
    }

    pub fn see(&mut self, record: &Record) {
        let Record { head, event } = record;
        self.counts.events += 1;
        if self.rules.truncated && self.hazy_until.is_none() {
            self.hazy_until = Some(head.recorded);
        }
        if let Err(refused) = event.check_admissible() {
            *self.malformed.entry(refused.reason.code().to_owned()).or_default() += 1;
            if let Subject::Order(_) = event.subject() {
                // Nobody owes it anything.
                self.inadmissible.push_back(head.id);
                if self.inadmissible.len() > self.rules.remember {
                    self.inadmissible.pop_front();
                }
                return;
            }
        }
        match event.subject() {
            Subject::Order(order) => self.order(order.as_uuid(), head, event),
            Subject::Sku(sku) => self.sku(sku, head, event),
            Subject::Parked(_) => self.counts.parked += 1,
        }
    }

    fn sku(&mut self, sku: &Sku, head: &Head, event: &Event) {
        match event {
            Event::StockAdjusted(e) => self.adjustments.asked(e, head, &mut self.counts, &mut self.findings),
            Event::StockLevelChanged(e) => {
                let id = e.adjustment_id;
                let is_new = self.adjustments.told(sku, id, head, &mut self.counts, &mut self.findings);
                if is_new {
                    self.shelves.adjusted(e, head, &mut self.findings);
                    self.take_changes();
                }
            }
            Event::StockAdjustmentRejected(e) => {
                self.adjustments.told(sku, e.adjustment_id, head, &mut self.counts, &mut self.findings);
            }
            _ => {}
        }
    }

    fn take_changes(&mut self) {
        for (adjustment, delta) in self.shelves.changed() {
            self.adjustments.changed(adjustment, delta, &mut self.findings);
        }
    }

    fn order(&mut self, id: Uuid, head: &Head, event: &Event) {
        let may_begin = self.rules.truncated || self.forgot;
        let account = self.accounts.entry(id).or_default();
        let show = || id.to_string();
        if account.seen_nothing() {
            self.counts.orders += 1;
        }
        let was_cut = account.cut;
        match account.note(head, event, show, may_begin, &mut self.findings) {
            News::New => {}
            News::Repetition => {
                self.counts.repetitions += 1;
                return;
            }
            News::Resubmission => {
                self.counts.resubmissions += 1;
                return;
            }
        }
        if account.cut && !was_cut {
            self.counts.cut += 1;
        }
        account.money(event, head.position, show, &mut self.findings);
        account.ends(event, show, &mut self.findings);
        total(account, event, &mut self.money, &mut self.counts);
        self.goods(id, head, event);
        self.close(id);
    }

    /// What allocations say about the order, and about the shelves.
    fn goods(&mut self, id: Uuid, head: &Head, event: &Event) {
        let (allocations, change): (&[Allocation], fn(u32) -> Move) = match event {
            Event::InventoryReserved(e) => (&e.allocations, Move::Reserve),
            Event::InventoryConfirmed(e) => (&e.allocations, Move::Confirm),
            Event::InventoryReleased(e) if e.returned => (&e.allocations, Move::Return),
            Event::InventoryReleased(e) => (&e.allocations, Move::Release),
            Event::ReservationExpired(e) => (&e.allocations, Move::Release),
            _ => return,
        };
        let mut held = Vec::with_capacity(allocations.len());
        for allocation in allocations {
            let shelf = self.shelves.number(&allocation.sku, &allocation.warehouse_code);
            let quantity = allocation.quantity.get();
            held.push(Held { shelf, quantity });
            self.shelves.moved(shelf, allocation.stock_version, change(quantity), head, &mut self.findings);
        }
        self.take_changes();
        if let Some(account) = self.accounts.get_mut(&id) {
            account.goods(event, held, head.position, || id.to_string(), &mut self.findings);
        }
    }

    fn close(&mut self, id: Uuid) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let at_rest = account.is_at_rest();
        if !at_rest {
            account.closed = false;
            return;
        }
        account.settle(|| id.to_string(), &mut self.findings);
        if account.closed {
            return;
        }
        account.closed = true;
        account.shrink();
        self.closed.push_back(id);
        while self.closed.len() > self.rules.remember {
            let Some(oldest) = self.closed.pop_front() else { break };
            if self.accounts.get(&oldest).is_none_or(|account| !account.closed) {
                continue;
            }
            self.forgot = true;
            let Some(account) = self.accounts.remove(&oldest) else { continue };
            if let Some(forgotten) = &mut self.forgotten_orders {
                forgotten.push((oldest, Expected::of(&account, &self.shelves, true)));
            }
            self.hazy_until = self.hazy_until.max(Some(account.begun));
            if let (true, Some((currency, _))) = (account.cut, account.price) {
                *self.forgotten.entry(currency).or_default() += account.imbalance();
            }
        }
    }

    /// Orders that are owed something, those first that wait longest.
    pub fn open(&self, now: Micros) -> Vec<Open> {
        let open = self.accounts.iter().filter(|(_, account)| !account.closed);
        let mut open: Vec<Open> = open
            .map(|(id, account)| {
                let since = if account.progress.is_terminal() { account.last } else { account.begun };
                let awaited = account.progress.awaited().iter().map(ToString::to_string).collect();
                let late = now > since.plus(self.rules.deadline);
                Open { order: *id, stage: account.progress.stage(), since, awaited, late }
            })
            .collect();
        open.sort_by_key(|open| (open.since, open.order));
        open
    }

    /// How many are open, and how many of them late.
    pub fn open_count(&self, now: Micros) -> (u64, u64) {
        let open = self.accounts.values().filter(|account| !account.closed && !account.progress.is_at_rest());
        open.fold((0, 0), |(open, late), account| {
            let since = if account.progress.is_terminal() { account.last } else { account.begun };
            (open + 1, late + u64::from(now > since.plus(self.rules.deadline)))
        })
    }

    /// Nothing more will come: what is owed and late is stuck, what is missing is lost.
    pub fn end(&mut self, now: Micros) {
        self.end_before(now, None);
    }

    /// The topics were written to meanwhile: of what one wave published on several partitions a part may have come too late to be
    /// read. A stock version that is missing for less than a minute is on its way.
    pub fn end_midway(&mut self, now: Micros) {
        self.end_before(now, Some(now.plus(-ON_ITS_WAY)));
    }

    fn end_before(&mut self, now: Micros, before: Option<Micros>) {
        self.shelves.end(before, &mut self.findings);
        self.take_changes();
        self.adjustments.end(now, self.rules.deadline, &mut self.findings);
        for open in self.open(now) {
            let Some(account) = self.accounts.get_mut(&open.order) else { continue };
            let show = || open.order.to_string();
            account.end(show, |cause| self.inadmissible.contains(&cause), &mut self.findings);
            if open.awaited.is_empty() {
                account.settle(show, &mut self.findings);
            }
            if open.late
                && !account.cut
                && !open.awaited.is_empty()
                && !is_old(open.order, account, self.hazy_until)
            {
                let (stage, awaited) = (open.stage, open.awaited.join("; "));
                let detail = format!("{stage} since {}, waits for {awaited}", open.since);
                self.findings.add(Check::Stuck, show(), detail, account.evidence());
            }
        }
        self.balance();
    }

    /// Per currency: what is kept is what confirmed orders cost, but for what is on its way.
    fn balance(&mut self) {
        let mut on_its_way = self.forgotten.clone();
        for account in self.accounts.values().filter(|account| account.cut || !account.closed) {
            if let Some((currency, _)) = &account.price {
                *on_its_way.entry(*currency).or_default() += account.imbalance();
            }
        }
        for (currency, money) in &self.money {
            let Money { captured, refunded, confirmed } = *money;
            let differs =
                captured - refunded - confirmed - on_its_way.get(currency).copied().unwrap_or_default();
            if !differs.is_zero() {
                let [captured, refunded, confirmed, differs] =
                    [captured, refunded, confirmed, differs].map(|sum| currency.show(sum));
                let detail = format!(
                    "captured {captured} - refunded {refunded} is not what confirmed orders are worth, {confirmed}, by {differs}"
                );
                self.findings.add(Check::Money, currency, detail, []);
            }
        }
    }

    pub fn levels(&self) -> impl Iterator<Item = (&Sku, &WarehouseCode, Level)> {
        self.shelves.levels()
    }

    /// What the services' tables have to say about orders at rest.
    pub(super) fn expected_orders(&self) -> HashMap<Uuid, Expected> {
        let closed = self.accounts.iter().filter(|(_, account)| account.closed);
        let may_begin = !self.knows_all();
        closed
            .filter_map(|(id, account)| Some((*id, Expected::of(account, &self.shelves, may_begin)?)))
            .collect()
    }

    pub(super) fn knows(&self, order: Uuid) -> bool {
        self.accounts.contains_key(&order)
    }

    /// Whether every order that ever was is remembered.
    pub(super) fn knows_all(&self) -> bool {
        !self.rules.truncated && !self.forgot
    }

    pub(super) fn evidence(&self, order: Uuid) -> Vec<Position> {
        self.accounts.get(&order).map(|account| account.evidence()).unwrap_or_default()
    }

    /// Accounts, and levels: what memory is bounded by.
    pub fn sizes(&self) -> (usize, usize) {
        (self.accounts.len(), self.shelves.len())
    }
}

/// A submission alone, of an order whose id is older than what is known: it was repeated, and the rest is gone.
fn is_old(order: Uuid, account: &Account, hazy_until: Option<Micros>) -> bool {
    let time = minuet_events::ids::time_of(order);
    account.is_only_submitted() && time.zip(hazy_until).is_some_and(|(time, until)| time <= until)
}

fn total(account: &mut Account, event: &Event, money: &mut BTreeMap<Currency, Money>, counts: &mut Counts) {
    match event {
        Event::PaymentSucceeded(e) => money.entry(e.currency).or_default().captured += e.amount.get(),
        Event::PaymentRefunded(e) => {
            let money = money.entry(e.currency).or_default();
            money.refunded += e.amount.get();
            // A confirmed order is worth its total less what was given back.
            let less = e.amount.get().min(account.counted);
            account.counted -= less;
            money.confirmed -= less;
        }
        Event::OrderConfirmed(e) => {
            counts.confirmed += 1;
            if !account.progress.seen.has(EventType::OrderCancelled) {
                account.counted = (e.total.get() - account.refunded).max(Decimal::ZERO);
                money.entry(e.currency).or_default().confirmed += account.counted;
            }
        }
        Event::OrderCancelled(_) => {
            counts.cancelled += 1;
            if let Some((currency, _)) = &account.price {
                money.entry(*currency).or_default().confirmed -= account.counted;
                account.counted = Decimal::ZERO;
            }
        }
        Event::OrderFailed(_) | Event::OrderRejected(_) => counts.failed += 1,
        _ => {}
    }
}
