//! One order's account: what happened to it, what it holds, what it paid.

use minuet_events::values::{Amount, Currency, Micros};
use minuet_events::{Event, EventType};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::findings::{Check, Findings};
use super::sequence::{Next, Sequence};
use super::stock_levels::Held;
use crate::record::{Head, Position, Service, Source};
use minuet_story::OrderProgress;

/// Ids of submissions of one order that are kept: any of them may be named as a cause.
const SUBMISSIONS: usize = 16;

/// An event that was seen, in 24 bytes: every order that is remembered has some. Among the few of one order, parts of
/// hashes are as good as whole ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// The random half.
    id: u64,
    offset: i64,
    payload: u32,
    partition: u16,
    topic: u8,
    source: u8,
}

impl Seen {
    fn of(head: &Head) -> Self {
        let source = match head.source {
            Source::Service(service) => service as u64,
            Source::Other(hash) => 3 + hash % 253,
        };
        Seen {
            id: half(head.id),
            offset: head.position.offset,
            payload: (head.payload & 0xffff_ffff) as u32,
            partition: head.position.partition,
            topic: u8::try_from(head.position.topic).unwrap_or(u8::MAX),
            source: u8::try_from(source).unwrap_or(u8::MAX),
        }
    }

    fn position(&self) -> Position {
        Position { topic: self.topic.into(), partition: self.partition, offset: self.offset }
    }
}

fn half(id: Uuid) -> u64 {
    id.as_u64_pair().1
}

/// Whether an event is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    New,
    /// Same id, same payload.
    Repetition,
    /// Another submission of an order that was submitted already.
    Resubmission,
}

/// An end of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum End {
    Confirmed,
    Cancelled,
    Failed,
    Rejected,
}

/// Where the goods are that an order holds or held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Goods {
    #[default]
    Reserved,
    Confirmed,
    Gone,
}

impl Goods {
    fn name(self) -> &'static str {
        match self {
            Goods::Reserved => "only reserved",
            Goods::Confirmed => "confirmed",
            Goods::Gone => "gone",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Account {
    #[serde(rename = "story")]
    pub(super) progress: OrderProgress,
    seen: Vec<Seen>,
    sequences: [Sequence; Service::ALL.len()],
    /// Effects whose cause was not seen yet.
    uncaused: Vec<(Uuid, Position)>,
    /// By Kafka's times, as `last` is: a producer's clock makes no order late.
    pub(super) begun: Micros,
    pub(super) last: Micros,
    pub(super) price: Option<(Currency, Decimal)>,
    pub(super) captured: Decimal,
    pub(super) refunded: Decimal,
    pub(super) held: Vec<Held>,
    pub(super) goods: Goods,
    ended: Option<End>,
    /// The confirmed total that was counted, and is to be taken back when the order is cancelled.
    pub(super) counted: Decimal,
    /// Its beginning lies before what is read, or was forgotten.
    pub(super) cut: bool,
    pub(super) closed: bool,
    /// Its money does not balance, and that was said.
    pub(super) unbalanced: bool,
}

impl Account {
    /// Notes an event, whatever it says. `may_begin`: what came before may be gone.
    pub(super) fn note(
        &mut self,
        head: &Head,
        event: &Event,
        order: impl Fn() -> String,
        may_begin: bool,
        findings: &mut Findings,
    ) -> News {
        let new = Seen::of(head);
        let same = |seen: &&Seen| (seen.id, seen.source) == (new.id, new.source);
        if let Some(seen) = self.seen.iter().find(same) {
            if seen.payload != new.payload {
                let detail = format!("{} {} came again with another payload", head.event_type, head.id);
                findings.add(Check::Repetition, order(), detail, [seen.position(), head.position]);
            }
            return News::Repetition;
        }
        let again = head.event_type == EventType::OrderSubmitted && self.progress.seen.has(head.event_type);
        if !again || self.seen.len() < SUBMISSIONS {
            self.seen.push(new);
        }
        self.uncaused.retain(|(cause, _)| *cause != head.id);
        if again {
            return News::Resubmission;
        }
        if self.seen.len() == 1 {
            self.begun = head.recorded;
        }
        if head.event_type == EventType::OrderSubmitted {
            self.begun = head.recorded;
        }
        self.last = self.last.max(head.recorded);
        self.number(head, &order, may_begin, findings);
        self.cause(head, &order, may_begin, findings);
        self.progress.see(event, head.id, head.cause, head.position.partition);
        News::New
    }

    fn number(&mut self, head: &Head, order: impl Fn() -> String, may_begin: bool, findings: &mut Findings) {
        let Some(service) = head.source.service() else { return };
        let Some(number) = head.sequence else {
            // Of an order that it does not know, payment has no row to draw a number from.
            if head.event_type != EventType::RefundRejected {
                let detail = format!("{} from {service} has no ce_sequence", head.event_type);
                findings.add(Check::Sequence, order(), detail, [head.position]);
            }
            return;
        };
        match self.sequences[service as usize].take(number, head.position, may_begin) {
            Next::InOrder => {}
            Next::Begun => self.cut = true,
            Next::Wrong(check, detail) => {
                findings.add(
                    check,
                    order(),
                    format!("{} from {service}: {detail}", head.event_type),
                    [head.position],
                );
            }
        }
    }

    fn cause(&mut self, head: &Head, order: impl Fn() -> String, may_begin: bool, findings: &mut Findings) {
        let Some(service) = head.source.service() else { return };
        match head.cause {
            None => {
                let detail = format!("{} from {service} names no cause", head.event_type);
                findings.add(Check::Cause, order(), detail, [head.position]);
            }
            Some(cause) if self.seen.iter().any(|seen| seen.id == half(cause)) => {}
            // The first event that is left of an order.
            Some(_) if self.cut => {}
            Some(_) if may_begin && self.seen.len() == 1 => self.cut = true,
            Some(cause) => self.uncaused.push((cause, head.position)),
        }
    }

    /// Nothing is owed, nothing is missing.
    pub(super) fn is_at_rest(&self) -> bool {
        (self.uncaused.is_empty() || self.cut)
            && self.sequences.iter().all(|sequence| sequence.missing().is_empty())
            && self.progress.is_at_rest()
    }

    /// Where it is to be closed, or nothing more will come.
    pub(super) fn settle(&mut self, order: impl Fn() -> String, findings: &mut Findings) {
        if self.cut || self.unbalanced {
            return;
        }
        let kept = self.captured - self.refunded;
        let due = match (self.progress.is_confirmed(), &self.price) {
            (true, Some((_, total))) => *total - self.refunded,
            _ => Decimal::ZERO,
        };
        if kept != due {
            self.unbalanced = true;
            let stage = self.progress.stage();
            let show = |sum: Decimal| match self.price {
                Some((currency, _)) => currency.show(sum),
                None => sum.to_string(),
            };
            let [captured, refunded, due] = [self.captured, self.refunded, due].map(show);
            let detail =
                format!("captured {captured} and refunded {refunded}, but a {stage} order keeps {due}");
            findings.add(Check::Money, order(), detail, self.evidence());
        }
    }

    /// Nothing more will come: what is missing is lost.
    /// `inadmissible`: whether this is a request of whose effects nothing was expected.
    pub(super) fn end(
        &self,
        order: impl Fn() -> String,
        inadmissible: impl Fn(Uuid) -> bool,
        findings: &mut Findings,
    ) {
        for (service, sequence) in Service::ALL.into_iter().zip(&self.sequences) {
            for (number, position) in sequence.missing() {
                let detail = format!("ce_sequence {number} from {service} is missing");
                findings.add(Check::Loss, order(), detail, [*position]);
            }
        }
        if self.cut {
            return;
        }
        for (cause, position) in self.uncaused.iter().filter(|(cause, _)| !inadmissible(*cause)) {
            let detail = format!("an effect names the cause {cause}, which does not exist");
            findings.add(Check::Cause, order(), detail, [*position]);
        }
    }

    /// For a closed account: as little memory as it takes.
    pub(super) fn shrink(&mut self) {
        self.seen.shrink_to_fit();
        self.held.shrink_to_fit();
    }

    /// The last events of the order.
    pub(super) fn evidence(&self) -> Vec<Position> {
        let skipped = self.seen.len().saturating_sub(4);
        self.seen.iter().skip(skipped).map(Seen::position).collect()
    }

    /// Money on its way: what belongs to no confirmed order yet, or not to a cancelled one any more.
    pub(super) fn imbalance(&self) -> Decimal {
        self.captured - self.refunded - self.counted
    }

    /// What the payments say, and the end of the order.
    pub(super) fn money(
        &mut self,
        event: &Event,
        position: Position,
        order: impl Fn() -> String,
        findings: &mut Findings,
    ) {
        match event {
            Event::OrderPlaced(e) => {
                self.price = Some((e.currency, e.total.get()));
                let prices = e.lines.iter().map(|line| line.unit_price);
                if let Some(unfit) = prices.chain([e.total]).find_map(|price| unfit(e.currency, price)) {
                    findings.add(Check::Money, order(), format!("placed although {unfit}"), [position]);
                }
            }
            Event::PaymentSucceeded(e) => {
                if let Some(unfit) = unfit(e.currency, e.amount) {
                    findings.add(Check::Money, order(), format!("captured although {unfit}"), [position]);
                }
                if !self.captured.is_zero() {
                    findings.add(Check::Twice, order(), "captured twice", [position]);
                }
                self.captured += e.amount.get();
                self.price.get_or_insert((e.currency, e.amount.get()));
                self.priced(e.currency, e.amount, "captured", position, &order, findings);
            }
            Event::PaymentRefunded(e) => {
                let refunded = self.refunded + e.amount.get();
                if !self.cut && !self.captured.is_zero() && refunded > self.captured {
                    findings.add(Check::Twice, order(), "refunded more than was captured", [position]);
                }
                if self.captured.is_zero() && !self.cut {
                    findings.add(Check::Compensation, order(), "refunded, but never captured", [position]);
                }
                self.refunded = refunded;
                let left = self.captured - refunded;
                let remaining = e.remaining.map_or(Decimal::ZERO, Amount::get);
                if !self.cut && left != remaining && !self.captured.is_zero() && left >= Decimal::ZERO {
                    let [left, remaining] = [left, remaining].map(|sum| e.currency.show(sum));
                    let detail = format!("a refund says that {remaining} is left, but {left} is");
                    findings.add(Check::Money, order(), detail, [position]);
                }
                self.price.get_or_insert((e.currency, e.amount.get() + remaining));
                if let Some((priced, _)) = self.price.filter(|(priced, _)| *priced != e.currency) {
                    let detail = format!("refunded in {}, but it costs {priced}", e.currency);
                    findings.add(Check::Money, order(), detail, [position]);
                }
            }
            Event::OrderConfirmed(e) => {
                self.price.get_or_insert((e.currency, e.total.get()));
            }
            _ => {}
        }
    }

    fn priced(
        &self,
        currency: Currency,
        amount: Amount,
        what: &str,
        position: Position,
        order: impl Fn() -> String,
        findings: &mut Findings,
    ) {
        if let Some((priced, total)) = &self.price
            && (*priced, *total) != (currency, amount.get())
        {
            let detail = format!(
                "{what} {currency} {} of {priced} {}",
                amount.shown_in(currency),
                priced.show(*total)
            );
            findings.add(Check::Money, order(), detail, [position]);
        }
    }
}

/// An amount that the currency cannot express, in words.
fn unfit(currency: Currency, amount: Amount) -> Option<String> {
    amount.check_fits("an amount", currency).err().map(|error| error.to_string())
}

impl Account {
    pub(super) fn seen_nothing(&self) -> bool {
        self.seen.is_empty()
    }

    pub(super) fn is_only_submitted(&self) -> bool {
        self.seen.len() == 1 && self.progress.seen.has(EventType::OrderSubmitted)
    }

    /// What inventory's events say about what the order holds.
    pub(super) fn goods(
        &mut self,
        event: &Event,
        mut moved: Vec<Held>,
        position: Position,
        order: impl Fn() -> String,
        findings: &mut Findings,
    ) {
        moved.sort_unstable();
        let has = |event_type| self.progress.seen.has(event_type);
        let name = event.event_type();
        if let Event::InventoryReserved(_) = event {
            if !self.held.is_empty() {
                findings.add(Check::Twice, order(), "reserved twice", [position]);
            }
            self.held = moved;
            return;
        }
        if self.cut && self.held.is_empty() {
            // Reserved before what is read.
            return;
        }
        if !has(EventType::InventoryReserved) {
            let detail = format!("{name}, but nothing was ever reserved");
            return findings.add(Check::Compensation, order(), detail, [position]);
        }
        let gone = self.goods == Goods::Gone;
        let (allowed, next) = match event {
            Event::InventoryConfirmed(_) => (self.goods == Goods::Reserved, Goods::Confirmed),
            Event::InventoryReleased(e) if e.returned => (self.goods == Goods::Confirmed, Goods::Gone),
            _ => (self.goods == Goods::Reserved, Goods::Gone),
        };
        if gone {
            let detail = format!("{name}, but the goods were given back already");
            findings.add(Check::Twice, order(), detail, [position]);
        } else if !allowed {
            let detail = format!("{name}, but the goods are {}", self.goods.name());
            findings.add(Check::Compensation, order(), detail, [position]);
        }
        if moved != self.held {
            let detail = format!("{name} names other goods than were reserved");
            findings.add(Check::Compensation, order(), detail, [position]);
        }
        self.goods = next;
    }

    /// Ends of orders: one of them, and only a refund ends a confirmed one.
    pub(super) fn ends(&mut self, event: &Event, order: impl Fn() -> String, findings: &mut Findings) {
        let end = match event {
            Event::OrderConfirmed(_) => End::Confirmed,
            Event::OrderCancelled(_) => End::Cancelled,
            Event::OrderFailed(_) => End::Failed,
            Event::OrderRejected(_) => End::Rejected,
            _ => return,
        };
        match self.ended {
            None => {}
            Some(before) if before == end => {
                let detail = format!("{} twice", event.event_type());
                findings.add(Check::Twice, order(), detail, self.evidence());
            }
            // The one exception. That it was refunded is proven by the money.
            Some(End::Confirmed) if end == End::Cancelled => {}
            Some(before) => {
                let detail = format!("{} after Order{before:?}", event.event_type());
                findings.add(Check::Contradiction, order(), detail, self.evidence());
            }
        }
        self.ended = Some(end);
    }
}
