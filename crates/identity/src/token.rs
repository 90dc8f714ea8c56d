//! Reading tokens, and making those of development.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, EncodingKey, Header, Validation, decode, decode_header, encode};
use minuet_events::values::{UserId, ValueError};
use serde::Serialize;

use crate::claims::Claims;
use crate::keys::{KeyError, Keys};
use crate::refused::Refused;
use crate::settings::Settings;

/// How far the issuer's clock may differ from ours.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The scope that may see everybody's orders, and change products and stock.
const ADMIN: &str = "admin";

/// What marks an admin's name in an event. No token's `sub` may begin with it.
pub const ADMIN_PREFIX: &str = "admin:";

/// The claims of a token for development.
#[derive(Serialize)]
struct DevelopmentClaims {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    exp: u64,
}

/// Who asks. Made only from a token that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub user: UserId,
    pub admin: bool,
}

/// Verifies tokens against the configured keys.
pub struct Verifier {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
}

impl Settings {
    /// Reads the keys.
    pub fn verifier(&self) -> Result<Verifier, KeyError> {
        Ok(Verifier::new(Keys::load(self)?, self.jwt_issuer.clone(), self.jwt_audience.clone()))
    }
}

impl Verifier {
    fn new(keys: Keys, issuer: Option<String>, audience: Option<String>) -> Self {
        Verifier { keys, issuer, audience }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub fn verify(&self, token: &str) -> Result<Identity, Refused> {
        let header = decode_header(token).map_err(|error| refused(&error))?;
        // An extension that must be understood, and none is (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return Err(Refused::Algorithm);
        }
        let key = self.keys.find(header.kid.as_deref()).ok_or(Refused::Algorithm)?;
        let claims = decode::<Claims>(token, &key.decoding, &self.validation(key.algorithm))
            .map_err(|error| refused(&error))?
            .claims;
        // After the signature, before anything else: an expired token is told so, whatever else is wrong with it.
        claims.check_times(SystemTime::now(), CLOCK_SKEW)?;
        if self.audience.is_none() && claims.names_an_audience() {
            return Err(Refused::Claims);
        }
        // As it stands: normalising it could make one user of two.
        let user = UserId::parse(claims.subject()?).map_err(|_| Refused::Claims)?;
        user.check_admissible().map_err(|_| Refused::Claims)?;
        // This prefix marks an admin in events: no user may have it.
        if user.as_str().starts_with(ADMIN_PREFIX) {
            return Err(Refused::Claims);
        }
        Ok(Identity { user, admin: claims.has_scope(ADMIN)? })
    }

    /// What the library checks: signature, issuer and audience. It rounds times and refuses some that RFC 7519 allows:
    /// [`Claims`] checks them.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        let mut required = vec![];
        validation.validate_exp = false;
        validation.validate_aud = self.audience.is_some();
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

fn refused(error: &jsonwebtoken::errors::Error) -> Refused {
    match error.kind() {
        ErrorKind::ExpiredSignature => Refused::Expired,
        ErrorKind::ImmatureSignature => Refused::NotYetValid,
        ErrorKind::InvalidSignature => Refused::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::MissingAlgorithm => {
            Refused::Algorithm
        }
        ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::InvalidIssuer
        | ErrorKind::InvalidAudience
        | ErrorKind::InvalidSubject => Refused::Claims,
        _ => Refused::Malformed,
    }
}

/// A token for development could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the machine's clock is before 1970")]
    Clock,
    /// Nobody would believe it.
    #[error("{user}: a user may not begin with {ADMIN_PREFIX}; for an admin's token ask for the scope admin")]
    Reserved { user: UserId },
    #[error(transparent)]
    User(#[from] ValueError),
    #[error("cannot sign the token")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// A token that is believed for the time given by whoever has this `jwt_secret`.
pub fn development_token(
    secret: &str,
    user: &UserId,
    admin: bool,
    ttl: Duration,
) -> Result<String, TokenError> {
    if user.as_str().starts_with(ADMIN_PREFIX) {
        return Err(TokenError::Reserved { user: user.clone() });
    }
    user.check_admissible()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| TokenError::Clock)?;
    let claims = DevelopmentClaims {
        sub: user.to_string(),
        scope: admin.then_some(ADMIN),
        exp: now.saturating_add(ttl).as_secs(),
    };
    Ok(encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes()))?)
}
