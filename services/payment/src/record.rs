//! From a decision to the row and the event that tells of it; and from the provider's answers to decisions.

use std::collections::{BTreeMap, BTreeSet};

use minuet_events::TraceContext;
use minuet_events::trace::order_trace;
use minuet_events::values::{Micros, OrderId};
use minuet_messaging::{Cause, ReactError};
use sqlx::PgConnection;

use crate::call::{Call, Key, ProviderOutcome};
use crate::domain::{Decision, Input, decide};
use crate::messaging::{OutboxEvent, ServiceContext};
use crate::meters::Tally;
use crate::row::Row;
use crate::store;

/// Applies a decision to its row. `cause`: what the event, if there is one, is derived from.
pub(crate) fn settle(
    context: &ServiceContext,
    row: &mut Row,
    decision: Decision,
    cause: Cause,
    now: Micros,
    trace: &TraceContext,
) -> Result<Option<OutboxEvent>, ReactError> {
    for change in decision.changes {
        row.apply(change, cause, now)?;
    }
    let Some(event) = decision.emit else { return Ok(None) };
    let sequence = row.next_sequence(now);
    Ok(Some(context.emission(cause, event, 0, now, sequence, trace)))
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
    let (mut emissions, mut tally) = (Vec::new(), Tally::default());
    for ((order_id, _), outcome) in answers {
        let Some(row) = rows.get_mut(order_id) else { continue };
        let (input, cause) = match outcome {
            ProviderOutcome::Charge(answer) => (Input::Answered(answer), row.reserved),
            ProviderOutcome::Refunded => (Input::Refunded, row.refund.as_ref().map(|(_, cause)| *cause)),
            ProviderOutcome::RefundParked { attempts, reason } => {
                tracing::error!(%order_id, attempts, reason, "a refund is parked: a person has to look");
                store::park_refund(connection, context, *order_id, *attempts, reason, now).await?;
                continue;
            }
        };
        match (decide(&row.payment, input), cause) {
            (Ok(decision), Some(cause)) if !decision.is_no_op() => {
                let trace = order_trace(row.trace.as_ref(), None, *order_id);
                let emission = settle(context, row, decision, cause, now, &trace)?;
                tally.note(row, emission.as_ref());
                emissions.extend(emission);
            }
            (Ok(_), _) => {}
            (Err(illegal), _) => {
                tracing::error!(%order_id, %illegal, "an answer of the provider is not expected")
            }
        }
    }
    let written: Vec<&Row> = rows.values().filter(|row| row.changed).collect();
    store::write_payments(connection, context, &written).await?;
    let calls = written.iter().filter_map(|row| Call::of(row, None)).collect();
    Ok(Recorded { emissions, calls, tally })
}
