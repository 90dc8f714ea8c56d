//! Decodes messages to events. [`validity`] is the only rule for what is valid.

use std::collections::HashSet;

use minuet_envelope::validity::{self, Checked, Invalid, RawMessage};
use minuet_envelope::{Contract, ParkReason, ResolveError};

use crate::kafka::cut::MAX_MESSAGE_BYTES;
use crate::store::dead_letters::Reason;
use crate::topics::{Catalogue, TopicName};
use crate::{Content, Incoming};

pub(crate) struct Decoder<C: Contract> {
    pub(crate) contract: C,
    pub(crate) consumed: HashSet<C::Kind>,
}

impl<C: Contract> Decoder<C> {
    /// The event, or the reason why the message is invalid. `None`: the service does not consume this kind of event.
    /// The outer error means that the registry is away, so the message cannot be judged yet.
    pub(crate) async fn decode(
        &self,
        incoming: &Incoming,
        topic: &TopicName,
        catalogue: &Catalogue<C::Kind>,
    ) -> Result<Result<Option<Content<C>>, Reason>, ResolveError> {
        let is_tombstone = incoming.payload.is_none() && catalogue.is_compacted(topic.plain());
        if !is_tombstone && catalogue.is_foreign(topic.plain(), incoming.header("ce_type")) {
            return Ok(Ok(None));
        }
        if let Some(original) = &incoming.original {
            let (bytes, most) = (original.bytes, MAX_MESSAGE_BYTES);
            let detail = format!("the message takes {bytes} bytes; at most {most} are processed");
            return Ok(Err(Reason::after_one_attempt(ParkReason::TooLarge, detail)));
        }
        let headers = incoming.headers.iter().map(|(name, value)| (name, value.as_deref()));
        let message = RawMessage {
            key: incoming.key.as_deref(),
            payload: incoming.payload.as_deref(),
            headers: incoming.headers_readable.then(|| headers.collect()),
            time: incoming.timestamp,
        };
        let message = match validity::check(&message, &catalogue.rules(topic.plain())) {
            Ok(Checked::Event(message)) => message,
            Ok(Checked::Tombstone { key }) => {
                return Ok(Ok(Some(Content::Tombstone { key: key.to_owned() })));
            }
            Err(invalid) => return Ok(Err(invalid.into())),
        };
        if !self.consumed.contains(&message.envelope.event_type) {
            return Ok(Ok(None));
        }
        let event =
            message.resolved_event(&self.contract).await?.and_then(|event| match incoming.was_taken {
                true => Ok(event),
                false => validity::admit::<C>(event),
            });
        let content = event.map(|event| Content::Event(Box::new((message.envelope.to_owned(), event))));
        Ok(content.map(Some).map_err(Reason::from))
    }
}

impl From<Invalid> for Reason {
    fn from(invalid: Invalid) -> Self {
        Reason::after_one_attempt(invalid.reason, invalid.detail)
    }
}
