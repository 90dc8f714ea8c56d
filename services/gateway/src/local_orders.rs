//! The order service in the same process: asked by a call, not by an HTTP request.

use std::error::Error;
use std::time::Duration;

use futures::future::BoxFuture;
use minuet_events::values::OrderId;
use serde_json::Value;

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Priced or refused.
    Known,
    /// Confirmed, cancelled or failed.
    Final,
}

/// Queries of the order service. `services/minuet` wires an implementation where both services share a process: no service
/// depends on another one.
pub trait LocalOrders: Send + Sync {
    /// As the order service's `GET /orders/{id}?wait=`: the order once it is as it should be, or as it is after the wait. `None`:
    /// it is unknown.
    fn order(
        &self,
        id: OrderId,
        until: Until,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Option<Value>, Box<dyn Error + Send + Sync>>>;
}
