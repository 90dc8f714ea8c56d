//! Three small worlds, each to exhaustion.

use std::collections::BTreeSet;
use std::io::Write;

use minuet_model::{ONE, PRICE, Report, Service, Setting, TWO, check};

/// Cells of the tables that hold for a case that does not come: to be safe, not for show. One that is met must go from
/// here, and one that is new must be met or come here with its reason.
const UNMET: &[(Service, &str, &[&str])] = &[
    // PaymentSucceeded is before it in its topic.
    (Service::Order, "PaymentRefunded", &["pending"]),
    (Service::Order, "PaymentFailed", &["paid"]),
    // What released the goods came before it in the same topic, or is the order's own end.
    (Service::Order, "InventoryConfirmationFailed", &["pending", "paid"]),
    // Only what was reserved is charged, and PaymentSucceeded is before it in its topic.
    (Service::Inventory, "PaymentRefunded", &["unknown", "reserved", "rejected"]),
    // An order is cancelled once, and InventoryReserved is before the others in their topic.
    (Service::Payment, "OrderCancelled", &["prevented"]),
    (Service::Payment, "ReservationExpired", &["unknown"]),
    // It is an answer to PaymentSucceeded.
    (Service::Payment, "InventoryConfirmationFailed", &["unknown", "processing", "prevented", "failed"]),
    // The provider does not change its mind.
    (Service::Payment, "provider: captured", &["failed"]),
    (Service::Payment, "provider: declined", &["success", "partial_refund_due", "refund_due", "refunded"]),
    // Neither a customer who acts nor a bank that disputes is in this world.
    (
        Service::Payment,
        "provider: action required",
        &["processing", "success", "partial_refund_due", "refund_due", "refunded", "failed"],
    ),
    (Service::Payment, "provider: disputed", &["success", "partial_refund_due", "refund_due", "refunded"]),
];

/// Past the test harness, which keeps what succeeds to itself.
fn say(report: &Report) {
    write!(std::io::stderr(), "{report}").expect("standard error takes it");
}

fn holds(setting: Setting) -> Report {
    let report = check(setting).expect("the world can be made");
    say(&report);
    assert!(report.holds(), "{report}");
    report
}

#[test]
fn one_order_with_all_faults() {
    let report = holds(ONE);
    let expected = UNMET.iter().flat_map(|(service, on, states)| {
        states.iter().map(move |state| format!("{service:?}: {on} in {state}"))
    });
    let unmet = report.unmet.iter().map(|(service, on, state)| format!("{service:?}: {on} in {state}"));
    assert_eq!(unmet.collect::<BTreeSet<_>>(), expected.collect::<BTreeSet<_>>());
}

#[test]
fn one_order_whose_price_changes() {
    holds(PRICE);
}

#[test]
fn two_orders_on_one_sku_with_few_faults() {
    holds(TWO);
}
