use minuet_events::EventType;
use minuet_messaging::topics::{Catalogue, TopicsError};
use minuet_saga::ANY;

use crate::service::Service;
use crate::state::CHANNELS;

/// Who reads what, from the tables of reactions and `topics.yaml`.
#[derive(Debug)]
pub(crate) struct Routes {
    channels: Vec<Read>,
    /// Of each type of event, the channels it goes into: a bit each.
    readers: [u8; EventType::COUNT],
}

/// One service reads one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) service: Service,
    pub(crate) topic: String,
}

#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    #[error("topics.yaml cannot be read")]
    Topics(#[from] TopicsError),
    #[error(
        "the tables of reactions ask for {0} pairs of a service and a topic; the model's states have room for {CHANNELS}"
    )]
    Channels(usize),
}

impl Routes {
    pub(crate) fn read() -> Result<Routes, RouteError> {
        let catalogue = Catalogue::parse(minuet_events::TOPICS)?;
        let mut channels: Vec<Read> = Vec::new();
        let mut readers = [0; EventType::COUNT];
        for service in Service::ALL {
            // What is taken in any state is no part of the dance: stock, products, and answers that are only told.
            let rows = service.participant().reactions.iter().filter(|row| row.states != ANY);
            for event in rows.filter_map(|row| row.on.event()) {
                let read = Read { service, topic: catalogue.topic_of(event).to_owned() };
                let index = channels.iter().position(|known| *known == read).unwrap_or_else(|| {
                    channels.push(read);
                    channels.len() - 1
                });
                readers[event as usize] |= 1 << index;
            }
        }
        if channels.len() == CHANNELS {
            Ok(Routes { channels, readers })
        } else {
            Err(RouteError::Channels(channels.len()))
        }
    }

    pub(crate) fn channel(&self, index: u8) -> &Read {
        &self.channels[usize::from(index)]
    }

    pub(crate) fn readers(&self, event: EventType) -> impl Iterator<Item = usize> {
        let readers = self.readers[event as usize];
        (0..CHANNELS).filter(move |index| readers & (1 << index) != 0)
    }

    /// The channels of one service.
    pub(crate) fn of(&self, service: Service) -> impl Iterator<Item = usize> {
        self.channels
            .iter()
            .enumerate()
            .filter(move |(_, read)| read.service == service)
            .map(|(index, _)| index)
    }
}
