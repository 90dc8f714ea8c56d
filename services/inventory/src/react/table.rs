use minuet_events::EventType::{
    self, InventoryConfirmationFailed, InventoryConfirmed, InventoryRejected, InventoryReleased,
    InventoryReserved, OrderCancelled, OrderPlaced, PaymentFailed, PaymentRefunded, PaymentSucceeded,
    ReservationExpired, StockAdjusted, StockAdjustmentRejected, StockLevelChanged,
};
use minuet_saga::{ANY, Expects, Impossible, Participant, Reaction, State, Trigger, impossible, transition};

use Trigger::{Event, Time};

/// The inventory service's part in the saga.
pub const PARTICIPANT: Participant<EventType> = Participant {
    service: "inventory",
    states: STATES,
    reactions: REACTIONS,
    impossible: IMPOSSIBLE,
    announces: &[
        (InventoryReserved, Expects::NextStep),
        (InventoryConfirmed, Expects::NextStep),
        (InventoryRejected, Expects::Compensation),
        (InventoryConfirmationFailed, Expects::Compensation),
        (ReservationExpired, Expects::Compensation),
        (InventoryReleased, Expects::Nothing),
        (StockLevelChanged, Expects::Nothing),
        (StockAdjustmentRejected, Expects::Nothing),
    ],
};

const STATES: &[State<EventType>] = &[
    State::initial("unknown"),
    State::open("reserved", &[EXPIRY]).holds("stock"),
    State::terminal("confirmed", &[Event(OrderCancelled), Event(PaymentRefunded)]).holds("stock"),
    State::terminal("released", &[]),
    State::terminal("rejected", &[]),
];

const EXPIRY: Trigger<EventType> = Time("expiry");

const REACTIONS: &[Reaction<EventType>] = &[
    transition(
        Event(OrderPlaced),
        &["unknown"],
        &["reserved", "rejected"],
        &[InventoryReserved, InventoryRejected],
    ),
    transition(Event(PaymentSucceeded), &["reserved"], &["confirmed"], &[InventoryConfirmed]),
    transition(Event(PaymentSucceeded), &["released"], &[], &[InventoryConfirmationFailed]),
    transition(Event(PaymentFailed), &["reserved"], &["released"], &[InventoryReleased]),
    transition(Event(PaymentFailed), &["released"], &[], &[]),
    // The state stays if the customer keeps the goods.
    transition(Event(OrderCancelled), &["reserved"], &["released", "reserved"], &[InventoryReleased]),
    transition(Event(OrderCancelled), &["confirmed"], &["released", "confirmed"], &[InventoryReleased]),
    transition(Event(OrderCancelled), &["unknown", "released", "rejected"], &[], &[]),
    // As above, or if something of the payment is left.
    transition(Event(PaymentRefunded), &["reserved"], &["released", "reserved"], &[InventoryReleased]),
    transition(Event(PaymentRefunded), &["confirmed"], &["released", "confirmed"], &[InventoryReleased]),
    transition(Event(PaymentRefunded), &["unknown", "released", "rejected"], &[], &[]),
    transition(EXPIRY, &["reserved"], &["released"], &[ReservationExpired]),
    transition(EXPIRY, &["unknown", "confirmed", "released", "rejected"], &[], &[]),
    transition(Event(StockAdjusted), ANY, &[], &[StockLevelChanged, StockAdjustmentRejected]),
];

const IMPOSSIBLE: &[Impossible<EventType>] = &[
    impossible(
        &[Event(OrderPlaced)],
        &["reserved", "confirmed", "released", "rejected"],
        "an order is placed once, and only OrderPlaced leaves unknown",
    ),
    impossible(
        &[Event(PaymentSucceeded), Event(PaymentFailed)],
        &["unknown", "rejected"],
        "a payment starts only after stock was reserved",
    ),
    impossible(
        &[Event(PaymentSucceeded), Event(PaymentFailed)],
        &["confirmed"],
        "the capture confirms the reservation; a payment is captured once, and does not fail afterwards",
    ),
];
