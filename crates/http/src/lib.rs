//! The parts that every HTTP server of a system shares, on top of axum: problem documents, bearer tokens, request limits, routes for
//! admins, server spans, health and metrics, bind and serve. The crate has no route of its own, and knows no message broker.
//!
//! **What it promises.** Each error is a problem document (RFC 9457) whose `type` is stable: also if axum refuses a request
//! ([`as_problem`]), and if a handler panics ([`RequestLimits`]). A handler that takes [`Authenticated`] or [`Admin`] runs only for
//! a valid token; behind [`AdminRoutes`] each route needs the scope `admin`, whether its handler asks for it or not. Each request
//! is one span in the caller's trace ([`server_span`]).
//!
//! | module | content |
//! |---|---|
//! | [`problem`] | [`Problem`] and [`ProblemType`]; a server adds types of its own |
//! | `problem_pages` | [`problem_pages()`]: `GET /problems/{slug}`, what a type means and what to do |
//! | `bearer` | the extractors [`Authenticated`] and [`Admin`] for bearer tokens (RFC 6750) |
//! | `limits` | [`RequestLimits`]: how many requests run at once, and for how long |
//! | `caller_limits` | [`CallerLimits`]: how many requests one user, or one address, may send |
//! | `admin` | [`AdminRoutes`]: the guard of routes for admins |
//! | `server_span` | [`server_span()`]: one OpenTelemetry span for each request |
//! | `health` | [`DependencyStatus`]: one dependency in a health answer |
//! | `metrics` | [`metrics_route`]: `GET /metrics` for Prometheus |
//! | `server` | [`bind`] and [`serve`], with a graceful shutdown |
//!
//! **Its state** lies in memory: the permits of running requests.
//!
//! **When things fail.** A server that is full answers 503 at once, with `Retry-After`; it queues nothing. A request that takes too
//! long is answered 504, and its handler is dropped. On shutdown the server accepts no more connections, gives open requests a
//! limited time, and then cuts them off.
//!
//! ```
//! use std::net::Ipv4Addr;
//! use std::time::Duration;
//!
//! use axum::extract::Path;
//! use axum::routing::get;
//! use axum::{Router, middleware};
//! use minuet_http::{Problem, ProblemType, RequestLimits, as_problem, bind, serve};
//! use tokio_util::sync::CancellationToken;
//!
//! async fn show(Path(id): Path<u64>) -> Result<String, Problem> {
//!     match id {
//!         1 => Ok("on its way".to_owned()),
//!         _ => Err(Problem::new(ProblemType::NOT_FOUND, "there is no such delivery")),
//!     }
//! }
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let routes = Router::new().route("/deliveries/{id}", get(show));
//! let router = RequestLimits::new(100, Duration::from_secs(10))
//!     .apply(routes)
//!     .layer(middleware::map_response(as_problem));
//!
//! let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
//! let shutdown = CancellationToken::new();
//! let serving = tokio::spawn(serve(listener, router, shutdown.clone()));
//! // ... until a signal comes:
//! shutdown.cancel();
//! serving.await??;
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs)]

/// The code of README.md is compiled with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod admin;
mod bearer;
mod caller_limits;
mod health;
mod limits;
mod metrics;
pub mod problem;
mod problem_pages;
mod server;
mod server_span;

pub use admin::{AdminRoutes, database_unavailable};
pub use bearer::{Admin, Authenticated, Guarded, missing_scope};
pub use caller_limits::{CallerLimits, PeerAddress};
pub use health::DependencyStatus;
pub use limits::RequestLimits;
pub use metrics::metrics_route;
pub use problem::{FieldError, Problem, ProblemType, as_problem};
pub use problem_pages::problem_pages;
pub use server::{
    BindError, ClientTimeouts, Connections, SHUTDOWN_TIMEOUT, ServerSettings, bind, serve, serve_with,
};
pub use server_span::{Caller, incoming_trace, server_span};
