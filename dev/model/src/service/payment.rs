use minuet_events::values::{Amount, Micros, RefundId};
use minuet_payment::domain::{Answer, Change, Decision, Input, Payment, StopCause, decide};
use uuid::Uuid;

use super::{Done, Parked, Published, folded, parked};
use crate::actors::{EARLY, EXPIRES_AT};
use crate::bug::Bug;

/// What the payment service keeps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) payment: Payment,
    /// The InventoryReserved: what the events of the provider's answers are derived from.
    reserved: Option<Uuid>,
    /// What asked for the refund, and for the rest while a part is due.
    refund: Option<Uuid>,
    rest: Option<Uuid>,
    /// The refund that was given last, and how many were.
    given: Option<RefundId>,
    pub(crate) parts: u8,
}

impl Row {
    pub(crate) fn unknown() -> Self {
        Row { payment: Payment::Unknown, reserved: None, refund: None, rest: None, given: None, parts: 0 }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        matches!(self.payment, Payment::Processing { stop: Some(_), .. })
    }

    /// What the provider is asked to move: the charge, or the refund that is due.
    pub(crate) fn asked(&self) -> Option<Amount> {
        match &self.payment {
            Payment::Processing { charge, .. } | Payment::Success { charge, .. } => Some(charge.amount),
            Payment::PartialRefundDue { refund, .. } | Payment::RefundDue { refund, .. } => {
                Some(refund.amount)
            }
            Payment::Unknown | Payment::Prevented | Payment::Refunded | Payment::Failed => None,
        }
    }

    fn refund_due(&self) -> Option<RefundId> {
        match &self.payment {
            Payment::PartialRefundDue { refund, .. } | Payment::RefundDue { refund, .. } => {
                Some(refund.refund_id)
            }
            Payment::Unknown
            | Payment::Prevented
            | Payment::Processing { .. }
            | Payment::Success { .. }
            | Payment::Refunded
            | Payment::Failed => None,
        }
    }
}

/// `late`: by payment's clock the reservation has expired.
pub(crate) fn react(
    row: &Row,
    message: &Published,
    late: bool,
    bug: Option<Bug>,
) -> Result<Done<Row>, Parked> {
    let now = if late { EXPIRES_AT } else { EARLY };
    let input = Input::of(&message.event, message.id, now).ok_or(Parked)?;
    settle(row, input, message.id, bug)
}

/// The provider has said what became of the charge.
pub(crate) fn answered(row: &Row, captured: bool, bug: Option<Bug>) -> Result<Done<Row>, Parked> {
    let answer = if captured {
        Answer::Captured { transaction_id: "transaction".to_owned(), response: "{}".to_owned() }
    } else {
        declined()
    };
    settle(row, Input::Answered(&answer), row.reserved.ok_or(Parked)?, bug)
}

/// The provider has given the refund that is due. `again`: an old process records the one before it.
pub(crate) fn refunded(row: &Row, again: bool, bug: Option<Bug>) -> Result<Done<Row>, Parked> {
    let given = if again { row.given } else { row.refund_due() };
    settle(row, Input::Refunded(given.ok_or(Parked)?), row.refund.ok_or(Parked)?, bug)
}

/// Declined and called off are one answer: nothing is decided by the difference.
fn declined() -> Answer {
    Answer::Declined { reason: "declined".to_owned(), response: "{}".to_owned() }
}

fn settle(row: &Row, input: Input<'_>, cause: Uuid, bug: Option<Bug>) -> Result<Done<Row>, Parked> {
    let (mut payment, decision) = decided(&row.payment, input, bug)?;
    let mut row = row.clone();
    let Some(Decision { changes, emit }) = folded(Ok(decision))? else {
        return Ok(Done { row, emit: None });
    };
    for change in &changes {
        payment = payment.after(change).map_err(parked)?;
        match change {
            Change::Intent(_) | Change::Refused { .. } => row.reserved = Some(cause),
            Change::RefundDue(_) => row.refund = Some(row.rest.take().unwrap_or(cause)),
            Change::StopRequested { .. } if matches!(payment, Payment::PartialRefundDue { .. }) => {
                row.rest = Some(cause);
            }
            Change::Refunded => {
                row.given = row.refund_due();
                row.parts += 1;
            }
            Change::Prevented { .. }
            | Change::StopRequested { .. }
            | Change::Captured { .. }
            | Change::Declined { .. } => {}
        }
    }
    // What changes nothing leaves the row as it is, also where a bug sees another payment.
    if !changes.is_empty() {
        row.payment = match payment {
            Payment::Success { charge, .. } if bug == Some(Bug::PartsForgotten) => {
                Payment::Success { charge, refunded: Amount::ZERO }
            }
            payment => payment,
        };
    }
    Ok(Done { row, emit: emit.map(|event| (cause, event)) })
}

/// With the payment that it was decided about: the row's own, unless a bug sees another one.
fn decided(payment: &Payment, input: Input<'_>, bug: Option<Bug>) -> Result<(Payment, Decision), Parked> {
    let answer = declined();
    let nothing = Ok((payment.clone(), Decision::default()));
    let (payment, input) = match (bug, payment, input) {
        (Some(Bug::ChargeAfterCancel), Payment::Prevented, Input::Reserved { .. }) => {
            (&Payment::Unknown, input)
        }
        (Some(Bug::ForgetPrevention), Payment::Unknown, Input::Stop(_)) => return nothing,
        (Some(Bug::ExpiryIgnoredByPayment), _, Input::Stop(StopCause::ReservationExpired)) => return nothing,
        (Some(Bug::ExpiryIgnoredByPayment), _, Input::Reserved { reserved, .. }) => {
            (payment, Input::Reserved { reserved, now: Micros(0) })
        }
        (Some(Bug::StopForgotten), Payment::Processing { .. }, Input::Stop(_)) => return nothing,
        (Some(Bug::FailedTooEarly), Payment::Processing { .. }, Input::Stop(_)) => {
            (payment, Input::Answered(&answer))
        }
        (Some(Bug::AnswerNeverRecorded), _, Input::Answered(_)) => return nothing,
        _ => (payment, input),
    };
    Ok((payment.clone(), decide(payment, input).map_err(parked)?))
}
