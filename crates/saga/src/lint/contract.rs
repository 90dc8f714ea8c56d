//! The tables, the topics and the schemas agree.

use minuet_envelope::EventKind;
use serde::Deserialize;

use super::{Rule, Violation, name_of};
use crate::choreography::{Participant, Reaction};
use crate::saga::{Saga, Topic};

pub(super) fn topics<K: EventKind>(saga: &Saga<K>) -> Vec<Violation> {
    let mut found = Vec::new();
    for participant in &saga.participants {
        for row in participant.reactions {
            found.extend(unlisted(saga, participant, row));
        }
    }
    for topic in &saga.topics {
        found.extend(
            of_topic(saga, topic)
                .into_iter()
                .map(|problem| Violation::new(Rule::Topics, "topic declaration", &topic.name, problem)),
        );
    }
    found
}

/// Events of the row whose topic does not list the service.
fn unlisted<K: EventKind>(saga: &Saga<K>, participant: &Participant<K>, row: &Reaction<K>) -> Vec<Violation> {
    let service = participant.service;
    let consumed = row.on.event().map(|event| (event, "consumers"));
    let emitted = row.emits.iter().map(|event| (*event, "producers"));
    let problem = |(event, list): (K, &str)| {
        let Some(topic) = saga.topic_of(event) else { return Some(format!("{event} has no topic")) };
        let listed = if list == "consumers" { &topic.consumers } else { &topic.producers };
        let is_listed = listed.iter().any(|name| name == service);
        (!is_listed).then(|| format!("{} does not list {service} among its {list}, for {event}", topic.name))
    };
    emitted
        .chain(consumed)
        .filter_map(problem)
        .map(|problem| Violation::new(Rule::Topics, service, name_of(row), problem))
        .collect()
}

fn of_topic<K: EventKind>(saga: &Saga<K>, topic: &Topic<K>) -> Vec<String> {
    let mut problems = Vec::new();
    let participant = |name: &String| saga.participants.iter().find(|one| one.service == name);
    for consumer in &topic.consumers {
        let reacts = |one: &Participant<K>| topic.events.iter().any(|event| one.consumes(*event));
        if !participant(consumer).is_some_and(reacts) {
            problems.push(format!("{consumer} is a consumer, but reacts to none of the topic's events"));
        }
    }
    for producer in &topic.producers {
        match participant(producer) {
            None if !saga.outsiders.contains(producer) => {
                let outsiders = saga.outsiders.join(", ");
                problems.push(format!(
                    "{producer} is a producer, but neither a service nor an outsider ({outsiders})"
                ));
            }
            Some(one) if !topic.events.iter().any(|event| one.emits(*event)) => {
                // No row emits the announcement of a dead letter: the messaging library writes it.
                if topic.dead_letters_of.as_ref() != Some(producer) {
                    problems.push(format!("{producer} is a producer, but emits none of the topic's events"));
                }
            }
            None | Some(_) => {}
        }
    }
    if topic.dead_letters_of.is_none() {
        // An event with a reader but without an emitter breaks another rule: `Produced`.
        let unread = topic.events.iter().filter(|event| saga.readers(**event).next().is_none());
        for event in unread {
            if !saga.comes_from_outside(*event) && saga.emitters(*event).next().is_none() {
                problems.push(format!("no service emits {event}"));
            }
        }
    }
    problems
}

/// What the linter reads of an Avro record.
#[derive(Deserialize)]
struct Record {
    namespace: String,
    name: String,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
}

pub(super) fn schemas<K: EventKind>(saga: &Saga<K>) -> Vec<Violation> {
    let mut found = Vec::new();
    for schema in &saga.schemas {
        let subject = format!("{}.avsc", schema.event);
        found.extend(
            of_schema(saga, schema.event, &schema.avro)
                .into_iter()
                .map(|problem| Violation::new(Rule::Schemas, "schema file", &subject, problem)),
        );
    }
    for topic in &saga.topics {
        for event in &topic.events {
            if !saga.schemas.iter().any(|schema| schema.event == *event) {
                let problem = format!("{event} has no schema");
                found.push(Violation::new(Rule::Schemas, "topic declaration", &topic.name, problem));
            }
        }
    }
    found
}

fn of_schema<K: EventKind>(saga: &Saga<K>, event: K, avro: &str) -> Vec<String> {
    let record: Record = match serde_json::from_str(avro) {
        Ok(record) => record,
        Err(error) => return vec![format!("is no Avro record with a namespace and fields: {error}")],
    };
    let mut problems = Vec::new();
    let full_name = format!("{}.{}", record.namespace, record.name);
    if full_name != event.record_name() {
        problems.push(format!("describes {full_name}, not {}", event.record_name()));
    }
    match saga.topic_of(event) {
        None => problems.push("is on no topic".to_owned()),
        Some(Topic { name, key: Some(key), .. }) if !record.fields.iter().any(|field| field.name == *key) => {
            problems.push(format!("{name} is keyed by {key}, but the record has no such field"));
        }
        Some(_) => {}
    }
    problems
}
