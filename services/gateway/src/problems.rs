//! The problem types that only the gateway answers with. The common ones lie in [`minuet_http::problem`].

use axum::http::StatusCode;
use minuet_http::ProblemType;

pub(crate) const ADJUSTMENT_REFUSED: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "adjustment-refused", "The stock adjustment was refused");
/// A cancellation or a refund that the order service refused; `detail` is its reason.
pub(crate) const REQUEST_REFUSED: ProblemType =
    ProblemType::new(StatusCode::CONFLICT, "request-refused", "The order does not allow that");
pub(crate) const ORDER_REJECTED: ProblemType =
    ProblemType::new(StatusCode::UNPROCESSABLE_ENTITY, "order-rejected", "The order was rejected");
/// The key was used before, for another request.
pub(crate) const IDEMPOTENCY_KEY_REUSED: ProblemType = ProblemType::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "idempotency-key-reused",
    "The Idempotency-Key was used for another request",
);
/// Kafka did not acknowledge the event in time. It may arrive all the same.
pub(crate) const NOT_ACKNOWLEDGED: ProblemType = ProblemType::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "not-acknowledged",
    "The request was not acknowledged in time",
);
/// Each leaves a row until the order comes, or until it expires.
pub(crate) const TOO_MANY_EARLY_CANCELLATIONS: ProblemType = ProblemType::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too-many-early-cancellations",
    "Too many cancellations of orders that are not known",
);
