use std::cmp::Ordering;

use minuet_events::inventory::InventoryReserved;
use minuet_events::payments::{
    PaymentActionRequired, PaymentDisputed, PaymentFailed, PaymentRefunded, PaymentSucceeded, RefundRejected,
    RefundRequested,
};
use minuet_events::values::{Amount, CancellationReason, Micros, OrderId};
use minuet_events::{Event, ids};
use uuid::Uuid;

use super::input::{Input, InputKind};
use super::state::{Answer, Change, Charge, Payment, PaymentState, Refund};

/// What follows: changes in this order, and the event that tells of them. Neither: a no-op.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    pub changes: Vec<Change>,
    pub emit: Option<Event>,
}

impl Decision {
    pub fn is_no_op(&self) -> bool {
        self.changes.is_empty() && self.emit.is_none()
    }
}

/// The state does not take the event, which is parked, or the provider's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{input} cannot happen to a payment that is {state}")]
pub struct Illegal {
    pub state: PaymentState,
    pub input: InputKind,
}

/// The reactions of payments (docs/dance.md, "payment"): every state and every event is written out.
pub fn decide(payment: &Payment, input: Input<'_>) -> Result<Decision, Illegal> {
    use Payment::{Failed, PartialRefundDue, Prevented, Processing, RefundDue, Refunded, Success, Unknown};
    let illegal = || Err(Illegal { state: payment.state(), input: input.kind() });
    let one = |change| Decision { changes: vec![change], emit: None };
    match input {
        Input::Reserved { reserved, now } => match payment {
            Unknown => Ok(begin(reserved, now)),
            Prevented => Ok(Decision::default()),
            Processing { .. }
            | Success { .. }
            | PartialRefundDue { .. }
            | RefundDue { .. }
            | Refunded
            | Failed => illegal(),
        },
        Input::Stop(cause) => match payment {
            Unknown => Ok(one(Change::Prevented { reason: cause.reason() })),
            Processing { stop: None, .. } | PartialRefundDue { stop: None, .. } => {
                Ok(one(Change::StopRequested { reason: cause.reason() }))
            }
            Success { charge, refunded } => Ok(one(rest_due(charge, *refunded, cause.reason(), true))),
            Processing { stop: Some(_), .. }
            | PartialRefundDue { stop: Some(_), .. }
            | Prevented
            | RefundDue { .. }
            | Refunded
            | Failed => Ok(Decision::default()),
        },
        Input::RefundRequested { requested, request } => {
            let refused = |reason| Ok(refuse(requested.order_id, request, reason));
            match payment {
                Success { charge, refunded } => match requested_refund(charge, *refunded, requested, request)
                {
                    Ok(due) => Ok(one(due)),
                    Err(reason) => refused(reason),
                },
                Unknown | Prevented | Processing { .. } | Failed => refused("not_captured"),
                // What is left is known once the provider has answered.
                PartialRefundDue { .. } => refused("refund_under_way"),
                RefundDue { .. } | Refunded => refused("already_refunded"),
            }
        }
        Input::Answered(answer) => match payment {
            Processing { charge, stop } => Ok(answered(charge, stop.as_ref(), answer)),
            // Of a call that was repeated after a crash: the first answer counts, and this one says the same.
            Success { .. } | PartialRefundDue { .. } | RefundDue { .. } | Refunded | Failed => {
                Ok(Decision::default())
            }
            Unknown | Prevented => illegal(),
        },
        Input::ActionRequired { action, reserved_until } => match payment {
            Processing { charge, stop: None } => Ok(Decision {
                changes: Vec::new(),
                emit: Some(Event::from(PaymentActionRequired {
                    order_id: charge.order_id,
                    payment_id: charge.payment_id,
                    payment_method: charge.payment_method,
                    kind: action.kind,
                    url: action.url.clone(),
                    data: action.data.clone(),
                    expires_at: action.expires_at.map_or(reserved_until, |end| end.min(reserved_until)),
                })),
            }),
            // Too late to act.
            Processing { stop: Some(_), .. }
            | Success { .. }
            | PartialRefundDue { .. }
            | RefundDue { .. }
            | Refunded
            | Failed => Ok(Decision::default()),
            Unknown | Prevented => illegal(),
        },
        Input::Disputed { order_id, dispute } => match payment {
            Success { .. } | PartialRefundDue { .. } | RefundDue { .. } | Refunded => Ok(Decision {
                changes: Vec::new(),
                emit: Some(Event::from(PaymentDisputed {
                    order_id,
                    payment_id: ids::payment_id(order_id),
                    dispute_id: dispute.dispute_id.clone(),
                    status: dispute.status,
                    reason: dispute.reason.clone(),
                    currency: dispute.currency,
                    amount: dispute.amount,
                })),
            }),
            Unknown | Prevented | Processing { .. } | Failed => illegal(),
        },
        Input::Refunded(given) => match payment {
            RefundDue { charge, refund } if refund.refund_id == given => Ok(Decision {
                changes: vec![Change::Refunded],
                emit: Some(refunded_event(charge, refund, None)),
            }),
            PartialRefundDue { charge, refunded, refund, stop } if refund.refund_id == given => {
                let refunded = refunded.checked_add(refund.amount).unwrap_or(charge.amount);
                let rest = stop.as_ref().map(|reason| rest_due(charge, refunded, reason.clone(), true));
                Ok(Decision {
                    changes: std::iter::once(Change::Refunded).chain(rest).collect(),
                    emit: Some(refunded_event(charge, refund, Some(charge.left(refunded)))),
                })
            }
            // Of a call that was repeated after a crash: an earlier refund, which is recorded.
            Success { .. } | PartialRefundDue { .. } | RefundDue { .. } | Refunded => Ok(Decision::default()),
            Unknown | Prevented | Processing { .. } | Failed => illegal(),
        },
    }
}

/// Whether a charge may be made: from the end of its reservation on, the goods may be somebody else's.
pub fn in_time(expires_at: Micros, now: Micros) -> bool {
    now < expires_at
}

/// The provider's answer to a charge that was called off because it is not [`in_time`] any more.
pub fn too_late(answer: Answer) -> Answer {
    match answer {
        // It had been made before all the same.
        Answer::Captured { .. } => answer,
        Answer::Declined { response, .. } => {
            Answer::Declined { reason: CancellationReason::ReservationExpired.to_string(), response }
        }
    }
}

fn begin(reserved: &InventoryReserved, now: Micros) -> Decision {
    let charge = Charge {
        order_id: reserved.order_id,
        payment_id: ids::payment_id(reserved.order_id),
        payment_method: reserved.payment_method,
        currency: reserved.currency,
        amount: reserved.total,
        payment_token: reserved.payment_token.clone(),
    };
    let reason = if !charge.amount.fits(charge.currency) {
        // Placed by an earlier release: a provider would round the amount, or refuse it.
        "too_many_decimals".to_owned()
    } else if in_time(reserved.expires_at, now) {
        return Decision { changes: vec![Change::Intent(charge)], emit: None };
    } else {
        CancellationReason::ReservationExpired.to_string()
    };
    let event = failed(&charge, &reason, None);
    Decision { changes: vec![Change::Refused { charge, reason }], emit: Some(event) }
}

fn answered(charge: &Charge, stop: Option<&CancellationReason>, answer: &Answer) -> Decision {
    match answer {
        Answer::Captured { transaction_id, response } => {
            let event = PaymentSucceeded {
                order_id: charge.order_id,
                payment_id: charge.payment_id,
                transaction_id: transaction_id.clone(),
                payment_method: charge.payment_method,
                currency: charge.currency,
                amount: charge.amount,
            };
            let captured =
                Change::Captured { transaction_id: transaction_id.clone(), response: response.clone() };
            // Captured although it was to be stopped: that is told first, and then given back.
            let refund = stop.map(|reason| rest_due(charge, Amount::ZERO, reason.clone(), true));
            Decision {
                changes: std::iter::once(captured).chain(refund).collect(),
                emit: Some(Event::from(event)),
            }
        }
        Answer::Declined { reason, response } => Decision {
            changes: vec![Change::Declined { reason: reason.clone(), response: response.clone() }],
            emit: Some(failed(charge, reason, stop.map(|why| format!("stopped: {why}")))),
        },
    }
}

fn failed(charge: &Charge, reason: &str, detail: Option<String>) -> Event {
    Event::from(PaymentFailed {
        order_id: charge.order_id,
        payment_id: charge.payment_id,
        reason: reason.to_owned(),
        detail,
        currency: Some(charge.currency),
        amount: Some(charge.amount),
    })
}

/// Everything that is left is to be given back.
fn rest_due(charge: &Charge, refunded: Amount, reason: CancellationReason, return_stock: bool) -> Change {
    let (refund_id, amount) = (ids::refund_id(charge.payment_id), charge.left(refunded));
    Change::RefundDue(Refund { refund_id, reason, amount, return_stock })
}

/// What was asked for, or why it is refused.
fn requested_refund(
    charge: &Charge,
    refunded: Amount,
    requested: &RefundRequested,
    request: Uuid,
) -> Result<Change, &'static str> {
    let left = charge.left(refunded);
    let amount = requested.amount.unwrap_or(left);
    if amount.is_zero() {
        return Err("amount_zero");
    }
    if !amount.fits(charge.currency) {
        return Err("too_many_decimals");
    }
    let (reason, return_stock) = (CancellationReason::Refunded, requested.return_stock.unwrap_or(true));
    match amount.cmp(&left) {
        Ordering::Greater => Err("more_than_left"),
        Ordering::Equal => Ok(rest_due(charge, refunded, reason, return_stock)),
        Ordering::Less => {
            let refund_id = ids::partial_refund_id(charge.payment_id, request);
            Ok(Change::RefundDue(Refund { refund_id, reason, amount, return_stock }))
        }
    }
}

/// `remaining`: of a part.
fn refunded_event(charge: &Charge, refund: &Refund, remaining: Option<Amount>) -> Event {
    Event::from(PaymentRefunded {
        order_id: charge.order_id,
        payment_id: charge.payment_id,
        refund_id: refund.refund_id,
        reason: refund.reason.clone(),
        currency: charge.currency,
        amount: refund.amount,
        remaining,
        return_stock: (!refund.return_stock).then_some(false),
    })
}

fn refuse(order_id: OrderId, request: Uuid, reason: &str) -> Decision {
    let event = RefundRejected { order_id, request_id: request, reason: reason.to_owned() };
    Decision { changes: Vec::new(), emit: Some(Event::from(event)) }
}
