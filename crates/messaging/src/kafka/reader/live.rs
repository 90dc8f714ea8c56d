//! Live reading: messages as they arrive.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::{Message, Partition, ReadError, Reader};
use crate::kafka::consumer::is_unreadable;

impl Reader {
    /// Calls `show` with each message from these offsets on, as it arrives, and with `None` after each `pause` without
    /// a message, so that the caller can check other conditions. Ends when `show` breaks.
    ///
    /// # Errors
    /// [`ReadError::Settings`], or a fatal error of librdkafka, or a batch that cannot be unpacked. A broker that is away
    /// is waited for.
    pub fn live(
        &self,
        from: &[(Partition, i64)],
        pause: Duration,
        mut show: impl FnMut(Option<Message<'_>>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let consumer: BaseConsumer = self.config.create().map_err(ReadError::Settings)?;
        let mut assignment = TopicPartitionList::with_capacity(from.len());
        let mut slices = HashMap::with_capacity(from.len());
        for (at, ((topic, partition), offset)) in from.iter().enumerate() {
            assignment
                .add_partition_offset(topic, *partition, Offset::Offset(*offset))
                .map_err(ReadError::Broken)?;
            slices.insert((&**topic, *partition), at);
        }
        consumer.assign(&assignment).map_err(ReadError::Broken)?;
        let mut last = Ok(());
        loop {
            let shown = match consumer.poll(pause) {
                Some(Ok(message)) => match slices.get(&(message.topic(), message.partition())) {
                    Some(at) => show(Some(Message::new(*at, &message))),
                    None => ControlFlow::Continue(()),
                },
                Some(Err(error))
                    if matches!(error, KafkaError::MessageConsumptionFatal(_))
                        || error.rdkafka_error_code().is_some_and(is_unreadable) =>
                {
                    last = Err(ReadError::Broken(error));
                    ControlFlow::Break(())
                }
                // The broker is away; librdkafka reconnects.
                Some(Err(_)) => ControlFlow::Continue(()),
                None => show(None),
            };
            if shown.is_break() {
                break;
            }
        }
        std::thread::spawn(move || drop(consumer));
        last
    }
}
