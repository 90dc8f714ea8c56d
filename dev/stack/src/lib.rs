//! Real Kafka, PostgreSQL and schema registry as child processes, for `make up`, for tests and for benchmarks.
//!
//! What it promises:
//!
//! - **Nothing outlives the parent**, however that ends. Each server runs in a process group of its own under a guard
//!   (`guard.sh`) that holds one end of a pipe. The other end closes with the parent, also after SIGKILL; the guard then
//!   stops its server in an orderly way, and kills it when that takes too long.
//! - **A start waits for what an earlier run left.** Each process of a server holds the lock on the server's log
//!   (see `log.rs`), so a start knows when the last of them is gone. One root belongs to one stack at a time.
//! - **Data are kept** under the root, or removed with it where [`StackOptions::ephemeral`] says so, then also after a
//!   panic or SIGKILL.
//! - **Nothing is reachable from outside**: all listen on 127.0.0.1. PostgreSQL asks for a random password, and the role
//!   that services use is no superuser.
//! - **Fetched once**: Kafka and the registry come by Maven into a cache that all checkouts share (`MINUET_PARTS`, or
//!   `~/.cache/minuet/parts`).
//!
//! ```text
//! <root>/lock                     held by the stack that uses the root
//! <root>/{postgres,kafka,registry}.log
//! <root>/*.password               of the superuser and of the role `minuet`
//! <root>/postgres/data            the cluster; `postgres` may be a link, see `postgres/place.rs`
//! <root>/kafka/data
//! ```

pub mod constants;
mod error;
mod guard;
pub mod java;
mod kafka;
mod log;
mod options;
mod parts;
mod password;
mod ports;
mod postgres;
mod progress;
mod registry;
mod root;
mod server;
mod stack;

pub use error::StackError;
pub use options::{Part, Ports, StackOptions};
pub use progress::{Progress, State};
pub use stack::Stack;
