//! Named places at which a process can be told to kill itself, one at every boundary: so that what a crash leaves behind
//! there can be tried. In release builds without the feature `faults` there is nothing of it.
//!
//! `MINUET_FAULT=after_commit:3` kills (SIGKILL) on the third passage through [`Failpoint::AfterCommit`]. Passages count
//! from the start on, or, where `MINUET_FAULT_ARMED` names a file, from when that is there. The process says that it has
//! come there before it dies.

#[cfg(any(debug_assertions, feature = "faults"))]
mod armed;

#[cfg(any(debug_assertions, feature = "faults"))]
pub use armed::{VARIABLES, hit};

/// Variables that are no settings. Where there are no faults to be had, naming one is an error like any unknown setting.
#[cfg(not(any(debug_assertions, feature = "faults")))]
pub const VARIABLES: &[&str] = &[];

/// Nothing: this build has no faults.
#[cfg(not(any(debug_assertions, feature = "faults")))]
#[inline(always)]
pub const fn hit(_: Failpoint) {}

macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Failpoint { $($(#[$doc])* $point,)* }

        impl Failpoint {
            /// In the order of an event's way.
            pub const ALL: &[Failpoint] = &[$(Failpoint::$point,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Failpoint::$point => $name,)* }
            }
        }
    };
}

points! {
    /// The gateway has checked a request, and published nothing.
    BeforeProduce = "before_produce",
    /// The broker has the gateway's event, and whoever asked has no answer.
    AfterAck = "after_ack",
    /// A batch is in memory.
    AfterPoll = "after_poll",
    /// The inbox rows of a batch are written, in an open transaction.
    AfterClaim = "after_claim",
    /// Everything that a transaction holds is written: a batch's, a sweep's, an answer's.
    BeforeCommit = "before_commit",
    /// It is committed, and nobody has been told: no offset, no relay, no call to the provider.
    AfterCommit = "after_commit",
    AfterStoreOffset = "after_store_offset",
    /// Outbox rows are read.
    AfterRelayRead = "after_relay_read",
    /// A row is handed to the producer, and may be on its way.
    BeforeRelayAck = "before_relay_ack",
    /// The broker has the rows, and they are still in the outbox.
    AfterRelayAck = "after_relay_ack",
    AfterRelayDelete = "after_relay_delete",
    /// Partitions were revoked in a rebalance, and the group does not know that we have let go.
    WhileGivingAway = "while_giving_away",
    /// Partitions were assigned, and their shards are not taken.
    BeforeTake = "before_take",
    /// The shards' epochs are raised, and what their former owner left open is not taken up.
    AfterTake = "after_take",
    /// The sweeper has found what is due.
    AfterDue = "after_due",
    /// What is due is decided, in an open transaction.
    BeforeSweepCommit = "before_sweep_commit",
    BeforeCharge = "before_charge",
    /// The provider has captured or declined, and we have recorded nothing.
    AfterCharge = "after_charge",
    BeforeLookUp = "before_look_up",
    AfterLookUp = "after_look_up",
    BeforeStop = "before_stop",
    AfterStop = "after_stop",
    BeforeRefund = "before_refund",
    AfterRefund = "after_refund",
    /// The provider's answers are gathered, and their transaction is not begun.
    BeforeRecord = "before_record",
}

impl std::fmt::Display for Failpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
