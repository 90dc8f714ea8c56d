//! What happened to one order, read from the topics.

use std::time::Duration;

use minuet_events::Event;
use minuet_events::orders::Problem;
use minuet_events::values::{Amount, Currency, Micros};

use super::recorded::Recorded;
use crate::error::CliError;
use crate::output;
use crate::services::Shared;

/// The order's end is in the database a moment before the last event is on its topic.
const TIMELINE_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(super) async fn print(shared: &Shared, order: &str, since: Micros) -> Result<(), CliError> {
    let until = tokio::time::Instant::now() + TIMELINE_TIMEOUT;
    let events = loop {
        let events = shared.history(order, since).await?;
        if is_whole(&events) || tokio::time::Instant::now() > until {
            break events;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    };
    let Some(start) = events.iter().map(|event| event.envelope.time.0).min() else { return Ok(()) };
    for Recorded { position, envelope, event } in &events {
        let after = (envelope.time.0 - start) / 1000;
        let by = envelope.source.rsplit('/').next().unwrap_or_default();
        output::print(format!(
            "  {after:>5} ms  {:<22} {by:<10} {:<38} {position}",
            envelope.event_type.name(),
            said(event),
        ));
    }
    Ok(())
}

/// Whether the last events that are due have come: the order's end, and after a declined payment the release.
fn is_whole(events: &[Recorded]) -> bool {
    let has = |name: &str| events.iter().any(|event| event.envelope.event_type.name() == name);
    has("OrderConfirmed")
        || has("OrderRejected")
        || has("OrderFailed")
        || (has("OrderCancelled") && has("InventoryReleased"))
}

fn said(event: &Event) -> String {
    let problems = |problems: &[Problem]| {
        let codes: Vec<String> = problems
            .iter()
            .map(|problem| match &problem.sku {
                Some(sku) => format!("{} {sku}", problem.code),
                None => problem.code.clone(),
            })
            .collect();
        codes.join(", ")
    };
    match event {
        Event::OrderSubmitted(e) => format!("{} lines, {}", e.lines.len(), e.payment_method),
        Event::OrderPlaced(e) => money(e.currency, e.total),
        Event::OrderRejected(e) => problems(&e.problems),
        Event::OrderFailed(e) => problems(&e.problems),
        Event::OrderCancelled(e) => e.reason.to_string(),
        Event::OrderConfirmed(e) => money(e.currency, e.total),
        Event::InventoryReserved(e) => {
            let from: Vec<String> = e
                .allocations
                .iter()
                .map(|a| format!("{} {} in {}", a.quantity, a.sku, a.warehouse_code))
                .collect();
            from.join(", ")
        }
        Event::InventoryRejected(e) => {
            let short: Vec<String> =
                e.shortages.iter().map(|s| format!("{} of {} {}", s.available, s.requested, s.sku)).collect();
            short.join(", ")
        }
        Event::InventoryReleased(e) => e.cause.to_string(),
        Event::PaymentSucceeded(e) => format!("{} captured", money(e.currency, e.amount)),
        Event::PaymentFailed(e) => e.reason.clone(),
        _ => String::new(),
    }
}

fn money(currency: Currency, amount: Amount) -> String {
    format!("{currency} {}", amount.shown_in(currency))
}
