//! `minuet.orders`: what is asked of an order, and what becomes of it. Topics `orders.intake`, `orders.events`.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::values::{
    Amount, CancellationReason, Currency, OrderId, PaymentMethod, PaymentToken, Quantity, Sku, UserId,
    free_text, uuid_text,
};

/// Somebody orders. Not yet priced, perhaps not even possible.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderSubmitted {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub payment_method: PaymentMethod,
    pub lines: Vec<SubmittedLine>,
    /// The total that the customer saw. An order that would cost anything else is rejected.
    #[serde(default)]
    pub expected_total: Option<ExpectedTotal>,
    /// From the shop's front end, for the provider.
    #[serde(default)]
    pub payment_token: Option<PaymentToken>,
}

/// A total in its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedTotal {
    pub amount: Amount,
    pub currency: Currency,
}

impl fmt::Display for ExpectedTotal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.amount.shown_in(self.currency))
    }
}

impl OrderSubmitted {
    /// An order with more lines is refused.
    pub const MAX_LINES: usize = 100;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmittedLine {
    pub sku: Sku,
    pub quantity: Quantity,
}

/// Somebody wants the order cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderCancellationRequested {
    pub order_id: OrderId,
    pub requested_by: UserId,
    #[serde(with = "free_text")]
    pub reason: String,
}

/// The order is priced and pending: the dance begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderPlaced {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub payment_method: PaymentMethod,
    pub currency: Currency,
    pub total: Amount,
    pub lines: Vec<PlacedLine>,
    /// Of the submission.
    #[serde(default)]
    pub payment_token: Option<PaymentToken>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlacedLine {
    pub sku: Sku,
    pub name: String,
    pub unit_price: Amount,
    pub quantity: Quantity,
    pub subtotal: Amount,
    /// The `ce_id` of the ProductChanged that set the price.
    #[serde(with = "uuid_text")]
    pub product_event: Uuid,
}

/// The order cannot be placed; every problem is listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRejected {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable, for programs, such as `unknown_product`.
    pub code: String,
    pub sku: Option<Sku>,
    /// For people.
    pub detail: String,
    /// Of `price_changed`: the total that the customer saw.
    #[serde(default)]
    pub expected_total: Option<ExpectedTotal>,
    /// Of `price_changed`: what the order would cost, in the currency beside it.
    #[serde(default)]
    pub currency: Option<Currency>,
    #[serde(default)]
    pub total: Option<Amount>,
}

impl Problem {
    pub fn new(code: &str, sku: Option<Sku>, detail: String) -> Self {
        Self { code: code.to_owned(), sku, detail, expected_total: None, currency: None, total: None }
    }
}

/// Paid for and taken out of stock: the good end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderConfirmed {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub currency: Currency,
    pub total: Amount,
}

/// Called off after it was placed; whoever holds something for it lets go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderCancelled {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub reason: CancellationReason,
    pub detail: Option<String>,
    /// Whether goods that left the house come back into stock. Absent: they do.
    #[serde(default)]
    pub return_stock: Option<bool>,
}

/// Placed, but the stock was not there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderFailed {
    pub order_id: OrderId,
    pub user_id: UserId,
    pub problems: Vec<Problem>,
}

/// The order is past cancelling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderCancellationRejected {
    pub order_id: OrderId,
    /// The `ce_id` of the request.
    #[serde(with = "uuid_text")]
    pub request_id: Uuid,
    pub reason: String,
}
