use minuet_events::inventory::InventoryRejected;
use minuet_events::orders::{
    OrderCancellationRejected, OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderFailed,
    OrderRejected, OrderSubmitted, Problem,
};
use minuet_events::values::{CancellationReason, OrderId, UserId};
use minuet_events::{Event, EventType};
use uuid::Uuid;

use super::input::Input;
use super::pricing::{Products, price};
use super::state::{Change, EarlyCancellation, MAX_EARLY_CANCELLATIONS, Order, OrderState, Placed};

/// What follows: a change of the order, and the event that tells of it. Neither: a no-op.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    pub change: Option<Change>,
    pub emit: Option<Event>,
}

impl Decision {
    pub fn is_no_op(&self) -> bool {
        self.change.is_none() && self.emit.is_none()
    }
}

/// The state does not take the event: it is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot happen to an order that is {state}")]
pub struct Illegal {
    pub state: OrderState,
    pub event: EventType,
}

/// The reactions of orders (docs/dance.md, "order"): every state and every event is written out.
pub fn decide(order: &Order, input: Input<'_>) -> Result<Decision, Illegal> {
    use Order::{Cancelled, CancelledBeforeSubmission, Confirmed, Failed, Paid, Pending, Unknown};
    let illegal = |event| Err(Illegal { state: order.state(), event });
    match input {
        Input::Submitted { submitted, products } => Ok(match order {
            Unknown => place(submitted, products),
            CancelledBeforeSubmission(cancellations) => {
                match cancellations.iter().find(|early| may_cancel(&early.requested_by, &submitted.user_id)) {
                    Some(early) => cancel(
                        submitted.order_id,
                        &submitted.user_id,
                        CancellationReason::Requested,
                        Some(early.reason.clone()),
                        early.request,
                    ),
                    None => place(submitted, products),
                }
            }
            Pending(_) | Paid(..) | Confirmed(..) | Cancelled | Failed => Decision::default(),
        }),
        Input::CancellationRequested { requested, request } => Ok(match order {
            Unknown => keep(requested, request),
            CancelledBeforeSubmission(kept) => match not_kept(kept, &requested.requested_by) {
                None => keep(requested, request),
                Some(reason) => refuse(requested, request, reason),
            },
            Pending(placed) | Paid(placed, _) if may_cancel(&requested.requested_by, &placed.user_id) => {
                cancel(
                    requested.order_id,
                    &placed.user_id,
                    CancellationReason::Requested,
                    Some(requested.reason.clone()),
                    Some(request),
                )
            }
            Pending(_) | Paid(..) => refuse(requested, request, "not_permitted"),
            Confirmed(..) => refuse(requested, request, "already_confirmed"),
            Cancelled => refuse(requested, request, "already_cancelled"),
            Failed => refuse(requested, request, "already_failed"),
        }),
        Input::PaymentSucceeded(paid) => match order {
            Pending(_) => Ok(Decision { change: Some(Change::Paid(paid.payment_id)), emit: None }),
            Confirmed(_, None) => {
                Ok(Decision { change: Some(Change::PaymentNoted(paid.payment_id)), emit: None })
            }
            Cancelled => Ok(Decision::default()),
            Unknown | CancelledBeforeSubmission(_) | Paid(..) | Confirmed(_, Some(_)) | Failed => {
                illegal(EventType::PaymentSucceeded)
            }
        },
        Input::InventoryConfirmed(_) => match order {
            Pending(placed) | Paid(placed, _) => Ok(Decision {
                change: Some(Change::Confirmed),
                emit: Some(Event::from(OrderConfirmed {
                    order_id: placed.order_id,
                    user_id: placed.user_id.clone(),
                    currency: placed.currency,
                    total: placed.total,
                })),
            }),
            Cancelled => Ok(Decision::default()),
            Unknown | CancelledBeforeSubmission(_) | Confirmed(..) | Failed => {
                illegal(EventType::InventoryConfirmed)
            }
        },
        Input::PaymentRefunded(refunded) => match order {
            // Of one topic and key, so PaymentSucceeded came before it: pending is written out to be safe, not expected.
            Pending(placed) | Paid(placed, _) | Confirmed(placed, _) if refunded.is_whole() => {
                let mut decision = cancel_placed(placed, refunded.reason.clone(), None);
                if let Some(Event::OrderCancelled(cancelled)) = &mut decision.emit {
                    cancelled.return_stock = refunded.return_stock;
                }
                Ok(decision)
            }
            Pending(_) | Paid(..) | Confirmed(..) | Cancelled => {
                Ok(Decision { change: Some(Change::Refunded), emit: None })
            }
            Unknown | CancelledBeforeSubmission(_) | Failed => illegal(EventType::PaymentRefunded),
        },
        Input::PaymentFailed(failed) => undo(
            order,
            EventType::PaymentFailed,
            CancellationReason::PaymentFailed,
            Some(failed.reason.clone()),
        ),
        Input::ReservationExpired(_) => {
            undo(order, EventType::ReservationExpired, CancellationReason::ReservationExpired, None)
        }
        Input::InventoryConfirmationFailed(failed) => undo(
            order,
            EventType::InventoryConfirmationFailed,
            CancellationReason::InventoryConfirmationFailed,
            Some(failed.reason.clone()),
        ),
        Input::InventoryRejected(rejected) => match order {
            Pending(placed) => Ok(fail(placed, rejected)),
            Cancelled => Ok(Decision::default()),
            Unknown | CancelledBeforeSubmission(_) | Paid(..) | Confirmed(..) | Failed => {
                illegal(EventType::InventoryRejected)
            }
        },
        Input::DeadlinePassed => match order {
            Pending(placed) | Paid(placed, _) => {
                Ok(cancel_placed(placed, CancellationReason::Deadline, None))
            }
            Unknown | CancelledBeforeSubmission(_) | Confirmed(..) | Cancelled | Failed => {
                Ok(Decision::default())
            }
        },
    }
}

/// Who may cancel an order: its user, or an admin, whom the gateway names `admin:<user id>`.
fn may_cancel(requested_by: &UserId, user: &UserId) -> bool {
    requested_by == user || is_admin(requested_by)
}

fn is_admin(requested_by: &UserId) -> bool {
    requested_by.as_str().starts_with("admin:")
}

fn keep(requested: &OrderCancellationRequested, request: Uuid) -> Decision {
    let early = EarlyCancellation::new(&requested.requested_by, &requested.reason, request);
    Decision { change: Some(Change::CancelledEarly(early)), emit: None }
}

/// Why another cancellation of an order that was not submitted yet is refused. A kept one of the same user, or of an admin,
/// cancels the order all the same.
fn not_kept(kept: &[EarlyCancellation], requested_by: &UserId) -> Option<&'static str> {
    let is_covered = |early: &EarlyCancellation| may_cancel(&early.requested_by, requested_by);
    if kept.iter().any(is_covered) {
        Some("already_requested")
    } else if kept.len() >= MAX_EARLY_CANCELLATIONS && !is_admin(requested_by) {
        Some("too_many_requests")
    } else {
        None
    }
}

fn place(submitted: &OrderSubmitted, products: &Products) -> Decision {
    match price(submitted, products) {
        Ok(placed) => {
            Decision { change: Some(Change::Placed(placed.clone())), emit: Some(Event::from(placed)) }
        }
        Err(problems) => Decision {
            change: Some(Change::Rejected(problems.clone())),
            emit: Some(Event::from(OrderRejected {
                order_id: submitted.order_id,
                user_id: submitted.user_id.clone(),
                problems,
            })),
        },
    }
}

fn cancel(
    order_id: OrderId,
    user_id: &UserId,
    reason: CancellationReason,
    detail: Option<String>,
    request: Option<Uuid>,
) -> Decision {
    Decision {
        change: Some(Change::Cancelled { reason: reason.clone(), detail: detail.clone(), request }),
        emit: Some(Event::from(OrderCancelled {
            order_id,
            user_id: user_id.clone(),
            reason,
            detail,
            return_stock: None,
        })),
    }
}

fn cancel_placed(placed: &Placed, reason: CancellationReason, detail: Option<String>) -> Decision {
    cancel(placed.order_id, &placed.user_id, reason, detail, None)
}

/// A failure elsewhere: whatever is not at its end is cancelled, a confirmed order cannot be reached by it.
fn undo(
    order: &Order,
    event: EventType,
    reason: CancellationReason,
    detail: Option<String>,
) -> Result<Decision, Illegal> {
    match order {
        Order::Pending(placed) | Order::Paid(placed, _) => Ok(cancel_placed(placed, reason, detail)),
        Order::Cancelled => Ok(Decision::default()),
        Order::Unknown | Order::CancelledBeforeSubmission(_) | Order::Confirmed(..) | Order::Failed => {
            Err(Illegal { state: order.state(), event })
        }
    }
}

fn fail(placed: &Placed, rejected: &InventoryRejected) -> Decision {
    let problems: Vec<Problem> = rejected
        .shortages
        .iter()
        .map(|shortage| {
            let detail = format!("{} requested, {} available", shortage.requested, shortage.available);
            Problem::new("insufficient_stock", Some(shortage.sku.clone()), detail)
        })
        .collect();
    Decision {
        change: Some(Change::Failed(problems.clone())),
        emit: Some(Event::from(OrderFailed {
            order_id: placed.order_id,
            user_id: placed.user_id.clone(),
            problems,
        })),
    }
}

fn refuse(requested: &OrderCancellationRequested, request: Uuid, reason: &str) -> Decision {
    Decision {
        change: None,
        emit: Some(Event::from(OrderCancellationRejected {
            order_id: requested.order_id,
            request_id: request,
            reason: reason.to_owned(),
        })),
    }
}
