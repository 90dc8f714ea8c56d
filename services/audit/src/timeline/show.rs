use minuet_events::values::Micros;
use minuet_text::escape::escaped_line;
use serde_json::{Value, json};

use super::wait::Wait;
use super::{Step, Timeline};
use crate::full_message::FullMessage;
use crate::record::Position;
use crate::summary::summary;

impl Timeline {
    /// For people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("order {}: {}", self.order, self.progress.stage())];
        let traces = self.traces();
        lines.extend(traces.iter().map(|trace| format!("trace {trace}")));
        lines.extend(self.step_lines());
        for message in &self.parked {
            lines.push(format!("  parked: {}  {}", said(message), self.topics.show(message.position)));
        }
        for message in &self.malformed {
            lines.push(format!("  odd: {}  {}", said(message), self.topics.show(message.position)));
        }
        lines.extend(self.awaited().iter().map(|awaited| format!("  awaited: {awaited}")));
        lines
    }

    /// As [`Timeline::lines`], only the steps.
    pub fn step_lines(&self) -> Vec<String> {
        let after = |step: &Step| Wait::between(self.start().unwrap_or(step.time), step.time);
        self.steps.iter().flat_map(|step| self.step(step, after(step))).collect()
    }

    /// When the order began. A producer's clock may be years off: its time counts if it agrees with the services'.
    fn start(&self) -> Option<Micros> {
        let services = self.steps.iter().filter(|step| step.is_of_service()).map(|step| step.time).min();
        let times = self.steps.iter().map(|step| step.time);
        times.filter(|time| services.is_none_or(|begun| Wait::between(*time, begun).is_possible())).min()
    }

    fn step(&self, step: &Step, after: Wait) -> Vec<String> {
        let by = step.message.header("ce_source").unwrap_or("?").rsplit('/').next().unwrap_or_default();
        let name = step.message.record().map_or("?", |(head, _)| head.event_type.name());
        let wait = step.wait.map(Wait::signed).unwrap_or_default();
        let mut lines = vec![format!(
            "  {:>9}  {wait:>9}  {name:<27} {by:<10} {:<42} {}",
            after.to_string(),
            said(&step.message),
            self.topics.show(step.message.position)
        )];
        let again = step.again.iter();
        lines
            .extend(again.map(|position| {
                format!("  {:>9}  {:>9}  again, at {}", "", "", self.topics.show(*position))
            }));
        lines
    }

    /// The order's trace first; requests of their own traces after it.
    fn traces(&self) -> Vec<&str> {
        let mut traces: Vec<&str> = Vec::new();
        for trace in self.steps.iter().filter_map(|step| trace_id(&step.message)) {
            if !traces.contains(&trace) {
                traces.push(trace);
            }
        }
        traces
    }

    pub fn json(&self) -> Value {
        let position = |position: &Position| json!({"topic": self.topics.name(*position), "partition": position.partition, "offset": position.offset});
        let id = |step: &Step| step.message.record().map(|(head, _)| head.id);
        let events: Vec<Value> = self
            .steps
            .iter()
            .map(|step| {
                let mut event = step.message.json(&self.topics);
                if let Value::Object(fields) = &mut event {
                    let cause = step.cause.and_then(|cause| id(&self.steps[cause]));
                    fields.insert("cause".to_owned(), json!(cause));
                    fields.insert("wait_us".to_owned(), json!(step.wait.and_then(Wait::micros)));
                    fields.insert("again".to_owned(), step.again.iter().map(position).collect());
                }
                event
            })
            .collect();
        let awaited: Vec<Value> = self
            .awaited()
            .iter()
            .map(|awaited| {
                let one_of: Vec<&str> = awaited.one_of.iter().map(|event_type| event_type.name()).collect();
                json!({"from": awaited.from.name(), "one_of": one_of, "because": awaited.because.name()})
            })
            .collect();
        let messages = |messages: &[FullMessage]| -> Vec<Value> {
            messages.iter().map(|w| w.json(&self.topics)).collect()
        };
        json!({
            "order_id": self.order,
            "status": self.progress.stage().as_str(),
            "traces": self.traces(),
            "events": events,
            "awaited": awaited,
            "parked": messages(&self.parked),
            "odd": messages(&self.malformed),
        })
    }
}

fn said(message: &FullMessage) -> String {
    let said = match (&message.content, message.record()) {
        (_, Some((_, event))) => summary(event),
        (Err(malformed), None) => format!("{}: {}", malformed.code, malformed.detail),
        (Ok(_), None) => "gone".to_owned(),
    };
    // A line feed in a stranger's text begins no line.
    escaped_line(&said).into_owned()
}

/// The 32 digits in the middle.
fn trace_id(message: &FullMessage) -> Option<&str> {
    message.header("traceparent")?.get(3..35)
}
