//! What is asked of the provider, and what it said.

use minuet_events::values::OrderId;

use crate::domain::{Answer, Charge, Payment, Refund};
use crate::row::Row;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Charge,
    Refund,
}

/// A call under way: of one order and kind there is one.
pub(crate) type Key = (OrderId, Kind);

#[derive(Clone, Debug)]
pub(crate) enum Call {
    Charge { charge: Charge, again: bool, stop: bool },
    Refund { charge: Charge, refund: Refund },
}

impl Call {
    /// What a row that was just written asks for.
    pub(crate) fn of(row: &Row) -> Option<Call> {
        match &row.payment {
            Payment::Processing { charge, stop } if !row.stored => {
                Some(Call::Charge { charge: charge.clone(), again: false, stop: stop.is_some() })
            }
            Payment::RefundDue { charge, refund } if row.refund_changed => {
                Some(Call::Refund { charge: charge.clone(), refund: refund.clone() })
            }
            _ => None,
        }
    }

    /// What a row that was found open asks for.
    pub(crate) fn again(row: &Row) -> Option<Call> {
        match &row.payment {
            Payment::Processing { charge, stop } => {
                Some(Call::Charge { charge: charge.clone(), again: true, stop: stop.is_some() })
            }
            Payment::RefundDue { charge, refund } => {
                Some(Call::Refund { charge: charge.clone(), refund: refund.clone() })
            }
            _ => None,
        }
    }

    pub(crate) fn key(&self) -> Key {
        match self {
            Call::Charge { charge, .. } => (charge.order_id, Kind::Charge),
            Call::Refund { charge, .. } => (charge.order_id, Kind::Refund),
        }
    }
}

/// What the provider said about an order.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    Charge(Answer),
    Refunded,
    /// The provider would not, for long: a person has to look. It is tried again when the shard is taken anew.
    RefundParked {
        attempts: u32,
        reason: String,
    },
}

impl Said {
    /// The kind of call that it answers.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Said::Charge(_) => Kind::Charge,
            Said::Refunded | Said::RefundParked { .. } => Kind::Refund,
        }
    }
}
