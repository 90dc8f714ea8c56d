//! The key that every request carries.

use std::io;
use std::path::PathBuf;

use minuet_identity::Secret;
use parking_lot::RwLock;
use reqwest::header::HeaderValue;

use super::settings::{StripeSettings, is_key};

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("payment.provider.stripe.secret_key_file: {path} cannot be read")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "payment.provider.stripe.{setting} holds no secret key: it takes one line that begins with sk_ or rk_ (the value is not shown)"
    )]
    NoKey { setting: &'static str },
    #[error("payment.provider.stripe: set secret_key_file, or secret_key, where kind is stripe")]
    Missing,
}

/// From a file or the environment. A file is read again once Stripe no longer takes the key: the key may be rotated while the
/// service runs.
pub(super) struct SecretKey {
    file: Option<PathBuf>,
    header: RwLock<HeaderValue>,
}

impl SecretKey {
    pub(super) fn open(settings: &StripeSettings) -> Result<Self, KeyError> {
        let header = match (&settings.secret_key_file, &settings.secret_key) {
            (Some(path), _) => read(path)?,
            (None, Some(key)) => bearer(key, "secret_key")?,
            (None, None) => return Err(KeyError::Missing),
        };
        Ok(SecretKey { file: settings.secret_key_file.clone(), header: RwLock::new(header) })
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.header.read().clone()
    }

    /// Whether the file has another key than the one that was refused.
    pub(super) fn renew(&self, refused: &HeaderValue) -> bool {
        let Some(path) = &self.file else { return false };
        match read(path) {
            Ok(header) if header != *refused => {
                *self.header.write() = header;
                true
            }
            // An unreadable file leaves the key as it was: the refusal is what is told.
            Ok(_) | Err(_) => false,
        }
    }
}

fn read(path: &PathBuf) -> Result<HeaderValue, KeyError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| KeyError::Unreadable { path: path.clone(), source })?;
    bearer(&Secret::new(text), "secret_key_file")
}

fn bearer(key: &Secret, setting: &'static str) -> Result<HeaderValue, KeyError> {
    let key = key.expose().trim();
    let header = HeaderValue::from_str(&format!("Bearer {key}")).ok().filter(|_| is_key(key));
    let mut header = header.ok_or(KeyError::NoKey { setting })?;
    header.set_sensitive(true);
    Ok(header)
}
