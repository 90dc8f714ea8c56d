use minuet_saga::conformance::{Case, Observed, mismatches, mutants};
use minuet_saga::{ANY, Participant, Trigger, transition};

use crate::checkout::Kind::{CheckoutCancelled, PaymentRequested, WalletDebited, WalletRefused};
use crate::checkout::{Kind, WALLET, cases};
use crate::with_rows;

fn found(participant: &Participant<Kind>, cases: &[Case<Kind>]) -> Vec<String> {
    mismatches(participant, cases, &[])
}

#[test]
fn the_table_equals_the_code() {
    assert_eq!(found(&WALLET, &cases()), Vec::<String>::new());
}

#[test]
fn each_mutant_is_noticed_and_differs() {
    let mutants = mutants(&WALLET);
    assert!(mutants.iter().all(|mutant| *mutant != WALLET));
    assert!(mutants.iter().all(|mutant| !found(mutant, &cases()).is_empty()));
}

#[test]
fn without_its_cases_a_wrong_row_is_not_noticed() {
    let mut cases = cases();
    // The customer always has enough money: no case decides the refusal.
    cases
        .retain(|case| case.observed != Observed::Applied { becomes: "refused", emits: Some(WalletRefused) });
    assert_eq!(
        found(&WALLET, &cases),
        [
            r#"PaymentRequested in unknown has a row with ({"debited", "refused"}, {WalletDebited, WalletRefused}), but the code decides ({"debited"}, {WalletDebited})"#
        ]
    );
}

#[test]
fn a_case_without_a_row_is_named() {
    let table = with_rows(&WALLET, |rows| rows.retain(|row| !row.states.contains(&"refused")));
    assert_eq!(
        found(&table, &cases()),
        ["CheckoutCancelled in refused has no row, but the code decides [NoOp, NoOp]"]
    );
}

#[test]
fn a_row_that_the_code_calls_illegal_is_named() {
    let table = with_rows(&WALLET, |rows| {
        rows.push(transition(Trigger::Event(CheckoutCancelled), &["returned"], &[], &[]));
    });
    let table = Participant { impossible: &WALLET.impossible[..1], ..table };
    assert_eq!(
        found(&table, &cases()),
        [
            "CheckoutCancelled in returned has a row, but is decided illegal",
            "CheckoutCancelled in unknown has neither a row nor a declaration as impossible",
        ]
    );
}

#[test]
fn a_state_that_no_case_has_is_named() {
    let cases: Vec<Case<Kind>> = cases().into_iter().filter(|case| case.state != "returned").collect();
    assert!(found(&WALLET, &cases)[0].starts_with("the cases have the states "));
}

/// An event that is taken in any state is decided elsewhere: its table has one row for any state.
#[test]
fn a_stateless_event_has_one_row_for_any_state() {
    let with = |states| {
        with_rows(&WALLET, |rows| {
            rows.push(transition(Trigger::Event(WalletDebited), states, &[], &[]));
        })
    };
    assert_eq!(mismatches(&with(ANY), &cases(), &[WalletDebited]), Vec::<String>::new());
    assert_eq!(
        mismatches(&with(&["debited"]), &cases(), &[WalletDebited]),
        ["WalletDebited needs exactly one row, for any state"]
    );
}

#[test]
fn a_service_consumes_the_events_of_its_rows_each_once() {
    assert_eq!(WALLET.consumed(), [PaymentRequested, CheckoutCancelled]);
}
