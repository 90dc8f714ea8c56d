use minuet_events::EventType::{
    self, InventoryConfirmationFailed, InventoryReserved, OrderCancelled, PaymentActionRequired,
    PaymentDisputed, PaymentFailed, PaymentRefunded, PaymentSucceeded, ProviderNotified, RefundRejected,
    RefundRequested, ReservationExpired,
};
use minuet_saga::{ANY, Expects, Impossible, Participant, Reaction, State, Trigger, impossible, transition};

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
        // The order service stores the rejection and shows it to the user who requested the refund.
        (RefundRejected, Expects::NextStep),
        // The order service shows both to the customer.
        (PaymentActionRequired, Expects::NextStep),
        (PaymentDisputed, Expects::NextStep),
    ],
};

const STATES: &[State<EventType>] = &[
    State::initial("unknown"),
    State::terminal("prevented", &[]),
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
    // The service asks the provider for the refund until the provider has made it.
    State::open("refund_due", &[REFUNDED]),
    State::terminal("refunded", &[]),
    State::terminal("failed", &[]),
];

const CAPTURED: Trigger<EventType> = Provider("captured");
const DECLINED: Trigger<EventType> = Provider("declined");
const REFUNDED: Trigger<EventType> = Provider("refunded");
const ACTION_REQUIRED: Trigger<EventType> = Provider("action required");
const DISPUTED: Trigger<EventType> = Provider("disputed");

const REACTIONS: &[Reaction<EventType>] = &[
    transition(Event(InventoryReserved), &["unknown"], &["processing", "failed"], &[PaymentFailed]),
    transition(Event(InventoryReserved), &["prevented"], &[], &[]),
    transition(Event(OrderCancelled), &["unknown"], &["prevented"], &[]),
    transition(Event(OrderCancelled), &["processing"], &["processing"], &[]),
    transition(Event(OrderCancelled), &["success"], &["refund_due"], &[]),
    transition(Event(OrderCancelled), ENDED, &[], &[]),
    transition(Event(ReservationExpired), &["unknown"], &["prevented"], &[]),
    transition(Event(ReservationExpired), &["processing"], &["processing"], &[]),
    transition(Event(ReservationExpired), &["success"], &["refund_due"], &[]),
    transition(Event(ReservationExpired), ENDED, &[], &[]),
    transition(Event(InventoryConfirmationFailed), &["unknown"], &["prevented"], &[]),
    transition(Event(InventoryConfirmationFailed), &["processing"], &["processing"], &[]),
    transition(Event(InventoryConfirmationFailed), &["success"], &["refund_due"], &[]),
    transition(Event(InventoryConfirmationFailed), ENDED, &[], &[]),
    transition(Event(RefundRequested), &["success"], &["refund_due"], &[]),
    transition(
        Event(RefundRequested),
        &["unknown", "prevented", "processing", "failed", "refund_due", "refunded"],
        &[],
        &[RefundRejected],
    ),
    // The provider captured a charge that was to be stopped: the service announces the capture, and then refunds it.
    transition(CAPTURED, &["processing"], &["success", "refund_due"], &[PaymentSucceeded]),
    transition(CAPTURED, ANSWERED, &[], &[]),
    transition(DECLINED, &["processing"], &["failed"], &[PaymentFailed]),
    transition(DECLINED, ANSWERED, &[], &[]),
    transition(REFUNDED, &["refund_due"], &["refunded"], &[PaymentRefunded]),
    transition(REFUNDED, &["refunded"], &[], &[]),
    transition(ACTION_REQUIRED, &["processing"], &[], &[PaymentActionRequired]),
    transition(ACTION_REQUIRED, ANSWERED, &[], &[]),
    transition(DISPUTED, &["success", "refund_due", "refunded"], &[], &[PaymentDisputed]),
    // A hint, whatever the state: the service asks the provider, whose answer has a row of its own.
    transition(Event(ProviderNotified), ANY, &[], &[]),
];

/// States in which the end of an order changes nothing.
const ENDED: &[&str] = &["prevented", "refund_due", "refunded", "failed"];

/// States in which the provider has answered. The answer comes again if the call is repeated after a crash.
const ANSWERED: &[&str] = &["success", "refund_due", "refunded", "failed"];

const IMPOSSIBLE: &[Impossible<EventType>] = &[
    impossible(
        &[Event(InventoryReserved)],
        &["processing", "success", "refund_due", "refunded", "failed"],
        "stock is reserved once for an order, and these states follow the reservation",
    ),
    impossible(
        &[CAPTURED, DECLINED, ACTION_REQUIRED],
        &["unknown", "prevented"],
        "the provider has not been asked yet",
    ),
    impossible(
        &[DISPUTED],
        &["unknown", "prevented", "processing", "failed"],
        "the customer's bank disputes only what was captured",
    ),
    impossible(
        &[REFUNDED],
        &["unknown", "prevented", "processing", "success", "failed"],
        "the provider is asked for a refund only in refund_due",
    ),
];
