//! Calls to the provider, and their outcomes.

use minuet_events::TraceContext;
use minuet_events::values::{Micros, RefundId};

use crate::call_kind::{Key, Kind};
use crate::domain::{Answer, Charge, Payment, ProviderReference, Refund};
use crate::origin::Origin;
use crate::row::Row;

#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// `reference`: the provider's id, once it is committed. `again`: another process may have called before, so the provider is
    /// asked first. `stop`: the charge is to be undone.
    Charge {
        charge: Charge,
        reference: Option<ProviderReference>,
        expires_at: Micros,
        again: bool,
        stop: bool,
        origin: Option<Origin>,
    },
    /// `again`: as above, so the refunds that the provider has made are looked at first.
    Refund {
        charge: Charge,
        reference: ProviderReference,
        refund: Refund,
        again: bool,
        origin: Option<Origin>,
    },
}

impl Call {
    /// What a row that was just written asks for; `request`: the trace of who wants it, if that is another than the order's.
    pub(crate) fn of(row: &Row, request: Option<&TraceContext>) -> Option<Call> {
        match &row.payment {
            Payment::Processing { .. } if !row.versioned.stored || row.is_created => {
                Call::open(row, false, request)
            }
            Payment::PartialRefundDue { .. } | Payment::RefundDue { .. } if row.has_new_refund() => {
                Call::open(row, false, request)
            }
            _ => None,
        }
    }

    /// What a row that was found open asks for.
    pub(crate) fn again(row: &Row) -> Option<Call> {
        Call::open(row, true, None)
    }

    fn open(row: &Row, again: bool, request: Option<&TraceContext>) -> Option<Call> {
        let origin = || Origin::of(row, request);
        match &row.payment {
            Payment::Processing { charge, stop } => Some(Call::Charge {
                charge: charge.clone(),
                reference: row.transaction_id.clone().map(ProviderReference),
                expires_at: row.expires_at?,
                again,
                stop: stop.is_some(),
                origin: origin(),
            }),
            Payment::PartialRefundDue { charge, refund, .. } | Payment::RefundDue { charge, refund } => {
                Some(Call::Refund {
                    charge: charge.clone(),
                    reference: row.transaction_id.clone().map(ProviderReference)?,
                    refund: refund.clone(),
                    again,
                    origin: origin(),
                })
            }
            _ => None,
        }
    }

    pub(crate) fn charge(&self) -> &Charge {
        match self {
            Call::Charge { charge, .. } | Call::Refund { charge, .. } => charge,
        }
    }

    pub(crate) fn origin(&self) -> Option<&Origin> {
        match self {
            Call::Charge { origin, .. } | Call::Refund { origin, .. } => origin.as_ref(),
        }
    }

    pub(crate) fn key(&self) -> Key {
        match self {
            Call::Charge { charge, .. } => (charge.order_id, Kind::Charge),
            Call::Refund { charge, .. } => (charge.order_id, Kind::Refund),
        }
    }
}

/// How a call has ended.
#[derive(Clone, Debug)]
pub(crate) enum ProviderOutcome {
    /// The payment stands at the provider, unconfirmed. Its id is committed before the payment is begun, if there is time until
    /// `expires_at`.
    Created {
        reference: ProviderReference,
        expires_at: Micros,
    },
    Charge(Answer),
    Refunded(RefundId),
    /// The provider gave no answer after all attempts: a person has to look, and may have it tried again.
    RefundParked {
        refund_id: RefundId,
        attempts: u32,
        reason: String,
    },
}
