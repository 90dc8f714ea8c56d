//! The contract's values as attributes of spans. Every service uses the same keys.

/// The order that a span is about.
pub const ORDER_ID: &str = crate::trace::ORDER_ID;
/// An order's status: see [`crate::values::OrderStatus`].
pub const ORDER_STATUS: &str = "order.status";
/// The user whose order it is.
pub const USER_ID: &str = "user.id";
/// How many lines an order has.
pub const ITEMS_COUNT: &str = "items.count";
/// How many allocations an order's reservation has.
pub const RESERVATIONS_COUNT: &str = "reservations.count";
/// The payment of an order.
pub const PAYMENT_ID: &str = "payment.id";
/// A payment's status: see [`crate::values::PaymentStatus`].
pub const PAYMENT_STATUS: &str = "payment.status";
/// The provider's id of a captured payment.
pub const TRANSACTION_ID: &str = "transaction.id";
/// The payment method.
pub const METHOD: &str = "method";
