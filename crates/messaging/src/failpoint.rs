//! Named points at which a process can kill itself, one at every boundary. Tests use them to check what a crash leaves
//! behind. Release builds contain no failpoints unless the feature `faults` is on.
//!
//! `MINUET_FAULT=after_poll:1:hold` holds the batch there for ever instead: the process lives, and nothing is processed. No
//! other failpoint holds.
//!
//! `MINUET_FAULT=after_commit:3` kills the process (SIGKILL) at the third passage through [`Failpoint::AfterCommit`].
//! Passages count from the start of the process, or, if `MINUET_FAULT_ARMED` names a file, from the moment that file
//! exists. The process logs the failpoint before it dies.

#[cfg(any(debug_assertions, feature = "faults"))]
mod armed;

#[cfg(any(debug_assertions, feature = "faults"))]
pub use armed::{VARIABLES, hit};

#[cfg(any(debug_assertions, feature = "faults"))]
pub(crate) use armed::hold;

/// The environment variables that this module reads: none in this build, so that naming one is an error like any
/// unknown setting.
#[cfg(not(any(debug_assertions, feature = "faults")))]
pub const VARIABLES: &[&str] = &[];

/// Does nothing: this build has no failpoints.
#[cfg(not(any(debug_assertions, feature = "faults")))]
#[inline(always)]
pub const fn hit(_: Failpoint) {}

/// Does nothing: this build has no failpoints.
#[cfg(not(any(debug_assertions, feature = "faults")))]
#[inline(always)]
pub(crate) async fn hold(_: Failpoint) {}

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        /// A point at which a process can kill itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Failpoint { $($(#[$doc])* $point,)* }

        impl Failpoint {
            /// All failpoints, in the order in which an event passes them.
            pub const ALL: &[Failpoint] = &[$(Failpoint::$point,)*];

            /// The name of the failpoint in `MINUET_FAULT`.
            pub const fn name(self) -> &'static str {
                match self { $(Failpoint::$point => $name,)* }
            }
        }
    };
}

points! {
    /// The gateway has checked a request and published nothing yet.
    BeforeProduce = "before_produce",
    /// The broker has the gateway's event; the caller has no answer yet.
    AfterAck = "after_ack",
    /// A batch is in memory.
    AfterPoll = "after_poll",
    /// The rows of a batch are read, and nothing is written; or its inbox rows are written, in an open transaction.
    AfterClaim = "after_claim",
    /// A transaction is about to commit (of a batch, a sweep or a provider's answer). Its writes are done, unless one statement
    /// writes and commits.
    BeforeCommit = "before_commit",
    /// The transaction has committed; nothing else has happened yet: no offset stored, relay not notified, provider not
    /// called.
    AfterCommit = "after_commit",
    /// The offsets of a batch are stored; the consumer commits them later.
    AfterStoreOffset = "after_store_offset",
    /// The relay has outbox rows in memory, committed by this process or read from the table, or has found none there.
    AfterRelayRead = "after_relay_read",
    /// A row is in the producer's queue and may already be on its way.
    BeforeRelayAck = "before_relay_ack",
    /// The broker has the rows; they are still in the outbox.
    AfterRelayAck = "after_relay_ack",
    /// The relay has deleted published rows from the outbox.
    AfterRelayDelete = "after_relay_delete",
    /// Partitions were revoked in a rebalance; the group does not know yet that this instance has released them.
    WhileGivingAway = "while_giving_away",
    /// Partitions were assigned; their shards are not acquired yet.
    BeforeTake = "before_take",
    /// The shards' epochs are raised; the former owner's open work is not taken over yet.
    AfterTake = "after_take",
    /// The sweeper has found the due rows.
    AfterDue = "after_due",
    /// The due rows are decided, in an open transaction.
    BeforeSweepCommit = "before_sweep_commit",
    /// The provider is about to be asked for a charge.
    BeforeCharge = "before_charge",
    /// The provider has captured or declined; nothing is recorded yet.
    AfterCharge = "after_charge",
    /// The provider is about to be asked about an earlier call.
    BeforeLookUp = "before_look_up",
    /// The provider has answered about an earlier call; nothing is recorded yet.
    AfterLookUp = "after_look_up",
    /// The provider is about to be asked to cancel a payment.
    BeforeStop = "before_stop",
    /// The provider has answered a cancellation; nothing is recorded yet.
    AfterStop = "after_stop",
    /// The provider is about to be asked for a refund.
    BeforeRefund = "before_refund",
    /// The provider has answered a refund; nothing is recorded yet.
    AfterRefund = "after_refund",
    /// The provider's answers are collected; the transaction that records them has not begun.
    BeforeRecord = "before_record",
}

impl std::fmt::Display for Failpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
