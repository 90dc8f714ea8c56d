//! A Markdown page that shows the saga: diagrams in Mermaid, and the tables themselves.

mod compensations;
mod sequence;
mod states;

use std::collections::BTreeSet;

use minuet_envelope::EventKind;

use crate::choreography::{ANY, Expects, Impossible, Participant, Reaction, State, StateKind, Trigger};
use crate::saga::Saga;

/// What the page says besides the tables.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a, K> {
    /// The heading.
    pub title: &'a str,
    /// Markdown below the heading.
    pub introduction: &'a str,
    /// The event that starts the saga in the diagram of the happy path.
    pub first: K,
    /// Who emits the first event, as the diagram names it.
    pub outside: &'a str,
}

const LEGEND: &str = "\
## Legend

- **on**: the trigger. An event by its name; *time*: a deadline has passed; *provider*: an answer of the external provider, which the
  service asks until there is one.
- **in**: the states of this service in which the row applies. *any*: the row neither depends on the state nor changes it.
- **becomes**: the states that may follow, the usual one first. Empty: the state stays.
- **emits**: the events that may be emitted, one at a time, the usual one first. Empty: none. A rejection may be emitted instead of
  a change of state.
- **kind** of a state: *initial*: the service has seen nothing of the saga; *open*: one of the triggers named always ends the state;
  *terminal*: the saga may stay there for ever, unless one of the triggers named happens.
- **holds**: the resource that the service holds for the saga in this state, until a compensation gives it back.
- **expects**: what an event expects of its readers. *next step*: a service carries on; *compensation*: each service that holds a
  resource for the saga gives it back; *nothing*: no service has to react.";

const COMPENSATIONS: &str = "\
## When a step fails

Every compensation: the failure, the reaction of each service, and the event that ends it. A rounded node is a deadline. A slanted node
is a state that waits for the provider's answer.";

impl<K: EventKind> Page<'_, K> {
    /// The page in Markdown.
    pub fn render(&self, saga: &Saga<K>) -> String {
        let mut text = format!("# {}\n\n{}\n", self.title, self.introduction.trim_end());
        let mut put = |part: &str| {
            text.push('\n');
            text.push_str(part.trim_end());
            text.push('\n');
        };
        put(LEGEND);
        put("## The happy path");
        put(&mermaid(&sequence::happy_path(saga, self.first, self.outside)));
        put(COMPENSATIONS);
        put(&mermaid(&compensations::flowchart(saga)));
        put("## Events");
        put(&table(&["event", "topic", "emitted by", "read by", "expects"], events(saga)));
        for participant in &saga.participants {
            put(&format!("## {}", participant.service));
            put(&mermaid(&states::diagram(participant)));
            put(&table(&["state", "kind", "holds"], participant.states.iter().map(state).collect()));
            put(&table(
                &["on", "in", "becomes", "emits"],
                participant.reactions.iter().map(reaction).collect(),
            ));
            if !participant.impossible.is_empty() {
                put("Impossible. The service parks an event that arrives nevertheless:");
                put(&table(
                    &["on", "in", "because"],
                    participant.impossible.iter().map(impossible).collect(),
                ));
            }
        }
        text
    }
}

fn mermaid(lines: &[String]) -> String {
    format!("```mermaid\n{}\n```", lines.join("\n"))
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let head =
        line(head.iter().map(|cell| (*cell).to_owned()).collect()) + &"|---".repeat(head.len()) + "|\n";
    rows.into_iter().map(line).fold(head, |text, row| text + &row)
}

fn events<K: EventKind>(saga: &Saga<K>) -> Vec<Vec<String>> {
    let row = |event: &K| {
        let topic = saga.topic_of(*event)?;
        let outsiders = saga.comes_from_outside(*event).then(|| topic.producers.join(", "));
        let emitters: Vec<String> =
            outsiders.into_iter().chain(saga.emitters(*event).map(str::to_owned)).collect();
        let readers: Vec<&str> = saga.readers(*event).collect();
        // No table announces an event from outside. It asks a service for a step.
        let expects = match saga.expects(*event) {
            Some(Expects::NextStep) | None => "next step",
            Some(Expects::Compensation) => "compensation",
            Some(Expects::Nothing) => "nothing",
        };
        (!emitters.is_empty()).then(|| {
            vec![
                event.to_string(),
                topic.name.clone(),
                emitters.join(", "),
                readers.join(", "),
                expects.to_owned(),
            ]
        })
    };
    K::ALL.iter().filter_map(row).collect()
}

fn state<K: EventKind>(state: &State<K>) -> Vec<String> {
    let names = |on: &[Trigger<K>]| on.iter().map(Trigger::to_string).collect::<Vec<_>>().join(" or ");
    let kind = match state.kind {
        StateKind::Initial => "initial".to_owned(),
        StateKind::Open { ended_by } => format!("open until {}", names(ended_by)),
        StateKind::Terminal { unless: [] } => "terminal".to_owned(),
        StateKind::Terminal { unless } => format!("terminal, unless {}", names(unless)),
    };
    vec![state.name.to_owned(), kind, state.holds.unwrap_or_default().to_owned()]
}

fn reaction<K: EventKind>(row: &Reaction<K>) -> Vec<String> {
    let emits: Vec<&str> = row.emits.iter().map(|event| event.name()).collect();
    let states = if row.states == ANY { "any".to_owned() } else { row.states.join(", ") };
    vec![row.on.to_string(), states, row.becomes.join(" or "), emits.join(" or ")]
}

fn impossible<K: EventKind>(pair: &Impossible<K>) -> Vec<String> {
    let on: BTreeSet<String> = pair.on.iter().map(Trigger::to_string).collect();
    vec![on.into_iter().collect::<Vec<_>>().join(", "), pair.states.join(", "), pair.because.to_owned()]
}

/// The external provider's usual answer, if the state waits for one.
fn answered<K: EventKind>(participant: &Participant<K>, state: &str) -> Option<Trigger<K>> {
    let StateKind::Open { ended_by } = participant.state(state)?.kind else { return None };
    ended_by.iter().copied().find(|on| matches!(on, Trigger::Provider(_)))
}
