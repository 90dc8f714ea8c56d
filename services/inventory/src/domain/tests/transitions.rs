//! Every change in every state: what does not fit is an error that names both.

use super::samples::*;
use crate::domain::{Change, InvalidTransition, Reservation};

fn changes() -> [Change; 4] {
    let Reservation::Reserved(held) = reserved() else { panic!("it is reserved") };
    [Change::Reserved(held), Change::Rejected, Change::Confirmed, Change::Released]
}

/// Where each change of [`changes`] leads. None: nowhere.
fn leads_to(reservation: &Reservation) -> [Option<Reservation>; 4] {
    match reservation {
        Reservation::Unknown => [Some(reserved()), Some(rejected()), None, None],
        Reservation::Reserved(_) => [None, None, Some(confirmed()), Some(released())],
        Reservation::Confirmed(_) => [None, None, None, Some(released())],
        Reservation::Released | Reservation::Rejected => [const { None }; 4],
    }
}

#[test]
fn a_change_fits_its_state_or_is_an_error() {
    for reservation in [unknown(), reserved(), confirmed(), released(), rejected()] {
        for (change, becomes) in changes().into_iter().zip(leads_to(&reservation)) {
            let invalid = InvalidTransition { state: reservation.state(), change: change.clone() };
            assert_eq!(reservation.after(&change), becomes.ok_or(invalid), "{change:?} of {reservation:?}");
        }
    }
}

#[test]
fn an_invalid_transition_is_named_with_its_state() {
    let invalid = released().after(&Change::Confirmed).unwrap_err();
    assert_eq!(invalid.to_string(), "a reservation that is released does not allow the change \"confirmed\"");
}
