//! A receiver of OTLP for one machine: it takes spans and log records over gRPC and over HTTP/protobuf on one port, keeps the
//! latest of them in memory, and shows a trace as a page. For `minuet up`, for the benchmark, and for tests that look at
//! what the program tells of itself. It is no place to keep traces.

mod receive;
mod serve;
mod span;
mod store;
mod tree;
mod view;

pub use serve::{Receiver, ReceiverError};
pub use span::{LogLine, Span, SpanKind};
pub use store::Store;
pub use tree::Tree;
