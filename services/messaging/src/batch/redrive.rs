//! Parked events once more: one transaction for each, since some of them are expected to fail again.

use tracing::{info, warn};

use super::item::claim;
use super::{Processor, Stopped};
use crate::dead_letters::Reason;
use crate::dead_letters::redrive::{self, Asked};
use crate::policy::{Verdict, chain, verdict};
use crate::{Counts, Dependency, ReactError, Reactor, Received, inbox};

/// What became of one letter.
enum Redriven {
    Done,
    /// Discarded meanwhile.
    Gone,
    Parked(Reason),
    /// Its shard is somebody else's now, who goes on with it.
    Left,
}

impl<R: Reactor> Processor<R> {
    /// Redrives what was asked for in our shards. A database that is away is asked again at the next turn.
    pub(crate) async fn redrive(&self) -> Result<(), Stopped> {
        let pool = self.lane.pool();
        loop {
            let shards: Vec<u32> = self.lane.shards.held().into_iter().map(|(shard, _)| shard).collect();
            let done = match Asked::next(pool, &shards).await {
                Ok(None) => return Ok(()),
                Ok(Some(asked)) => self.redrive_all(&asked).await?,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                warn!(error = chain(&error), "what is to be redriven cannot be read");
                return Ok(());
            }
        }
    }

    async fn redrive_all(&self, asked: &Asked) -> Result<Result<(), sqlx::Error>, Stopped> {
        for &id in &asked.ids {
            match self.redrive_one(id, asked.shard).await? {
                Redriven::Done => info!(id, "event redriven"),
                Redriven::Gone => {}
                Redriven::Left => return Ok(Ok(())),
                Redriven::Parked(reason) => {
                    warn!(id, reason = reason.code, detail = reason.detail, "event stays parked");
                    if let Err(error) = redrive::failed(self.lane.pool(), id, &reason).await {
                        return Ok(Err(error));
                    }
                    if asked.in_order {
                        break;
                    }
                }
            }
        }
        Ok(asked.answered(self.lane.pool()).await)
    }

    async fn redrive_one(&self, id: i64, shard: u32) -> Result<Redriven, Stopped> {
        let mut waits = 0;
        loop {
            let error = match self.try_redrive(id, shard).await {
                Ok(redriven) => {
                    self.health.up(Dependency::Postgres);
                    return Ok(redriven);
                }
                Err(error) => error,
            };
            match verdict(&error) {
                Verdict::Transient => {
                    self.away(&error);
                    self.pause(waits, &error).await?;
                    waits += 1;
                }
                Verdict::Fenced => return Ok(Redriven::Left),
                Verdict::Permanent(code) => {
                    return Ok(Redriven::Parked(Reason::at_once(code, chain(&error))));
                }
            }
        }
    }

    /// The letter goes in the transaction in which its event takes effect. Its inbox row is there already, if it was claimed
    /// when it was parked; else it is claimed now, and a duplicate that came through meanwhile counts.
    async fn try_redrive(&self, id: i64, shard: u32) -> Result<Redriven, ReactError> {
        let Some((incoming, claimed)) = redrive::letter(self.lane.pool(), id).await? else {
            return Ok(Redriven::Gone);
        };
        let content = match self.decoder.decode(&incoming, &self.lane.catalogue).await {
            Ok(Ok(content)) => content,
            Ok(Err(reason)) => return Ok(Redriven::Parked(reason)),
            Err(away) => return Ok(Redriven::Parked(super::unresolved(&away, 1))),
        };
        let mut transaction = self.lane.begin(&[shard]).await?;
        let connection = transaction.connection();
        if !redrive::take(connection, id).await? {
            return Ok(Redriven::Gone);
        }
        let mut events = Vec::new();
        if let Some(content) = content {
            let wanted = claimed.is_none().then(|| claim(&content, &self.lane.catalogue)).flatten();
            let is_fresh = match wanted {
                Some(id) => !inbox::claim(connection, &[id], self.lane.now()).await?.is_empty(),
                None => true,
            };
            events.extend(is_fresh.then_some(Received { incoming, content, processing: None }));
        }
        let reacted = self.react(connection, &events.iter().collect::<Vec<_>>()).await?;
        if let Some(refusal) = reacted.refusals.into_iter().next() {
            return Ok(Redriven::Parked(Reason::at_once("illegal", refusal.detail)));
        }
        transaction.commit(&reacted.emissions).await?;
        Counts::add(&self.counts.processed, events.len());
        self.reactor.committed(reacted.after);
        Ok(Redriven::Done)
    }
}
