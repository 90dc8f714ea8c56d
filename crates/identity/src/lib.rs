//! Who asks over HTTP, and how a request is refused: the same at the gateway and at each service.
//!
//! **What it promises.** An [`Identity`] is made only from a token whose signature one of the configured keys verifies, with
//! the one algorithm that this key is for; what a token says about itself only picks among the keys of a set. An [`Admin`]
//! carries the scope `admin` besides. Whatever is refused is refused with a [`Problem`] (RFC 9457), whose `type` is stable.
//!
//! **Its state**: the keys. [`follow`] takes over a key set whenever its file changes.
//!
//! **When things fail.** A key file that cannot be used stops the start; one that cannot be read any more later on leaves the
//! keys as they were.

mod claims;
mod keys;
mod refused;
mod reload;
mod settings;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests;
mod token;

pub use keys::KeyError;
pub use refused::Refused;
pub use reload::follow;
pub use settings::{KEYS, Secret, Settings, SettingsError};
pub use token::{ADMIN_PREFIX, Identity, TokenError, Verifier, development_token};
