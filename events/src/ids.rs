//! The ids of this contract, beside the ones of every contract ([`minuet_envelope::ids`]), by the same layout.
//!
//! | id | head | hashed |
//! |---|---|---|
//! | [`order_id_for_key`] | the hash's bytes 10..16: there is no time in it | `minuet.order`, user id, key |
//! | [`payment_id`] | the order id's | `minuet.payment`, order id (16 bytes) |
//! | [`refund_id`] | the payment id's | `minuet.refund`, payment id (16 bytes) |
//! | [`partial_refund_id`] | the payment id's | `minuet.refund`, payment id (16 bytes), the request's `ce_id` (16 bytes) |
//! | [`provider_notification_id`] | the hash's bytes 10..16: there is no time in it | `minuet.notification`, provider, the provider's id of the notification, order id (16 bytes) |
//! | [`request_id_for_key`] | the hash's bytes 10..16: there is no time in it | `minuet.request`, kind such as `refund`, user id, order id (16 bytes), key |
//!
//! Two ids have another layout, which is older than the table: the whole id is the first 16 bytes of a SHA-256, with the
//! bits of version (1000) and variant (10) overwritten. Each part that is hashed is text, followed by a zero byte. A user id
//! and a key hold no control character, so no two lists are one text:
//!
//! | id | hashed |
//! |---|---|
//! | [`adjustment_id_for_key`] | `adjustment`, user id, key |
//! | [`earlier_request_id_for_key`] | kind such as `refund`, user id, key |

pub use minuet_envelope::ids::{derive, inbox_id, time_of};
use minuet_envelope::ids::{hash, head, head_of_hash, v8};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::values::{AdjustmentId, OrderId, PaymentId, RefundId, UserId};

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

/// The refund of all that is left of a payment: the idempotency key at the provider.
pub fn refund_id(payment_id: PaymentId) -> RefundId {
    let payment_id = payment_id.as_uuid();
    v8(head(payment_id), hash(&[b"minuet.refund", payment_id.as_bytes()])).into()
}

/// The refund of a part of a payment: the idempotency key at the provider. `request`: the `ce_id` of the request.
pub fn partial_refund_id(payment_id: PaymentId, request: Uuid) -> RefundId {
    let payment_id = payment_id.as_uuid();
    v8(head(payment_id), hash(&[b"minuet.refund", payment_id.as_bytes(), request.as_bytes()])).into()
}

/// The `ce_id` of the event that tells of a provider's notification: one that is sent again counts once.
pub fn provider_notification_id(provider: &str, notification_id: &str, order_id: OrderId) -> Uuid {
    let order_id = order_id.as_uuid();
    let parts: [&[u8]; 4] =
        [b"minuet.notification", provider.as_bytes(), notification_id.as_bytes(), order_id.as_bytes()];
    let hash = hash(&parts);
    v8(head_of_hash(hash), hash)
}

/// The `ce_id` of the request about this order that this user's Idempotency-Key stands for. `kind` keeps apart the requests about
/// one order under one key: `cancellation`, `refund`.
pub fn request_id_for_key(kind: &str, user: &UserId, order_id: OrderId, key: &str) -> Uuid {
    let order_id = order_id.as_uuid();
    let hash = hash(&[
        b"minuet.request",
        kind.as_bytes(),
        user.as_str().as_bytes(),
        order_id.as_bytes(),
        key.as_bytes(),
    ]);
    v8(head_of_hash(hash), hash)
}

/// The `ce_id` that release 0.1 gave the request: the same for every order. For repeats of a request that 0.1 published.
pub fn earlier_request_id_for_key(kind: &str, user: &UserId, key: &str) -> Uuid {
    let mut hasher = Sha256::new();
    for part in [kind, user.as_str(), key] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize()[..16]);
    Uuid::new_v8(bytes)
}

/// The stock adjustment that this user's Idempotency-Key stands for.
pub fn adjustment_id_for_key(user: &UserId, key: &str) -> AdjustmentId {
    AdjustmentId::new(earlier_request_id_for_key("adjustment", user, key))
}
