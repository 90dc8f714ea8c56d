//! The shop's saga: the reaction tables of the services, the topics between them and the schemas on the topics.
//! `minuet dance` prints `docs/dance.md` from it, and `minuet lint` proves that the services fit together.

use minuet_events::EventType;
use minuet_messaging::topics::{self, Catalogue, DEAD_LETTERS, Key, TopicsError};
use minuet_saga::page::Page;
use minuet_saga::{Participant, Saga, Schema, Topic};

use crate::error::CliError;
use crate::output;

const PARTICIPANTS: [Participant<EventType>; 3] =
    [minuet_order::PARTICIPANT, minuet_inventory::PARTICIPANT, minuet_payment::PARTICIPANT];

/// Producers in `topics.yaml` that have no reaction table: the gateway, and programs of other teams.
const OUTSIDERS: [&str; 2] = ["gateway", "any"];

const PAGE: Page<EventType> = Page {
    title: "The dance",
    introduction: "\
The dance of Minuet is a *choreographed saga*: there is no orchestrator. Each service reacts to an event according to its own state of the
order, and emits the next event or a compensating one. One order is one saga. Topics are not ordered among each other, so each table
says for every state what the service does with every event.

`make generate` writes this page from the tables in `services/{order,inventory,payment}/src/react/table.rs`, by which the services run,
and from `topics.yaml`: do not edit it. Each service's tests prove that its table equals its decisions. `minuet lint` proves that the
tables, the topics and the schemas fit together. `dev/model` checks every interleaving of the decisions.",
    first: EventType::OrderSubmitted,
    outside: "gateway, or another producer",
};

pub(crate) fn print() -> Result<(), CliError> {
    output::print(PAGE.render(&embedded()?).trim_end());
    Ok(())
}

/// # Errors
/// `topics.yaml` in the repository is wrong, which a test rules out.
pub(crate) fn embedded() -> Result<Saga<EventType>, TopicsError> {
    Ok(Saga {
        participants: PARTICIPANTS.to_vec(),
        topics: Catalogue::parse(minuet_events::TOPICS)?.topics().iter().map(topic).collect(),
        schemas: EventType::ALL
            .iter()
            .map(|&event| Schema { event, avro: event.schema_json().to_owned() })
            .collect(),
        outsiders: OUTSIDERS.map(str::to_owned).to_vec(),
    })
}

fn topic(topic: &topics::Topic<EventType>) -> Topic<EventType> {
    let key = match &topic.key {
        Key::Field(name) => Some(name.clone()),
        Key::Original => Some("key".to_owned()),
        Key::None => None,
    };
    let service = topic.name.strip_suffix(DEAD_LETTERS).and_then(|name| name.strip_suffix('.'));
    Topic {
        name: topic.name.clone(),
        events: topic.records.clone(),
        producers: topic.producers.clone(),
        consumers: topic.consumers.clone(),
        key,
        dead_letters_of: service.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_repository_is_up_to_date() {
        let saga = embedded().expect("topics.yaml");
        assert!(
            PAGE.render(&saga) == include_str!("../../../docs/dance.md"),
            "docs/dance.md is out of date: run `make generate`"
        );
    }
}
