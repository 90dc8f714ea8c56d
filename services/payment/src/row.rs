//! A payment's row while a batch is decided: its state, and the columns beside it.

use minuet_events::values::{CancellationReason, Micros, OrderId, UserId};
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
    /// A refund and what asked for it: what the refund's event is derived from.
    pub(crate) refund: Option<(Refund, Cause)>,
    pub(crate) versioned: Versioned,
    /// The provider's id is new.
    pub(crate) is_created: bool,
    /// The refund is new, or was answered.
    pub(crate) refund_changed: bool,
    /// The call that it waited for when it was read.
    pub(crate) read_call: Option<Kind>,
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
            refund: None,
            versioned: Versioned::new(now),
            is_created: false,
            refund_changed: false,
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
            Change::StopRequested { reason } => self.stop_reason = Some(reason),
            Change::Captured { transaction_id, response } => {
                self.transaction_id = Some(transaction_id);
                self.gateway_response = Some(response);
            }
            Change::Declined { reason, response } => {
                self.failure_reason = Some(reason);
                self.gateway_response = Some(response);
            }
            Change::RefundDue(refund) => {
                self.refund = Some((refund, cause));
                self.refund_changed = true;
            }
            Change::Refunded => self.refund_changed = true,
        }
        self.versioned.advance(now);
        Ok(())
    }
}
