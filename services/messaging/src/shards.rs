//! Who owns which shard. A shard is a number below P, the number of partitions of every keyed topic; it stands for
//! partition p of all inputs and for the outbox rows whose key hashes to p.
//!
//! Taking a shard raises its epoch in the database. Every transaction names the epochs that it believes in and locks those
//! rows against a taker until it ends ([`FENCE`]); with an older epoch it finds nothing and fails. So a taker waits for
//! what is under way, and what comes later from the former owner changes nothing.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::PgConnection;
use tokio::sync::watch;

pub(crate) const TAKE: &str = "insert into shards (shard, epoch, owner, taken_at) select s, 1, $2, now() from unnest($1::smallint[]) s order by s
     on conflict (shard) do update set epoch = shards.epoch + 1, owner = excluded.owner, taken_at = excluded.taken_at
     returning shard, epoch";

pub(crate) const FENCE: &str =
    "select s.shard from shards s join unnest($1::smallint[], $2::bigint[]) as held (shard, epoch)
     on s.shard = held.shard and s.epoch = held.epoch order by s.shard for share of s";

/// The shards of this instance. Shared by the consumer, the relay and whoever else writes.
pub(crate) struct Shards {
    /// The epoch of each held shard.
    epochs: Mutex<Vec<Option<i64>>>,
    /// How often each shard was given away: one that was, while it was being taken, is not ours.
    generations: Vec<AtomicU64>,
    changed: watch::Sender<u64>,
}

impl Shards {
    pub(crate) fn new(count: u32) -> Self {
        Shards {
            epochs: Mutex::new(vec![None; count as usize]),
            generations: (0..count).map(|_| AtomicU64::new(0)).collect(),
            changed: watch::Sender::new(0),
        }
    }

    fn generation(&self, shard: u32) -> u64 {
        self.generations.get(shard as usize).map_or(0, |g| g.load(Ordering::SeqCst))
    }

    pub(crate) fn held(&self) -> Vec<(u32, i64)> {
        (0..).zip(self.epochs().iter()).filter_map(|(shard, epoch)| epoch.map(|e| (shard, e))).collect()
    }

    pub(crate) fn epoch(&self, shard: u32) -> Option<i64> {
        self.epochs().get(shard as usize).copied().flatten()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Raises the epoch of each shard in the database and holds them from then on.
    pub(crate) async fn take(
        &self,
        connection: &mut PgConnection,
        shards: &[u32],
        owner: &str,
    ) -> Result<(), sqlx::Error> {
        let numbers: Vec<i16> = shards.iter().filter_map(|s| i16::try_from(*s).ok()).collect();
        let generations: Vec<(u32, u64)> = shards.iter().map(|s| (*s, self.generation(*s))).collect();
        let taken: Vec<(i16, i64)> =
            sqlx::query_as(TAKE).bind(&numbers).bind(owner).fetch_all(connection).await?;
        let mut epochs = self.epochs();
        for (number, epoch) in taken {
            let shard = u32::from(number.unsigned_abs());
            // It was given away again while we took it: whoever has it now takes it after us.
            let current = generations.iter().any(|(s, g)| *s == shard && self.generation(shard) == *g);
            if let (Some(slot), true) = (epochs.get_mut(shard as usize), current) {
                *slot = Some(epoch);
            }
        }
        drop(epochs);
        self.announce();
        Ok(())
    }

    /// The group gave these partitions to somebody else.
    pub(crate) fn give_away(&self, shards: impl IntoIterator<Item = u32>) {
        let mut epochs = self.epochs();
        for shard in shards {
            if let (Some(generation), Some(slot)) =
                (self.generations.get(shard as usize), epochs.get_mut(shard as usize))
            {
                generation.fetch_add(1, Ordering::SeqCst);
                *slot = None;
            }
        }
        drop(epochs);
        self.announce();
    }

    fn announce(&self) {
        self.changed.send_modify(|n| *n += 1);
    }

    fn epochs(&self) -> MutexGuard<'_, Vec<Option<i64>>> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locks the shards' rows in share mode until the transaction ends. Answers with those that are no longer ours.
pub(crate) async fn fence(
    connection: &mut PgConnection,
    believed: &[(u32, i64)],
) -> Result<Vec<u32>, sqlx::Error> {
    let (numbers, epochs): (Vec<i16>, Vec<i64>) =
        believed.iter().map(|(shard, epoch)| (i16::try_from(*shard).unwrap_or(i16::MAX), *epoch)).unzip();
    let ours: Vec<i16> = sqlx::query_scalar(FENCE).bind(numbers).bind(epochs).fetch_all(connection).await?;
    let ours: HashSet<u32> = ours.into_iter().map(|n| u32::from(n.unsigned_abs())).collect();
    Ok(believed.iter().map(|(shard, _)| *shard).filter(|shard| !ours.contains(shard)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn giving_away_ends_the_generation() {
        let shards = Shards::new(4);
        let before = shards.generation(2);
        shards.give_away([2]);
        assert_ne!(shards.generation(2), before);
        assert_eq!(shards.epoch(2), None);
        assert!(shards.held().is_empty());
    }
}
