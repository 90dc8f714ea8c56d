use minuet_events::values::Micros;
use uuid::Uuid;

/// Where a version of a product lies in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductVersion {
    /// Kafka's time of the message. On this topic the broker sets it: see `topics.yaml`.
    pub recorded: Micros,
    /// Kafka's id of the topic; nil: unknown.
    pub topic: Uuid,
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

impl ProductVersion {
    /// Whether this version counts and the other does not any more. Within one partition the offset decides; between
    /// partitions (a stranger's partitioner may have moved the key; the topic was created again) Kafka's time, and of two at one time the partition, so
    /// that every order of arrival ends with the same version. Never a producer's clock, whose times may be years off.
    pub fn is_newer_than(&self, shown: &ProductVersion) -> bool {
        match (self.topic, self.partition) == (shown.topic, shown.partition) {
            true => self.offset > shown.offset,
            false => (self.recorded, self.partition) > (shown.recorded, shown.partition),
        }
    }
}
