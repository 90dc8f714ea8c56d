//! Amounts that stand for an end, as the test cards of a sandbox do: what takes time, fails later, or is disputed; and refunds in parts.

use std::time::{Duration, Instant};

use minuet_events::values::DisputeStatus;

use super::*;

const A_DAY: u64 = 86_400_000;

fn settling_in(settle_ms: u64) -> Simulated {
    provider(ProviderSettings { settle_ms, ..settings(1.0) })
}

fn stands(provider: &Simulated, charge: &Charge) -> Standing {
    provider.ask(charge, &reference(charge.payment_id)).now_or_never().unwrap().unwrap()
}

fn begins(provider: &Simulated, charge: &Charge) -> Standing {
    provider.begin(charge, &reference(charge.payment_id)).now_or_never().unwrap().unwrap()
}

fn dispute(provider: &Simulated, charge: &Charge) -> Option<DisputeStatus> {
    let listed = provider.disputes(charge, &reference(charge.payment_id)).now_or_never().unwrap().unwrap();
    let [dispute] = &listed[..] else { return None };
    assert_eq!((dispute.amount, dispute.currency), (charge.amount, charge.currency));
    Some(dispute.status)
}

/// Looks until it is so: time passes by itself.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not happen");
        std::thread::yield_now();
    }
}

fn failed(reason: &str) -> RefundStanding {
    RefundStanding::Failed { reason: reason.to_owned() }
}

#[test]
fn refunds_in_parts_end_when_nothing_is_left() {
    let ledger = Scratch::new();
    let provider = process(&ledger.0, 1.0);
    let charge = charge(1);
    assert!(is_captured(&captures(&provider, &charge)));
    assert_eq!(refunds_part(&provider, &charge, 1, "10.00"), RefundStanding::Given);
    assert_eq!(refunds_part(&provider, &charge, 1, "10.00"), RefundStanding::Given, "the same one");
    assert_eq!(refunds_part(&provider, &charge, 2, "15.01"), failed("amount_exceeds_what_is_left"));
    assert_eq!(refunds_part(&provider, &charge, 3, "15.00"), RefundStanding::Given);
    assert_eq!(refunds_part(&provider, &charge, 4, "0.01"), failed("amount_exceeds_what_is_left"));
    let reopened = process(&ledger.0, 1.0);
    assert_eq!(refunds_part(&reopened, &charge, 3, "15.00"), RefundStanding::Given);
    assert_eq!(refunds_part(&reopened, &charge, 5, "0.01"), failed("amount_exceeds_what_is_left"));
    assert_eq!(lists(&reopened, &charge).len(), 2);
    let given: Vec<Amount> = ledger
        .entries()
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Refunded { amount, .. } => Some(amount),
            _ => None,
        })
        .collect();
    assert_eq!(given, ["10.00", "15.00"].map(|amount| Amount::parse(amount).unwrap()));
}

#[test]
fn a_charge_may_be_under_way_until_it_is_captured() {
    let (slow, quick) = (settling_in(A_DAY), settling_in(20));
    let charge = charge_of(1, "9999.11");
    for _ in 0..2 {
        assert_eq!(begins(&slow, &charge), Standing::Processing);
        assert_eq!(stands(&slow, &charge), Standing::Processing);
    }
    assert_eq!(reason(&cancels(&slow, &charge)), Some("stopped"));
    assert_eq!(reason(&answered(begins(&slow, &charge))), Some("stopped"));

    assert_eq!(begins(&quick, &charge), Standing::Processing);
    until("the capture", || stands(&quick, &charge) != Standing::Processing);
    assert!(is_captured(&answered(stands(&quick, &charge))));
}

#[test]
fn a_refund_may_be_pending_until_it_is_given() {
    let (slow, quick) = (settling_in(A_DAY), settling_in(20));
    let charge = charge_of(1, "9999.21");
    for provider in [&slow, &quick] {
        assert!(is_captured(&captures(provider, &charge)));
        assert_eq!(refunds(provider, &charge).unwrap(), RefundStanding::Pending);
    }
    assert_eq!(lists(&slow, &charge), [(ids::refund_id(charge.payment_id), RefundStanding::Pending)]);
    assert_eq!(refunds_part(&slow, &charge, 1, "0.01"), failed("amount_exceeds_what_is_left"));
    until("the refund", || lists(&quick, &charge)[0].1 == RefundStanding::Given);
}

/// The money comes back to the shop, and may be given back again.
#[test]
fn a_refund_may_fail_after_it_was_taken_in() {
    let ledger = Scratch::new();
    let settings = ProviderSettings { settle_ms: 20, ledger: Some(ledger.0.clone()), ..settings(1.0) };
    let charge = charge_of(1, "9999.22");
    let provider = provider(settings.clone());
    assert!(is_captured(&captures(&provider, &charge)));
    assert_eq!(refunds(&provider, &charge).unwrap(), RefundStanding::Pending);
    let reopened = super::provider(settings);
    until("the failure", || lists(&reopened, &charge)[0].1 == failed("refund_failed"));
    assert_eq!(refunds(&reopened, &charge).unwrap(), failed("refund_failed"), "under its id it has ended");
    assert_eq!(refunds_part(&reopened, &charge, 1, "5000.00"), RefundStanding::Given);
    assert_eq!(lists(&provider, &charge).len(), 2);
}

#[test]
fn a_dispute_is_opened_and_then_won_or_lost() {
    let provider = settling_in(30);
    for (number, amount, end) in [(1, "9999.31", DisputeStatus::Won), (2, "9999.32", DisputeStatus::Lost)] {
        let charge = charge_of(number, amount);
        assert!(is_captured(&captures(&provider, &charge)));
        until("the dispute", || dispute(&provider, &charge) == Some(DisputeStatus::Opened));
        assert_eq!(refunds_part(&provider, &charge, 1, "1.00"), failed("charge_disputed"));
        until("its end", || dispute(&provider, &charge) == Some(end));
        let after = refunds_part(&provider, &charge, 2, "1.00");
        let expected =
            if end == DisputeStatus::Won { RefundStanding::Given } else { failed("charge_disputed") };
        assert_eq!(after, expected);
    }
    let other = charge_of(3, "9999.33");
    assert!(is_captured(&captures(&provider, &other)));
    assert_eq!(dispute(&provider, &other), None);
}
