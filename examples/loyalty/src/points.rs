//! The rule: a confirmed order earns one point for each whole unit of its currency, once. Pure: no I/O, no clock.

use std::convert::Infallible;

use minuet_messaging::Decided;
use minuet_saga::{Expects, Participant, State, Trigger, transition};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::contract::Kind::{self, OrderConfirmed, PointsEarned};

/// What loyalty knows of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Unknown,
    Rewarded,
}

/// What a confirmation leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Earn(i64),
    NoOp,
}

impl Decided for Decision {
    fn is_no_op(&self) -> bool {
        *self == Decision::NoOp
    }
}

/// Every confirmation is legal: no event of this service is ever set aside by the rule.
pub fn decide(order: Order, total: Decimal) -> Result<Decision, Infallible> {
    Ok(match order {
        Order::Unknown => Decision::Earn(total.trunc().to_i64().unwrap_or(i64::MAX)),
        Order::Rewarded => Decision::NoOp,
    })
}

/// The same as data: the states, and what happens in each. A test holds it against [`decide`].
pub const PARTICIPANT: Participant<Kind> = Participant {
    service: "loyalty",
    states: &[State::initial("unknown"), State::terminal("rewarded", &[])],
    reactions: &[
        transition(Trigger::Event(OrderConfirmed), &["unknown"], &["rewarded"], &[PointsEarned]),
        transition(Trigger::Event(OrderConfirmed), &["rewarded"], &[], &[]),
    ],
    impossible: &[],
    announces: &[(PointsEarned, Expects::Nothing)],
};

#[cfg(test)]
mod tests {
    use super::*;
    use minuet_saga::conformance::{Case, Observed, mismatches};

    fn given(order: Order) -> impl Fn(&str) -> Decision {
        move |total| decide(order, total.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_confirmed_order_earns_a_point_for_each_whole_unit() {
        let when_confirmed = given(Order::Unknown);
        assert_eq!(when_confirmed("25.00"), Decision::Earn(25));
        assert_eq!(when_confirmed("25.9999"), Decision::Earn(25));
        assert_eq!(when_confirmed("0.50"), Decision::Earn(0));
    }

    #[test]
    fn an_order_earns_once() {
        let when_confirmed = given(Order::Rewarded);
        assert_eq!(when_confirmed("25.00"), Decision::NoOp);
    }

    #[test]
    fn the_table_says_what_is_decided() {
        let cases = [(Order::Unknown, "unknown"), (Order::Rewarded, "rewarded")].map(|(order, state)| Case {
            on: Trigger::Event(OrderConfirmed),
            state,
            observed: match given(order)("1.00") {
                Decision::Earn(_) => Observed::Applied { becomes: "rewarded", emits: Some(PointsEarned) },
                Decision::NoOp => Observed::NoOp,
            },
        });
        assert_eq!(mismatches(&PARTICIPANT, &cases, &[]), [""; 0]);
    }
}
