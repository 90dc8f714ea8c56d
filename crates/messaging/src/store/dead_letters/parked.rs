use std::sync::Arc;

use minuet_envelope::{Contract, Envelope, EventKind, Micros, ParkedMessage, TraceContext, ids};
use uuid::Uuid;

use super::NewDeadLetter;
use crate::{Incoming, OutboxEvent, Position};

/// The largest message that is announced whole: the topics of the dead letters take 2 MiB (`topics.yaml`), and Kafka's
/// default maximum is 1 MiB. A refused announcement would stay in the outbox.
const MAX_ANNOUNCED_BYTES: usize = 1_536 * 1024;
/// Upper bound of a CloudEvents header.
const MAX_SUBJECT_BYTES: usize = 256;

/// The event that announces a parked message. It has no `ce_sequence`: no row exists that could count it.
pub(crate) fn event_parked<C: Contract>(
    parking: &NewDeadLetter<'_>,
    source: &Arc<str>,
    now: Micros,
) -> Option<OutboxEvent<C>> {
    let kind = C::Kind::PARKED?;
    let NewDeadLetter { incoming, reason, .. } = parking;
    let Position { topic, partition, offset } = &incoming.position;
    let announced = incoming.within(MAX_ANNOUNCED_BYTES);
    let headers = announced.headers.iter().map(|(name, value)| (name.to_string(), value.clone()));
    let original = announced.original.as_ref();
    let event = C::parked(ParkedMessage {
        topic: topic.to_string(),
        partition: *partition,
        offset: *offset,
        key: announced.key.clone(),
        headers: headers.collect(),
        payload: announced.payload.clone(),
        reason: format!("{}: {}", reason.code, reason.storable()),
        attempts: i32::try_from(reason.attempts).unwrap_or(i32::MAX),
        original_bytes: original.map(|original| i64::try_from(original.bytes).unwrap_or(i64::MAX)),
        original_hash: original.map(|original| original.sha256.clone()),
    })?;
    let cause = text(incoming, "ce_id").and_then(|id| Uuid::try_parse(id).ok());
    // Two messages may have the same `ce_id` and both be parked: the position makes the id unique.
    let place = match incoming.topic_id {
        id if id.is_nil() => incoming.position.to_string(),
        id => format!("{} of {id}", incoming.position),
    };
    let place = ids::inbox_id(&place, cause.unwrap_or_default());
    let id = ids::derive(place, incoming.timestamp, kind, 0);
    let subject = subject(incoming, id);
    let envelope = Envelope {
        id,
        event_type: kind,
        source: Arc::clone(source),
        subject: Arc::clone(&subject),
        time: now,
        correlation_id: subject,
        causation_id: cause,
        sequence: None,
        trace: trace(incoming).unwrap_or_else(|| TraceContext::derived(source, id)).child(id),
    };
    Some(OutboxEvent::unrecorded(envelope, event))
}

/// The key if it fits a header, so that parked events of an order are found by its id.
fn subject(incoming: &Incoming, id: Uuid) -> Arc<str> {
    let key = incoming.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
    let fits =
        |key: &&str| (1..=MAX_SUBJECT_BYTES).contains(&key.len()) && !key.chars().any(char::is_control);
    key.filter(fits).map_or_else(|| id.to_string().into(), Arc::from)
}

fn trace(incoming: &Incoming) -> Option<TraceContext> {
    TraceContext::parse(
        text(incoming, "traceparent")?,
        text(incoming, "tracestate"),
        text(incoming, "baggage"),
    )
}

fn text<'a>(incoming: &'a Incoming, header: &str) -> Option<&'a str> {
    std::str::from_utf8(incoming.header(header)?).ok()
}
