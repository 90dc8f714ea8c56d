//! What every HTTP server of this system shares. The crate knows no route of its own and no message broker.
//!
//! | module | what it gives |
//! |---|---|
//! | [`problem`] | errors as problem documents (RFC 9457): [`Problem`] and [`ProblemType`] |
//! | `bearer` | the extractors [`Authenticated`] and [`Admin`], which read the bearer token (RFC 6750) |
//! | `limits` | [`RequestLimits`]: how many requests are open at once, and for how long |
//! | `admin` | [`AdminRoutes`]: routes that answer to admins only, within limits of their own |
//! | `server_span` | [`server_span`]: one OpenTelemetry span for each request |
//! | `health` | [`DependencyStatus`]: the state of one dependency, for health endpoints |
//! | `metrics` | [`metrics_route`]: `GET /metrics` for Prometheus |
//! | `server` | [`bind`] and [`serve`], with a graceful shutdown |
//!
//! **When things fail.** Each error becomes a problem document, also where axum itself refuses a request ([`as_problem`])
//! and where a handler panics. A server that is full answers 503 at once. On shutdown the server accepts no more
//! connections, and open requests get a limited time to finish.

mod admin;
mod bearer;
mod health;
mod limits;
mod metrics;
pub mod problem;
mod server;
mod server_span;

pub use admin::{AdminRoutes, database_unavailable};
pub use bearer::{Admin, Authenticated, Guarded, missing_scope};
pub use health::DependencyStatus;
pub use limits::RequestLimits;
pub use metrics::metrics_route;
pub use problem::{FieldError, Problem, ProblemType, as_problem};
pub use server::{BindError, SHUTDOWN_TIMEOUT, bind, serve, serve_with_timeout};
pub use server_span::{Caller, incoming_trace, server_span};
