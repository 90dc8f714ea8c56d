//! The recorded events of one key, to show a person what happened to an order.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use minuet_events::values::Micros;
use minuet_events::{Codec, Envelope, Event, EventType, partition};
use minuet_messaging::topics::Catalogue;
use minuet_messaging::{Message, Partition, Position, ReadError, Reader, Slice};

/// The topics on which an order's events lie.
const TOPICS: [&str; 4] = ["orders.intake", "orders.events", "inventory.events", "payments.events"];

/// An event as it lies on its topic.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) position: Position,
    pub(crate) envelope: Envelope,
    pub(crate) event: Event,
}

/// The events about `key` that were published since then by programs that partition as we do, oldest first by `ce_time`.
/// Messages that cannot be decoded are left out. Joins no consumer group and commits nothing.
pub(crate) async fn read(
    kafka: &BTreeMap<String, String>,
    prefix: &str,
    catalogue: &Catalogue<EventType>,
    codec: &Codec,
    key: &str,
    since: Micros,
) -> Result<Vec<Recorded>, ReadError> {
    let partition = partition::shard(key.as_bytes(), catalogue.partitions()).cast_signed();
    let partitions: Vec<Partition> =
        TOPICS.iter().map(|topic| (format!("{prefix}{topic}").into(), partition)).collect();
    let (kafka, codec, key) = (kafka.clone(), codec.clone(), key.to_owned());
    let reading = tokio::task::spawn_blocking(move || {
        let reader = Reader::new(&kafka, "minuet-demo-history")?;
        let starts = reader.at(&partitions, since)?;
        let ends = reader.bounds(&partitions)?;
        let slices: Vec<Slice> = partitions
            .iter()
            .zip(starts.into_iter().zip(ends))
            .filter_map(|((topic, partition), (start, bounds))| {
                let offsets = start?..bounds.end;
                (!offsets.is_empty()).then(|| Slice {
                    topic: Arc::clone(topic),
                    partition: *partition,
                    offsets,
                })
            })
            .collect();
        let mut recorded = Vec::new();
        reader.scan(&slices, |message| {
            recorded.extend(event(&codec, &slices, &message, &key));
            ControlFlow::Continue(())
        })?;
        Ok(recorded)
    });
    let mut recorded: Vec<Recorded> = reading.await.unwrap_or_else(|_| Ok(Vec::new()))?;
    recorded.sort_by_key(|event| event.envelope.time);
    Ok(recorded)
}

fn event(codec: &Codec, slices: &[Slice], message: &Message<'_>, key: &str) -> Option<Recorded> {
    if message.key() != Some(key.as_bytes()) {
        return None;
    }
    let mut headers: HashMap<&str, &[u8]> = HashMap::new();
    message.headers(|name, value| {
        if let Some(value) = value {
            headers.entry(name).or_insert(value);
        }
    });
    let envelope =
        Envelope::from_headers(|name| headers.get(name).copied(), Some(key), message.timestamp()).ok()?;
    let event = codec.decode(message.payload()?).ok()?;
    let slice = slices.get(message.slice)?;
    let (topic, partition, offset) = (Arc::clone(&slice.topic), slice.partition, message.offset);
    Some(Recorded { position: Position { topic, partition, offset }, envelope, event })
}
