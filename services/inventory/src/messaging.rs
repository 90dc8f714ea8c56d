//! The messaging library over the events of the shop.

use minuet_events::Codec;

pub(crate) type Content = minuet_messaging::Content<Codec>;
pub(crate) type OutboxEvent = minuet_messaging::OutboxEvent<Codec>;
pub(crate) type ServiceContext = minuet_messaging::ServiceContext<Codec>;
pub(crate) type Handled<A> = minuet_messaging::Handled<Codec, A>;
pub(crate) type Received = minuet_messaging::Received<Codec>;

impl minuet_messaging::Decided for crate::domain::Decision {
    fn is_no_op(&self) -> bool {
        self.is_no_op()
    }
}
