//! The ids of this contract, beside the ones of every contract ([`minuet_envelope::ids`]), by the same layout.
//!
//! | id | head | hashed |
//! |---|---|---|
//! | [`order_id_for_key`] | the hash's bytes 10..16: there is no time in it | `minuet.order`, user id, key |
//! | [`payment_id`] | the order id's | `minuet.payment`, order id (16 bytes) |
//! | [`refund_id`] | the payment id's | `minuet.refund`, payment id (16 bytes) |

pub use minuet_envelope::ids::{derive, inbox_id, time_of};
use minuet_envelope::ids::{hash, head, head_of_hash, v8};

use crate::values::{OrderId, PaymentId, RefundId, UserId};

/// The order that this user's Idempotency-Key stands for: a retry must give the same, so no time is in it.
pub fn order_id_for_key(user: &UserId, key: &str) -> OrderId {
    let hash = hash(&[b"minuet.order", user.as_str().as_bytes(), key.as_bytes()]);
    v8(head_of_hash(hash), hash).into()
}

/// The payment of an order: the idempotency key of its charge.
pub fn payment_id(order_id: OrderId) -> PaymentId {
    let order_id = order_id.as_uuid();
    v8(head(order_id), hash(&[b"minuet.payment", order_id.as_bytes()])).into()
}

/// The refund of a payment: the idempotency key at the provider.
pub fn refund_id(payment_id: PaymentId) -> RefundId {
    let payment_id = payment_id.as_uuid();
    v8(head(payment_id), hash(&[b"minuet.refund", payment_id.as_bytes()])).into()
}
