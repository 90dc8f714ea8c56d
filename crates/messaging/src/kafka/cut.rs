//! Cuts messages that are too large to be kept whole: the beginning stays, with the length and the hash of the whole.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The largest message that is processed: key, headers and value, unpacked. Kafka's own limits count packed bytes, which
/// may unpack to a thousand times their number.
pub(crate) const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// What stays of a message that is cut: enough to see what it is.
const KEPT_KEY_BYTES: usize = 1024;
const KEPT_PAYLOAD_BYTES: usize = 4096;
const KEPT_HEADERS: usize = 64;
const KEPT_HEADER_BYTES: usize = 1024;

/// Bytes that a header takes beside its name and its value, wherever it is kept.
const HEADER_OVERHEAD: usize = 16;

/// The message that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Original {
    /// The bytes of its key, its headers' names and values, and its value.
    pub(crate) bytes: u64,
    /// SHA-256 over its key, the name and the value of each header, and its value. Before each stands its length as eight
    /// bytes, the highest first; all ones stand for a null.
    pub(crate) sha256: Bytes,
}

/// Adds up the parts of a message.
#[derive(Default)]
pub(super) struct Measure {
    bytes: u64,
    hash: Sha256,
}

impl Measure {
    pub(super) fn part(&mut self, part: Option<&[u8]>) {
        self.hash.update(part.map_or(u64::MAX, |bytes| bytes.len() as u64).to_be_bytes());
        self.hash.update(part.unwrap_or_default());
        self.bytes += part.map_or(0, |bytes| bytes.len() as u64);
    }

    pub(super) fn original(self) -> Original {
        Original { bytes: self.bytes, sha256: Bytes::copy_from_slice(&self.hash.finalize()) }
    }
}

/// The size of one header.
pub(super) fn header_size(name: &str, value: Option<&[u8]>) -> usize {
    name.len() + value.map_or(0, <[u8]>::len) + HEADER_OVERHEAD
}

pub(super) fn kept_key(key: &[u8]) -> &[u8] {
    beginning(key, KEPT_KEY_BYTES)
}

pub(super) fn kept_payload(payload: &[u8]) -> &[u8] {
    beginning(payload, KEPT_PAYLOAD_BYTES)
}

/// The beginnings of a header's name and value. `None`: it is one too many.
pub(super) fn kept_header<'a>(
    index: usize,
    name: &'a str,
    value: Option<&'a [u8]>,
) -> Option<(&'a str, Option<&'a [u8]>)> {
    let end = name.floor_char_boundary(KEPT_HEADER_BYTES);
    (index < KEPT_HEADERS).then(|| {
        (name.get(..end).unwrap_or_default(), value.map(|value| beginning(value, KEPT_HEADER_BYTES)))
    })
}

fn beginning(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use minuet_envelope::Micros;

    use crate::{Incoming, Position};

    fn message(key: usize, headers: usize, value: usize, payload: usize) -> Incoming {
        let position = Position { topic: "orders.intake".into(), partition: 0, offset: 7 };
        let headers = (0..headers).map(|n| (format!("h{n}"), Some(vec![1; value]))).collect();
        Incoming::recorded(position, Some(vec![2; key]), Some(vec![3; payload]), headers, Micros(5))
    }

    #[test]
    fn what_fits_stays_whole() {
        let message = message(36, 10, 36, 200);
        assert!(matches!(message.within(1_000), Cow::Borrowed(_)));
    }

    #[test]
    fn whatever_is_large_about_a_message_it_is_cut_to_little() {
        for large in [
            message(1 << 20, 1, 1, 1),
            message(1, 100_000, 0, 1),
            message(1, 2, 1 << 20, 1),
            message(1, 1, 1, 1 << 20),
        ] {
            let cut = large.within(100_000).into_owned();
            let original = cut.original.clone().unwrap();
            assert_eq!(original, large.measured());
            assert!(original.bytes > 100_000, "{original:?}");
            assert_eq!((&cut.position, cut.timestamp), (&large.position, large.timestamp));
            assert!(matches!(cut.within(100_000), Cow::Borrowed(_)), "it is small now, and cut once");
            assert_eq!(cut.measured(), original);
        }
    }

    #[test]
    fn the_hash_tells_one_message_from_another() {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for (key, payload) in
            [(None, Some("ab")), (Some(""), Some("ab")), (Some("a"), Some("b")), (Some("ab"), None)]
        {
            let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
            let position = message(0, 0, 0, 0).position;
            let message = Incoming::recorded(position, bytes(key), bytes(payload), Vec::new(), Micros(0));
            parts.push(message.measured().sha256.to_vec());
        }
        parts.sort();
        parts.dedup();
        assert_eq!(parts.len(), 4);
    }
}
