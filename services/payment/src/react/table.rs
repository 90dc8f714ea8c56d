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
    State::open("partial_refund_due", &[REFUNDED]),
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
    transition(Event(OrderCancelled), &["partial_refund_due"], &["partial_refund_due"], &[]),
    transition(Event(OrderCancelled), &["success"], &["refund_due"], &[]),
    transition(Event(OrderCancelled), ENDED, &[], &[]),
    transition(Event(ReservationExpired), &["unknown"], &["prevented"], &[]),
    transition(Event(ReservationExpired), &["processing"], &["processing"], &[]),
    transition(Event(ReservationExpired), &["partial_refund_due"], &["partial_refund_due"], &[]),
    transition(Event(ReservationExpired), &["success"], &["refund_due"], &[]),
    transition(Event(ReservationExpired), ENDED, &[], &[]),
    transition(Event(InventoryConfirmationFailed), &["unknown"], &["prevented"], &[]),
    transition(Event(InventoryConfirmationFailed), &["processing"], &["processing"], &[]),
    transition(Event(InventoryConfirmationFailed), &["partial_refund_due"], &["partial_refund_due"], &[]),
    transition(Event(InventoryConfirmationFailed), &["success"], &["refund_due"], &[]),
    transition(Event(InventoryConfirmationFailed), ENDED, &[], &[]),
    // Refused if the amount is 0, more than is left, or does not fit the currency.
    transition(
        Event(RefundRequested),
        &["success"],
        &["refund_due", "partial_refund_due"],
        &[RefundRejected],
    ),
    transition(
        Event(RefundRequested),
        &["unknown", "prevented", "processing", "failed", "partial_refund_due", "refund_due", "refunded"],
        &[],
        &[RefundRejected],
    ),
    // The provider captured a charge that was to be stopped: the service announces the capture, and then refunds it.
    transition(CAPTURED, &["processing"], &["success", "refund_due"], &[PaymentSucceeded]),
    transition(CAPTURED, ANSWERED, &[], &[]),
    transition(DECLINED, &["processing"], &["failed"], &[PaymentFailed]),
    transition(DECLINED, ANSWERED, &[], &[]),
    transition(REFUNDED, &["refund_due"], &["refunded"], &[PaymentRefunded]),
    // Of a part. If the order has ended meanwhile, everything that is left is to be given back.
    transition(REFUNDED, &["partial_refund_due"], &["success", "refund_due"], &[PaymentRefunded]),
    transition(REFUNDED, &["success", "refunded"], &[], &[]),
    transition(ACTION_REQUIRED, &["processing"], &[], &[PaymentActionRequired]),
    transition(ACTION_REQUIRED, ANSWERED, &[], &[]),
    transition(
        DISPUTED,
        &["success", "partial_refund_due", "refund_due", "refunded"],
        &[],
        &[PaymentDisputed],
    ),
    // A hint, whatever the state: the service asks the provider, whose answer has a row of its own.
    transition(Event(ProviderNotified), ANY, &[], &[]),
];

/// States in which the end of an order changes nothing.
const ENDED: &[&str] = &["prevented", "refund_due", "refunded", "failed"];

/// States in which the provider has answered. The answer comes again if the call is repeated after a crash.
const ANSWERED: &[&str] = &["success", "partial_refund_due", "refund_due", "refunded", "failed"];

const IMPOSSIBLE: &[Impossible<EventType>] = &[
    impossible(
        &[Event(InventoryReserved)],
        &["processing", "success", "partial_refund_due", "refund_due", "refunded", "failed"],
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
        &["unknown", "prevented", "processing", "failed"],
        "the provider is asked for a refund only after a capture",
    ),
];
