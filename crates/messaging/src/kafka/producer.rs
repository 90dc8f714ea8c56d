//! A producer with a thread that serves its events: delivery reports, errors, statistics.
//!
//! rdkafka's own threaded producer (and `FutureProducer` on top of it) polls for 100 ms at a time. Its timeouts are whole milliseconds, so
//! the last part of each poll is a loop without a wait: 0.8 % of a core for each producer that is idle (measured with `perf` on 1 December
//! 2026, rdkafka 0.39: seven producers took 5.5 %). A poll that lasts longer loops as seldom.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;

use super::client::Client;
use super::produce_batch::Deliveries;

/// So long the thread outlives its producer.
const POLL: Duration = Duration::from_secs(2);

/// Clones share the client and its thread. Flush before the last one is dropped: what is in flight is discarded.
#[derive(Clone)]
pub(crate) struct Producer(Arc<Polled>);

struct Polled {
    producer: Arc<BaseProducer<Deliveries>>,
    is_dropped: Arc<AtomicBool>,
}

impl Producer {
    pub(crate) fn new(config: &ClientConfig, client: Client) -> Result<Self, KafkaError> {
        let producer: BaseProducer<Deliveries> = config.create_with_context(Deliveries(client))?;
        let (producer, is_dropped) = (Arc::new(producer), Arc::new(AtomicBool::new(false)));
        let (polled, ends) = (Arc::clone(&producer), Arc::clone(&is_dropped));
        let poll = move || {
            while !ends.load(Ordering::Relaxed) {
                polled.poll(POLL);
            }
        };
        let started = std::thread::Builder::new().name("producer-events".to_owned()).spawn(poll);
        started.map_err(|error| KafkaError::ClientCreation(format!("no thread can be started: {error}")))?;
        Ok(Producer(Arc::new(Polled { producer, is_dropped })))
    }
}

impl Deref for Producer {
    type Target = BaseProducer<Deliveries>;

    fn deref(&self) -> &Self::Target {
        &self.0.producer
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rdkafka::producer::Producer as _;

    use super::*;

    /// CPU time of the threads that serve events, in clock ticks (10 ms).
    fn ticks() -> u64 {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let stats = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
        let own = stats.filter(|stat| stat.contains("(producer-events"));
        own.map(|stat| {
            let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
            fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
        })
        .sum()
    }

    #[test]
    fn the_thread_of_an_idle_producer_rests() {
        let mut config = ClientConfig::new();
        config.set("test.mock.num.brokers", "1");
        let producer = Producer::new(&config, Client::new("test")).unwrap();
        producer.client().fetch_metadata(None, Duration::from_secs(10)).unwrap();
        let (before, begun) = (ticks(), Instant::now());
        // Longer than one poll.
        std::thread::sleep(POLL + Duration::from_secs(1));
        let used = ticks() - before;
        let share = used as f64 / 100.0 / begun.elapsed().as_secs_f64();
        assert!(share < 0.005, "it took {share:.4} of a core");
    }
}
