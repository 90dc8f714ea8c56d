//! Reads a partition from one offset, to find out whether the group's consumer could read on from there. The consumer's
//! own error names neither topic nor partition. Every call blocks.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use crate::kafka::consumer::is_unreadable;

/// The time for one answer. A broker that is slower says nothing about the batch.
const TIMEOUT: Duration = Duration::from_secs(5);
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// The result of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probed {
    /// There is a record, or the partition ends here.
    Readable,
    /// The batch at this offset cannot be unpacked.
    Unreadable(RDKafkaErrorCode),
    /// Neither a record nor an error came.
    Silent,
}

/// A client that reads one partition at a time.
pub(crate) struct Probe(BaseConsumer);

impl Probe {
    pub(crate) fn new(reader: &ClientConfig) -> Result<Self, KafkaError> {
        let mut config = reader.clone();
        // A batch that cannot be unpacked is asked for again and again: without a pause.
        config.set("fetch.error.backoff.ms", "1").set("enable.partition.eof", "true");
        config.create().map(Probe)
    }

    /// Whether the partition can be read from this offset on.
    pub(crate) fn at(&self, topic: &str, partition: i32, offset: i64) -> Result<Probed, KafkaError> {
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        self.0.assign(&assignment)?;
        let until = Instant::now() + TIMEOUT;
        while Instant::now() < until {
            match self.0.poll(POLL_TIMEOUT) {
                Some(Ok(message)) if message.topic() == topic && message.offset() >= offset => {
                    return Ok(Probed::Readable);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(Probed::Readable),
                Some(Err(error)) => match error.rdkafka_error_code() {
                    Some(code) if is_unreadable(code) => return Ok(Probed::Unreadable(code)),
                    // The broker is away; the client connects again.
                    _ => {}
                },
                Some(Ok(_)) | None => {}
            }
        }
        Ok(Probed::Silent)
    }

    /// The first offset after this one that can be read. Offset by offset: the client does not tell where a batch ends,
    /// and the next one may be damaged, too. `None`: the broker did not answer.
    pub(crate) fn first_readable_after(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Option<i64>, KafkaError> {
        let mut next = offset + 1;
        loop {
            match self.at(topic, partition, next)? {
                Probed::Readable => return Ok(Some(next)),
                Probed::Unreadable(_) => next += 1,
                Probed::Silent => return Ok(None),
            }
        }
    }

    /// Closes the client on its own thread: closing may wait for the broker.
    pub(crate) fn close(self) {
        std::thread::spawn(move || drop(self));
    }
}
