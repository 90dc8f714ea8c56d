//! `minuet.payments`: one payment per order, its refunds and disputes. Topics `payments.intake`, `payments.events`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::values::{
    Amount, CancellationReason, Currency, DisputeStatus, Micros, OrderId, PaymentActionKind, PaymentId,
    PaymentMethod, RefundId, UserId, free_text, provider_text, uuid_text,
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

/// Captured, and given back: whole, or in part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentRefunded {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    pub refund_id: RefundId,
    pub reason: CancellationReason,
    pub currency: Currency,
    pub amount: Amount,
    /// What of the payment is left. Absent: nothing.
    #[serde(default)]
    pub remaining: Option<Amount>,
    /// Whether the goods come back into stock if nothing is left. Absent: they do.
    #[serde(default)]
    pub return_stock: Option<bool>,
}

impl PaymentRefunded {
    /// Whether nothing of the payment is left.
    pub fn is_whole(&self) -> bool {
        self.remaining.is_none_or(|remaining| remaining.get().is_zero())
    }
}

/// Somebody wants the money back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefundRequested {
    pub order_id: OrderId,
    pub requested_by: UserId,
    #[serde(with = "free_text")]
    pub reason: String,
    /// Absent: everything that is left.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// Whether the goods come back into stock if nothing is left. Absent: they do.
    #[serde(default)]
    pub return_stock: Option<bool>,
}

/// The refund is not made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefundRejected {
    pub order_id: OrderId,
    /// The `ce_id` of the request.
    #[serde(with = "uuid_text")]
    pub request_id: Uuid,
    pub reason: String,
}

/// Nothing is captured until the customer has acted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentActionRequired {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    pub payment_method: PaymentMethod,
    pub kind: PaymentActionKind,
    /// A page at the provider.
    pub url: Option<String>,
    /// The content of a QR code, or what the provider's script in the shop's page needs.
    pub data: Option<String>,
    /// The end of the reservation, or an earlier time that the provider names.
    pub expires_at: Micros,
}

/// The provider says that something has happened to a payment. Anybody may write this: ask the provider what is true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderNotified {
    pub order_id: OrderId,
    /// Such as `stripe`.
    #[serde(with = "provider_text")]
    pub provider: String,
    /// The provider's id of the notification.
    #[serde(with = "provider_text")]
    pub notification_id: String,
    /// The provider's id of the payment.
    #[serde(with = "provider_text")]
    pub reference: String,
    /// In the provider's words, such as `payment_intent.succeeded`.
    #[serde(with = "provider_text")]
    pub kind: String,
}

/// The customer's bank asks for the money back, or has decided about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentDisputed {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    /// The provider's id of the dispute.
    pub dispute_id: String,
    pub status: DisputeStatus,
    /// In the provider's words.
    pub reason: String,
    pub currency: Currency,
    pub amount: Amount,
}
