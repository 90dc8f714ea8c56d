//! Ids as pure functions of their cause. The same cause gives the same id wherever and whenever it is decided again:
//! that is how a duplicate is recognised.
//!
//! # Bit by bit
//!
//! All of them are UUIDs of version 8 (RFC 9562, 5.8), big-endian:
//!
//! ```text
//! bits    0..48   head: a time in ms since 1970, copied from the cause, or as said below
//! bits   48..52   version: 1000
//! bits   52..64   tail, bits 4..16
//! bits   64..66   variant: 10
//! bits   66..128  tail, bits 18..80
//! ```
//!
//! The tail is the first 10 bytes of a SHA-256; its bits under version and variant are overwritten. What is
//! hashed is a list of byte strings, each after its length as 4 bytes big-endian, so that no two lists are one
//! text; the first names the kind of id:
//!
//! | id | head | hashed |
//! |---|---|---|
//! | [`derive()`] | the cause's where it is a v7 or v8, else the cause's time in ms | `minuet.event`, cause (16 bytes), record name such as `OrderPlaced`, index (4 bytes) |
//! | [`inbox_id`] | the event id's where it is a v7 or v8, else `ff` and the hash's bytes 10..15 | `minuet.inbox`, source, event id (16 bytes) |
//!
//! Heads that begin with `ff` lie after the year 10800: an inbox partitioned by range of the id gives them its
//! default partition, and a dense one their real one.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{EventKind, Micros};

/// A SHA-256.
pub type Hash = [u8; 32];
/// The first 48 bits of an id: a time in ms since 1970, as a rule.
pub type Head = [u8; 6];

/// The `ce_id` of the event number `index` of its type that a decision about `cause` emits.
pub fn derive(cause: Uuid, cause_time: Micros, kind: impl EventKind, index: u32) -> Uuid {
    let hash = hash(&[b"minuet.event", cause.as_bytes(), kind.name().as_bytes(), &index.to_be_bytes()]);
    v8(timed_head(cause).unwrap_or_else(|| head_of_millis(cause_time.as_millis())), hash)
}

/// One id made of `(ce_source, ce_id)`: what the inbox remembers. Its order is the order of time, as far as the
/// event's id has one, so that the inbox can be partitioned by range of it and forgotten by partition.
pub fn inbox_id(source: &str, id: Uuid) -> Uuid {
    let hash = hash(&[b"minuet.inbox", source.as_bytes(), id.as_bytes()]);
    let timeless = || {
        let mut head = head_of_hash(hash);
        head.rotate_right(1);
        head[0] = 0xff;
        head
    };
    v8(timed_head(id).unwrap_or_else(timeless), hash)
}

/// The time in the head of a v7 or v8, in ms. A stranger's v8 may hold anything there.
pub fn time_of(id: Uuid) -> Option<Micros> {
    let [a, b, c, d, e, f] = timed_head(id)?;
    Some(Micros::from_millis(i64::from_be_bytes([0, 0, a, b, c, d, e, f])))
}

fn timed_head(id: Uuid) -> Option<Head> {
    let has_head = id.get_variant() == uuid::Variant::RFC4122 && matches!(id.get_version_num(), 7 | 8);
    has_head.then(|| head(id))
}

/// The head of an id.
pub fn head(id: Uuid) -> Head {
    let [a, b, c, d, e, f, ..] = *id.as_bytes();
    [a, b, c, d, e, f]
}

/// A time before 1970 counts as 1970; the 48 bits last until the year 10889.
fn head_of_millis(millis: i64) -> Head {
    let [_, _, head @ ..] = millis.clamp(0, 0xffff_ffff_ffff).to_be_bytes();
    head
}

/// A head without a time: bytes 10..16 of the hash.
pub fn head_of_hash(hash: Hash) -> Head {
    [hash[10], hash[11], hash[12], hash[13], hash[14], hash[15]]
}

/// An id of this head and of the hash's first 10 bytes. The bits of version and variant are overwritten.
pub fn v8(head: Head, hash: Hash) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&head);
    bytes[6..].copy_from_slice(&hash[..10]);
    Uuid::new_v8(bytes)
}

/// SHA-256 over a list: each part after its length, so that ("ab", "c") is not ("a", "bc").
pub fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u32).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}
