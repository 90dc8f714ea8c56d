//! The keys that verify tokens. The configured key decides the algorithm. The header of a token only picks among the keys of a
//! set, and never how a key is used.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use minuet_text::json::JsonError;
use parking_lot::RwLock;
use serde::Deserialize;

use crate::settings::Settings;

/// 2048 bits. The library refuses shorter RSA keys with every token; here they stop the start.
const MIN_RSA_MODULUS_BYTES: usize = 256;
/// An uncompressed point on P-256.
const P256_POINT_BYTES: usize = 65;
const ED25519_KEY_BYTES: usize = 32;

/// The configured key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the key file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is no PEM file, or its key is of another kind, too short, or private.
    #[error("{path} must hold one PEM public key: RSA of at least 2048 bits, P-256, or Ed25519")]
    Pem {
        /// The file.
        path: PathBuf,
    },
    /// The file is no JSON Web Key Set.
    #[error("{path} is not a JSON Web Key Set")]
    Json {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
    /// The set has no usable key, or is ambiguous.
    #[error("{path}: {problem}")]
    Set {
        /// The file.
        path: PathBuf,
        /// What is wrong with the set.
        problem: String,
    },
    /// No setting names a key.
    #[error("none of jwt_secret, jwt_public_key_file and jwks_file is set")]
    NotConfigured,
}

/// A key and the one algorithm that it is used with.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) decoding: DecodingKey,
    pub(crate) algorithm: Algorithm,
}

/// The keys of a set that can be used here.
pub(crate) enum Usable {
    ByKid(HashMap<String, Arc<Key>>),
    /// The set has one usable key. `kid`: the key's own name, if it has one.
    Only {
        key: Arc<Key>,
        kid: Option<String>,
    },
}

pub(crate) enum Keys {
    One(Arc<Key>),
    Set(KeySet),
}

/// The keys of a file that may be replaced while the process runs.
pub(crate) struct KeySet {
    path: PathBuf,
    current: RwLock<(Vec<u8>, Arc<Usable>)>,
}

impl Keys {
    pub(crate) fn load(settings: &Settings) -> Result<Self, KeyError> {
        match settings {
            Settings { jwt_secret: Some(secret), .. } => Ok(Keys::One(Arc::new(Key {
                decoding: DecodingKey::from_secret(secret.expose().as_bytes()),
                algorithm: Algorithm::HS256,
            }))),
            Settings { jwt_public_key_file: Some(path), .. } => {
                let pem = read(path)?;
                public_key(&pem)
                    .map(|key| Keys::One(Arc::new(key)))
                    .ok_or_else(|| KeyError::Pem { path: path.clone() })
            }
            Settings { jwks_file: Some(path), .. } => KeySet::load(path.clone()).map(Keys::Set),
            Settings { .. } => Err(KeyError::NotConfigured),
        }
    }

    /// The key for a token whose header has this `kid`. A single configured key is used for every `kid`.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<Arc<Key>> {
        match self {
            Keys::One(key) => Some(Arc::clone(key)),
            Keys::Set(set) => set.usable().find(kid).map(Arc::clone),
        }
    }
}

impl Usable {
    /// `kid` is optional, in a key and in a token (RFC 7517, 4.5; RFC 7515, 4.1.4). Where both have one they must be equal.
    fn find(&self, kid: Option<&str>) -> Option<&Arc<Key>> {
        match (self, kid) {
            (Usable::ByKid(keys), kid) => keys.get(kid?),
            (Usable::Only { kid: Some(own), .. }, Some(kid)) if kid != own => None,
            (Usable::Only { key, .. }, _) => Some(key),
        }
    }
}

impl KeySet {
    fn load(path: PathBuf) -> Result<Self, KeyError> {
        let bytes = read(&path)?;
        let keys = parse_set(&path, &bytes)?;
        Ok(KeySet { path, current: RwLock::new((bytes, Arc::new(keys))) })
    }

    fn usable(&self) -> Arc<Usable> {
        Arc::clone(&self.current.read().1)
    }

    /// Reads the file again, and returns whether it changed. Compares contents, since a rename within one tick of the file
    /// system's clock keeps the time. A file that cannot be used leaves the keys as they were.
    pub(crate) fn reload(&self) -> Result<bool, KeyError> {
        let bytes = read(&self.path)?;
        if self.current.read().0 == bytes {
            return Ok(false);
        }
        let keys = parse_set(&self.path, &bytes)?;
        *self.current.write() = (bytes, Arc::new(keys));
        Ok(true)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, KeyError> {
    std::fs::read(path).map_err(|source| KeyError::Read { path: path.to_owned(), source })
}

/// Only public keys. The library also takes a private key or a certificate, and then verifies nothing with it.
fn public_key(pem: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(pem).ok()?;
    if !text.contains("-----BEGIN PUBLIC KEY-----") && !text.contains("-----BEGIN RSA PUBLIC KEY-----") {
        return None;
    }
    if let Ok(decoding) = DecodingKey::from_ec_pem(pem) {
        return usable(Key { decoding, algorithm: Algorithm::ES256 });
    }
    if let Ok(decoding) = DecodingKey::from_ed_pem(pem) {
        return usable(Key { decoding, algorithm: Algorithm::EdDSA });
    }
    let decoding = DecodingKey::from_rsa_pem(pem).ok()?;
    usable(Key { decoding, algorithm: Algorithm::RS256 })
}

fn usable(key: Key) -> Option<Key> {
    let size = match key.decoding.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => bytes.len(),
        DecodingKeyKind::RsaModulusExponent { n, .. } => n.len(),
    };
    let fits = match key.algorithm {
        Algorithm::ES256 => size == P256_POINT_BYTES,
        Algorithm::EdDSA => size == ED25519_KEY_BYTES,
        _ => size >= MIN_RSA_MODULUS_BYTES,
    };
    fits.then_some(key)
}

/// Skips keys of other kinds (for encryption, of other curves), as RFC 7517 demands, and keys without a `kid` beside others.
fn parse_set(path: &Path, bytes: &[u8]) -> Result<Usable, KeyError> {
    let wrong = |problem: String| KeyError::Set { path: path.to_owned(), problem };
    let no_set = |source| KeyError::Json { path: path.to_owned(), source };
    let set = match minuet_text::json::parse(bytes) {
        Ok(set) => JwkSet::deserialize(set).map_err(no_set)?,
        Err(JsonError::Syntax(error)) => return Err(no_set(error)),
        Err(error @ JsonError::RepeatedName { .. }) => return Err(wrong(error.to_string())),
    };
    let mut keys = Vec::with_capacity(set.keys.len());
    for jwk in &set.keys {
        if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
            return Err(wrong(
                "a shared secret (kty oct) does not belong in a set of public keys".to_owned(),
            ));
        }
        keys.extend(from_jwk(jwk).map(|key| (jwk.common.key_id.clone(), Arc::new(key))));
    }
    if keys.is_empty() {
        return Err(wrong("no key is for RS256, ES256 or EdDSA".to_owned()));
    }
    if keys.len() == 1
        && let Some((kid, key)) = keys.pop()
    {
        return Ok(Usable::Only { key, kid });
    }
    let mut by_kid = HashMap::new();
    for (kid, key) in keys {
        let Some(kid) = kid else { continue };
        if by_kid.contains_key(&kid) {
            return Err(wrong(format!("two keys have the kid {kid:?}")));
        }
        by_kid.insert(kid, key);
    }
    if by_kid.is_empty() {
        return Err(wrong("of several keys each needs a kid".to_owned()));
    }
    Ok(Usable::ByKid(by_kid))
}

fn from_jwk(jwk: &Jwk) -> Option<Key> {
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    let for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let as_named = jwk.common.key_algorithm.is_none_or(|alg| alg == named);
    if !for_signatures || !as_named {
        return None;
    }
    usable(Key { decoding: DecodingKey::from_jwk(jwk).ok()?, algorithm })
}
