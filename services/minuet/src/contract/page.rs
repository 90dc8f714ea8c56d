//! The contract in Markdown.

use std::time::Duration;

use minuet_events::{EventType, HEADERS};
use minuet_messaging::topics::{Cleanup, Key, Topic};
use minuet_saga::{ANY, Expects, Trigger};

use super::applications::ANY as ANY_PROGRAM;
use super::error::ContractError;
use super::{Shop, avro};

const INTRODUCTION: &str = "\
# Events

Every event of the shop: its topic, key and fields, who emits and reads it, and what it asks for. `make generate` writes this page from
`topics.yaml`, `events/schemas`, `events/examples` and the reaction tables: do not edit it. `minuet contract show EVENT` prints one
event. The same contract for tools is [asyncapi.yaml](asyncapi.yaml), an AsyncAPI 3.1 document of the whole shop; beside it lies one for
each application.

A message's value is Confluent's wire format: a zero byte, the schema's id in the registry as 4 bytes, the highest first, and the record
in Avro's binary form. The subject in the registry is the record's full name. An installation may put a prefix before the name of each topic.
In the examples an amount is a decimal text, a time is RFC 3339, and bytes are hex, as `minuet produce` takes them.";

/// Every event on one page.
pub(super) fn all(shop: &Shop) -> Result<String, ContractError> {
    let mut text = format!("{INTRODUCTION}\n\n{}", headers());
    for &event in EventType::ALL {
        text.push('\n');
        text.push_str(&section(shop, event)?);
    }
    Ok(text)
}

/// One event, with the headers of every event.
pub(super) fn alone(shop: &Shop, event: EventType) -> Result<String, ContractError> {
    Ok(format!("{}\n{}", section(shop, event)?, headers()))
}

fn section(shop: &Shop, event: EventType) -> Result<String, ContractError> {
    let schema = avro::parsed(event.schema_json())?;
    let topics: Vec<_> = shop.topics(event).collect();
    let mut text = format!("## {event}\n\n{}\n\n", avro::doc(&schema));
    for topic in &topics {
        text.push_str(&format!("- topic: `{}`, {}\n", topic.name, about(topic)));
    }
    let mut put = |name: &str, value: String| text.push_str(&format!("- {name}: {value}\n"));
    put("key", key(topics.first().copied()));
    put("`ce_type`", format!("`{}`", event.ce_type()));
    put("subject in the registry", format!("`{}`", event.record_name()));
    put("emitted by", named(emitters(shop, event)));
    put("read by", named(shop.saga.readers(event).map(str::to_owned).collect()));
    put("asks for", asks_for(shop, event).to_owned());

    let fields = avro::fields(&schema).into_iter().map(|field| {
        let default = field.default.map(|default| format!("`{default}`")).unwrap_or_default();
        vec![format!("`{}`", field.path), field.shape, default, field.doc]
    });
    text.push('\n');
    text.push_str(&table(&["field", "type", "default", "meaning"], fields.collect()));
    let reactions = reactions(shop, event);
    if !reactions.is_empty() {
        text.push('\n');
        text.push_str(&table(&["reader", "in state", "becomes", "emits"], reactions));
    }
    let example = event.example_json().trim_end();
    text.push_str(&format!("\nAn example, for `minuet produce {event}`:\n\n```json\n{example}\n```\n"));
    Ok(text)
}

fn headers() -> String {
    let rows = HEADERS.map(|field| {
        let required = if field.is_required { "yes" } else { "" };
        vec![format!("`{}`", field.name), required.to_owned(), field.about.to_owned()]
    });
    let table = table(&["header", "required", "meaning"], rows.into());
    format!(
        "## Headers\n\nCloudEvents 1.0 in Kafka's binary mode. A header without a value counts as absent; other headers are passed over.\n\n{table}"
    )
}

pub(super) fn about(topic: &Topic<EventType>) -> String {
    let keeps = match topic.cleanup {
        Cleanup::Delete => {
            let kept = topic.retention.map(days).unwrap_or_default();
            format!("keeps events for {kept}")
        }
        Cleanup::Compact => {
            "compacted: keeps the newest event of each key; a message without a value deletes the key"
                .to_owned()
        }
    };
    let open = if topic.is_intake() { "; any program may write there" } else { "" };
    format!("{} partitions, {keeps}{open}", topic.partitions)
}

fn days(time: Duration) -> String {
    match (time.as_secs() % 86_400, time.as_secs() % 3_600) {
        (0, _) => format!("{} days", time.as_secs() / 86_400),
        (_, 0) => format!("{} hours", time.as_secs() / 3_600),
        _ => format!("{} seconds", time.as_secs()),
    }
}

pub(super) fn key(topic: Option<&Topic<EventType>>) -> String {
    match topic.map(|topic| &topic.key) {
        Some(Key::Field(name)) => format!("the field `{name}`"),
        Some(Key::Original) => "the key of the message that was parked".to_owned(),
        Some(Key::None) | None => "none".to_owned(),
    }
}

fn emitters(shop: &Shop, event: EventType) -> Vec<String> {
    let mut emitters: Vec<String> = shop.saga.emitters(event).map(str::to_owned).collect();
    for topic in shop.topics(event) {
        if shop.saga.comes_from_outside(event) || event == EventType::EventParked {
            emitters.extend(topic.producers.iter().cloned());
        }
    }
    emitters.dedup();
    emitters
        .into_iter()
        .map(|name| if name == ANY_PROGRAM { "any other program".to_owned() } else { name })
        .collect()
}

fn named(names: Vec<String>) -> String {
    if names.is_empty() { "no service".to_owned() } else { names.join(", ") }
}

/// What the event expects of its readers, in words.
pub(super) fn asks_for(shop: &Shop, event: EventType) -> &'static str {
    match shop.saga.expects(event) {
        Some(Expects::NextStep) => "the next step of a service",
        Some(Expects::Compensation) => {
            "compensation: each service that holds something for the order gives it back"
        }
        Some(Expects::Nothing) => "nothing: no service has to react",
        None if event == EventType::EventParked => "the decision of a person: redrive or discard",
        // No table announces an event from outside.
        None if shop.saga.readers(event).next().is_some() => "the next step of a service",
        None => "nothing: no service has to react",
    }
}

/// The rows of the tables that react to the event.
pub(super) fn reactions(shop: &Shop, event: EventType) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for participant in &shop.saga.participants {
        for row in participant.reactions.iter().filter(|row| row.on == Trigger::Event(event)) {
            let states = if row.states == ANY { "any".to_owned() } else { row.states.join(", ") };
            let becomes = if row.becomes.is_empty() { "stays".to_owned() } else { row.becomes.join(" or ") };
            let emits: Vec<&str> = row.emits.iter().map(|event| event.name()).collect();
            rows.push(vec![participant.service.to_owned(), states, becomes, emits.join(" or ")]);
        }
    }
    rows
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | ").replace('\n', " "));
    let head =
        line(head.iter().map(|cell| (*cell).to_owned()).collect()) + &"|---".repeat(head.len()) + "|\n";
    rows.into_iter().map(line).fold(head, |text, row| text + &row)
}
