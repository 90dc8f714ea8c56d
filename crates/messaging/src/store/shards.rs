//! Ownership of shards. A shard is a number below P, the number of partitions of every keyed topic; it stands for
//! partition p of all inputs and for the outbox rows whose key hashes to p.
//!
//! Taking a shard raises its epoch in the database. Every transaction names the epochs that its instance holds and
//! locks those rows until it ends ([`FENCE`]); with an older epoch it finds no row and fails. So a new owner waits for
//! transactions in flight, and later transactions of the former owner change nothing.
//!
//! Two instances may take a shard in the wrong order if the database was away while the group moved the shard. Then the
//! rightful owner finds itself fenced while the group still assigns the shard to it: it takes the shard again and reads
//! the inputs again from the last processed offset.

use std::collections::{BTreeSet, HashSet};

use parking_lot::{Mutex, MutexGuard};
use sqlx::PgConnection;
use tokio::sync::{mpsc, watch};

pub(crate) const TAKE: &str = "insert into shards (shard, epoch, owner, taken_at) select s, 1, $2, now() from unnest($1::smallint[]) s order by s
     on conflict (shard) do update set epoch = shards.epoch + 1, owner = excluded.owner, taken_at = excluded.taken_at
     returning shard, epoch";

/// The named shards whose epoch is current, with their rows locked.
macro_rules! held {
    () => {
        "held as materialized (select s.shard from shards s join unnest($1::smallint[], $2::bigint[]) as believed (shard, epoch)
            on s.shard = believed.shard and s.epoch = believed.epoch order by s.shard for share of s)"
    };
}

/// Whether any event waits behind a parked one: a look-up in an index that is normally empty. The answer holds while
/// the lock is held, since only the owner of a shard parks.
macro_rules! something_waits {
    () => {
        "exists (select from dead_letters where in_order and discarded_at is null)"
    };
}

pub(crate) const FENCE: &str = concat!(
    "with ",
    held!(),
    "
     select array(select shard from held), ",
    something_waits!()
);

/// Part of a statement that commits by itself: the fence, with [`FENCE_ARGUMENTS`] arguments.
pub(crate) const FENCED: &str = held!();
/// The arguments of [`FENCED`].
pub(crate) const FENCE_ARGUMENTS: usize = 2;
/// Another instance has taken one of the shards.
pub(crate) const IS_FENCED_OFF: &str = "(select count(*) from held) <> cardinality($1::smallint[])";

pub(crate) use {held, something_waits};

/// The shards of this instance. Shared by consumer, relay and every other writer.
pub(crate) struct Shards {
    /// The epoch of each held shard.
    epochs: Mutex<Vec<Option<i64>>>,
    /// The shards that the group assigns to this instance, whether held or not.
    assigned: Mutex<BTreeSet<u32>>,
    changed: watch::Sender<u64>,
    /// Receives the shards that another instance has taken.
    fenced: mpsc::UnboundedSender<Vec<u32>>,
}

impl Shards {
    /// No shard is held. The receiver gets the fenced shards.
    pub(crate) fn new(count: u32) -> (Self, mpsc::UnboundedReceiver<Vec<u32>>) {
        let (fenced, fenced_shards) = mpsc::unbounded_channel();
        let epochs = Mutex::new(vec![None; count as usize]);
        (Shards { epochs, assigned: Mutex::default(), changed: watch::Sender::new(0), fenced }, fenced_shards)
    }

    pub(crate) fn held(&self) -> Vec<(u32, i64)> {
        (0..).zip(self.epochs().iter()).filter_map(|(shard, epoch)| epoch.map(|e| (shard, e))).collect()
    }

    pub(crate) fn epoch(&self, shard: u32) -> Option<i64> {
        self.epochs().get(shard as usize).copied().flatten()
    }

    /// The number of shards, held or not.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.epochs().len()).unwrap_or(u32::MAX)
    }

    #[cfg(test)]
    pub(crate) fn hold(&self, shard: u32, epoch: i64) {
        if let Some(slot) = self.epochs().get_mut(shard as usize) {
            *slot = Some(epoch);
        }
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Holds shards whose epoch was [raised](raise).
    pub(crate) fn hold_raised(&self, raised: &[(u32, i64)]) {
        let assigned = self.assigned();
        let mut epochs = self.epochs();
        for &(shard, epoch) in raised {
            // A shard that was revoked in the meantime is not held: its new owner is fenced, and takes it again.
            if let (Some(slot), true) = (epochs.get_mut(shard as usize), assigned.contains(&shard)) {
                *slot = Some(epoch);
            }
        }
        drop((assigned, epochs));
        self.announce();
    }

    /// The group assigned these shards.
    pub(crate) fn assign(&self, shards: &[u32]) {
        self.assigned().extend(shards);
    }

    /// The group revoked these shards.
    pub(crate) fn give_away(&self, shards: &[u32]) {
        self.assigned().retain(|shard| !shards.contains(shard));
        self.let_go(shards);
    }

    /// Another instance has raised these epochs: the shards are no longer held, even if the group still assigns them.
    pub(crate) fn fence_off(&self, believed: &[(u32, i64)]) {
        let mut epochs = self.epochs();
        let mut shards = Vec::new();
        for (shard, epoch) in believed {
            // A shard that was taken again in the meantime is held with a newer epoch.
            if let Some(slot) =
                epochs.get_mut(*shard as usize).filter(|slot| slot.is_none_or(|held| held <= *epoch))
            {
                *slot = None;
                shards.push(*shard);
            }
        }
        drop(epochs);
        self.announce();
        self.take_back(shards);
    }

    /// Queues the shards to be taken again if the group still assigns them.
    pub(crate) fn take_back(&self, shards: Vec<u32>) {
        if self.fenced.send(shards).is_err() {
            tracing::debug!("shards were fenced after the service ended");
        }
    }

    /// Whether the group assigns the shard to this instance, held or not.
    pub(crate) fn is_assigned(&self, shard: u32) -> bool {
        self.assigned().contains(&shard)
    }

    /// The shards among these that the group still assigns.
    pub(crate) fn still_assigned(&self, shards: &[u32]) -> Vec<u32> {
        let assigned = self.assigned();
        shards.iter().copied().filter(|shard| assigned.contains(shard)).collect()
    }

    fn let_go(&self, shards: &[u32]) {
        let mut epochs = self.epochs();
        for shard in shards {
            if let Some(slot) = epochs.get_mut(*shard as usize) {
                *slot = None;
            }
        }
        drop(epochs);
        self.announce();
    }

    fn announce(&self) {
        self.changed.send_modify(|n| *n += 1);
    }

    fn assigned(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.assigned.lock()
    }

    fn epochs(&self) -> MutexGuard<'_, Vec<Option<i64>>> {
        self.epochs.lock()
    }
}

/// Raises the epoch of each shard in the database: its former owner writes nothing from now on.
pub(crate) async fn raise(
    connection: &mut PgConnection,
    shards: &[u32],
    owner: &str,
) -> Result<Vec<(u32, i64)>, sqlx::Error> {
    let numbers: Vec<i16> = shards.iter().filter_map(|s| i16::try_from(*s).ok()).collect();
    let raised: Vec<(i16, i64)> =
        sqlx::query_as(TAKE).bind(&numbers).bind(owner).fetch_all(connection).await?;
    Ok(raised.into_iter().map(|(number, epoch)| (u32::from(number.unsigned_abs()), epoch)).collect())
}

/// The result of a fence.
pub(crate) struct Fenced {
    /// The shards that another instance has taken.
    pub(crate) lost: Vec<(u32, i64)>,
    /// Events of some keys are parked; later ones may have to wait behind them.
    pub(crate) something_waits: bool,
}

/// Locks the shards' rows in share mode until the transaction ends, and checks their epochs.
pub(crate) async fn fence(
    connection: &mut PgConnection,
    believed: &[(u32, i64)],
) -> Result<Fenced, sqlx::Error> {
    let (numbers, epochs) = columns(believed);
    let (ours, something_waits) =
        sqlx::query_as(FENCE).bind(numbers).bind(epochs).fetch_one(connection).await?;
    Ok(Fenced::of(believed, ours, something_waits))
}

impl Fenced {
    pub(crate) fn of(believed: &[(u32, i64)], ours: Vec<i16>, something_waits: bool) -> Self {
        let ours: HashSet<u32> = ours.into_iter().map(|n| u32::from(n.unsigned_abs())).collect();
        let lost = believed.iter().copied().filter(|(shard, _)| !ours.contains(shard)).collect();
        Fenced { lost, something_waits }
    }
}

/// Numbers and epochs as columns for UNNEST.
pub(crate) fn columns(believed: &[(u32, i64)]) -> (Vec<i16>, Vec<i64>) {
    believed.iter().map(|(shard, epoch)| (i16::try_from(*shard).unwrap_or(i16::MAX), *epoch)).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fenced_is_told_and_stays_assigned() {
        let (shards, mut fenced_shards) = Shards::new(4);
        shards.assign(&[1, 2]);
        shards.fence_off(&[(2, 1)]);
        assert_eq!(fenced_shards.try_recv(), Ok(vec![2]));
        assert_eq!(shards.still_assigned(&[0, 1, 2]), [1, 2]);
        shards.give_away(&[2]);
        assert_eq!(shards.still_assigned(&[0, 1, 2]), [1]);
        assert!(fenced_shards.try_recv().is_err(), "what the group takes away is nobody's business");
    }
}
