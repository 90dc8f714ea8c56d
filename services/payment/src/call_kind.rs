//! The kinds of calls to the provider.

use minuet_events::values::OrderId;

use crate::domain::Payment;

/// A charge's answer is recorded before the refund's, if both come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Charge,
    Refund,
}

impl Kind {
    /// The call that a payment in this state waits for: `open_calls` has a row for just that, unless it is parked.
    pub(crate) fn open(payment: &Payment) -> Option<Kind> {
        match payment {
            Payment::Processing { .. } => Some(Kind::Charge),
            Payment::PartialRefundDue { .. } | Payment::RefundDue { .. } => Some(Kind::Refund),
            Payment::Unknown
            | Payment::Prevented
            | Payment::Success { .. }
            | Payment::Refunded
            | Payment::Failed => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Charge => "charge",
            Kind::Refund => "refund",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Kind> {
        [Kind::Charge, Kind::Refund].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A call under way: of one order and kind there is one.
pub(crate) type Key = (OrderId, Kind);
