use minuet_events::inventory::{
    Allocation, InventoryConfirmationFailed, InventoryConfirmed, InventoryRejected, InventoryReleased,
    InventoryReserved, ReservationExpired,
};
use minuet_events::orders::OrderPlaced;
use minuet_events::values::{Micros, OrderId, ReleaseCause, Sku, WarehouseCode};
use minuet_events::{Event, EventType};

use super::allocate::allocate;
use super::input::Input;
use super::state::{Change, Held, HeldLine, Move, Reservation, ReservationState, Stock};

/// What follows: a change of the reservation, the stock that moves, and the event that tells of it. Nothing: a no-op.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    pub change: Option<Change>,
    pub moves: Vec<(Sku, WarehouseCode, Move)>,
    pub emit: Option<Event>,
}

impl Decision {
    pub fn is_no_op(&self) -> bool {
        self.change.is_none() && self.emit.is_none()
    }
}

/// The state does not take the event: it is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot happen to a reservation that is {state}")]
pub struct Illegal {
    pub state: ReservationState,
    pub event: EventType,
}

/// The reactions of reservations (docs/dance.md, "inventory"): every state and every event is written out.
pub fn decide(reservation: &Reservation, input: Input<'_>, stock: &Stock) -> Result<Decision, Illegal> {
    use Reservation::{Confirmed, Rejected, Released, Reserved, Unknown};
    let illegal = |event| Err(Illegal { state: reservation.state(), event });
    match input {
        Input::Placed { placed, expires_at } => match reservation {
            Unknown => Ok(reserve(placed, expires_at, stock)),
            Reserved(_) | Confirmed(_) | Released | Rejected => illegal(EventType::OrderPlaced),
        },
        Input::PaymentSucceeded { order_id } => match reservation {
            // Also past expires_at, as long as no sweep has released it.
            Reserved(held) => Ok(leave(order_id, held, Leaving::Confirmed, stock)),
            Released => Ok(Decision {
                emit: Some(Event::from(InventoryConfirmationFailed {
                    order_id,
                    reason: "reservation_released".to_owned(),
                })),
                ..Decision::default()
            }),
            Unknown | Confirmed(_) | Rejected => illegal(EventType::PaymentSucceeded),
        },
        Input::PaymentFailed { order_id } => match reservation {
            Reserved(held) => {
                Ok(leave(order_id, held, Leaving::Released(ReleaseCause::PaymentFailed), stock))
            }
            Released => Ok(Decision::default()),
            Unknown | Confirmed(_) | Rejected => illegal(EventType::PaymentFailed),
        },
        Input::PaymentRefunded { order_id, returns } => Ok(match returns {
            true => undo(order_id, reservation, ReleaseCause::PaymentRefunded, stock),
            false => Decision::default(),
        }),
        // Goods that the customer keeps may be reserved yet: the capture, which is on its way, confirms them.
        Input::OrderCancelled { order_id, returns } => Ok(match returns {
            true => undo(order_id, reservation, ReleaseCause::OrderCancelled, stock),
            false => Decision::default(),
        }),
        Input::Due { order_id, now } => Ok(match reservation {
            Reserved(held) if held.expires_at <= now => leave(order_id, held, Leaving::Expired, stock),
            Unknown | Reserved(_) | Confirmed(_) | Released | Rejected => Decision::default(),
        }),
    }
}

fn undo(order_id: OrderId, reservation: &Reservation, cause: ReleaseCause, stock: &Stock) -> Decision {
    match reservation {
        Reservation::Reserved(held) => leave(order_id, held, Leaving::Released(cause), stock),
        Reservation::Confirmed(held) => leave(order_id, held, Leaving::Returned(cause), stock),
        Reservation::Unknown | Reservation::Released | Reservation::Rejected => Decision::default(),
    }
}

fn reserve(placed: &OrderPlaced, expires_at: Micros, stock: &Stock) -> Decision {
    match allocate(placed.lines.iter().map(|line| (&line.sku, line.quantity)), stock) {
        Ok(lines) => {
            let (moves, allocations) = moved(&lines, Move::Reserve, stock);
            let event = InventoryReserved {
                order_id: placed.order_id,
                user_id: placed.user_id.clone(),
                payment_method: placed.payment_method,
                currency: placed.currency,
                total: placed.total,
                expires_at,
                allocations,
                payment_token: placed.payment_token.clone(),
            };
            Decision {
                change: Some(Change::Reserved(Held { lines, expires_at })),
                moves,
                emit: Some(Event::from(event)),
            }
        }
        Err(shortages) => Decision {
            change: Some(Change::Rejected),
            moves: Vec::new(),
            emit: Some(Event::from(InventoryRejected { order_id: placed.order_id, shortages })),
        },
    }
}

/// How goods leave a reservation.
enum Leaving {
    Confirmed,
    Released(ReleaseCause),
    Returned(ReleaseCause),
    Expired,
}

fn leave(order_id: OrderId, held: &Held, how: Leaving, stock: &Stock) -> Decision {
    let direction = match how {
        Leaving::Confirmed => Move::Confirm,
        Leaving::Released(_) | Leaving::Expired => Move::Release,
        Leaving::Returned(_) => Move::Return,
    };
    let (moves, allocations) = moved(&held.lines, direction, stock);
    let (change, event) = match how {
        Leaving::Confirmed => (Change::Confirmed, Event::from(InventoryConfirmed { order_id, allocations })),
        Leaving::Expired => (Change::Released, Event::from(ReservationExpired { order_id, allocations })),
        Leaving::Released(cause) => {
            let event = InventoryReleased { order_id, allocations, cause, returned: false };
            (Change::Released, Event::from(event))
        }
        Leaving::Returned(cause) => {
            let event = InventoryReleased { order_id, allocations, cause, returned: true };
            (Change::Released, Event::from(event))
        }
    };
    Decision { change: Some(change), moves, emit: Some(event) }
}

/// The moves of these lines, and the allocations that tell of them: `stock_version` is the level's version after the move.
fn moved(
    lines: &[HeldLine],
    direction: fn(i64) -> Move,
    stock: &Stock,
) -> (Vec<(Sku, WarehouseCode, Move)>, Vec<Allocation>) {
    lines
        .iter()
        .map(|HeldLine { sku, warehouse_code, quantity }| {
            let shelf = (sku.clone(), warehouse_code.clone());
            let version = stock.get(&shelf).map_or(0, |level| level.version) + 1;
            let allocation = Allocation {
                sku: sku.clone(),
                warehouse_code: warehouse_code.clone(),
                quantity: *quantity,
                stock_version: version,
            };
            ((shelf.0, shelf.1, direction(i64::from(quantity.get()))), allocation)
        })
        .unzip()
}
