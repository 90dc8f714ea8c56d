//! `docs/dance.md`.

use std::collections::BTreeSet;

use minuet_events::EventType;
use minuet_saga::{ANY, Expects, State, StateKind};
use minuet_saga::{Participant, Trigger};

use super::{Dance, diagrams, flow};

const HEAD: &str = "\
# The dance

Written by `make generate` from the tables in `services/{order,inventory,payment}/src/react/table.rs`, which the services run by,
and from `topics.yaml`: do not edit. Each service's tests hold its table against what it decides; `minuet lint` proves that the
tables, the topics and the schemas fit together; `dev/model` checks every interleaving of the decisions.

Nobody conducts: a service reacts to an event according to its own state of that order, and to nothing else. Topics are not ordered
among each other, so every state says what it makes of every event.
";

pub(super) fn page(dance: &Dance) -> String {
    let mut text = HEAD.to_owned();
    let mut put = |part: &str| {
        text.push('\n');
        text.push_str(part.trim_end());
        text.push('\n');
    };
    put("## When everything goes well");
    put(&mermaid(&diagrams::happy_path(dance, EventType::OrderSubmitted)));
    put(
        "## When something fails\n\nEvery compensation: what fails, what each service makes of it, and where that ends. Round is time, slanted a\nstate that waits for the payment provider's answer.",
    );
    put(&mermaid(&flow::compensations(dance)));
    put("## Events");
    put(&table(&["event", "topic", "from", "read by", "asks"], events(dance)));
    for part in &dance.parts {
        put(&format!("## {}", part.service));
        put(&mermaid(&diagrams::states(part)));
        put(&table(&["state", "ends", "keeps"], part.states.iter().map(state_row).collect()));
        put(&table(&["on", "in", "becomes", "emits"], reactions(part)));
        put("What cannot happen; an event that comes all the same is parked:");
        put(&table(&["on", "in", "because"], impossible(part)));
    }
    text
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

fn events(dance: &Dance) -> Vec<Vec<String>> {
    let row = |event: &EventType| {
        let topic = dance.topic_of(*event)?;
        let outside = dance.comes_from_outside(*event).then(|| topic.producers.join(", "));
        let from: Vec<String> =
            outside.into_iter().chain(dance.emitters(*event).map(str::to_owned)).collect();
        let readers: Vec<&str> = dance.readers(*event).collect();
        let asks = dance.parts.iter().find_map(|part| part.expects(*event));
        let asks = match asks {
            Some(Expects::Compensation) => "to undo",
            Some(Expects::Nothing) => "nothing",
            Some(Expects::NextStep) | None => "to go on",
        };
        (!from.is_empty()).then(|| {
            vec![event.to_string(), topic.name.clone(), from.join(", "), readers.join(", "), asks.to_owned()]
        })
    };
    EventType::ALL.iter().filter_map(row).collect()
}

fn state_row(state: &State<EventType>) -> Vec<String> {
    let names = |on: &[Trigger<EventType>]| on.iter().map(Trigger::to_string).collect::<Vec<_>>().join(", ");
    let ends = match state.kind {
        StateKind::Initial => "the beginning: no row yet".to_owned(),
        StateKind::Open { ended_by } => format!("always, by {}", names(ended_by).replace(", ", " or ")),
        StateKind::Terminal { unless: [] } => "final".to_owned(),
        StateKind::Terminal { unless } => format!("final, but for {}", names(unless)),
    };
    vec![state.name.to_owned(), ends, state.holds.unwrap_or_default().to_owned()]
}

fn reactions(part: &Participant<EventType>) -> Vec<Vec<String>> {
    let row = |row: &minuet_saga::Reaction<EventType>| {
        let emits: Vec<&str> = row.emits.iter().map(|event| event.name()).collect();
        let states = if row.states == ANY { "any".to_owned() } else { row.states.join(", ") };
        vec![row.on.to_string(), states, row.becomes.join(" or "), emits.join(" or ")]
    };
    part.reactions.iter().map(row).collect()
}

fn impossible(part: &Participant<EventType>) -> Vec<Vec<String>> {
    let row = |never: &minuet_saga::Impossible<EventType>| {
        let on: BTreeSet<String> = never.on.iter().map(Trigger::to_string).collect();
        vec![on.into_iter().collect::<Vec<_>>().join(", "), never.states.join(", "), never.because.to_owned()]
    };
    part.impossible.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_repository_is_up_to_date() {
        let dance = Dance::embedded().expect("topics.yaml");
        assert!(
            page(&dance) == include_str!("../../../../docs/dance.md"),
            "`make generate` writes docs/dance.md anew"
        );
    }
}
