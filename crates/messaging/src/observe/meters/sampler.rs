//! Samples gauges from the database on a connection of its own, so that no batch waits for it. The server cancels
//! each statement after two seconds; slow queries run less often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use minuet_telemetry::error_chain;
use minuet_telemetry::meters::{Counter, Meters, Sample, attribute};
use minuet_telemetry::names::meter::{self, attribute as key};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::store::connections::{Connections, STATEMENT_TIMEOUT, within};
use crate::store::context::Core;
use crate::{BatchHandler, ReactError};

/// Upper bound of the statements of one query: together they have this many times the limit of one.
const MAX_STATEMENTS: u32 = 5;
/// A pause takes at least this multiple of the queries' duration, so that sampling takes at most a twentieth of the
/// time.
const MIN_PAUSE_FACTOR: u32 = 20;
/// Interval until each query has succeeded once; before that no gauge is shown.
const FIRST_INTERVAL: Duration = Duration::from_millis(250);

/// Bounded: a backlog is counted up to 100,000 rows. The order of ids is about the order of age.
pub(crate) const OUTBOX: &str =
    "select count(*), coalesce(extract(epoch from now() - min(created_at)), 0)::float8
     from (select created_at from outbox order by id limit 100000) first";
/// The planner's estimate: counting two weeks of rows costs too much.
pub(crate) const INBOX: &str = "select coalesce(sum(greatest(c.reltuples, 0)), 0)::float8
     from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'inbox'::regclass";
pub(crate) const PARKED: &str = "select reason, count(*) from (select reason from dead_letters where discarded_at is null order by id desc limit 10000) newest group by reason";

/// Messages that were deleted unread, and that no person has accepted.
pub(crate) const SKIPPED: &str = "select coalesce(sum(end_offset - from_offset), 0)::float8 from skipped_offsets where accepted_at is null";

pub(crate) struct Sampler<R> {
    handler: Arc<R>,
    core: Arc<Core>,
    connections: Arc<Connections>,
    interval: Duration,
    shutdown: CancellationToken,
    gauges: Gauges,
}

struct Gauges {
    outbox_depth: Sample,
    outbox_age: Sample,
    inbox_size: Sample,
    parked: Sample,
    skipped: Sample,
    duration: Sample,
    failures: Counter,
}

impl Gauges {
    fn new(meters: &Meters) -> Self {
        let gauges = Gauges {
            outbox_depth: meters.sample(&meter::OUTBOX_DEPTH),
            outbox_age: meters.sample(&meter::OUTBOX_AGE),
            inbox_size: meters.sample(&meter::INBOX_SIZE),
            parked: meters.sample(&meter::PARKED_SIZE),
            skipped: meters.sample(&meter::SKIPPED_OFFSETS),
            duration: meters.sample(&meter::SAMPLE_DURATION),
            failures: meters.counter(&meter::SAMPLE_FAILURE_COUNT),
        };
        for sample in [MESSAGING, SERVICE] {
            gauges.failures.add(0, &[attribute(key::SAMPLE, sample)]);
        }
        gauges
    }
}

const MESSAGING: &str = "messaging";
const SERVICE: &str = "service";

fn pause(interval: Duration, took: Duration, answered: bool) -> Duration {
    if answered { interval.max(took * MIN_PAUSE_FACTOR) } else { interval.min(FIRST_INTERVAL).max(took) }
}

impl<R: BatchHandler> Sampler<R> {
    pub(crate) fn new(
        handler: Arc<R>,
        core: Arc<Core>,
        connections: Arc<Connections>,
        interval: Duration,
        shutdown: CancellationToken,
    ) -> Sampler<R> {
        let gauges = Gauges::new(&core.meters);
        Sampler { handler, core, connections, interval, shutdown, gauges }
    }

    pub(crate) async fn run(self) {
        let mut answered = false;
        loop {
            let asked = tokio::select! {
                () = self.shutdown.cancelled() => break,
                asked = self.sample() => asked,
            };
            answered |= asked.iter().all(Result::is_ok);
            let took = asked.into_iter().map(|asked| asked.unwrap_or_else(|took| took)).sum();
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                () = tokio::time::sleep(pause(self.interval, took, answered)) => {}
            }
        }
        self.connections.close().await;
    }

    /// Runs both queries and returns the duration of each, in `Err` if it failed. A failed query leaves its gauges
    /// unchanged.
    async fn sample(&self) -> [Result<Duration, Duration>; 2] {
        let asked = [(MESSAGING, self.one(MESSAGING).await), (SERVICE, self.one(SERVICE).await)];
        let series = asked
            .each_ref()
            .map(|(name, (took, _))| (vec![attribute(key::SAMPLE, *name)], took.as_secs_f64()));
        self.gauges.duration.show(series.into());
        asked.map(|(name, (took, answer))| match answer {
            Ok(()) => Ok(took),
            Err(error) => {
                debug!(
                    error = error_chain(&error),
                    service = self.core.service,
                    sample = name,
                    "gauges could not be read"
                );
                self.gauges.failures.add(1, &[attribute(key::SAMPLE, name)]);
                Err(took)
            }
        })
    }

    /// Runs one query and returns its duration, without the time to connect.
    async fn one(&self, sample: &'static str) -> (Duration, Result<(), ReactError>) {
        let mut connection = match self.connections.get().await {
            Ok(connection) => connection,
            Err(error) => return (Duration::ZERO, Err(error.into())),
        };
        let begun = Instant::now();
        let asked = async {
            match sample {
                MESSAGING => self.ask(&mut connection).await.map_err(ReactError::from),
                _ => self.handler.sample(&mut connection, self.core.now()).await,
            }
        };
        let answer = within(MAX_STATEMENTS * STATEMENT_TIMEOUT, asked).await;
        self.connections.put_back(connection, &answer);
        (begun.elapsed(), answer)
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    async fn ask(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        // Apart from the queries that read tables: its round trip is to be short.
        self.core.clock.ask(&mut *connection).await?;
        let (depth, age): (i64, f64) = sqlx::query_as(OUTBOX).fetch_one(&mut *connection).await?;
        self.gauges.outbox_depth.show(vec![(vec![], depth as f64)]);
        self.gauges.outbox_age.show(vec![(vec![], age)]);
        let inbox: f64 = sqlx::query_scalar(INBOX).fetch_one(&mut *connection).await?;
        self.gauges.inbox_size.show(vec![(vec![], inbox)]);
        let skipped: f64 = sqlx::query_scalar(SKIPPED).fetch_one(&mut *connection).await?;
        self.gauges.skipped.show(vec![(vec![], skipped)]);
        let parked: Vec<(String, i64)> = sqlx::query_as(PARKED).fetch_all(connection).await?;
        let series =
            parked.into_iter().map(|(reason, count)| (vec![attribute(key::REASON, reason)], count as f64));
        self.gauges.parked.show(series.collect());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_comes_soon_and_the_others_cost_little() {
        let (interval, ms) = (Duration::from_secs(5), Duration::from_millis);
        assert_eq!(pause(interval, ms(40), false), ms(250), "nothing is shown yet");
        assert_eq!(pause(interval, ms(2_000), false), ms(2_000), "it was cut off");
        assert_eq!(pause(interval, ms(40), true), interval);
        assert_eq!(pause(interval, ms(500), true), ms(10_000), "5 % of the time");
        assert_eq!(pause(ms(100), ms(1), false), ms(100));
    }
}
