//! The problem types that only the gateway answers with. The common ones lie in [`minuet_http::problem`].

use axum::http::StatusCode;
use minuet_http::ProblemType;

pub(crate) const ADJUSTMENT_REFUSED: ProblemType = ProblemType::new(
    StatusCode::CONFLICT,
    "adjustment-refused",
    "The stock adjustment was refused",
    "Look at the stock level: it never falls below what is reserved. Then send another adjustment under a new Idempotency-Key.",
);
/// A cancellation or a refund that the order service refused; `detail` is its reason.
pub(crate) const REQUEST_REFUSED: ProblemType = ProblemType::new(
    StatusCode::CONFLICT,
    "request-refused",
    "The order does not allow that",
    "Look at the order: `detail` says why its state does not allow the request. Repeating it changes nothing.",
);
pub(crate) const ORDER_REJECTED: ProblemType = ProblemType::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "order-rejected",
    "The order was rejected",
    "Correct the lines or the expected total that `errors` names, and order again under a new Idempotency-Key.",
);
/// The key was used before, for another request.
pub(crate) const IDEMPOTENCY_KEY_REUSED: ProblemType = ProblemType::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "idempotency-key-reused",
    "The Idempotency-Key was used for another request",
    "Use a new Idempotency-Key for a new request; use the same key only to repeat the same one.",
);
/// Kafka did not acknowledge the event in time. It may arrive all the same.
pub(crate) const NOT_ACKNOWLEDGED: ProblemType = ProblemType::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "not-acknowledged",
    "The request was not acknowledged in time",
    "Repeat the request under the same Idempotency-Key. Without a key, look first whether it had its effect.",
);
/// Each leaves a row until the order comes, or until it expires.
pub(crate) const TOO_MANY_EARLY_CANCELLATIONS: ProblemType = ProblemType::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too-many-early-cancellations",
    "Too many cancellations of orders that are not known",
    "Wait until the orders that were cancelled are known, or have expired; cancel orders after they were submitted.",
);

/// What is there is not what the client has seen.
pub(crate) const PRECONDITION_FAILED: ProblemType = ProblemType::new(
    StatusCode::PRECONDITION_FAILED,
    "precondition-failed",
    "This has changed since it was seen",
    "Read it again, decide again, and send the change with the new ETag in `If-Match`. Nothing has happened.",
);
/// Only with `gateway.require_if_match`.
pub(crate) const PRECONDITION_REQUIRED: ProblemType = ProblemType::new(
    StatusCode::PRECONDITION_REQUIRED,
    "precondition-required",
    "A change needs If-Match here",
    "Read it first, and send the change with its ETag in `If-Match`. Nothing has happened.",
);

/// `detail` says what is wrong with the signature.
pub(crate) const WEBHOOK_REFUSED: ProblemType = ProblemType::new(
    StatusCode::BAD_REQUEST,
    "webhook-refused",
    "The webhook's signature is not valid",
    "Sign the body's bytes with a secret that the gateway has, at the time of sending. Compare the clocks and the secrets of both sides.",
);

/// All of them.
pub(crate) const OWN: &[ProblemType] = &[
    ADJUSTMENT_REFUSED,
    REQUEST_REFUSED,
    ORDER_REJECTED,
    IDEMPOTENCY_KEY_REUSED,
    NOT_ACKNOWLEDGED,
    TOO_MANY_EARLY_CANCELLATIONS,
    PRECONDITION_FAILED,
    PRECONDITION_REQUIRED,
    WEBHOOK_REFUSED,
];
