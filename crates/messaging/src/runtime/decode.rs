//! From a message to an event, or to the reason why it is none.

use std::collections::HashSet;
use std::str;

use minuet_envelope::{Contract, DecodeError, Envelope, EventKind, ResolveError};

use crate::store::dead_letters::Reason;
use crate::topics::Catalogue;
use crate::{Content, Incoming};

pub(crate) struct Decoder<C: Contract> {
    pub(crate) contract: C,
    pub(crate) consumed: HashSet<C::Kind>,
    pub(crate) prefix: String,
}

impl<C: Contract> Decoder<C> {
    /// None: the service does not consume this kind of event. The outer error only when the registry is away: then nothing can
    /// be said about the message yet.
    pub(crate) async fn decode(
        &self,
        incoming: &Incoming,
        catalogue: &Catalogue<C::Kind>,
    ) -> Result<Result<Option<Content<C>>, Reason>, ResolveError> {
        let topic =
            incoming.position.topic.strip_prefix(self.prefix.as_str()).unwrap_or(&incoming.position.topic);
        let refuse = |code, detail: String| Ok(Err(Reason::low_latency(code, detail)));
        let key = match incoming.key.as_deref().map(str::from_utf8) {
            Some(Ok(key)) => key,
            Some(Err(_)) => return refuse("key", "the message key is not UTF-8".to_owned()),
            None => {
                return refuse("key", "the message has no key; it takes the order id or the sku".to_owned());
            }
        };
        if !incoming.headers_readable {
            return refuse("headers", "the name of a header is not UTF-8".to_owned());
        }
        let Some(payload) = incoming.payload.as_deref() else {
            if catalogue.is_compacted(topic) {
                return Ok(Ok(Some(Content::Tombstone { key: key.to_owned() })));
            }
            return refuse("empty_body", "the message has no value".to_owned());
        };
        let envelope =
            match Envelope::from_headers(|name| incoming.header(name), Some(key), incoming.timestamp) {
                Ok(envelope) => envelope,
                Err(error) => return refuse("headers", crate::runtime::policy::chain(&error)),
            };
        if !catalogue.allowed(topic, envelope.event_type) {
            return refuse(
                "wrong_record",
                format!("{} does not belong on {topic}", envelope.event_type.record_name()),
            );
        }
        if !self.consumed.contains(&envelope.event_type) {
            return Ok(Ok(None));
        }
        let event = loop {
            match self.contract.decode(payload) {
                Ok(event) => break event,
                Err(DecodeError::UnknownSchema { id }) => match self.contract.resolve(id).await {
                    Ok(()) => {}
                    Err(error @ ResolveError::Unavailable { .. }) => return Err(error),
                    Err(error) => return refuse("unknown_schema", crate::runtime::policy::chain(&error)),
                },
                Err(error) => {
                    let code = match error {
                        DecodeError::Empty => "empty_body",
                        DecodeError::UnknownRecord { .. } => "wrong_record",
                        _ => "undecodable",
                    };
                    return refuse(
                        code,
                        format!("{}: {}", incoming.position, crate::runtime::policy::chain(&error)),
                    );
                }
            }
        };
        if C::kind(&event) != envelope.event_type {
            let (said, held) = (envelope.event_type.ce_type(), C::kind(&event).record_name());
            return refuse("wrong_record", format!("ce_type says {said}, the payload is {held}"));
        }
        if C::key(&event) != key {
            return refuse(
                "key",
                format!("the message key is {key:?}, but the event is about {:?}", C::key(&event)),
            );
        }
        if *envelope.subject != *key {
            return refuse(
                "headers",
                format!("ce_subject is {:?}, the message key {key:?}", &*envelope.subject),
            );
        }
        Ok(Ok(Some(Content::Event(Box::new((envelope, event))))))
    }
}
