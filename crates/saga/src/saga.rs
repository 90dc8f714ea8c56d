//! The whole saga: its participants, the topics between them, and the schemas of the events.

use minuet_envelope::EventKind;

use crate::choreography::{Expects, Participant};

/// What the linter and the page read. Plain data: the program that knows the services fills it in.
#[derive(Clone, Debug)]
pub struct Saga<K: 'static> {
    /// The reaction table of each service.
    pub participants: Vec<Participant<K>>,
    /// The topics that carry the events.
    pub topics: Vec<Topic<K>>,
    /// The schema of each event.
    pub schemas: Vec<Schema<K>>,
    /// Producers that have no reaction table, such as an HTTP gateway: they start sagas.
    pub outsiders: Vec<String>,
}

/// A topic, as its declaration describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic<K> {
    /// The name.
    pub name: String,
    /// The events on the topic.
    pub events: Vec<K>,
    /// The services and outsiders that may write the topic.
    pub producers: Vec<String>,
    /// The services that read the topic.
    pub consumers: Vec<String>,
    /// The field of each event that is the Kafka key. `None`: the topic is not keyed by a field.
    pub key: Option<String>,
    /// The service that announces its dead letters on the topic: it writes the topic although none of its rows emits these
    /// events. `None`: an ordinary topic.
    pub dead_letters_of: Option<String>,
}

/// The Avro schema of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema<K> {
    /// The event.
    pub event: K,
    /// The schema in Avro's JSON.
    pub avro: String,
}

impl<K: EventKind> Saga<K> {
    /// The topic that carries the event.
    pub fn topic_of(&self, event: K) -> Option<&Topic<K>> {
        self.topics.iter().find(|topic| topic.events.contains(&event))
    }

    /// Whether a producer without a reaction table may emit the event.
    pub fn comes_from_outside(&self, event: K) -> bool {
        let topic = self.topic_of(event);
        topic.is_some_and(|topic| topic.producers.iter().any(|producer| self.outsiders.contains(producer)))
    }

    /// The services that emit the event.
    pub fn emitters(&self, event: K) -> impl Iterator<Item = &'static str> {
        self.participants
            .iter()
            .filter(move |participant| participant.emits(event))
            .map(|participant| participant.service)
    }

    /// The services that react to the event.
    pub fn readers(&self, event: K) -> impl Iterator<Item = &'static str> {
        self.participants
            .iter()
            .filter(move |participant| participant.consumes(event))
            .map(|participant| participant.service)
    }

    /// What the event expects of its readers. `None`: no service announces the event.
    pub fn expects(&self, event: K) -> Option<Expects> {
        self.participants.iter().find_map(|participant| participant.expects(event))
    }
}
