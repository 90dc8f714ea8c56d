//! From a decision to the row and the event that tells of it; and from the provider's answers to decisions.

use std::collections::{BTreeMap, BTreeSet};

use minuet_events::TraceContext;
use minuet_events::trace::order_trace;
use minuet_events::values::{Micros, OrderId};
use minuet_messaging::{Cause, ReactError, Reads, Rows, Writes};
use minuet_telemetry::error_chain;

use crate::call::{Call, ProviderOutcome};
use crate::call_kind::Key;
use crate::domain::{Decision, Input, Payment, decide};
use crate::messaging::{Fold, OutboxEvent, ServiceContext};
use crate::meters::Tally;
use crate::row::Row;
use crate::store;

/// Applies a decision to its row, and emits its event. `cause`: the event that the emitted one is derived from.
pub(crate) fn settle(
    fold: &mut Fold,
    tally: &mut Tally,
    row: &mut Row,
    decision: Decision,
    cause: Cause,
    now: Micros,
    trace: &TraceContext,
) -> Result<(), ReactError> {
    for change in decision.changes {
        row.apply(change, cause, now)?;
    }
    let emitted = decision.emit.is_some();
    match decision.emit {
        // A refusal about an order that is not known here.
        Some(event) if matches!(row.payment, Payment::Unknown) => fold.emit_as(None, cause, trace, event),
        Some(event) => fold.emit(&mut row.versioned, cause, trace, event),
        None => {}
    }
    tally.note(row, fold.events().last().filter(|_| emitted));
    Ok(())
}

/// What the outcomes led to.
pub(crate) struct Recorded {
    pub(crate) emissions: Vec<OutboxEvent>,
    pub(crate) writes: Writes,
    /// The calls that follow.
    pub(crate) calls: Vec<Call>,
    pub(crate) tally: Tally,
}

/// Names the rows of these outcomes.
pub(crate) fn read(reads: &mut Reads, answers: &BTreeMap<Key, ProviderOutcome>) {
    store::read_payments(reads, &answers.keys().map(|(order, _)| *order).collect::<BTreeSet<OrderId>>());
}

/// Decides what the provider's outcomes change, for a batch of orders.
pub(crate) fn record(
    context: &ServiceContext,
    rows: &Rows,
    answers: &BTreeMap<Key, ProviderOutcome>,
    now: Micros,
) -> Result<Recorded, ReactError> {
    let mut rows = store::payments_of(rows)?;
    let (mut fold, mut writes) = (Fold::new(context.source(), now), Writes::default());
    let mut parked = Vec::new();
    let mut tally = Tally::default();
    for ((order_id, _), outcome) in answers {
        let Some(row) = rows.get_mut(order_id) else { continue };
        let (input, cause) = match outcome {
            ProviderOutcome::Created { reference, expires_at } => {
                row.created(reference, *expires_at, now);
                continue;
            }
            ProviderOutcome::Charge(answer) => (Input::Answered(answer), row.reserved),
            ProviderOutcome::Refunded(refund) => {
                (Input::Refunded(*refund), row.refund.as_ref().map(|(_, cause)| *cause))
            }
            ProviderOutcome::RefundParked { refund_id, attempts, reason } => {
                if row.refund.as_ref().is_none_or(|(due, _)| due.refund_id != *refund_id) {
                    continue;
                }
                tracing::error!(%order_id, attempts, detail = reason, "refund parked; a person has to settle it");
                parked.push((*order_id, *refund_id, *attempts, reason.as_str()));
                continue;
            }
        };
        match (decide(&row.payment, input), cause) {
            (Ok(decision), Some(cause)) if !decision.is_no_op() => {
                let trace = order_trace(row.versioned.trace.as_ref(), None, *order_id);
                settle(&mut fold, &mut tally, row, decision, cause, now, &trace)?;
            }
            (Ok(_), _) => {}
            (Err(illegal), _) => {
                tracing::error!(error = error_chain(&illegal), %order_id, "answer of the provider does not fit the payment")
            }
        }
    }
    let written: Vec<&Row> = rows.values().filter(|row| row.versioned.changed).collect();
    store::write_payments(&mut writes, context, &written);
    store::park_refunds(&mut writes, context, &parked, now);
    let calls = written.iter().filter_map(|row| Call::of(row, None)).collect();
    let emissions = fold.handled(()).events;
    Ok(Recorded { emissions, writes, calls, tally })
}
