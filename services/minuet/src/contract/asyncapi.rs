//! The contract as AsyncAPI 3.1, with Kafka bindings 0.5.0 and payloads in Avro. An AsyncAPI document describes one application.

use minuet_events::{EventType, HEADERS};
use minuet_messaging::topics::{Key, Topic};
use serde_yaml_ng::{Mapping, Value};

use super::applications::{self, Action, Operation};
use super::error::ContractError;
use super::{Shop, avro, page};

const KAFKA_BINDINGS: &str = "0.5.0";
const AVRO: &str = "application/vnd.apache.avro;version=1.9.0";
const TRAIT: &str = "cloudEvent";

/// The document of an application. `None`: of the whole shop.
pub(super) fn document(shop: &Shop, application: Option<&str>) -> Result<String, ContractError> {
    let operations = applications::operations(shop, application)?;
    let mut messages = Mapping::new();
    for &event in EventType::ALL.iter().filter(|event| operations.iter().any(|one| one.event == **event)) {
        messages.insert(event.name().into(), message(shop, event)?);
    }
    let mut channels = Mapping::new();
    let mut described = Mapping::new();
    for operation in &operations {
        let topic = operation.topic;
        let events: Vec<EventType> = topic
            .records
            .iter()
            .copied()
            .filter(|event| operations.iter().any(|one| one.event == *event && one.topic.name == topic.name))
            .collect();
        channels.insert(topic.name.as_str().into(), channel(topic, &events));
        described.insert(operation.id(&operations).into(), described_operation(shop, application, operation));
    }
    let document = map([
        ("asyncapi", "3.1.0".into()),
        ("info", info(application)),
        ("defaultContentType", "application/avro".into()),
        ("channels", channels.into()),
        ("operations", described.into()),
        (
            "components",
            map([
                ("messages", messages.into()),
                ("messageTraits", map([(TRAIT, map([("headers", headers())]))])),
            ]),
        ),
    ]);
    let command = application.map_or_else(String::new, |name| format!(" {name}"));
    let text = serde_yaml_ng::to_string(&document)?;
    Ok(format!(
        "# `minuet contract asyncapi{command}` prints this document. `make generate` writes it.\n{text}"
    ))
}

fn info(application: Option<&str>) -> Value {
    let (title, part) = match application {
        None => (
            "Minuet".to_owned(),
            "The whole shop, as a program of another team sees it. `receive`: topics that any program may write. `send`: topics that any \
             program may read and only the shop writes. A topic that the shop receives from is written by its own gateway too.",
        ),
        Some(name) => (format!("Minuet: {name}"), "One application of the shop."),
    };
    let description = format!(
        "{part}\n\nMinuet takes orders and carries each one through inventory and payment to a final state. There is no orchestrator: each \
         service reacts to an event according to its own state of the order. The summary of an operation says what its event asks for.\n\n\
         The address of a channel is the topic's name; an installation may put a prefix before the names of all topics and consumer groups. \
         A message's value is Confluent's wire format: a zero byte, the schema's id in the registry as 4 bytes, the highest first, and the \
         record in Avro's binary form. Deliveries repeat: the pair of ce_source and ce_id names an event. Events of one key keep their order \
         within a topic; topics are not ordered among each other."
    );
    map([
        ("title", title.into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("description", description.into()),
        ("license", map([("name", env!("CARGO_PKG_LICENSE").into())])),
        ("tags", vec![map([("name", application.unwrap_or("shop").into())])].into()),
    ])
}

fn channel(topic: &Topic<EventType>, events: &[EventType]) -> Value {
    let mut messages = Mapping::new();
    for event in events {
        let to = reference(format!("#/components/messages/{event}"));
        messages.insert(event.name().into(), to);
    }
    let mut settings = Mapping::new();
    settings.insert("cleanup.policy".into(), vec![Value::from(topic.cleanup.to_string())].into());
    let millis = |time: std::time::Duration| Value::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    if let Some(retention) = topic.retention {
        settings.insert("retention.ms".into(), millis(retention));
    }
    if let Some(tombstones) = topic.tombstones {
        settings.insert("delete.retention.ms".into(), millis(tombstones));
    }
    if let Some(bytes) = topic.max_message_bytes {
        settings.insert("max.message.bytes".into(), bytes.into());
    }
    let kafka = map([
        ("topic", topic.name.as_str().into()),
        ("partitions", topic.partitions.into()),
        ("replicas", topic.replication.into()),
        ("topicConfiguration", settings.into()),
        ("bindingVersion", KAFKA_BINDINGS.into()),
    ]);
    let description = format!("{}. The key is {}.", page::about(topic), page::key(Some(topic)));
    map([
        ("address", topic.name.as_str().into()),
        ("title", topic.name.as_str().into()),
        ("description", description.into()),
        ("messages", messages.into()),
        ("bindings", map([("kafka", kafka)])),
    ])
}

impl Operation<'_> {
    /// Names the topic where the application has the same event on several.
    fn id(&self, all: &[Operation<'_>]) -> String {
        let action = self.action();
        let event = self.event;
        let is_alone =
            all.iter().filter(|one| one.action == self.action && one.event == self.event).count() == 1;
        if is_alone { format!("{action}.{event}") } else { format!("{action}.{event}.{}", self.topic.name) }
    }

    fn action(&self) -> &'static str {
        match self.action {
            Action::Send => "send",
            Action::Receive => "receive",
        }
    }
}

fn described_operation(shop: &Shop, application: Option<&str>, operation: &Operation<'_>) -> Value {
    let Operation { action, event, topic } = *operation;
    let channel = format!("#/channels/{}", topic.name);
    let summary = format!("{event} asks for {}.", page::asks_for(shop, event));
    // Of the whole shop: every reader. Of one application that receives: itself.
    let reactions = page::reactions(shop, event);
    let lines: Vec<String> = reactions
        .into_iter()
        .filter_map(|row| {
            let [reader, states, becomes, emits] = <[String; 4]>::try_from(row).ok()?;
            let is_shown = match (application, action) {
                (Some(name), Action::Receive) => reader == name,
                (Some(_), Action::Send) | (None, _) => true,
            };
            let emits = if emits.is_empty() { String::new() } else { format!(", and emits {emits}") };
            let becomes =
                if becomes == "stays" { "stays as it is".to_owned() } else { format!("becomes {becomes}") };
            is_shown.then(|| format!("- {reader}, in {states}: {becomes}{emits}"))
        })
        .collect();
    let description = match lines.as_slice() {
        [] => "No service of the shop reacts.".to_owned(),
        lines => format!("The readers:\n\n{}", lines.join("\n")),
    };
    let mut described = Mapping::new();
    let mut put = |name: &str, value: Value| described.insert(name.into(), value);
    put("action", operation.action().into());
    put("channel", reference(channel.clone()));
    put("title", format!("{} {event}", operation.action()).into());
    put("summary", summary.into());
    put("description", description.into());
    put("messages", vec![reference(format!("{channel}/messages/{event}"))].into());
    if let (Some(name), Action::Receive) = (application, action) {
        let group = map([("type", "string".into()), ("const", name.into())]);
        let kafka = map([("groupId", group), ("bindingVersion", KAFKA_BINDINGS.into())]);
        put("bindings", map([("kafka", kafka)]));
    }
    described.into()
}

fn message(shop: &Shop, event: EventType) -> Result<Value, ContractError> {
    let schema = avro::parsed(event.schema_json())?;
    let key = match shop.topics(event).next().map(|topic| &topic.key) {
        Some(Key::Field(name)) => format!("The field {name}."),
        Some(Key::Original) => "The key of the message that was parked.".to_owned(),
        Some(Key::None) | None => "None.".to_owned(),
    };
    let kafka = map([
        ("key", map([("type", "string".into()), ("description", key.into())])),
        ("schemaIdLocation", "payload".into()),
        ("schemaIdPayloadEncoding", "confluent".into()),
        ("schemaLookupStrategy", "RecordNameStrategy".into()),
        ("bindingVersion", KAFKA_BINDINGS.into()),
    ]);
    let ce_type = map([("type", "string".into()), ("const", event.ce_type().into())]);
    let headers = map([("type", "object".into()), ("properties", map([("ce_type", ce_type)]))]);
    let summary = avro::doc(&schema).to_owned();
    let example: Value = serde_yaml_ng::from_str(event.example_json())?;
    Ok(map([
        ("name", event.record_name().into()),
        ("title", event.name().into()),
        ("summary", summary.into()),
        ("contentType", "application/avro".into()),
        ("headers", headers),
        ("correlationId", map([("location", "$message.header#/ce_correlationid".into())])),
        ("payload", map([("schemaFormat", AVRO.into()), ("schema", schema)])),
        ("bindings", map([("kafka", kafka)])),
        ("traits", vec![reference(format!("#/components/messageTraits/{TRAIT}"))].into()),
        ("x-minuet-example", example),
    ]))
}

/// Headers are text.
fn headers() -> Value {
    let properties = HEADERS.map(|field| {
        let about = map([("type", "string".into()), ("description", field.about.into())]);
        (Value::from(field.name), about)
    });
    let required: Vec<Value> =
        HEADERS.into_iter().filter(|field| field.is_required).map(|field| field.name.into()).collect();
    map([
        ("type", "object".into()),
        ("required", required.into()),
        ("properties", Mapping::from_iter(properties).into()),
    ])
}

fn reference(to: String) -> Value {
    map([("$ref", to.into())])
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Mapping::from_iter(entries.map(|(name, value)| (name.into(), value))).into()
}
