//! A payment's row while a batch is decided: its state, and the columns beside it.

use minuet_events::values::{Amount, CancellationReason, Micros, OrderId, UserId};
use minuet_messaging::{Cause, ReactError, Versioned};

use crate::call_kind::Kind;
use crate::domain::{Change, Charge, Payment, ProviderReference, Refund};

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) order_id: OrderId,
    pub(crate) payment: Payment,
    pub(crate) charge: Option<Charge>,
    pub(crate) user_id: Option<UserId>,
    /// The provider's id of the payment: known once the payment is created there.
    pub(crate) transaction_id: Option<String>,
    pub(crate) gateway_response: Option<String>,
    pub(crate) failure_reason: Option<String>,
    pub(crate) stop_reason: Option<CancellationReason>,
    /// The end of the reservation. Known while the charge is open.
    pub(crate) expires_at: Option<Micros>,
    /// The InventoryReserved: what the provider's answer is derived from.
    pub(crate) reserved: Option<Cause>,
    /// Given back so far.
    pub(crate) refunded: Amount,
    /// The refund that is due and what asked for it: what the refund's event is derived from.
    pub(crate) refund: Option<(Refund, Cause)>,
    /// What asked for everything that is left, while a part is due.
    pub(crate) rest_cause: Option<Cause>,
    pub(crate) versioned: Versioned,
    /// The provider's id is new.
    pub(crate) is_created: bool,
    /// Refunds that are new, or were answered.
    pub(crate) refund_writes: Vec<RefundWrite>,
    /// The call that it waited for when it was read.
    pub(crate) read_call: Option<Kind>,
}

/// A refund as its row is to be.
#[derive(Clone, Debug)]
pub(crate) struct RefundWrite {
    pub(crate) refund: Refund,
    pub(crate) cause: Cause,
    /// See [`Row::rest_cause`].
    pub(crate) rest_cause: Option<Cause>,
    pub(crate) is_done: bool,
}

impl RefundWrite {
    fn due(refund: &Refund, cause: Cause, rest_cause: Option<Cause>) -> Self {
        RefundWrite { refund: refund.clone(), cause, rest_cause, is_done: false }
    }
}

impl Row {
    pub(crate) fn unknown(order_id: OrderId, now: Micros) -> Self {
        Row {
            order_id,
            payment: Payment::Unknown,
            charge: None,
            user_id: None,
            transaction_id: None,
            gateway_response: None,
            failure_reason: None,
            stop_reason: None,
            expires_at: None,
            reserved: None,
            refunded: Amount::ZERO,
            refund: None,
            rest_cause: None,
            versioned: Versioned::new(now),
            is_created: false,
            refund_writes: Vec::new(),
            read_call: None,
        }
    }

    /// The payment was created at the provider. False: the payment needs no such id any more, or has one.
    pub(crate) fn created(
        &mut self,
        ProviderReference(id): &ProviderReference,
        expires_at: Micros,
        now: Micros,
    ) -> bool {
        let is_awaited = matches!(self.payment, Payment::Processing { .. }) && self.transaction_id.is_none();
        if is_awaited {
            self.transaction_id = Some(id.clone());
            self.is_created = true;
            self.expires_at = Some(expires_at);
            self.versioned.advance(now);
        }
        is_awaited
    }

    /// Whether a refund became due.
    pub(crate) fn has_new_refund(&self) -> bool {
        self.refund_writes.iter().any(|write| !write.is_done && write.rest_cause.is_none())
    }

    /// `cause`: the event that led to the change.
    pub(crate) fn apply(&mut self, change: Change, cause: Cause, now: Micros) -> Result<(), ReactError> {
        let invalid = |error| ReactError::Bug(format!("payment of order {}: {error}", self.order_id));
        self.payment = self.payment.after(&change).map_err(invalid)?;
        match change {
            Change::Prevented { reason } => self.failure_reason = Some(reason.to_string()),
            Change::Intent(charge) => {
                self.reserved = Some(cause);
                self.charge = Some(charge);
            }
            Change::Refused { charge, reason } => {
                self.reserved = Some(cause);
                self.charge = Some(charge);
                self.failure_reason = Some(reason);
            }
            Change::StopRequested { reason } => {
                self.stop_reason = Some(reason);
                // The row of the part that is due keeps what asked for the rest.
                if let Some((refund, asked)) = &self.refund {
                    self.rest_cause = Some(cause);
                    self.refund_writes.push(RefundWrite::due(refund, *asked, Some(cause)));
                }
            }
            Change::Captured { transaction_id, response } => {
                self.transaction_id = Some(transaction_id);
                self.gateway_response = Some(response);
            }
            Change::Declined { reason, response } => {
                self.failure_reason = Some(reason);
                self.gateway_response = Some(response);
            }
            Change::RefundDue(refund) => {
                let cause = self.rest_cause.take().unwrap_or(cause);
                self.refund_writes.push(RefundWrite::due(&refund, cause, None));
                self.refund = Some((refund, cause));
            }
            Change::Refunded => {
                if let Some((refund, cause)) = self.refund.take() {
                    self.refunded = self.refunded.checked_add(refund.amount).unwrap_or(self.refunded);
                    self.refund_writes
                        .push(RefundWrite { is_done: true, ..RefundWrite::due(&refund, cause, None) });
                }
            }
        }
        self.versioned.advance(now);
        Ok(())
    }
}
