//! An event in a few words.

use minuet_events::Event;
use minuet_events::inventory::Allocation;
use minuet_events::orders::Problem;
use minuet_events::values::{Amount, Currency};

pub fn summary(event: &Event) -> String {
    match event {
        Event::OrderSubmitted(e) => {
            let expected = e.expected_total.map(|total| format!(", expects {total}")).unwrap_or_default();
            format!("{} lines, {}, by {}{expected}", e.lines.len(), e.payment_method, e.user_id)
        }
        Event::OrderCancellationRequested(e) => format!("by {}: {}", e.requested_by, e.reason),
        Event::OrderPlaced(e) => money(e.currency, e.total),
        Event::OrderRejected(e) => problems(&e.problems),
        Event::OrderConfirmed(e) => money(e.currency, e.total),
        Event::OrderCancelled(e) => with(e.reason.as_str(), e.detail.as_deref()),
        Event::OrderFailed(e) => problems(&e.problems),
        Event::OrderCancellationRejected(e) => e.reason.clone(),
        Event::InventoryReserved(e) => allocations(&e.allocations),
        Event::InventoryRejected(e) => {
            let short: Vec<String> =
                e.shortages.iter().map(|s| format!("{} of {} {}", s.available, s.requested, s.sku)).collect();
            short.join(", ")
        }
        Event::InventoryConfirmed(e) => allocations(&e.allocations),
        Event::InventoryReleased(e) => {
            format!("{}{}", e.cause, if e.returned { ", returned" } else { "" })
        }
        Event::ReservationExpired(e) => allocations(&e.allocations),
        Event::InventoryConfirmationFailed(e) => e.reason.clone(),
        Event::StockAdjusted(e) => format!("{:+} {} in {}: {}", e.delta, e.sku, e.warehouse_code, e.reason),
        Event::StockLevelChanged(e) => format!(
            "{} in {}: {} available, {} reserved, version {}",
            e.sku, e.warehouse_code, e.available, e.reserved, e.version
        ),
        Event::StockAdjustmentRejected(e) => {
            format!("{:+} {} in {}: {}", e.delta, e.sku, e.warehouse_code, e.reason)
        }
        Event::PaymentSucceeded(e) => format!("{} captured", money(e.currency, e.amount)),
        Event::PaymentFailed(e) => with(&e.reason, e.detail.as_deref()),
        Event::PaymentRefunded(e) => format!("{} given back: {}", money(e.currency, e.amount), e.reason),
        Event::RefundRequested(e) => format!("by {}: {}", e.requested_by, e.reason),
        Event::RefundRejected(e) => e.reason.clone(),
        Event::PaymentActionRequired(e) => format!("{} until {}", e.kind, e.expires_at),
        Event::ProviderNotified(e) => format!("{} of {} about {}", e.kind, e.provider, e.reference),
        Event::PaymentDisputed(e) => {
            format!("{} {}: {}", money(e.currency, e.amount), e.status, e.reason)
        }
        Event::ProductChanged(e) => format!(
            "{}: {}{}",
            e.name,
            money(e.currency, e.unit_price),
            if e.active { "" } else { ", not for sale" }
        ),
        Event::EventParked(e) => format!("{}[{}]@{}: {}", e.topic, e.partition, e.offset, e.reason),
    }
}

fn allocations(allocations: &[Allocation]) -> String {
    let from: Vec<String> =
        allocations.iter().map(|a| format!("{} {} in {}", a.quantity, a.sku, a.warehouse_code)).collect();
    from.join(", ")
}

fn problems(problems: &[Problem]) -> String {
    let codes: Vec<String> = problems
        .iter()
        .map(|problem| match (&problem.sku, problem.expected_total, problem.currency.zip(problem.total)) {
            (Some(sku), _, _) => format!("{} {sku}", problem.code),
            (None, Some(expected), Some((currency, total))) => {
                format!("{}: {}, expected {expected}", problem.code, money(currency, total))
            }
            (None, _, _) => problem.code.clone(),
        })
        .collect();
    codes.join(", ")
}

fn with(reason: &str, detail: Option<&str>) -> String {
    detail.map_or_else(|| reason.to_owned(), |detail| format!("{reason}: {detail}"))
}

fn money(currency: Currency, amount: Amount) -> String {
    format!("{currency} {}", amount.shown_in(currency))
}
