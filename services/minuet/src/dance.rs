//! The dance as a whole: the services' parts, the topics between them, the schemas on these. `minuet dance` prints
//! `docs/dance.md` from it, and `minuet lint` proves that it fits together.

mod diagrams;
mod flow;
mod page;

use minuet_events::EventType;
use minuet_messaging::topics::{Catalogue, Topic, TopicsError};
use minuet_saga::Participant;
use minuet_saga::StateKind;

use crate::error::CliError;
use crate::output;

pub(crate) fn print() -> Result<(), CliError> {
    output::print(page::page(&Dance::embedded()?).trim_end());
    Ok(())
}

#[derive(Clone, Debug)]
pub(crate) struct Dance {
    pub(crate) parts: Vec<Participant<EventType>>,
    pub(crate) topics: Vec<Topic<EventType>>,
    /// In Avro's JSON.
    pub(crate) schemas: Vec<(EventType, &'static str)>,
}

/// Producers in `topics.yaml` that have no table: the gateway, and strangers.
pub(crate) const OUTSIDE: &[&str] = &["gateway", "any"];

impl Dance {
    /// # Errors
    /// Only where `topics.yaml` in the repository is wrong.
    pub(crate) fn embedded() -> Result<Dance, TopicsError> {
        Ok(Dance {
            parts: vec![
                minuet_order::PARTICIPANT,
                minuet_inventory::PARTICIPANT,
                minuet_payment::PARTICIPANT,
            ],
            topics: Catalogue::parse(minuet_events::TOPICS)?.topics().to_vec(),
            schemas: EventType::ALL.iter().map(|event| (*event, event.schema_json())).collect(),
        })
    }

    pub(crate) fn topic_of(&self, event: EventType) -> Option<&Topic<EventType>> {
        self.topics.iter().find(|topic| topic.records.contains(&event))
    }

    pub(crate) fn comes_from_outside(&self, event: EventType) -> bool {
        let topic = self.topic_of(event);
        topic.is_some_and(|topic| topic.producers.iter().any(|who| OUTSIDE.contains(&who.as_str())))
    }

    pub(crate) fn emitters(&self, event: EventType) -> impl Iterator<Item = &'static str> {
        self.parts.iter().filter(move |part| emits(part, event)).map(|part| part.service)
    }

    pub(crate) fn readers(&self, event: EventType) -> impl Iterator<Item = &'static str> {
        self.parts.iter().filter(move |part| consumes(part, event)).map(|part| part.service)
    }
}

pub(crate) fn emits(part: &Participant<EventType>, event: EventType) -> bool {
    part.reactions.iter().any(|row| row.emits.contains(&event))
}

pub(crate) fn consumes(part: &Participant<EventType>, event: EventType) -> bool {
    part.reactions.iter().any(|row| row.on.event() == Some(event))
}

/// The state in which a service has seen nothing of an order.
pub(crate) fn initial(part: &Participant<EventType>) -> Option<&'static str> {
    part.states.iter().find(|state| state.kind == StateKind::Initial).map(|state| state.name)
}
