//! The messaging library over the events of the shop.

use minuet_events::Codec;

pub(crate) type Content = minuet_messaging::Content<Codec>;
pub(crate) type Lane = minuet_messaging::Lane<Codec>;
pub(crate) type Reacted<A> = minuet_messaging::Reacted<Codec, A>;
pub(crate) type Received = minuet_messaging::Received<Codec>;
