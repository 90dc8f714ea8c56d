//! A payment's row while a batch is decided: its state, and the columns beside it.

use minuet_events::TraceContext;
use minuet_events::values::{CancellationReason, Micros, OrderId, UserId};
use minuet_messaging::{Cause, ReactError};

use crate::call::Kind;
use crate::domain::{Change, Charge, Payment, Refund};

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) order_id: OrderId,
    pub(crate) payment: Payment,
    pub(crate) charge: Option<Charge>,
    pub(crate) user_id: Option<UserId>,
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
    pub(crate) event_sequence: i64,
    pub(crate) version: i32,
    /// The version that was read: only that one is changed.
    pub(crate) read_version: i32,
    /// The order's own trace.
    pub(crate) trace: Option<TraceContext>,
    pub(crate) created_at: Micros,
    pub(crate) updated_at: Micros,
    /// Whether the database has it, whether it knows what changed, and whether the refund is new.
    pub(crate) stored: bool,
    pub(crate) changed: bool,
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
            event_sequence: 0,
            version: 0,
            read_version: 0,
            trace: None,
            created_at: now,
            updated_at: now,
            stored: false,
            changed: false,
            refund_changed: false,
            read_call: None,
        }
    }

    /// The next `ce_sequence` of this order. None: a refusal about an order that is not known here.
    pub(crate) fn next_sequence(&mut self, now: Micros) -> Option<i64> {
        if matches!(self.payment, Payment::Unknown) {
            return None;
        }
        self.event_sequence += 1;
        self.touch(now);
        Some(self.event_sequence)
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
        self.version += 1;
        self.touch(now);
        Ok(())
    }

    fn touch(&mut self, now: Micros) {
        self.changed = true;
        self.updated_at = now;
    }
}
