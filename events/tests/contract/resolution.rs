//! A writer may have another schema for a record of ours. Each type of each record is changed in every way that a writer might
//! think of: either the event comes out as it went in, or it is refused with the place. It never becomes another event.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use minuet_events::catalog::ProductChanged;
use minuet_events::values::{Amount, Currency, Sku};
use minuet_events::{Codec, DecodeError, Event, EventType};
use serde_json::{Value as Json, json};

use crate::registry_stub::RegistryStub;
use crate::samples;

/// From a type to one inside it.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Items,
    Branch(usize),
}

/// As an error shows it, without indexes.
fn shown(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => text.push_str(&format!(".{name}")),
            Step::Items => text.push_str("[]"),
            Step::Branch(_) => {}
        }
    }
    text
}

/// Every type inside a schema, with its path.
fn types(schema: &Json, path: &[Step], found: &mut Vec<(Vec<Step>, Json)>) {
    let mut inside = |step: Step, schema: &Json| {
        let path = [path, &[step]].concat();
        found.push((path.clone(), schema.clone()));
        types(schema, &path, found);
    };
    match (schema.as_array(), schema["type"].as_str()) {
        (Some(branches), _) => {
            for (index, branch) in branches.iter().enumerate().filter(|(_, branch)| **branch != "null") {
                inside(Step::Branch(index), branch);
            }
        }
        (None, Some("record")) => {
            for field in schema["fields"].as_array().unwrap() {
                inside(Step::Field(field["name"].as_str().unwrap().to_owned()), &field["type"]);
            }
        }
        (None, Some("array")) => inside(Step::Items, &schema["items"]),
        (None, _) => {}
    }
}

/// The type at the path. Fields on the way lose their default: it may not fit, and a writer's default means nothing.
fn type_at<'a>(schema: &'a mut Json, path: &[Step]) -> &'a mut Json {
    let Some((step, rest)) = path.split_first() else { return schema };
    let inner = match step {
        Step::Field(name) => {
            let fields = schema["fields"].as_array_mut().unwrap();
            let field = fields.iter_mut().find(|field| field["name"] == **name).unwrap();
            drop(field.as_object_mut().unwrap().remove("default"));
            &mut field["type"]
        }
        Step::Items => &mut schema["items"],
        Step::Branch(index) => &mut schema[*index],
    };
    type_at(inner, rest)
}

/// Changes the values at the path; with how many there were.
fn change(value: &mut Value, path: &[Step], to: &dyn Fn(Value) -> Option<Value>) -> Option<usize> {
    let Some((step, rest)) = path.split_first() else {
        *value = to(value.clone())?;
        return Some(1);
    };
    match (step, value) {
        (Step::Field(name), Value::Record(fields)) => {
            let (_, field) = fields.iter_mut().find(|(field, _)| field == name).unwrap();
            change(field, rest, to)
        }
        (Step::Items, Value::Array(items)) => {
            items.iter_mut().try_fold(0, |sum, item| Some(sum + change(item, rest, to)?))
        }
        (Step::Branch(at), Value::Union(taken, inner)) if *taken as usize == *at => change(inner, rest, to),
        (Step::Branch(_), Value::Union(..)) => Some(0),
        (step, value) => panic!("{step:?} in {value:?}"),
    }
}

enum Outcome {
    Same,
    Refused,
}
use Outcome::{Refused, Same};

/// A change of a type: its name, the new type, and the value that is written with it. `None`: this value cannot be.
struct Mutation {
    name: String,
    to: Json,
    value: Box<dyn Fn(Value) -> Option<Value>>,
    outcome: Outcome,
}

fn mutation(outcome: Outcome, to: Json, value: impl Fn(Value) -> Option<Value> + 'static) -> Mutation {
    Mutation { name: to.to_string().chars().take(120).collect(), to, value: Box::new(value), outcome }
}

fn logical(of: &str, logical: &str) -> Json {
    json!({ "type": of, "logicalType": logical })
}

fn decimal(precision: usize, scale: usize) -> Json {
    json!({ "type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale })
}

fn keep(value: Value) -> Option<Value> {
    Some(value)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(i64::from(*number)),
        Value::Long(number) | Value::TimestampMicros(number) => Some(*number),
        _ => None,
    }
}

/// None: there are none, which no decimal is.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    let bytes = match value {
        Value::Decimal(decimal) => Vec::<u8>::try_from(decimal).ok(),
        Value::Bytes(bytes) => Some(bytes.clone()),
        Value::String(text) => Some(text.clone().into_bytes()),
        _ => None,
    };
    bytes.filter(|bytes| !bytes.is_empty())
}

/// What a writer might have instead of this type.
fn mutations(of: &Json) -> Vec<Mutation> {
    let in_union = |value| Some(Value::Union(1, Box::new(value)));
    let mut all = Vec::new();
    if !of.is_array() {
        all.push(mutation(Same, json!(["null", of]), in_union));
        all.push(mutation(Same, json!([of]), |value| Some(Value::Union(0, Box::new(value)))));
        all.push(mutation(Refused, json!("null"), |_| Some(Value::Null)));
        all.push(mutation(Refused, json!({ "type": "map", "values": of }), |value| {
            Some(Value::Map([("a".to_owned(), value)].into()))
        }));
        all.push(mutation(Refused, json!({ "type": "array", "items": of }), |value| {
            Some(Value::Array(vec![value]))
        }));
        let wrapper =
            json!({ "type": "record", "name": "Wrapper", "fields": [{ "name": "value", "type": of }] });
        all.push(mutation(Refused, wrapper, |value| Some(Value::Record(vec![("value".to_owned(), value)]))));
    }
    let scalar = |to: Json, value: Value| mutation(Refused, to, move |_| Some(value.clone()));
    let fixed = json!({ "type": "fixed", "name": "F", "size": 2 });
    let of_enum = json!({ "type": "enum", "name": "E", "symbols": ["A"] });
    if of.is_string() || of["logicalType"].is_string() {
        all.push(scalar(fixed, Value::Fixed(2, vec![0, 1])));
        all.push(scalar(of_enum, Value::Enum(0, "A".to_owned())));
        all.push(scalar(json!("double"), Value::Double(1.0)));
        all.push(scalar(json!("float"), Value::Float(1.0)));
    }
    match (of.as_str(), of["logicalType"].as_str(), of["type"].as_str()) {
        (Some("string"), ..) => {
            all.push(mutation(Same, json!("bytes"), |v| Some(Value::Bytes(text(&v)?.into_bytes()))));
            all.push(mutation(Same, logical("string", "uuid"), |v| {
                Some(Value::Uuid(text(&v)?.parse().ok()?))
            }));
            all.push(scalar(json!("int"), Value::Int(1)));
            all.push(scalar(json!("long"), Value::Long(1)));
            all.push(scalar(json!("boolean"), Value::Boolean(true)));
            all.push(mutation(Refused, decimal(9, 2), |v| Some(Value::Decimal(bytes(&v)?.into()))));
        }
        (Some("int"), ..) => {
            all.push(mutation(Refused, json!("long"), |v| Some(Value::Long(number(&v)?))));
            all.push(mutation(Refused, json!("string"), |v| Some(Value::String(number(&v)?.to_string()))));
            all.push(scalar(json!("boolean"), Value::Boolean(true)));
            all.push(mutation(Refused, logical("int", "date"), |v| {
                Some(Value::Date(number(&v)?.try_into().ok()?))
            }));
            all.push(mutation(Refused, logical("int", "time-millis"), |v| {
                Some(Value::TimeMillis(number(&v)?.try_into().ok()?))
            }));
        }
        (Some("long"), ..) => {
            all.push(mutation(Same, json!("int"), |v| Some(Value::Int(number(&v)?.try_into().ok()?))));
            all.push(mutation(Refused, json!("string"), |v| Some(Value::String(number(&v)?.to_string()))));
            all.push(mutation(Refused, logical("long", "timestamp-micros"), |v| {
                Some(Value::TimestampMicros(number(&v)?))
            }));
            all.push(mutation(Refused, logical("long", "time-micros"), |v| {
                Some(Value::TimeMicros(number(&v)?))
            }));
        }
        (Some("boolean"), ..) => {
            all.push(scalar(json!("int"), Value::Int(1)));
            all.push(scalar(json!("string"), Value::String("true".to_owned())));
        }
        (Some("bytes"), ..) => {
            all.push(mutation(Same, json!("string"), |v| Some(Value::String(text(&v)?))));
            all.push(mutation(Refused, decimal(9, 2), |v| Some(Value::Decimal(bytes(&v)?.into()))));
        }
        (None, Some("decimal"), _) => {
            for (precision, scale) in [(12, 2), (19, 2), (19, 0), (19, 6), (12, 4), (38, 4)] {
                all.push(mutation(Refused, decimal(precision, scale), keep));
            }
            let fixed = json!({ "type": "fixed", "name": "D", "size": 9, "logicalType": "decimal", "precision": 19, "scale": 4 });
            all.push(mutation(Refused, fixed, keep));
            all.push(mutation(Refused, json!("bytes"), |v| Some(Value::Bytes(bytes(&v)?))));
            all.push(scalar(json!("string"), Value::String("12.50".to_owned())));
            all.push(scalar(json!("string"), Value::String("\u{1}".to_owned())));
            all.push(scalar(json!("int"), Value::Int(12)));
            all.push(scalar(json!("long"), Value::Long(12)));
        }
        (None, Some("timestamp-micros"), _) => {
            let time = |to: &str, value: fn(i64) -> Value| {
                mutation(Refused, logical("long", to), move |v| Some(value(number(&v)?)))
            };
            all.push(time("timestamp-millis", Value::TimestampMillis));
            all.push(time("timestamp-nanos", Value::TimestampNanos));
            all.push(time("local-timestamp-micros", Value::LocalTimestampMicros));
            all.push(time("time-micros", Value::TimeMicros));
            all.push(mutation(Refused, json!("long"), |v| Some(Value::Long(number(&v)?))));
            all.push(scalar(json!("int"), Value::Int(1)));
            all.push(scalar(json!("string"), Value::String("2026-11-23T08:15:00Z".to_owned())));
        }
        (None, None, Some("array")) => {
            let nullable = json!({ "type": "array", "items": ["null", of["items"]] });
            all.push(mutation(Same, nullable, |v| {
                let Value::Array(items) = v else { panic!("{v:?}") };
                Some(Value::Array(items.into_iter().map(|v| Value::Union(1, Box::new(v))).collect()))
            }));
        }
        (None, None, Some("record")) => all.extend(of_record(of)),
        _ => {
            let Some([other, inner]) = of.as_array().map(Vec::as_slice) else { panic!("{of}") };
            let taken = |v| match v {
                Value::Union(1, inner) => Some(*inner),
                _ => None,
            };
            all.push(mutation(Same, inner.clone(), taken));
            all.push(mutation(Same, json!([inner, other]), |v| match v {
                Value::Union(at, inner) => Some(Value::Union(1 - at, inner)),
                other => panic!("{other:?}"),
            }));
            all.push(mutation(Same, json!(["null"]), |v| match v {
                Value::Union(0, inner) => Some(Value::Union(0, inner)),
                _ => None,
            }));
        }
    }
    all
}

fn of_record(of: &Json) -> Vec<Mutation> {
    let with = |change: &dyn Fn(&mut Json)| {
        let mut record = of.clone();
        change(&mut record);
        record
    };
    let fields = |v: Value| match v {
        Value::Record(fields) => fields,
        other => panic!("{other:?}"),
    };
    let named = |outcome, name: &str, to: Json, value: Box<dyn Fn(Value) -> Option<Value>>| Mutation {
        name: name.to_owned(),
        to,
        value,
        outcome,
    };
    vec![
        named(
            Same,
            "fields in another order",
            with(&|record| record["fields"].as_array_mut().unwrap().reverse()),
            Box::new(move |v| Some(Value::Record(fields(v).into_iter().rev().collect()))),
        ),
        named(
            Same,
            "one more field",
            with(&|record| {
                let more = json!({ "name": "more", "type": decimal(12, 2) });
                record["fields"].as_array_mut().unwrap().insert(0, more);
            }),
            Box::new(move |v| {
                let more = ("more".to_owned(), Value::Decimal(vec![1].into()));
                Some(Value::Record([vec![more], fields(v)].concat()))
            }),
        ),
        named(
            Refused,
            "without its first field",
            with(&|record| drop(record["fields"].as_array_mut().unwrap().remove(0))),
            Box::new(move |v| Some(Value::Record(fields(v).split_off(1)))),
        ),
        named(
            Same,
            "another namespace",
            with(&|record| record["namespace"] = json!("com.example")),
            Box::new(keep),
        ),
        named(Refused, "another name", with(&|record| record["name"] = json!("Other")), Box::new(keep)),
    ]
}

fn datum(schema: &Schema, value: Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let writer = GenericDatumWriter::builder(schema).human_readable(false).build().unwrap();
    writer.write_value(&mut bytes, value).unwrap();
    bytes
}

/// A codec, and a registry that holds other schemas for it.
struct Others {
    registry: RegistryStub,
    codec: Codec,
    next: u32,
}

impl Others {
    async fn new() -> Others {
        let registry = RegistryStub::start();
        let codec = Codec::register(&registry.url()).await.unwrap();
        Others { registry, codec, next: 10_000 }
    }

    /// What the codec makes of a value that was written with this schema.
    async fn read(&mut self, schema: &Json, value: Value) -> Result<Event, DecodeError> {
        self.next += 1;
        let parsed = Schema::parse(schema).unwrap();
        let message = [&[0], self.next.to_be_bytes().as_slice(), &datum(&parsed, value)].concat();
        self.registry.register(self.next, &schema.to_string());
        self.codec.resolve(self.next).await.unwrap();
        self.codec.decode(&message)
    }
}

#[tokio::test]
async fn another_shape_gives_the_same_event_or_none() {
    let mut others = Others::new().await;
    let (mut wrong, mut tried, mut unseen) = (Vec::new(), 0, Vec::new());
    for &event_type in EventType::ALL {
        let own: Json = serde_json::from_str(event_type.schema_json()).unwrap();
        let parsed = Schema::parse(&own).unwrap();
        let mut places = Vec::new();
        types(&own, &[], &mut places);
        for (path, of) in places {
            let mut seen = false;
            // A union takes no union, and no type twice.
            let in_union = matches!(path.last(), Some(Step::Branch(_)));
            let fits = |mutation: &Mutation| !in_union || !(mutation.to.is_array() || mutation.to == "null");
            for Mutation { name, to, value, outcome } in mutations(&of).into_iter().filter(fits) {
                let mut schema = own.clone();
                *type_at(&mut schema, &path) = to;
                for event in samples::all().into_iter().filter(|event| event.event_type() == event_type) {
                    let bytes = others.codec.encode(&event).unwrap();
                    let reader = GenericDatumReader::builder(&parsed).build().unwrap();
                    let mut written = reader.read_value(&mut &bytes[5..]).unwrap();
                    if change(&mut written, &path, &value).is_none_or(|changed| changed == 0) {
                        continue;
                    }
                    (seen, tried) = (true, tried + 1);
                    let read = others.read(&schema, written).await;
                    let place = shown(&path);
                    let is_right = match (&outcome, &read) {
                        (Same, Ok(read)) => *read == event,
                        (Refused, Err(DecodeError::Malformed { detail, .. })) => {
                            detail.replace(|c: char| c.is_ascii_digit(), "").starts_with(&place)
                        }
                        _ => false,
                    };
                    if !is_right {
                        wrong.push(format!("{event_type} {place} as {name}: {read:?}"));
                    }
                }
            }
            if !seen {
                unseen.push(format!("{event_type} {}", shown(&path)));
            }
        }
    }
    assert!(unseen.is_empty(), "no sample has {unseen:#?}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The report that began it: 12.50 was read as 0.125.
#[tokio::test]
async fn a_price_of_another_scale_is_no_price() {
    let mut others = Others::new().await;
    let event = Event::from(ProductChanged {
        sku: Sku::parse("TEA-1").unwrap(),
        name: "Tea".to_owned(),
        currency: Currency::parse("EUR").unwrap(),
        unit_price: Amount::parse("12.50").unwrap(),
        active: true,
    });
    let schema = |price: Json| {
        let mut schema: Json = serde_json::from_str(EventType::ProductChanged.schema_json()).unwrap();
        *type_at(&mut schema, &[Step::Field("unit_price".to_owned())]) = price;
        schema
    };
    let product = |price: &[u8]| {
        let fields = [
            ("sku", Value::String("TEA-1".to_owned())),
            ("name", Value::String("Tea".to_owned())),
            ("currency", Value::String("EUR".to_owned())),
            ("unit_price", Value::Decimal(price.into())),
            ("active", Value::Boolean(true)),
        ];
        Value::Record(fields.map(|(name, value)| (name.to_owned(), value)).into())
    };
    let right = others.read(&schema(decimal(19, 4)), product(&125_000_i32.to_be_bytes()[1..])).await;
    assert_eq!(right, Ok(event));
    let wrong = others.read(&schema(decimal(12, 2)), product(&1_250_i16.to_be_bytes())).await.unwrap_err();
    let text = wrong.to_string();
    assert!(text.contains("ProductChanged") && text.contains("unit_price: decimal(12,2)"), "{text}");
}

/// A writer's type may contain itself: a datum of it would be read as deep as a stranger likes.
#[tokio::test]
async fn a_recursive_schema_is_refused() {
    let mut others = Others::new().await;
    let mut schema: Json = serde_json::from_str(EventType::ProductChanged.schema_json()).unwrap();
    let list =
        json!({ "type": "record", "name": "List", "fields": [{ "name": "next", "type": ["null", "List"] }] });
    schema["fields"].as_array_mut().unwrap().push(json!({ "name": "list", "type": list }));
    others.registry.register(9_999, &schema.to_string());
    others.codec.resolve(9_999).await.unwrap();
    let deep = [&[0], 9_999_u32.to_be_bytes().as_slice(), &[0; 5], &[2; 1_000_000]].concat();
    let error = others.codec.decode(&deep).unwrap_err().to_string();
    assert!(error.contains("contains itself"), "{error}");
    others.next += 1;
}
