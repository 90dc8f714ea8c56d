use minuet_events::orders::OrderSubmitted;
use minuet_order::domain::{Decision, Input, Order, Products, decide};
use uuid::Uuid;

use super::{Done, Parked, Published, folded, parked};
use crate::bug::Bug;

/// What the order service keeps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) order: Order,
    /// The OrderSubmitted: what the deadline's event is derived from.
    submission: Option<Uuid>,
}

impl Row {
    pub(crate) fn unknown() -> Self {
        Row { order: Order::Unknown, submission: None }
    }
}

pub(crate) fn react(
    row: &Row,
    message: &Published,
    products: &Products,
    bug: Option<Bug>,
) -> Result<Done<Row>, Parked> {
    let input = Input::of(&message.event, message.id, products).ok_or(Parked)?;
    let submission = matches!(input, Input::Submitted { .. }).then_some(message.id);
    settle(row, input, message.id, submission, bug)
}

/// The sweeper: in the name of the submission.
pub(crate) fn deadline(row: &Row, bug: Option<Bug>) -> Result<Done<Row>, Parked> {
    let Some(cause) = row.submission else { return Ok(Done { row: row.clone(), emit: None }) };
    settle(row, Input::DeadlinePassed, cause, None, bug)
}

fn settle(
    row: &Row,
    input: Input<'_>,
    cause: Uuid,
    submission: Option<Uuid>,
    bug: Option<Bug>,
) -> Result<Done<Row>, Parked> {
    let Some(Decision { change, emit }) = folded(decided(&row.order, input, bug))? else {
        return Ok(Done { row: row.clone(), emit: None });
    };
    let row = Row {
        order: change
            .as_ref()
            .map_or_else(|| Ok(row.order.clone()), |change| row.order.after(change))
            .map_err(parked)?,
        // As the row does: the submission that changed it.
        submission: change.and(submission).or(row.submission),
    };
    Ok(Done { row, emit: emit.map(|event| (cause, event)) })
}

fn decided(order: &Order, input: Input<'_>, bug: Option<Bug>) -> Result<Decision, Parked> {
    let forget = matches!(
        (bug, order, input),
        (Some(Bug::ConfirmOnlyFromPaid), Order::Pending(_), Input::InventoryConfirmed(_))
            | (Some(Bug::ForgetEarlyCancellation), Order::Unknown, Input::CancellationRequested { .. })
            | (Some(Bug::RefundLeavesOrder), Order::Confirmed(..), Input::PaymentRefunded(_))
    );
    if let (Some(Bug::ExpectedTotalIgnored), Input::Submitted { submitted, products }) = (bug, input) {
        let submitted = &OrderSubmitted { expected_total: None, ..submitted.clone() };
        return decide(order, Input::Submitted { submitted, products }).map_err(parked);
    }
    if forget { Ok(Decision::default()) } else { decide(order, input).map_err(parked) }
}
