use minuet_events::EventType::{
    self, InventoryConfirmationFailed, InventoryConfirmed, InventoryRejected, OrderCancellationRejected,
    OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderFailed, OrderPlaced, OrderRejected,
    OrderSubmitted, PaymentActionRequired, PaymentDisputed, PaymentFailed, PaymentRefunded, PaymentSucceeded,
    ProductChanged, RefundRejected, ReservationExpired,
};
use minuet_saga::{ANY, Expects, Impossible, Participant, Reaction, State, Trigger, impossible, transition};

use Trigger::{Event, Time};

/// The order service's part in the saga.
pub const PARTICIPANT: Participant<EventType> = Participant {
    service: "order",
    states: STATES,
    reactions: REACTIONS,
    impossible: IMPOSSIBLE,
    announces: &[
        (OrderPlaced, Expects::NextStep),
        (OrderCancelled, Expects::Compensation),
        (OrderRejected, Expects::Nothing),
        (OrderConfirmed, Expects::Nothing),
        (OrderFailed, Expects::Nothing),
        (OrderCancellationRejected, Expects::Nothing),
    ],
};

const STATES: &[State<EventType>] = &[
    State::initial("unknown"),
    State::terminal("cancelled_before_submission", &[Event(OrderSubmitted)]),
    State::open("pending", &[DEADLINE]),
    State::open("paid", &[DEADLINE]),
    // Only a refund ends a confirmed order.
    State::terminal("confirmed", &[Event(PaymentRefunded)]),
    State::terminal("cancelled", &[]),
    State::terminal("failed", &[]),
];

const DEADLINE: Trigger<EventType> = Time("deadline");

const REACTIONS: &[Reaction<EventType>] = &[
    transition(Event(OrderSubmitted), &["unknown"], &["pending", "failed"], &[OrderPlaced, OrderRejected]),
    transition(
        Event(OrderSubmitted),
        &["cancelled_before_submission"],
        &["cancelled", "pending", "failed"],
        &[OrderCancelled, OrderPlaced, OrderRejected],
    ),
    transition(Event(OrderSubmitted), &["pending", "paid", "confirmed", "cancelled", "failed"], &[], &[]),
    transition(Event(OrderCancellationRequested), &["unknown"], &["cancelled_before_submission"], &[]),
    // Kept, if no request of that user or of an admin is kept already, and there is room.
    transition(
        Event(OrderCancellationRequested),
        &["cancelled_before_submission"],
        &["cancelled_before_submission"],
        &[OrderCancellationRejected],
    ),
    transition(
        Event(OrderCancellationRequested),
        &["pending", "paid"],
        &["cancelled"],
        &[OrderCancelled, OrderCancellationRejected],
    ),
    transition(
        Event(OrderCancellationRequested),
        &["confirmed", "cancelled", "failed"],
        &[],
        &[OrderCancellationRejected],
    ),
    transition(Event(PaymentSucceeded), &["pending"], &["paid"], &[]),
    transition(Event(PaymentSucceeded), &["confirmed", "cancelled"], &[], &[]),
    transition(Event(InventoryConfirmed), &["pending", "paid"], &["confirmed"], &[OrderConfirmed]),
    transition(Event(InventoryConfirmed), &["cancelled"], &[], &[]),
    // The state stays if something of the payment is left.
    transition(Event(PaymentRefunded), &["pending"], &["cancelled", "pending"], &[OrderCancelled]),
    transition(Event(PaymentRefunded), &["paid"], &["cancelled", "paid"], &[OrderCancelled]),
    transition(Event(PaymentRefunded), &["confirmed"], &["cancelled", "confirmed"], &[OrderCancelled]),
    transition(Event(PaymentRefunded), &["cancelled"], &[], &[]),
    transition(Event(PaymentFailed), &["pending", "paid"], &["cancelled"], &[OrderCancelled]),
    transition(Event(PaymentFailed), &["cancelled"], &[], &[]),
    transition(Event(ReservationExpired), &["pending", "paid"], &["cancelled"], &[OrderCancelled]),
    transition(Event(ReservationExpired), &["cancelled"], &[], &[]),
    transition(Event(InventoryConfirmationFailed), &["pending", "paid"], &["cancelled"], &[OrderCancelled]),
    transition(Event(InventoryConfirmationFailed), &["cancelled"], &[], &[]),
    transition(Event(InventoryRejected), &["pending"], &["failed"], &[OrderFailed]),
    transition(Event(InventoryRejected), &["cancelled"], &[], &[]),
    transition(DEADLINE, &["pending", "paid"], &["cancelled"], &[OrderCancelled]),
    transition(
        DEADLINE,
        &["unknown", "cancelled_before_submission", "confirmed", "cancelled", "failed"],
        &[],
        &[],
    ),
    // No state depends on the rejection. The service stores it and shows it to the user who requested the refund.
    transition(Event(RefundRejected), ANY, &[], &[]),
    transition(Event(ProductChanged), ANY, &[], &[]),
    transition(Event(PaymentActionRequired), ANY, &[], &[]),
    transition(Event(PaymentDisputed), ANY, &[], &[]),
];

const IMPOSSIBLE: &[Impossible<EventType>] = &[
    impossible(
        &[
            Event(PaymentSucceeded),
            Event(InventoryConfirmed),
            Event(PaymentRefunded),
            Event(PaymentFailed),
            Event(ReservationExpired),
            Event(InventoryConfirmationFailed),
            Event(InventoryRejected),
        ],
        &["unknown", "cancelled_before_submission"],
        "stock and money follow OrderPlaced, and an order that was placed has left both states",
    ),
    impossible(
        &[
            Event(PaymentSucceeded),
            Event(InventoryConfirmed),
            Event(PaymentRefunded),
            Event(PaymentFailed),
            Event(ReservationExpired),
            Event(InventoryConfirmationFailed),
            Event(InventoryRejected),
        ],
        &["failed"],
        "an order fails before stock is reserved for it, and stock is rejected once",
    ),
    impossible(&[Event(PaymentSucceeded)], &["paid"], "an order is captured once"),
    impossible(&[Event(InventoryConfirmed)], &["confirmed"], "a reservation is confirmed once"),
    impossible(
        &[Event(PaymentFailed), Event(ReservationExpired), Event(InventoryConfirmationFailed)],
        &["confirmed"],
        "the payment is captured and the reservation confirmed: neither fails afterwards",
    ),
    impossible(
        &[Event(InventoryRejected)],
        &["paid", "confirmed"],
        "a payment starts only after stock was reserved",
    ),
];
