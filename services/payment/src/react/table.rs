use minuet_events::EventType::{
    self, InventoryConfirmationFailed, InventoryReserved, OrderCancelled, PaymentFailed, PaymentRefunded,
    PaymentSucceeded, RefundRejected, RefundRequested, ReservationExpired,
};
use minuet_saga::{Expects, Impossible, Participant, Reaction, State, Trigger, impossible, transition};

use Trigger::{Event, Provider};

/// The payment service's part in the saga.
pub const PARTICIPANT: Participant<EventType> = Participant {
    service: "payment",
    states: STATES,
    reactions: REACTIONS,
    impossible: IMPOSSIBLE,
    announces: &[
        (PaymentSucceeded, Expects::NextStep),
        (PaymentFailed, Expects::Compensation),
        (PaymentRefunded, Expects::Compensation),
        // The order keeps it, so that whoever asked for the refund can be told.
        (RefundRejected, Expects::NextStep),
    ],
};

const STATES: &[State<EventType>] = &[
    State::initial("unknown"),
    State::terminal("tombstone", &[]),
    State::open("processing", &[CAPTURED, DECLINED]),
    State::terminal(
        "success",
        &[
            Event(OrderCancelled),
            Event(ReservationExpired),
            Event(InventoryConfirmationFailed),
            Event(RefundRequested),
        ],
    )
    .holds("money"),
    // On its way back: the refund is asked for until it is given.
    State::open("refund_due", &[REFUNDED]),
    State::terminal("refunded", &[]),
    State::terminal("failed", &[]),
];

const CAPTURED: Trigger<EventType> = Provider("captured");
const DECLINED: Trigger<EventType> = Provider("declined");
const REFUNDED: Trigger<EventType> = Provider("refunded");

const REACTIONS: &[Reaction<EventType>] = &[
    transition(Event(InventoryReserved), &["unknown"], &["processing", "failed"], &[PaymentFailed]),
    transition(Event(InventoryReserved), &["tombstone"], &[], &[]),
    transition(Event(OrderCancelled), &["unknown"], &["tombstone"], &[]),
    transition(Event(OrderCancelled), &["processing"], &["processing"], &[]),
    transition(Event(OrderCancelled), &["success"], &["refund_due"], &[]),
    transition(Event(OrderCancelled), ENDED, &[], &[]),
    transition(Event(ReservationExpired), &["unknown"], &["tombstone"], &[]),
    transition(Event(ReservationExpired), &["processing"], &["processing"], &[]),
    transition(Event(ReservationExpired), &["success"], &["refund_due"], &[]),
    transition(Event(ReservationExpired), ENDED, &[], &[]),
    transition(Event(InventoryConfirmationFailed), &["unknown"], &["tombstone"], &[]),
    transition(Event(InventoryConfirmationFailed), &["processing"], &["processing"], &[]),
    transition(Event(InventoryConfirmationFailed), &["success"], &["refund_due"], &[]),
    transition(Event(InventoryConfirmationFailed), ENDED, &[], &[]),
    transition(Event(RefundRequested), &["success"], &["refund_due"], &[]),
    transition(
        Event(RefundRequested),
        &["unknown", "tombstone", "processing", "failed", "refund_due", "refunded"],
        &[],
        &[RefundRejected],
    ),
    // Captured although it was to be stopped: that is told, and then given back.
    transition(CAPTURED, &["processing"], &["success", "refund_due"], &[PaymentSucceeded]),
    transition(CAPTURED, ANSWERED, &[], &[]),
    transition(DECLINED, &["processing"], &["failed"], &[PaymentFailed]),
    transition(DECLINED, ANSWERED, &[], &[]),
    transition(REFUNDED, &["refund_due"], &["refunded"], &[PaymentRefunded]),
    transition(REFUNDED, &["refunded"], &[], &[]),
];

/// Where an order's end changes nothing any more.
const ENDED: &[&str] = &["tombstone", "refund_due", "refunded", "failed"];

/// Where an answer is that of a call which was repeated after a crash: it says the same again.
const ANSWERED: &[&str] = &["success", "refund_due", "refunded", "failed"];

const IMPOSSIBLE: &[Impossible<EventType>] = &[
    impossible(
        &[Event(InventoryReserved)],
        &["processing", "success", "refund_due", "refunded", "failed"],
        "an order is reserved once, and it is the reservation that leads there",
    ),
    impossible(&[CAPTURED, DECLINED], &["unknown", "tombstone"], "nothing was asked of the provider"),
    impossible(
        &[REFUNDED],
        &["unknown", "tombstone", "processing", "success", "failed"],
        "a refund is due before the provider is asked for it",
    ),
];
