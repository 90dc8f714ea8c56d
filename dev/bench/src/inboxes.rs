//! Whether every event that has a consumer reached it: the topics held against the inboxes.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use minuet_events::{EventType, ids};
use minuet_messaging::{Message, Partition, ReadError, Reader, Slice};
use minuet_saga::Participant;
use uuid::Uuid;

use crate::BenchError;
use crate::servers::Servers;

const PARTICIPANTS: [Participant<EventType>; 3] =
    [minuet_order::PARTICIPANT, minuet_inventory::PARTICIPANT, minuet_payment::PARTICIPANT];

/// Ids of one question.
const CHUNK: usize = 20_000;
/// How long the last events may take to their consumers.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Inboxes {
    /// Events on the topics.
    pub(crate) events: u64,
    /// Events without a row, by service, the topics' own mistakes among them.
    pub(crate) broken: Vec<String>,
}

/// What the inbox of a service has to hold.
struct Expected {
    service: &'static str,
    consumes: BTreeSet<EventType>,
    ids: Vec<Uuid>,
}

pub(crate) async fn check(servers: &Servers) -> Result<Inboxes, BenchError> {
    let (events, unreadable, expected) = read(servers).await?;
    let mut broken = Vec::new();
    if unreadable > 0 {
        broken.push(format!("{unreadable} messages on the topics are no events"));
    }
    for Expected { service, ids, .. } in expected {
        let (all, begun) = (ids.len(), Instant::now());
        let mut missing = missing(servers, service, ids).await?;
        while !missing.is_empty() && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(100)).await;
            missing = self::missing(servers, service, missing).await?;
        }
        if let Some(first) = missing.first() {
            let count = missing.len();
            broken
                .push(format!("{count} of {all} events for {service} have no inbox row, {first} among them"));
        }
    }
    Ok(Inboxes { events, broken })
}

/// Every event of every topic of ours, and by service the inbox ids of those that it reacts to.
async fn read(servers: &Servers) -> Result<(u64, u64, Vec<Expected>), BenchError> {
    let catalogue = &servers.catalogue;
    let claimed = |event: &EventType| !catalogue.is_compacted(catalogue.topic_of(*event));
    let mut expected: Vec<Expected> = PARTICIPANTS
        .iter()
        .map(|participant| {
            let consumes = participant.consumed().into_iter().filter(claimed).collect();
            Expected { service: participant.service, consumes, ids: Vec::new() }
        })
        .collect();
    let partitions: Vec<Partition> = catalogue
        .topics()
        .iter()
        .flat_map(|topic| {
            let name = format!("{}{}", servers.prefix, topic.name);
            (0..topic.partitions).map(move |partition| (name.as_str().into(), partition.cast_signed()))
        })
        .collect();
    let kafka = servers.kafka.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let reader = Reader::new(&kafka, "minuet-bench-books")?;
        let bounds = reader.bounds(&partitions)?;
        let slices: Vec<Slice> = partitions
            .into_iter()
            .zip(bounds)
            .map(|((topic, partition), offsets)| Slice { topic, partition, offsets })
            .collect();
        let (mut events, mut unreadable) = (0, 0);
        reader.merged(&slices, |message| {
            events += 1;
            match headers(&message) {
                Some((event, source, id)) => {
                    for one in expected.iter_mut().filter(|one| one.consumes.contains(&event)) {
                        one.ids.push(ids::inbox_id(&source, id));
                    }
                }
                None => unreadable += 1,
            }
            ControlFlow::Continue(())
        })?;
        Ok::<_, ReadError>((events, unreadable, expected))
    });
    Ok(reading.await??)
}

/// Type, source and id.
fn headers(message: &Message<'_>) -> Option<(EventType, String, Uuid)> {
    let (mut event, mut source, mut id) = (None, None, None);
    message.headers(|name, value| {
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        match name {
            "ce_type" => event = text.and_then(EventType::from_ce_type),
            "ce_source" => source = text.map(str::to_owned),
            "ce_id" => id = text.and_then(|text| Uuid::parse_str(text).ok()),
            _ => {}
        }
    });
    Some((event?, source?, id?))
}

async fn missing(servers: &Servers, service: &'static str, ids: Vec<Uuid>) -> Result<Vec<Uuid>, BenchError> {
    let mut missing = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let without_row: Vec<Uuid> = sqlx::query_scalar(
            "select id from unnest($1::uuid[]) as expected (id)
             where not exists (select from inbox where inbox.id = expected.id)",
        )
        .bind(chunk)
        .fetch_all(servers.pool(service)?)
        .await?;
        missing.extend(without_row);
    }
    Ok(missing)
}
