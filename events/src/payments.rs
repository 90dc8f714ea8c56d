//! `minuet.payments`: one payment per order, and its refund. Topics `payments.intake`, `payments.events`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::values::{
    Amount, CancellationReason, Currency, OrderId, PaymentId, PaymentMethod, RefundId, UserId, free_text,
    uuid_text,
};

/// Captured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentSucceeded {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    /// The provider's name for the charge.
    pub transaction_id: String,
    pub payment_method: PaymentMethod,
    pub currency: Currency,
    pub amount: Amount,
}

/// Not captured, and the provider can no longer capture it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentFailed {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    pub reason: String,
    pub detail: Option<String>,
    /// Absent, as the amount is, where the order ended before its payment knew them.
    pub currency: Option<Currency>,
    pub amount: Option<Amount>,
}

/// Captured, and given back whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentRefunded {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    pub refund_id: RefundId,
    pub reason: CancellationReason,
    pub currency: Currency,
    pub amount: Amount,
}

/// Somebody wants the money back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefundRequested {
    pub order_id: OrderId,
    pub requested_by: UserId,
    #[serde(with = "free_text")]
    pub reason: String,
}

/// There is nothing to give back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefundRejected {
    pub order_id: OrderId,
    /// The `ce_id` of the request.
    #[serde(with = "uuid_text")]
    pub request_id: Uuid,
    pub reason: String,
}
