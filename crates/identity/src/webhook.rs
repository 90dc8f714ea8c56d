//! Signatures of webhooks: `t=<seconds of Unix time>,v1=<HMAC-SHA256 in hex>`, made over `<seconds>.<body>` with a shared secret. It
//! is the scheme of Stripe's header `Stripe-Signature`.

use aws_lc_rs::hmac;

use crate::settings::Secret;

/// How far the time of a signature may lie from the receiver's, in seconds: a recorded request cannot be sent again later.
pub const WEBHOOK_TOLERANCE_SECONDS: i64 = 300;

/// More signatures in one header than any rotation of secrets needs.
const MAX_SIGNATURES: usize = 16;

/// Why a webhook's signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefused {
    /// The header is not of the form `t=...,v1=...`.
    #[error("the signature header is not of the form t=<seconds>,v1=<hex>")]
    Malformed,
    /// The signature is older, or lies further ahead, than [`WEBHOOK_TOLERANCE_SECONDS`].
    #[error("the signature's time is more than 300 seconds away from now")]
    Stale,
    /// No configured secret makes any of the signatures over this body.
    #[error("no signature is made with a known secret over this body")]
    Wrong,
}

impl WebhookRefused {
    /// One word, for metrics.
    pub const fn code(self) -> &'static str {
        match self {
            WebhookRefused::Malformed => "malformed",
            WebhookRefused::Stale => "stale",
            WebhookRefused::Wrong => "wrong",
        }
    }
}

/// The value of the header for this body.
///
/// ```
/// use minuet_identity::{Secret, sign_webhook, verify_webhook};
///
/// let (old, new) = (Secret::new("whsec_1"), Secret::new("whsec_2"));
/// let header = sign_webhook(&old, 1_800_000_000, b"{}");
/// assert!(verify_webhook(&[new, old], &header, b"{}", 1_800_000_100).is_ok());
/// ```
pub fn sign_webhook(secret: &Secret, seconds: i64, body: &[u8]) -> String {
    let mac = hmac::sign(&key(secret), &signed(seconds, body));
    let hex = mac.as_ref().iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"));
    format!("t={seconds},v1={hex}")
}

/// Checks the header against the raw bytes of the body. Signatures are compared in constant time. Several secrets may be valid while
/// one replaces another; a header may carry a signature by each of several secrets of the sender.
///
/// # Errors
/// Why the header is refused. The time is looked at before the signature, as it costs nothing.
pub fn verify_webhook(
    secrets: &[Secret],
    header: &str,
    body: &[u8],
    now_seconds: i64,
) -> Result<(), WebhookRefused> {
    let (seconds, signatures) = parse(header).ok_or(WebhookRefused::Malformed)?;
    if now_seconds.abs_diff(seconds) > WEBHOOK_TOLERANCE_SECONDS.unsigned_abs() {
        return Err(WebhookRefused::Stale);
    }
    let message = signed(seconds, body);
    let by = |secret: &Secret| {
        let key = key(secret);
        signatures.iter().any(|signature| hmac::verify(&key, &message, signature).is_ok())
    };
    if secrets.iter().any(by) { Ok(()) } else { Err(WebhookRefused::Wrong) }
}

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())
}

fn signed(seconds: i64, body: &[u8]) -> Vec<u8> {
    let mut message = format!("{seconds}.").into_bytes();
    message.extend_from_slice(body);
    message
}

/// Parts of other schemes (`v0`, of tests) are left out. A time that occurs twice could be read in two ways.
fn parse(header: &str) -> Option<(i64, Vec<[u8; 32]>)> {
    let (mut seconds, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", _) if seconds.is_some() => return None,
            ("t", text) => seconds = Some(digits(text)?),
            ("v1", text) if signatures.len() < MAX_SIGNATURES => signatures.push(from_hex(text)?),
            ("v1", _) => return None,
            _ => {}
        }
    }
    (!signatures.is_empty()).then_some((seconds?, signatures))
}

/// The signed text has the seconds in this one form: no sign, no zero before them.
fn digits(text: &str) -> Option<i64> {
    let seconds: i64 = text.parse().ok()?;
    (seconds >= 0 && seconds.to_string() == text).then_some(seconds)
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
