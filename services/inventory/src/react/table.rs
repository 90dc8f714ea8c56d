use minuet_events::EventType::{
    InventoryConfirmationFailed, InventoryConfirmed, InventoryRejected, InventoryReleased, InventoryReserved,
    OrderCancelled, OrderPlaced, PaymentFailed, PaymentRefunded, PaymentSucceeded, ReservationExpired,
    StockAdjusted, StockAdjustmentRejected, StockLevelChanged,
};
use minuet_messaging::dance::{ANY, Asks, Impossible, Part, Reaction, State, Trigger, never, row};

use Trigger::{Event, Time};

/// The dance, as far as stock goes.
pub const PART: Part = Part {
    service: "inventory",
    states: STATES,
    reactions: REACTIONS,
    impossible: IMPOSSIBLE,
    tells: &[
        (InventoryReserved, Asks::GoOn),
        (InventoryConfirmed, Asks::GoOn),
        (InventoryRejected, Asks::Undo),
        (InventoryConfirmationFailed, Asks::Undo),
        (ReservationExpired, Asks::Undo),
        (InventoryReleased, Asks::Nothing),
        (StockLevelChanged, Asks::Nothing),
        (StockAdjustmentRejected, Asks::Nothing),
    ],
};

const STATES: &[State] = &[
    State::initial("unknown"),
    State::open("reserved", &[EXPIRY]).keeps("stock"),
    State::last("confirmed", &[Event(OrderCancelled), Event(PaymentRefunded)]).keeps("stock"),
    State::last("released", &[]),
    State::last("rejected", &[]),
];

const EXPIRY: Trigger = Time("expiry");

const REACTIONS: &[Reaction] = &[
    row(Event(OrderPlaced), &["unknown"], &["reserved", "rejected"], &[InventoryReserved, InventoryRejected]),
    row(Event(PaymentSucceeded), &["reserved"], &["confirmed"], &[InventoryConfirmed]),
    row(Event(PaymentSucceeded), &["released"], &[], &[InventoryConfirmationFailed]),
    row(Event(PaymentFailed), &["reserved"], &["released"], &[InventoryReleased]),
    row(Event(PaymentFailed), &["released"], &[], &[]),
    row(Event(OrderCancelled), &["reserved", "confirmed"], &["released"], &[InventoryReleased]),
    row(Event(OrderCancelled), &["unknown", "released", "rejected"], &[], &[]),
    row(Event(PaymentRefunded), &["reserved", "confirmed"], &["released"], &[InventoryReleased]),
    row(Event(PaymentRefunded), &["unknown", "released", "rejected"], &[], &[]),
    row(EXPIRY, &["reserved"], &["released"], &[ReservationExpired]),
    row(EXPIRY, &["unknown", "confirmed", "released", "rejected"], &[], &[]),
    row(Event(StockAdjusted), ANY, &[], &[StockLevelChanged, StockAdjustmentRejected]),
];

const IMPOSSIBLE: &[Impossible] = &[
    never(
        &[Event(OrderPlaced)],
        &["reserved", "confirmed", "released", "rejected"],
        "an order is placed once, and nothing but that leaves unknown",
    ),
    never(
        &[Event(PaymentSucceeded), Event(PaymentFailed)],
        &["unknown", "rejected"],
        "only what was reserved is charged",
    ),
    never(
        &[Event(PaymentSucceeded), Event(PaymentFailed)],
        &["confirmed"],
        "it is the capture that confirms, a payment is captured once, and it does not fail after that",
    ),
];
