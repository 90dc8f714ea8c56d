use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// The size of the hash. A shorter secret is the weakest part of HS256 (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// The keys of [`Settings`], for programs that read them from a section with other keys.
pub const KEYS: &[&str] = &["jwt_secret", "jwt_public_key_file", "jwks_file", "jwt_issuer", "jwt_audience"];

/// The key that signs accepted tokens, and the claims that tokens must carry. Exactly one key is set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The shared secret of HS256 tokens, at least 32 bytes: for development. At most one of this and the next two is set.
    pub jwt_secret: Option<Secret>,
    /// A PEM file with one public key: RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA).
    pub jwt_public_key_file: Option<PathBuf>,
    /// A JSON Web Key Set; a token names its key by `kid`, which a set of one key does not need. Read again when the file changes.
    pub jwks_file: Option<PathBuf>,
    /// If set, a token must carry this `iss`.
    pub jwt_issuer: Option<String>,
    /// If set, a token must carry this `aud`. If not, a token with any `aud` is refused: it is meant for another system.
    pub jwt_audience: Option<String>,
}

/// A setting that must not be used as it stands.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {takes}")]
pub struct SettingsError {
    /// The name of the setting.
    pub key: &'static str,
    /// The values that the setting takes.
    pub takes: &'static str,
}

impl Settings {
    /// Whether any key is set.
    pub fn names_a_key(&self) -> bool {
        self.count() > 0
    }

    fn count(&self) -> usize {
        let keys = [self.jwt_secret.is_some(), self.jwt_public_key_file.is_some(), self.jwks_file.is_some()];
        keys.iter().filter(|set| **set).count()
    }

    /// Checks what the types do not: that exactly one key is set, and that a secret is long enough.
    ///
    /// # Errors
    /// The setting that is wrong, and what it takes.
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong = |takes| Err(SettingsError { key: "jwt_secret", takes });
        if self.count() != 1 {
            return wrong("exactly one of jwt_secret, jwt_public_key_file and jwks_file must be set");
        }
        if self.jwt_secret.as_ref().is_some_and(|secret| secret.expose().len() < MIN_SECRET_BYTES) {
            return wrong("takes at least 32 bytes");
        }
        Ok(())
    }
}

/// A secret. Its `Debug` form hides it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides this text.
    pub fn new(secret: impl Into<String>) -> Self {
        Secret(secret.into())
    }

    /// The secret itself, for the place that signs with it or sends it. It belongs in no log, error or span.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}
