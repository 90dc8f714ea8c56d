//! The time by which a service decides: its database's, so that all its instances have one clock, whatever their machines
//! say. The machine's clock is compared with the database's, and the database's with the broker's; see decision 0038.

use std::sync::Arc;
use std::time::{Duration, Instant};

use minuet_envelope::Micros;
use minuet_telemetry::meters::{Meters, attribute};
use minuet_telemetry::names::meter::{self, attribute as key};
use parking_lot::Mutex;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Clock;
use super::reading::{BROKER_INTERVAL, Reading};
use super::skew_log::SkewLog;

pub(crate) const DATABASE_TIME: &str = "select clock_timestamp()";

/// An older reading says nothing: where nothing is published for that long, sweeps do not wait for a clock that was set since.
const MAX_BROKER_AGE: Duration = Duration::from_secs(3_600);

/// Shared by everything in a service that asks for the time.
pub(crate) struct ServiceClock {
    clock: Clock,
    /// Between database and broker; beyond it the service does not decide by time.
    max_skew: time::Duration,
    database: Mutex<Option<Reading>>,
    broker: Mutex<Option<Reading>>,
    machine_log: SkewLog,
    broker_log: SkewLog,
}

impl ServiceClock {
    pub(crate) fn new(clock: Clock, max_skew: Duration) -> Arc<Self> {
        let max_skew = time::Duration::try_from(max_skew).unwrap_or(time::Duration::MAX);
        Arc::new(ServiceClock {
            clock,
            max_skew,
            database: Mutex::default(),
            broker: Mutex::default(),
            machine_log: SkewLog::default(),
            broker_log: SkewLog::default(),
        })
    }

    /// The database's time. Before the first look at it, which comes before the first shard is taken, the machine's.
    pub(crate) fn now(&self) -> Micros {
        match *self.database.lock() {
            Some(reading) => reading.time(Instant::now()),
            None => self.clock.now(),
        }
    }

    /// The time of a record, in milliseconds since 1970, where the topic takes the producer's: a broker refuses a record whose
    /// time is an hour ahead of its own. `None`: the client's own clock will do.
    pub(crate) fn record_time(&self) -> Option<i64> {
        self.database.lock().map(|reading| reading.time(Instant::now()).as_millis())
    }

    /// `false`: the clocks of database and broker differ by more than the bound, so one clock is wrong. The service then
    /// decides nothing by comparing the database's time with a time of another machine.
    pub(crate) fn is_trusted(&self) -> bool {
        self.database_skew().is_none_or(|skew| skew.abs() <= self.max_skew)
    }

    /// Asks the database for its time: one small statement.
    pub(crate) async fn ask(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let Clock::System = self.clock else { return Ok(()) };
        let asked = Instant::now();
        let time: OffsetDateTime = sqlx::query_scalar(DATABASE_TIME).fetch_one(connection).await?;
        let reading = Reading::between(asked, Instant::now(), Micros::from_datetime(time));
        reading.replace(&mut self.database.lock(), Duration::ZERO);
        if let Some(skew) = self.machine_skew() {
            self.machine_log.tell(skew, "the machine's clock and the database's");
        }
        Ok(())
    }

    /// The broker appended a record at `appended`, by its own clock, which had been handed over at `sent`.
    pub(crate) fn acknowledged(&self, sent: Instant, appended: Micros) {
        let Clock::System = self.clock else { return };
        let reading = Reading::between(sent, Instant::now(), appended);
        if !reading.replace(&mut self.broker.lock(), BROKER_INTERVAL) {
            return;
        }
        if let Some(skew) = self.database_skew() {
            self.broker_log.tell(skew, "the database's clock and the broker's");
        }
    }

    /// How far the machine's clock is ahead of the database's.
    fn machine_skew(&self) -> Option<time::Duration> {
        let reading = (*self.database.lock())?;
        Some(self.clock.now().since(reading.time(Instant::now())))
    }

    /// How far the database's clock is certainly ahead of the broker's; 0 within what the readings leave open.
    fn database_skew(&self) -> Option<time::Duration> {
        let (database, broker) = ((*self.database.lock())?, (*self.broker.lock())?);
        let now = Instant::now();
        if broker.age(now) > MAX_BROKER_AGE {
            return None;
        }
        let skew = database.time(now).since(broker.time(now));
        let open = database.uncertainty(now) + broker.uncertainty(now);
        let open = time::Duration::try_from(open).unwrap_or(time::Duration::MAX);
        Some(if skew.is_negative() {
            (skew + open).min(time::Duration::ZERO)
        } else {
            (skew - open).max(time::Duration::ZERO)
        })
    }

    /// The gauge of both differences, computed when it is read: a step of the machine's clock shows at once.
    pub(crate) fn observe(self: &Arc<Self>, meters: &Meters) {
        let clock = Arc::clone(self);
        meters.gauge(&meter::CLOCK_SKEW, move || {
            let machine = ("database", clock.machine_skew());
            let database = ("broker", clock.database_skew());
            let series = [machine, database].into_iter();
            series
                .filter_map(|(of, skew)| Some((vec![attribute(key::REFERENCE, of)], skew?.as_seconds_f64())))
                .collect()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn clock() -> Arc<ServiceClock> {
        ServiceClock::new(Clock::System, Duration::from_secs(30))
    }

    /// The service's database, or broker, says that it is so many minutes later than the machine does.
    fn reading(minutes: i64) -> Reading {
        let now = Instant::now();
        Reading::between(now, now, Micros(Clock::System.now().0 + minutes * MINUTE))
    }

    fn near(skew: Option<time::Duration>, minutes: i64) -> bool {
        skew.is_some_and(|skew| (skew - time::Duration::minutes(minutes)).abs() < time::Duration::seconds(1))
    }

    #[test]
    fn a_machine_that_is_ahead_has_the_time_of_its_database() {
        let clock = clock();
        assert!(clock.machine_skew().is_none() && clock.is_trusted(), "nothing is known yet");
        *clock.database.lock() = Some(reading(-20));
        assert!(near(Some(Clock::System.now().since(clock.now())), 20));
        assert!(near(clock.machine_skew(), 20));
        assert!(clock.is_trusted(), "the machine's clock decides nothing");
    }

    #[test]
    fn between_a_database_and_a_broker_that_differ_nothing_is_decided_by_time() {
        let clock = clock();
        *clock.database.lock() = Some(reading(0));
        *clock.broker.lock() = Some(reading(-20));
        assert!(near(clock.database_skew(), 20) && !clock.is_trusted());
        *clock.broker.lock() = Some(reading(20));
        assert!(near(clock.database_skew(), -20) && !clock.is_trusted());
        *clock.broker.lock() = Some(reading(0));
        assert!(near(clock.database_skew(), 0) && clock.is_trusted());
    }

    #[test]
    fn an_acknowledgement_that_took_long_says_no_more_than_that() {
        let clock = clock();
        *clock.database.lock() = Some(reading(0));
        // Appended at once, acknowledged only now.
        let Some(sent) = Instant::now().checked_sub(Duration::from_secs(100)) else { return };
        clock.acknowledged(sent, Micros(Clock::System.now().0 - 100_000_000));
        assert!(near(clock.database_skew(), 0) && clock.is_trusted());
    }
}
