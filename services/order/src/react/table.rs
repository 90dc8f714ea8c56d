use minuet_events::EventType::{
    InventoryConfirmationFailed, InventoryConfirmed, InventoryRejected, OrderCancellationRejected,
    OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderFailed, OrderPlaced, OrderRejected,
    OrderSubmitted, PaymentFailed, PaymentRefunded, PaymentSucceeded, ProductChanged, RefundRejected,
    ReservationExpired,
};
use minuet_messaging::dance::{ANY, Asks, Impossible, Part, Reaction, State, Trigger, never, row};

use Trigger::{Event, Time};

/// The dance, as far as orders go.
pub const PART: Part = Part {
    service: "order",
    states: STATES,
    reactions: REACTIONS,
    impossible: IMPOSSIBLE,
    tells: &[
        (OrderPlaced, Asks::GoOn),
        (OrderCancelled, Asks::Undo),
        (OrderRejected, Asks::Nothing),
        (OrderConfirmed, Asks::Nothing),
        (OrderFailed, Asks::Nothing),
        (OrderCancellationRejected, Asks::Nothing),
    ],
};

const STATES: &[State] = &[
    State::initial("unknown"),
    State::last("tombstone", &[Event(OrderSubmitted)]),
    State::open("pending", &[DEADLINE]),
    State::open("paid", &[DEADLINE]),
    // A refund is the one thing that ends a confirmed order.
    State::last("confirmed", &[Event(PaymentRefunded)]),
    State::last("cancelled", &[]),
    State::last("failed", &[]),
];

const DEADLINE: Trigger = Time("deadline");

const REACTIONS: &[Reaction] = &[
    row(Event(OrderSubmitted), &["unknown"], &["pending", "failed"], &[OrderPlaced, OrderRejected]),
    row(
        Event(OrderSubmitted),
        &["tombstone"],
        &["cancelled", "pending", "failed"],
        &[OrderCancelled, OrderPlaced, OrderRejected],
    ),
    row(Event(OrderSubmitted), &["pending", "paid", "confirmed", "cancelled", "failed"], &[], &[]),
    row(Event(OrderCancellationRequested), &["unknown", "tombstone"], &["tombstone"], &[]),
    row(
        Event(OrderCancellationRequested),
        &["pending", "paid"],
        &["cancelled"],
        &[OrderCancelled, OrderCancellationRejected],
    ),
    row(
        Event(OrderCancellationRequested),
        &["confirmed", "cancelled", "failed"],
        &[],
        &[OrderCancellationRejected],
    ),
    row(Event(PaymentSucceeded), &["pending"], &["paid"], &[]),
    row(Event(PaymentSucceeded), &["confirmed", "cancelled"], &[], &[]),
    row(Event(InventoryConfirmed), &["pending", "paid"], &["confirmed"], &[OrderConfirmed]),
    row(Event(InventoryConfirmed), &["cancelled"], &[], &[]),
    row(Event(PaymentRefunded), &["pending", "paid", "confirmed"], &["cancelled"], &[OrderCancelled]),
    row(Event(PaymentRefunded), &["cancelled"], &[], &[]),
    row(Event(PaymentFailed), &["pending", "paid"], &["cancelled"], &[OrderCancelled]),
    row(Event(PaymentFailed), &["cancelled"], &[], &[]),
    row(Event(ReservationExpired), &["pending", "paid"], &["cancelled"], &[OrderCancelled]),
    row(Event(ReservationExpired), &["cancelled"], &[], &[]),
    row(Event(InventoryConfirmationFailed), &["pending", "paid"], &["cancelled"], &[OrderCancelled]),
    row(Event(InventoryConfirmationFailed), &["cancelled"], &[], &[]),
    row(Event(InventoryRejected), &["pending"], &["failed"], &[OrderFailed]),
    row(Event(InventoryRejected), &["cancelled"], &[], &[]),
    row(DEADLINE, &["pending", "paid"], &["cancelled"], &[OrderCancelled]),
    row(DEADLINE, &["unknown", "tombstone", "confirmed", "cancelled", "failed"], &[], &[]),
    // No state depends on it: kept, so that whoever asked for the refund can be told.
    row(Event(RefundRejected), ANY, &[], &[]),
    row(Event(ProductChanged), ANY, &[], &[]),
];

const IMPOSSIBLE: &[Impossible] = &[
    never(
        &[
            Event(PaymentSucceeded),
            Event(InventoryConfirmed),
            Event(PaymentRefunded),
            Event(PaymentFailed),
            Event(ReservationExpired),
            Event(InventoryConfirmationFailed),
            Event(InventoryRejected),
        ],
        &["unknown", "tombstone"],
        "nothing is reserved or charged before OrderPlaced, and by then the order has left both",
    ),
    never(
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
        "an order fails before anything of it is reserved, and stock is refused once",
    ),
    never(&[Event(PaymentSucceeded)], &["paid"], "an order is captured once"),
    never(&[Event(InventoryConfirmed)], &["confirmed"], "a reservation is confirmed once"),
    never(
        &[Event(PaymentFailed), Event(ReservationExpired), Event(InventoryConfirmationFailed)],
        &["confirmed"],
        "it was captured, and the reservation was confirmed: neither fails after that",
    ),
    never(&[Event(InventoryRejected)], &["paid", "confirmed"], "only what was reserved is charged"),
];
