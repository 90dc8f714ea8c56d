//! `minuet.parking`: what a service set aside, on `<service>.dead-letters`.

use bytes::Bytes;
use minuet_envelope::ParkedMessage;
use serde::{Deserialize, Serialize};

use crate::values::binary;

/// A message that could not be processed, as it came: nothing of it is interpreted, since that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventParked {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    #[serde(default, with = "binary")]
    pub key: Option<Bytes>,
    pub headers: Vec<ParkedHeader>,
    #[serde(default, with = "binary")]
    pub payload: Option<Bytes>,
    /// The error with its chain of causes.
    pub reason: String,
    pub attempts: i32,
    /// The bytes of the whole message. None: it is whole.
    #[serde(default)]
    pub original_bytes: Option<i64>,
    #[serde(default, with = "binary")]
    pub original_hash: Option<Bytes>,
}

/// A header may come several times, and without a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParkedHeader {
    pub name: String,
    #[serde(default, with = "binary")]
    pub value: Option<Bytes>,
}

impl From<ParkedMessage> for EventParked {
    fn from(message: ParkedMessage) -> Self {
        let ParkedMessage {
            topic,
            partition,
            offset,
            key,
            headers,
            payload,
            reason,
            attempts,
            original_bytes,
            original_hash,
        } = message;
        let headers = headers.into_iter().map(|(name, value)| ParkedHeader { name, value }).collect();
        EventParked {
            topic,
            partition,
            offset,
            key,
            headers,
            payload,
            reason,
            attempts,
            original_bytes,
            original_hash,
        }
    }
}
