use minuet_events::EventType::{
    InventoryConfirmationFailed, InventoryReserved, OrderCancelled, PaymentFailed, PaymentRefunded,
    PaymentSucceeded, RefundRejected, RefundRequested, ReservationExpired,
};
use minuet_messaging::dance::{Asks, Impossible, Part, Reaction, State, Trigger, never, row};

use Trigger::{Event, Provider};

/// The dance, as far as money goes.
pub const PART: Part = Part {
    service: "payment",
    states: STATES,
    reactions: REACTIONS,
    impossible: IMPOSSIBLE,
    tells: &[
        (PaymentSucceeded, Asks::GoOn),
        (PaymentFailed, Asks::Undo),
        (PaymentRefunded, Asks::Undo),
        // The order keeps it, so that whoever asked for the refund can be told.
        (RefundRejected, Asks::GoOn),
    ],
};

const STATES: &[State] = &[
    State::initial("unknown"),
    State::last("tombstone", &[]),
    State::open("processing", &[CAPTURED, DECLINED]),
    State::last(
        "success",
        &[
            Event(OrderCancelled),
            Event(ReservationExpired),
            Event(InventoryConfirmationFailed),
            Event(RefundRequested),
        ],
    )
    .keeps("money"),
    // On its way back: the refund is asked for until it is given.
    State::open("refund_due", &[REFUNDED]),
    State::last("refunded", &[]),
    State::last("failed", &[]),
];

const CAPTURED: Trigger = Provider("captured");
const DECLINED: Trigger = Provider("declined");
const REFUNDED: Trigger = Provider("refunded");

const REACTIONS: &[Reaction] = &[
    row(Event(InventoryReserved), &["unknown"], &["processing", "failed"], &[PaymentFailed]),
    row(Event(InventoryReserved), &["tombstone"], &[], &[]),
    row(Event(OrderCancelled), &["unknown"], &["tombstone"], &[]),
    row(Event(OrderCancelled), &["processing"], &["processing"], &[]),
    row(Event(OrderCancelled), &["success"], &["refund_due"], &[]),
    row(Event(OrderCancelled), ENDED, &[], &[]),
    row(Event(ReservationExpired), &["unknown"], &["tombstone"], &[]),
    row(Event(ReservationExpired), &["processing"], &["processing"], &[]),
    row(Event(ReservationExpired), &["success"], &["refund_due"], &[]),
    row(Event(ReservationExpired), ENDED, &[], &[]),
    row(Event(InventoryConfirmationFailed), &["unknown"], &["tombstone"], &[]),
    row(Event(InventoryConfirmationFailed), &["processing"], &["processing"], &[]),
    row(Event(InventoryConfirmationFailed), &["success"], &["refund_due"], &[]),
    row(Event(InventoryConfirmationFailed), ENDED, &[], &[]),
    row(Event(RefundRequested), &["success"], &["refund_due"], &[]),
    row(
        Event(RefundRequested),
        &["unknown", "tombstone", "processing", "failed", "refund_due", "refunded"],
        &[],
        &[RefundRejected],
    ),
    // Captured although it was to be stopped: that is told, and then given back.
    row(CAPTURED, &["processing"], &["success", "refund_due"], &[PaymentSucceeded]),
    row(CAPTURED, ANSWERED, &[], &[]),
    row(DECLINED, &["processing"], &["failed"], &[PaymentFailed]),
    row(DECLINED, ANSWERED, &[], &[]),
    row(REFUNDED, &["refund_due"], &["refunded"], &[PaymentRefunded]),
    row(REFUNDED, &["refunded"], &[], &[]),
];

/// Where an order's end changes nothing any more.
const ENDED: &[&str] = &["tombstone", "refund_due", "refunded", "failed"];

/// Where an answer is that of a call which was repeated after a crash: it says the same again.
const ANSWERED: &[&str] = &["success", "refund_due", "refunded", "failed"];

const IMPOSSIBLE: &[Impossible] = &[
    never(
        &[Event(InventoryReserved)],
        &["processing", "success", "refund_due", "refunded", "failed"],
        "an order is reserved once, and it is the reservation that leads there",
    ),
    never(&[CAPTURED, DECLINED], &["unknown", "tombstone"], "nothing was asked of the provider"),
    never(
        &[REFUNDED],
        &["unknown", "tombstone", "processing", "success", "failed"],
        "a refund is due before the provider is asked for it",
    ),
];
