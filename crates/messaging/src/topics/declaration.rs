use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use minuet_envelope::EventKind;
use serde::Deserialize;

use super::TopicsError;

/// One topic as `topics.yaml` declares it. Its name carries no prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<K> {
    pub name: String,
    pub partitions: u32,
    pub replication: u32,
    /// None: compacted, so nothing goes by age.
    pub retention: Option<Duration>,
    pub cleanup: Cleanup,
    pub key: Key,
    pub records: Vec<K>,
    pub producers: Vec<String>,
    pub consumers: Vec<String>,
    /// None: the broker's default.
    pub max_message_bytes: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleanup {
    Delete,
    Compact,
}

/// What a topic's records are keyed by.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Key {
    /// The field of the record whose value is the key, such as `order_id`.
    Field(String),
    /// The key of the message that was parked.
    Original,
    /// No order among records: the only topics whose partitions may grow.
    None,
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        match text.as_str() {
            "original_key" => Key::Original,
            "none" => Key::None,
            _ => Key::Field(text),
        }
    }
}

impl fmt::Display for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cleanup::Delete => "delete",
            Cleanup::Compact => "compact",
        })
    }
}

impl<K> Topic<K> {
    pub fn is_keyed(&self) -> bool {
        self.key != Key::None
    }

    /// Whether anybody may write there, and not only our own services.
    pub fn is_intake(&self) -> bool {
        self.producers.iter().any(|producer| producer == "any")
    }

    /// The topic's own settings on the broker, under Kafka's names.
    pub(super) fn configs(&self) -> BTreeMap<&'static str, String> {
        let mut configs = BTreeMap::from([("cleanup.policy", self.cleanup.to_string())]);
        if let Some(retention) = self.retention {
            configs.insert("retention.ms", retention.as_millis().to_string());
        }
        if let Some(bytes) = self.max_message_bytes {
            configs.insert("max.message.bytes", bytes.to_string());
        }
        configs
    }
}

/// The file's shape, before names are looked up and numbers are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) topics: Vec<Declared>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    pub(super) name: String,
    partitions: u32,
    replication: u32,
    retention: Option<String>,
    cleanup: Cleanup,
    key: Key,
    records: Vec<String>,
    producers: Vec<String>,
    consumers: Vec<String>,
    max_message_bytes: Option<u32>,
}

/// librdkafka and Kafka take more; nobody who means it does.
pub(super) const MAX_PARTITIONS: u32 = 10_000;
pub(super) const MAX_REPLICATION: u32 = 15;

impl Declared {
    pub(super) fn check<K: EventKind>(self) -> Result<Topic<K>, TopicsError> {
        let wrong = |problem: String| TopicsError::Declaration { topic: self.name.clone(), problem };
        if !is_topic_name(&self.name) {
            return Err(wrong("a topic's name has 1 to 200 of a-z, 0-9, `.` and `-`".into()));
        }
        if !(1..=MAX_PARTITIONS).contains(&self.partitions) {
            return Err(wrong(format!("partitions is 1 to {MAX_PARTITIONS}, not {}", self.partitions)));
        }
        if !(1..=MAX_REPLICATION).contains(&self.replication) {
            return Err(wrong(format!("replication is 1 to {MAX_REPLICATION}, not {}", self.replication)));
        }
        let retention = match (self.cleanup, &self.retention) {
            (Cleanup::Delete, Some(text)) => Some(parse_duration(text).ok_or_else(|| {
                wrong(format!(
                    "retention is a whole number with s, m, h or d behind it, such as 7d, not `{text}`"
                ))
            })?),
            (Cleanup::Delete, None) => return Err(wrong("cleanup delete needs a retention".into())),
            (Cleanup::Compact, Some(_)) => return Err(wrong("a compacted topic has no retention".into())),
            (Cleanup::Compact, None) => None,
        };
        if self.records.is_empty() {
            return Err(wrong("it has no records".into()));
        }
        if self.producers.is_empty() {
            return Err(wrong("it has no producers".into()));
        }
        let records = self
            .records
            .iter()
            .map(|record| {
                K::from_name(record).ok_or_else(|| TopicsError::UnknownRecord {
                    topic: self.name.clone(),
                    record: record.clone(),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Topic {
            name: self.name,
            partitions: self.partitions,
            replication: self.replication,
            retention,
            cleanup: self.cleanup,
            key: self.key,
            records,
            producers: self.producers,
            consumers: self.consumers,
            max_message_bytes: self.max_message_bytes,
        })
    }
}

/// Kafka allows more, `_` included, which it cannot tell from `.` in its metrics. 249 is its limit; a prefix comes on top.
fn is_topic_name(name: &str) -> bool {
    (1..=200).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
}

fn parse_duration(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    (count > 0).then(|| count.checked_mul(unit).map(Duration::from_secs)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse_duration("7d"), Some(Duration::from_secs(604_800)));
        assert_eq!(parse_duration("90s"), Some(Duration::from_secs(90)));
        for wrong in ["", "7", "d", "0d", "-1d", "1.5h", "7 d", "99999999999999999999d", "7é"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
