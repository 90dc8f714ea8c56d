//! From a decision to the row and the event that tells of it; and from the provider's answers to decisions.

use std::collections::{BTreeMap, BTreeSet};

use minuet_events::TraceContext;
use minuet_events::trace::order_trace;
use minuet_events::values::{Micros, OrderId};
use minuet_messaging::{Cause, ReactError};
use minuet_telemetry::error_chain;
use sqlx::PgConnection;

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
    /// The calls that follow.
    pub(crate) calls: Vec<Call>,
    pub(crate) tally: Tally,
}

/// Records the provider's outcomes, for a batch of orders: one transaction.
pub(crate) async fn record(
    context: &ServiceContext,
    connection: &mut PgConnection,
    answers: &BTreeMap<Key, ProviderOutcome>,
    now: Micros,
) -> Result<Recorded, ReactError> {
    let orders: BTreeSet<OrderId> = answers.keys().map(|(order, _)| *order).collect();
    let mut rows = store::load_payments(connection, &orders.into_iter().collect::<Vec<_>>()).await?;
    let mut fold = Fold::new(context.source(), now);
    let mut tally = Tally::default();
    for ((order_id, _), outcome) in answers {
        let Some(row) = rows.get_mut(order_id) else { continue };
        let (input, cause) = match outcome {
            ProviderOutcome::Created(reference) => {
                row.created(reference, now);
                continue;
            }
            ProviderOutcome::Charge(answer) => (Input::Answered(answer), row.reserved),
            ProviderOutcome::Refunded => (Input::Refunded, row.refund.as_ref().map(|(_, cause)| *cause)),
            ProviderOutcome::RefundParked { attempts, reason } => {
                tracing::error!(%order_id, attempts, detail = reason, "refund parked; a person has to settle it");
                store::park_refund(connection, context, *order_id, *attempts, reason, now).await?;
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
    store::write_payments(connection, context, &written).await?;
    let calls = written.iter().filter_map(|row| Call::of(row, None)).collect();
    let emissions = fold.handled(()).events;
    Ok(Recorded { emissions, calls, tally })
}
