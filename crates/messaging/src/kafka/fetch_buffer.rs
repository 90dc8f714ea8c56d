//! A channel from the poller to the batches, bounded by count and by bytes. A count alone bounds no memory: messages
//! may have the broker's maximum size.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::Incoming;

/// Maximum bytes from the poll to the end of a batch. Many messages of the broker's default maximum size fit, so that
/// batches stay full.
pub(crate) const MAX_BYTES: u32 = 32 * 1024 * 1024;

/// What a header takes beside its bytes: a message may have a hundred thousand empty ones.
const PER_HEADER: usize = 96;

/// The receiver is gone.
pub(crate) struct Closed;

pub(crate) fn channel(messages: usize) -> (BufferSender, BufferReceiver) {
    let (to, from) = mpsc::channel(messages);
    (BufferSender { to, room: Arc::new(Semaphore::new(MAX_BYTES as usize)) }, BufferReceiver(from))
}

pub(crate) struct BufferSender {
    to: mpsc::Sender<Incoming>,
    room: Arc<Semaphore>,
}

/// Reserved space for one message.
pub(crate) struct Permit<'a>(mpsc::Permit<'a, Incoming>, OwnedSemaphorePermit);

impl BufferSender {
    /// Waits for space of so many bytes.
    pub(crate) async fn reserve(&self, bytes: u32) -> Result<Permit<'_>, Closed> {
        let slot = self.to.reserve().await.map_err(|_| Closed)?;
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.map_err(|_| Closed)?;
        Ok(Permit(slot, room))
    }
}

impl Permit<'_> {
    pub(crate) fn put(self, mut message: Incoming) {
        message.room = Some(Arc::new(self.1));
        self.0.send(message);
    }
}

pub(crate) struct BufferReceiver(mpsc::Receiver<Incoming>);

impl BufferReceiver {
    /// Waits for a message, then appends up to `most` available ones and returns their number. 0: the sender is gone.
    pub(crate) async fn take(&mut self, messages: &mut Vec<Incoming>, most: usize) -> usize {
        self.0.recv_many(messages, most).await
    }
}

/// The size of a message in bytes, capped so that every message fits.
pub(crate) fn size(message: &Incoming) -> u32 {
    let headers: usize = message
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.as_ref().map_or(0, Bytes::len) + PER_HEADER)
        .sum();
    let bytes = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
    let all = bytes(&message.key) + bytes(&message.payload) + headers + size_of::<Incoming>();
    u32::try_from(all).unwrap_or(MAX_BYTES).min(MAX_BYTES)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use minuet_envelope::Micros;

    use super::*;
    use crate::Position;

    #[tokio::test]
    async fn it_is_full_by_bytes_until_a_message_is_done_with() {
        let large = || {
            let position = Position { topic: "orders.intake".into(), partition: 0, offset: 0 };
            let payload = Some(vec![0; MAX_BYTES as usize / 2]);
            Incoming::recorded(position, None, payload, Vec::new(), Micros(0))
        };
        let (to, mut from) = channel(10);
        let bytes = size(&large());
        to.reserve(bytes).await.ok().unwrap().put(large());
        assert!(to.reserve(bytes).now_or_never().is_none(), "two halves and something do not fit");
        let mut taken = Vec::new();
        assert_eq!(from.take(&mut taken, 10).await, 1);
        assert!(to.reserve(bytes).now_or_never().is_none(), "it is still being processed");
        drop(taken);
        assert!(to.reserve(bytes).now_or_never().is_some());
    }
}
