//! The timeline as a sequence diagram: an arrow from whoever emitted to whoever reacts.

use super::{Step, Timeline};
use crate::participants::participant;
use crate::record::Service;

pub(super) fn diagram(timeline: &Timeline) -> String {
    let mut lines = vec!["sequenceDiagram".to_owned()];
    let mut others: Vec<String> = Vec::new();
    for step in &timeline.steps {
        let name = emitter(step);
        if Service::ALL.iter().all(|service| service.name() != name) && !others.contains(&name) {
            others.push(name);
        }
    }
    lines.extend(others.iter().map(|other| format!("    participant {other}")));
    lines.extend(Service::ALL.iter().map(|service| format!("    participant {service}")));
    for step in &timeline.steps {
        let Some((head, _)) = step.message.record() else { continue };
        let wait = step.wait.map(|wait| format!(" ({})", wait.signed())).unwrap_or_default();
        let again =
            if step.again.is_empty() { String::new() } else { format!(", {} times", 1 + step.again.len()) };
        let (from, text) = (emitter(step), format!("{}{wait}{again}", head.event_type));
        let consumers: Vec<Service> = Service::ALL
            .into_iter()
            .filter(|service| participant(*service).consumes(head.event_type))
            .collect();
        if consumers.is_empty() {
            lines.push(format!("    Note over {from}: {text}"));
        }
        lines.extend(consumers.iter().map(|to| format!("    {from}->>{to}: {text}")));
    }
    for awaited in timeline.awaited() {
        let names: Vec<&str> = awaited.one_of.iter().map(|event_type| event_type.name()).collect();
        lines.push(format!("    Note over {}: owes {}", awaited.from, names.join(" or ")));
    }
    lines.join("\n")
}

/// Letters only: a name is a word of the diagram's language.
fn emitter(step: &Step) -> String {
    let source = step.message.header("ce_source").unwrap_or_default();
    let name: String =
        source.rsplit('/').next().unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
    if name.is_empty() { "somebody".to_owned() } else { name }
}
