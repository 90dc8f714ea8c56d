//! How far an order has come, whatever the order in which its events were read: a set of types, and a table of what
//! follows from what. The timeline says from it what is awaited; the books close an order once nothing is.

use minuet_events::values::OrderStatus;
use minuet_events::{Event, EventType};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::service::Service;

/// Types of events, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Types(u32);

const _: () = assert!(EventType::COUNT <= 32, "a type needs its bit");

impl Types {
    pub const fn of(types: &[EventType]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < types.len() {
            bits |= 1 << types[at] as u32;
            at += 1;
        }
        Types(bits)
    }

    pub fn insert(&mut self, event_type: EventType) {
        self.0 |= 1 << event_type as u32;
    }

    pub fn has(self, event_type: EventType) -> bool {
        self.0 & 1 << event_type as u32 != 0
    }

    fn has_any(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    fn has_all(self, other: Types) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Once all of `because` have happened, `from` owes one of `one_of`, unless one of `unless` has happened.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub because: &'static [EventType],
    pub from: Service,
    pub one_of: &'static [EventType],
    pub unless: &'static [EventType],
}

use EventType::{
    InventoryConfirmationFailed, InventoryConfirmed, InventoryRejected, InventoryReleased, InventoryReserved,
    OrderCancellationRejected, OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderFailed,
    OrderPlaced, OrderRejected, OrderSubmitted, PaymentFailed, PaymentRefunded, PaymentSucceeded,
    RefundRejected, RefundRequested, ReservationExpired,
};
use Service::{Inventory, Order, Payment};

const fn rule(
    because: &'static [EventType],
    from: Service,
    one_of: &'static [EventType],
    unless: &'static [EventType],
) -> Rule {
    Rule { because, from, one_of, unless }
}

/// The dance, as seen from outside. A test of the audit holds it against the services' own tables.
pub const RULES: &[Rule] = &[
    rule(&[OrderSubmitted], Order, &[OrderPlaced, OrderRejected, OrderCancelled], &[]),
    rule(&[OrderPlaced], Inventory, &[InventoryReserved, InventoryRejected], &[]),
    // Whoever hears of the end first does not charge.
    rule(
        &[InventoryReserved],
        Payment,
        &[PaymentSucceeded, PaymentFailed],
        &[OrderCancelled, ReservationExpired, InventoryConfirmationFailed],
    ),
    rule(&[PaymentSucceeded], Inventory, &[InventoryConfirmed, InventoryConfirmationFailed], &[]),
    rule(&[InventoryConfirmed], Order, &[OrderConfirmed], &[OrderCancelled]),
    rule(&[InventoryRejected], Order, &[OrderFailed], &[OrderCancelled]),
    rule(&[PaymentFailed], Order, &[OrderCancelled], &[]),
    rule(&[ReservationExpired], Order, &[OrderCancelled], &[]),
    rule(&[InventoryConfirmationFailed], Order, &[OrderCancelled], &[]),
    rule(&[PaymentRefunded], Order, &[OrderCancelled], &[]),
    rule(&[PaymentFailed, InventoryReserved], Inventory, &[InventoryReleased], &[ReservationExpired]),
    rule(&[OrderCancelled, InventoryReserved], Inventory, &[InventoryReleased], &[ReservationExpired]),
    rule(&[PaymentRefunded, InventoryReserved], Inventory, &[InventoryReleased], &[ReservationExpired]),
    rule(&[OrderCancelled, PaymentSucceeded], Payment, &[PaymentRefunded], &[]),
    rule(&[ReservationExpired, PaymentSucceeded], Payment, &[PaymentRefunded], &[]),
    rule(&[InventoryConfirmationFailed, PaymentSucceeded], Payment, &[PaymentRefunded], &[]),
];

/// [`RULES`] as bits: the books ask after every event.
const DUE: [[Types; 3]; RULES.len()] = {
    let (mut due, mut at) = ([[Types(0); 3]; RULES.len()], 0);
    while at < RULES.len() {
        let rule = &RULES[at];
        due[at] = [Types::of(rule.because), Types::of(rule.one_of), Types::of(rule.unless)];
        at += 1;
    }
    due
};

/// What somebody owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaited {
    pub from: Service,
    /// One of these.
    pub one_of: &'static [EventType],
    pub because: EventType,
}

impl std::fmt::Display for Awaited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.one_of.iter().map(|event_type| event_type.name()).collect();
        write!(f, "{} from {} (after {})", names.join(" or "), self.from, self.because)
    }
}

/// A request that has an answer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Request {
    id: Uuid,
    refund: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Requests {
    open: Vec<Request>,
    /// What ends and refusals name as their cause: the request may be read after its answer.
    answered: Vec<Uuid>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderProgress {
    pub seen: Types,
    /// Boxed: most orders have none.
    requests: Option<Box<Requests>>,
    /// The customer keeps the goods, whatever becomes of the order.
    #[serde(default)]
    goods_kept: bool,
    /// Partition of the submission: only requests on the same one are known to have come before or after it.
    submitted_on: Option<u16>,
}

impl OrderProgress {
    /// `id` and `cause` are the event's. An event that was seen before changes nothing.
    pub fn see(&mut self, event: &Event, id: Uuid, cause: Option<Uuid>, partition: u16) {
        let (mut is_whole, event_type) = (true, event.event_type());
        match event {
            Event::PaymentRefunded(refunded) => {
                is_whole = refunded.is_whole();
                self.goods_kept |= is_whole && refunded.return_stock == Some(false);
            }
            Event::OrderCancelled(cancelled) => self.goods_kept |= cancelled.return_stock == Some(false),
            _ => {}
        }
        self.see_type(event_type, id, cause, partition);
        // Of a part nothing follows.
        if is_whole {
            self.seen.insert(event_type);
        }
    }

    fn see_type(&mut self, event_type: EventType, id: Uuid, cause: Option<Uuid>, partition: u16) {
        match event_type {
            OrderCancelled | OrderCancellationRejected | PaymentRefunded | RefundRejected => {
                if let Some(cause) = cause {
                    let requests = self.requests.get_or_insert_default();
                    requests.open.retain(|request| request.id != cause);
                    requests.answered.push(cause);
                }
            }
            OrderSubmitted if !self.seen.has(OrderSubmitted) => {
                // Earlier requests to cancel have become a part of the answer to this one.
                self.submitted_on = Some(partition);
                if let Some(requests) = &mut self.requests {
                    requests.open.retain(|request| request.refund);
                }
            }
            OrderCancellationRequested if self.submitted_on == Some(partition) => {
                self.request(Request { id, refund: false });
            }
            RefundRequested => self.request(Request { id, refund: true }),
            _ => {}
        }
    }

    fn request(&mut self, request: Request) {
        let requests = self.requests.get_or_insert_default();
        if !requests.answered.contains(&request.id) {
            requests.open.push(request);
        }
    }

    fn open_requests(&self) -> &[Request] {
        self.requests.as_ref().map_or(&[], |requests| &requests.open)
    }

    pub fn awaited(&self) -> Vec<Awaited> {
        let rules = RULES.iter().filter(|rule| self.is_due(rule));
        let mut awaited: Vec<Awaited> = Vec::new();
        for rule in rules {
            let next = Awaited { from: rule.from, one_of: rule.one_of, because: rule.because[0] };
            // Several reasons for one thing.
            if !awaited.iter().any(|other| other.from == next.from && other.one_of == next.one_of) {
                awaited.push(next);
            }
        }
        awaited.extend(self.open_requests().iter().map(|request| request.awaited()));
        awaited
    }

    /// As [`OrderProgress::awaited`], only whether there is anything.
    pub fn is_at_rest(&self) -> bool {
        let is_due = |[because, one_of, unless]: &[Types; 3]| {
            self.seen.has_all(*because)
                && !self.seen.has_any(*one_of)
                && !self.seen.has_any(*unless)
                && (!self.goods_kept || !one_of.has(InventoryReleased))
        };
        self.open_requests().is_empty() && !DUE.iter().any(is_due)
    }

    fn is_due(&self, rule: &Rule) -> bool {
        self.seen.has_all(Types::of(rule.because))
            && !self.seen.has_any(Types::of(rule.one_of))
            && !self.seen.has_any(Types::of(rule.unless))
            && (!self.goods_kept || !rule.one_of.contains(&InventoryReleased))
    }

    /// Whether the order has an end of its own; more may follow from it.
    pub fn is_terminal(&self) -> bool {
        self.seen.has_any(Types::of(&[OrderConfirmed, OrderCancelled, OrderFailed, OrderRejected]))
    }

    pub fn is_confirmed(&self) -> bool {
        self.seen.has(OrderConfirmed) && !self.seen.has(OrderCancelled)
    }

    pub fn stage(&self) -> Stage {
        let seen = |event_type| self.seen.has(event_type);
        if seen(OrderCancelled) {
            Stage::Answered(OrderStatus::Cancelled)
        } else if seen(OrderConfirmed) {
            Stage::Answered(OrderStatus::Confirmed)
        } else if seen(OrderFailed) || seen(OrderRejected) {
            Stage::Answered(OrderStatus::Failed)
        } else if seen(OrderPlaced) && seen(PaymentSucceeded) {
            Stage::Answered(OrderStatus::Paid)
        } else if seen(OrderPlaced) {
            Stage::Answered(OrderStatus::Pending)
        } else if seen(OrderSubmitted) {
            Stage::Submitted
        } else {
            Stage::Unknown
        }
    }
}

/// How far an order has come by its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its submission was not read.
    Unknown,
    /// The order service has not answered yet.
    Submitted,
    Answered(OrderStatus),
}

impl Stage {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Stage::Unknown => "unknown",
            Stage::Submitted => "submitted",
            Stage::Answered(status) => status.as_str(),
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Request {
    fn awaited(self) -> Awaited {
        if self.refund {
            let one_of = &[PaymentRefunded, RefundRejected];
            Awaited { from: Payment, one_of, because: RefundRequested }
        } else {
            let one_of = &[OrderCancelled, OrderCancellationRejected];
            Awaited { from: Order, one_of, because: OrderCancellationRequested }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(types: &[EventType]) -> OrderProgress {
        let mut progress = OrderProgress::default();
        for event_type in types {
            progress.see_type(*event_type, Uuid::new_v4(), None, 0);
            progress.seen.insert(*event_type);
        }
        progress
    }

    #[test]
    fn ends_are_at_rest_and_what_is_missing_is_named() {
        let placed = [OrderSubmitted, OrderPlaced, InventoryReserved, PaymentSucceeded, InventoryConfirmed];
        for steps in 1..=placed.len() {
            assert!(!progress(&placed[..steps]).is_at_rest(), "{steps}");
        }
        let mut confirmed = placed.to_vec();
        confirmed.push(OrderConfirmed);
        assert!(progress(&confirmed).is_at_rest());
        assert_eq!(progress(&confirmed).stage(), Stage::Answered(OrderStatus::Confirmed));
        assert!(progress(&[OrderSubmitted, OrderRejected]).is_at_rest());
        assert!(progress(&[OrderSubmitted, OrderPlaced, InventoryRejected, OrderFailed]).is_at_rest());
        assert!(progress(&[OrderCancellationRequested, OrderSubmitted, OrderCancelled]).is_at_rest());

        let declined = [OrderSubmitted, OrderPlaced, InventoryReserved, PaymentFailed];
        let awaited: Vec<String> = progress(&declined).awaited().iter().map(ToString::to_string).collect();
        assert_eq!(
            awaited,
            [
                "OrderCancelled from order (after PaymentFailed)",
                "InventoryReleased from inventory (after PaymentFailed)"
            ]
        );
    }

    #[test]
    fn a_request_is_answered_by_its_own_effect() {
        let mut confirmed = progress(&[OrderSubmitted, OrderRejected]);
        let id = Uuid::new_v4();
        confirmed.see_type(OrderCancellationRequested, id, None, 0);
        assert!(!confirmed.is_at_rest());
        confirmed.see_type(OrderCancellationRejected, Uuid::new_v4(), Some(Uuid::new_v4()), 0);
        assert!(!confirmed.is_at_rest(), "the answer to another request");
        confirmed.see_type(OrderCancellationRejected, Uuid::new_v4(), Some(id), 0);
        assert!(confirmed.is_at_rest());
        // A stranger's partitioner put it elsewhere: nobody knows what came first.
        confirmed.see_type(OrderCancellationRequested, Uuid::new_v4(), None, 1);
        assert!(confirmed.is_at_rest());
    }

    fn refunded(remaining: Option<&str>, return_stock: Option<bool>) -> Event {
        Event::from(minuet_events::payments::PaymentRefunded {
            order_id: Uuid::nil().into(),
            payment_id: Uuid::nil().into(),
            refund_id: Uuid::nil().into(),
            reason: "refunded".into(),
            currency: "EUR".parse().unwrap(),
            amount: "1".parse().unwrap(),
            remaining: remaining.map(|remaining| remaining.parse().unwrap()),
            return_stock,
        })
    }

    #[test]
    fn of_a_part_nothing_follows_and_goods_that_are_kept_are_not_awaited() {
        let confirmed = [
            OrderSubmitted,
            OrderPlaced,
            InventoryReserved,
            PaymentSucceeded,
            InventoryConfirmed,
            OrderConfirmed,
        ];
        let mut part = progress(&confirmed);
        part.see(&refunded(Some("2"), None), Uuid::new_v4(), None, 0);
        assert!(part.is_at_rest() && part.is_confirmed(), "{part:?}");
        part.see(&refunded(None, None), Uuid::new_v4(), None, 0);
        let awaited = |progress: &OrderProgress| -> Vec<&str> {
            progress.awaited().iter().map(|awaited| awaited.one_of[0].name()).collect()
        };
        assert_eq!(awaited(&part), ["OrderCancelled", "InventoryReleased"]);
        let mut kept = progress(&confirmed);
        kept.see(&refunded(None, Some(false)), Uuid::new_v4(), None, 0);
        assert_eq!(awaited(&kept), ["OrderCancelled"]);
    }
}
