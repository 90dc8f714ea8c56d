//! Verifies JSON Web Tokens: who asks, and whether as an admin. Pure apart from reading key files; HTTP is elsewhere.
//!
//! **What it promises.** An [`Identity`] comes only from a token whose signature a configured key verifies, with the one algorithm
//! of that key: RS256, ES256, EdDSA, or HS256 for development. The header of a token only picks among the keys of a set. A token
//! must carry `exp` and `sub`, and `iss` and `aud` if they are configured; it may carry them in every form that RFC 7519 allows.
//!
//! **Its state**: the keys, in memory. [`follow`] reads a key set again whenever its file changes, so that keys rotate without a
//! restart.
//!
//! **When things fail.** A key file that cannot be used stops the start. Later, a file that cannot be read or used leaves the keys
//! as they were, and the first failure is logged. A refused token yields a [`Refused`], which tells its bearer no secret.
//!
//! Settings name one key ([`Settings`]); [`Settings::verifier`] reads it; [`Verifier::verify`] checks a token. Tests and
//! development sign their own tokens by [`development_token`]. Webhooks carry no token but a signature over their bytes:
//! [`verify_webhook`].

#![warn(missing_docs)]

/// The code of README.md is compiled with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod claims;
mod development;
mod keys;
mod refused;
mod reload;
mod settings;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests;
mod user_name;
mod verifier;
mod webhook;

pub use development::{TokenError, development_token};
pub use keys::KeyError;
pub use refused::Refused;
pub use reload::follow;
pub use settings::{KEYS, Secret, Settings, SettingsError};
pub use user_name::{UserName, UserNameError};
pub use verifier::{ADMIN_PREFIX, Identity, Verifier};
pub use webhook::{WEBHOOK_TOLERANCE_SECONDS, WebhookRefused, sign_webhook, verify_webhook};
