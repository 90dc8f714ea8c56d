use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Standing;
use crate::observe::health::Stall;

/// Some intervals of librdkafka's statistics.
const MAX_SILENCE: Duration = Duration::from_secs(20);

/// A partition of an input, by librdkafka's statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// The offset after the last processed message.
    pub(crate) done: i64,
    /// The offset after the last message on the topic.
    pub(crate) end: i64,
    /// Whether a message lies between the two. Offsets may be empty: compaction and transactions leave gaps.
    pub(crate) has_work: bool,
}

type Partition = (Arc<str>, i32);

/// The batch that is being processed.
#[derive(Default)]
pub(crate) struct BatchInFlight(Mutex<Option<(HashSet<Partition>, Instant)>>);

impl BatchInFlight {
    pub(crate) fn begin(&self, partitions: HashSet<Partition>) {
        *self.0.lock() = Some((partitions, Instant::now()));
    }

    /// A part of the batch was committed. A batch with many poisoned events takes long, and its positions move at its end.
    pub(crate) fn committed(&self) {
        if let Some((_, moved)) = &mut *self.0.lock() {
            *moved = Instant::now();
        }
    }

    pub(crate) fn end(&self) {
        *self.0.lock() = None;
    }

    /// When the batch moved last, if the partition is in it.
    fn moved(&self, topic: &str, partition: i32) -> Option<Instant> {
        let batch = self.0.lock();
        let (partitions, moved) = batch.as_ref()?;
        partitions.iter().any(|(of, number)| &**of == topic && *number == partition).then_some(*moved)
    }
}

/// What the client of the consumer knew last, and when that was.
pub(crate) type Seen = Option<(Instant, Vec<Input>)>;

pub(crate) struct Inputs {
    bound: Duration,
    standing: Standing<(String, i32)>,
}

impl Inputs {
    pub(crate) fn new(bound: Duration) -> Self {
        Inputs { bound, standing: Standing::new() }
    }

    pub(crate) fn stalls(
        &mut self,
        now: Instant,
        seen: Seen,
        is_assigned: impl Fn(u32) -> bool,
        batch: &BatchInFlight,
    ) -> Vec<Stall> {
        let Some((at, mut inputs)) = seen else { return Vec::new() };
        let silent = now.saturating_duration_since(at);
        if silent >= self.bound + MAX_SILENCE {
            return vec![Stall::new(
                "input",
                silent,
                "the Kafka client of the consumer is not polled any more",
            )];
        }
        inputs.retain(|input| input.has_work && is_assigned(input.partition.unsigned_abs()));
        self.standing.keep(|(topic, partition)| {
            inputs.iter().any(|input| input.topic == *topic && input.partition == *partition)
        });
        let mut stalls = Vec::new();
        for Input { topic, partition, done, end, .. } in inputs {
            let stood = self.standing.since((topic.clone(), partition), done, now);
            let moved = batch.moved(&topic, partition).map_or(stood, |moved| moved.max(stood));
            let age = now.saturating_duration_since(moved);
            if age >= self.bound {
                let detail = format!(
                    "no message of {topic}[{partition}] was processed: the position is {done}, the end {end}"
                );
                stalls.push(Stall::new("input", age, detail).at(topic, partition));
            }
        }
        stalls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(30);

    fn input(partition: i32, done: i64, end: i64) -> Input {
        Input { topic: "orders.intake".to_owned(), partition, done, end, has_work: done < end }
    }

    /// What is seen at each second, and how many partitions stand then.
    fn stalled(looks: &[(u64, Vec<Input>)], batch: &BatchInFlight) -> Vec<usize> {
        let (start, mut inputs) = (Instant::now(), Inputs::new(BOUND));
        let look = |(second, seen): &(u64, Vec<Input>)| {
            let now = start + Duration::from_secs(*second);
            inputs.stalls(now, Some((now, seen.clone())), |shard| shard < 4, batch).len()
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn a_partition_stands_if_its_position_does_although_there_is_something_to_read() {
        let looks = [(0, 5, 9), (29, 5, 12), (30, 5, 12), (60, 5, 12), (65, 6, 12), (94, 6, 12), (95, 6, 12)]
            .map(|(second, done, end)| (second, vec![input(0, done, end)]));
        assert_eq!(stalled(&looks, &BatchInFlight::default()), [0, 0, 1, 1, 0, 0, 1]);
    }

    #[test]
    fn an_idle_partition_and_one_of_another_instance_do_not_stand() {
        let idle = |second| (second, vec![input(0, 9, 9), input(4, 1, 9)]);
        let late = (100, vec![input(0, 9, 10)]);
        let looks = [idle(0), idle(50), late, (129, vec![input(0, 9, 10)]), (130, vec![input(0, 9, 10)])];
        assert_eq!(stalled(&looks, &BatchInFlight::default()), [0, 0, 0, 0, 1]);
    }

    #[test]
    fn one_that_stands_is_named_beside_others_that_move() {
        let looks = [0, 40].map(|second| (second, vec![input(1, 5, 9), input(2, second as i64, 90)]));
        assert_eq!(stalled(&looks, &BatchInFlight::default()), [0, 1]);
    }

    #[test]
    fn a_batch_that_is_committed_in_parts_moves() {
        let batch = BatchInFlight::default();
        batch.begin([("orders.intake".into(), 0)].into());
        let start = Instant::now();
        let mut inputs = Inputs::new(BOUND);
        let mut look = |seconds: u64, batch: &BatchInFlight| {
            let now = start + Duration::from_secs(seconds);
            inputs.stalls(now, Some((now, vec![input(0, 5, 9)])), |_| true, batch).len()
        };
        assert_eq!(look(0, &batch), 0);
        batch.0.lock().as_mut().unwrap().1 = start + Duration::from_secs(25);
        assert_eq!([look(40, &batch), look(54, &batch), look(55, &batch)], [0, 0, 1]);
        batch.end();
        assert_eq!(look(56, &batch), 1);
    }

    #[test]
    fn a_client_that_says_nothing_is_named() {
        let (now, mut inputs) = (Instant::now(), Inputs::new(BOUND));
        let stalls = inputs.stalls(
            now + BOUND + MAX_SILENCE,
            Some((now, Vec::new())),
            |_| true,
            &BatchInFlight::default(),
        );
        assert!(stalls[0].detail.contains("not polled"), "{stalls:?}");
    }
}
