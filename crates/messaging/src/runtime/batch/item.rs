use minuet_envelope::{Contract, ids};
use uuid::Uuid;

use crate::store::dead_letters::Reason;
use crate::topics::Catalogue;
use crate::{Content, Incoming, Received};

/// A message of a batch.
#[derive(Debug)]
pub(crate) enum Item<C: Contract> {
    Event(Received<C>),
    /// A message to be parked: it cannot be decoded, or handling it failed.
    Poison {
        incoming: Incoming,
        claim: Option<Uuid>,
        reason: Reason,
    },
}

impl<C: Contract> Item<C> {
    pub(crate) fn incoming(&self) -> &Incoming {
        match self {
            Item::Event(received) => &received.incoming,
            Item::Poison { incoming, .. } => incoming,
        }
    }

    /// The inbox id. `None`: the message has no readable id, or it is on a compacted topic, which needs no inbox row.
    pub(crate) fn claim(&self, catalogue: &Catalogue<C::Kind>) -> Option<Uuid> {
        match self {
            Item::Event(received) => claim(&received.content, catalogue),
            Item::Poison { claim, .. } => *claim,
        }
    }

    /// Marks the item for parking.
    pub(crate) fn poison(self, reason: Reason, catalogue: &Catalogue<C::Kind>) -> Self {
        let claim = self.claim(catalogue);
        match self {
            Item::Event(Received { incoming, .. }) | Item::Poison { incoming, .. } => {
                Item::Poison { incoming, claim, reason }
            }
        }
    }

    pub(crate) fn is_event(&self) -> bool {
        matches!(self, Item::Event(_))
    }
}

pub(crate) fn claim<C: Contract>(content: &Content<C>, catalogue: &Catalogue<C::Kind>) -> Option<Uuid> {
    match content {
        Content::Event(content) => {
            let (envelope, _) = &**content;
            let topic = catalogue.topic_of(envelope.event_type);
            (!catalogue.is_compacted(topic)).then(|| ids::inbox_id(&envelope.source, envelope.id))
        }
        Content::Tombstone { .. } => None,
    }
}
