//! Where today's decision is another one, field by field.

use serde_json::Value;

use super::emits::Emits;
use crate::record::{Position, Record, Service, Topics};

#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub service: Service,
    /// The recorded event, or the input that led to something else.
    pub position: Option<Position>,
    pub what: String,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub path: String,
    pub recorded: Value,
    pub decided: Value,
}

impl Difference {
    pub(super) fn between(service: Service, recorded: &Record, decided: &Emits) -> Self {
        let (was, is) = (recorded.head.event_type, decided.event.event_type());
        let mut fields = Vec::new();
        let what = if was == is {
            format!("{was} differs")
        } else {
            format!("{was} was recorded, {is} would be emitted now")
        };
        let head = &recorded.head;
        let mut differ = |path: &str, recorded: Value, decided: Value| {
            if recorded != decided {
                fields.push(Field { path: path.to_owned(), recorded, decided });
            }
        };
        differ("ce_id", text(Some(head.id)), text(Some(decided.id())));
        differ("ce_causationid", text(head.cause), text(Some(decided.cause.id)));
        differ("ce_sequence", head.sequence.into(), decided.sequence.into());
        let json = |event| serde_json::to_value(event).unwrap_or(Value::Null);
        compare("", &json(&recorded.event), &json(&decided.event), &mut fields);
        Difference { service, position: Some(head.position), what, fields }
    }

    pub(super) fn more(service: Service, decided: &Emits) -> Self {
        let what = format!("{} would be emitted now, and nothing was recorded", decided.event.event_type());
        Difference { service, position: None, what, fields: Vec::new() }
    }

    pub(super) fn uncaused(service: Service, recorded: &Record) -> Self {
        let what = format!("{} was recorded, and nothing would be emitted now", recorded.head.event_type);
        Difference { service, position: Some(recorded.head.position), what, fields: Vec::new() }
    }

    pub(super) fn illegal(service: Service, input: &Record, illegal: String) -> Self {
        Difference { service, position: Some(input.head.position), what: illegal, fields: Vec::new() }
    }

    pub(super) fn nothing(service: Service) -> Self {
        let what = "no arrival order gives what was recorded".to_owned();
        Difference { service, position: None, what, fields: Vec::new() }
    }

    pub fn show(&self, topics: &Topics) -> Vec<String> {
        let position =
            self.position.map(|position| format!("  ({})", topics.show(position))).unwrap_or_default();
        let mut lines = vec![format!("{}: {}{position}", self.service, self.what)];
        lines.extend(self.fields.iter().map(|Field { path, recorded, decided }| {
            format!("    {path}: {recorded} was recorded, {decided} is decided now")
        }));
        lines
    }
}

fn text(id: Option<uuid::Uuid>) -> Value {
    id.map_or(Value::Null, |id| Value::String(id.to_string()))
}

pub(crate) fn compare(path: &str, recorded: &Value, decided: &Value, fields: &mut Vec<Field>) {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (recorded, decided) {
        (Value::Object(was), Value::Object(is)) => {
            let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
            for name in names {
                let of =
                    |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                compare(&at(name), &of(was), &of(is), fields);
            }
        }
        (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
            for (index, (was, is)) in was.iter().zip(is).enumerate() {
                compare(&format!("{path}[{index}]"), was, is, fields);
            }
        }
        (was, is) if was == is => {}
        (was, is) => {
            fields.push(Field { path: path.to_owned(), recorded: was.clone(), decided: is.clone() });
        }
    }
}
