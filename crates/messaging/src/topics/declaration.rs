use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use minuet_envelope::EventKind;
use serde::Deserialize;

use super::TopicsError;

/// A topic as `topics.yaml` declares it. Its name has no prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<K> {
    /// The name without prefix: 1 to 200 of `a-z`, `0-9`, `.` and `-`.
    pub name: String,
    /// The number of partitions.
    pub partitions: u32,
    /// The number of replicas.
    pub replication: u32,
    /// How long the topic keeps events. `None`: compacted, kept without limit.
    pub retention: Option<Duration>,
    /// Kafka's `cleanup.policy`.
    pub cleanup: Cleanup,
    /// How long a compacted topic keeps a tombstone at least (`delete.retention.ms`). `None`: as the broker says.
    pub tombstones: Option<Duration>,
    /// The key of the topic's records.
    pub key: Key,
    /// The records that may be on the topic.
    pub records: Vec<K>,
    /// The services that write to the topic; `any`: every program.
    pub producers: Vec<String>,
    /// The services that read the topic.
    pub consumers: Vec<String>,
    /// Whose time the records carry.
    pub timestamps: Timestamps,
    /// Upper bound of a message, in bytes. `None`: the broker's default.
    pub max_message_bytes: Option<u32>,
    /// Another team's topic: never created or changed from here, and records of it that are not declared are skipped.
    pub external: bool,
}

/// Kafka's `cleanup.policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleanup {
    /// Events are deleted after the retention time.
    Delete,
    /// The latest record of each key is kept.
    Compact,
}

/// Kafka's `message.timestamp.type`: the time of a record, by which retention counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timestamps {
    /// The producer says (`CreateTime`). A record from a clock that is far behind is deleted before its time.
    #[default]
    Producer,
    /// The broker says (`LogAppendTime`): a record stays for the whole retention, whatever its producer's clock.
    Arrival,
}

/// The key of a topic's records.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Key {
    /// A field of the record, such as `order_id`.
    Field(String),
    /// The key of the parked message.
    Original,
    /// No key, so no order among records. Only such topics may grow.
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
    /// Whether records have a key, and so an order per key.
    pub fn is_keyed(&self) -> bool {
        self.key != Key::None
    }

    /// Whether any program may write to the topic, not only the services of the installation.
    pub fn is_intake(&self) -> bool {
        self.producers.iter().any(|producer| producer == "any")
    }

    /// The topic's own settings, under Kafka's names.
    pub(super) fn configs(&self) -> BTreeMap<&'static str, String> {
        let mut configs = BTreeMap::from([
            ("cleanup.policy", self.cleanup.to_string()),
            // A replica that is behind must not become the leader: acknowledged records would be gone.
            ("unclean.leader.election.enable", "false".to_owned()),
        ]);
        if let Some(retention) = self.retention {
            configs.insert("retention.ms", retention.as_millis().to_string());
            // A limit in bytes deletes records before their time.
            configs.insert("retention.bytes", "-1".to_owned());
        }
        if let Some(tombstones) = self.tombstones {
            configs.insert("delete.retention.ms", tombstones.as_millis().to_string());
        }
        if self.timestamps == Timestamps::Arrival {
            configs.insert("message.timestamp.type", "LogAppendTime".to_owned());
        }
        if let Some(bytes) = self.max_message_bytes {
            configs.insert("max.message.bytes", bytes.to_string());
        }
        configs
    }
}

/// The shape of the file, before names are resolved and numbers are checked.
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
    #[serde(default = "one")]
    replication: u32,
    retention: Option<String>,
    cleanup: Cleanup,
    tombstones: Option<String>,
    key: Key,
    records: Vec<String>,
    producers: Vec<String>,
    #[serde(default)]
    consumers: Vec<String>,
    #[serde(default)]
    timestamps: Timestamps,
    max_message_bytes: Option<u32>,
    #[serde(default)]
    external: bool,
}

fn one() -> u32 {
    1
}

/// Upper bounds against typing errors; Kafka itself permits more.
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
        let duration = |name: &str, text: &str| {
            parse_duration(text).ok_or_else(|| {
                wrong(format!(
                    "{name} is a whole number with s, m, h or d behind it, such as 7d, not `{text}`"
                ))
            })
        };
        let tombstones = match (self.cleanup, &self.tombstones) {
            (Cleanup::Compact, Some(text)) => Some(duration("tombstones", text)?),
            (Cleanup::Delete, Some(_)) => return Err(wrong("only a compacted topic has tombstones".into())),
            (_, None) => None,
        };
        let retention = match (self.cleanup, &self.retention) {
            (Cleanup::Delete, Some(text)) => Some(duration("retention", text)?),
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
            tombstones,
            key: self.key,
            records,
            producers: self.producers,
            consumers: self.consumers,
            timestamps: self.timestamps,
            max_message_bytes: self.max_message_bytes,
            external: self.external,
        })
    }
}

/// Kafka permits more characters: `_` too, which its metrics do not distinguish from `.`. Its limit is 249 characters;
/// the prefix needs some of them.
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
