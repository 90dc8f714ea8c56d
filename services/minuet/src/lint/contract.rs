//! The tables, `topics.yaml` and the schemas agree.

use minuet_events::EventType;
use minuet_messaging::topics::{DEAD_LETTERS, Key};
use serde::Deserialize;

use super::{Rule, Violation};
use crate::dance::{Dance, OUTSIDE, consumes, emits};

const TOPICS: &str = "topics.yaml";

pub(super) fn topics(dance: &Dance) -> Vec<Violation> {
    let mut found = Vec::new();
    for part in &dance.parts {
        for row in part.reactions {
            let at = |event| format!("{event} in {}", row.states.join(", "));
            let read = row.on.event().map(|event| (event, "consumers"));
            let written = row.emits.iter().map(|event| (*event, "producers"));
            for (event, list) in written.chain(read) {
                let problem = match dance.topic_of(event) {
                    None => format!("{event} has no topic"),
                    Some(topic) => {
                        let listed = if list == "consumers" { &topic.consumers } else { &topic.producers };
                        if listed.iter().any(|name| name == part.service) {
                            continue;
                        }
                        format!("{} does not list {} among its {list}, for {event}", topic.name, part.service)
                    }
                };
                found.push(Violation::new(Rule::Topics, part.service, at(row.on.to_string()), problem));
            }
        }
    }
    for topic in &dance.topics {
        let mut wrong = |problem| found.push(Violation::new(Rule::Topics, TOPICS, &topic.name, problem));
        for consumer in &topic.consumers {
            let part = dance.parts.iter().find(|part| part.service == consumer);
            if !part.is_some_and(|part| topic.records.iter().any(|record| consumes(part, *record))) {
                wrong(format!("{consumer} is a consumer, but reacts to none of its records"));
            }
        }
        for producer in &topic.producers {
            // Parked events are no part of the dance, and from outside anything of the topic may come.
            let is_parking = topic.name == format!("{producer}.{DEAD_LETTERS}");
            let part = dance.parts.iter().find(|part| part.service == producer);
            let emits_some = |part| topic.records.iter().any(|record| emits(part, *record));
            if part.is_none() && !OUTSIDE.contains(&producer.as_str()) {
                wrong(format!("there is no service {producer}, and outside are {}", OUTSIDE.join(" and ")));
            }
            if !is_parking && part.is_some_and(|part| !emits_some(part)) {
                wrong(format!("{producer} is a producer, but emits none of its records"));
            }
        }
        // Where somebody reads it, the table that does is told so: see `flow::produced`.
        let unread = topic.records.iter().filter(|record| dance.readers(**record).next().is_none());
        for record in unread.filter(|record| **record != EventType::EventParked) {
            if !dance.comes_from_outside(*record) && dance.emitters(*record).next().is_none() {
                wrong(format!("nobody emits {record}"));
            }
        }
    }
    found
}

#[derive(Deserialize)]
struct Schema {
    namespace: String,
    name: String,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
}

pub(super) fn schemas(dance: &Dance) -> Vec<Violation> {
    let mut found = Vec::new();
    for (event, json) in &dance.schemas {
        let mut wrong =
            |problem| found.push(Violation::new(Rule::Schemas, "schemas", format!("{event}.avsc"), problem));
        let schema: Schema = match serde_json::from_str(json) {
            Ok(schema) => schema,
            Err(error) => {
                wrong(format!("it is no record with a namespace and fields: {error}"));
                continue;
            }
        };
        let full = format!("{}.{}", schema.namespace, schema.name);
        if full != event.record_name() {
            wrong(format!("it describes {full}, not {}", event.record_name()));
        }
        let Some(topic) = dance.topic_of(*event) else {
            wrong("it is on no topic".to_owned());
            continue;
        };
        let key = match &topic.key {
            Key::Field(name) => name.as_str(),
            Key::Original => "key",
            Key::None => continue,
        };
        if !schema.fields.iter().any(|field| field.name == key) {
            wrong(format!("{} is keyed by {key}, but it has no such field", topic.name));
        }
    }
    for topic in &dance.topics {
        for record in &topic.records {
            if !dance.schemas.iter().any(|(event, _)| event == record) {
                let problem = format!("{record} has no schema");
                found.push(Violation::new(Rule::Schemas, TOPICS, &topic.name, problem));
            }
        }
    }
    found
}
