//! Verification of tokens.

use std::time::{Duration, SystemTime};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};

use crate::claims::Claims;
use crate::keys::{KeyError, Keys};
use crate::refused::Refused;
use crate::settings::Settings;
use crate::user_name::UserName;

/// How far the issuer's clock may differ from ours.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The scope of an admin's token.
pub(crate) const ADMIN: &str = "admin";

/// Marks the name of an admin where names of users and of admins stand in one field. No token's `sub` may begin with it.
pub const ADMIN_PREFIX: &str = "admin:";

/// The bearer of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`.
    pub user: UserName,
    /// Whether the token carries the scope `admin`.
    pub admin: bool,
}

/// Verifies tokens against the configured keys.
///
/// ```
/// use std::time::Duration;
/// use minuet_identity::{Refused, Secret, Settings, development_token};
///
/// const SECRET: &str = "at least 32 bytes, and for development only";
/// let settings = Settings { jwt_secret: Some(Secret::new(SECRET)), ..Settings::default() };
/// let verifier = settings.verifier().expect("a key");
///
/// let token = development_token(SECRET, "anna", false, Duration::from_secs(60)).expect("a token");
/// let identity = verifier.verify(&token).expect("a valid token");
/// assert_eq!((identity.user.as_str(), identity.admin), ("anna", false));
/// assert_eq!(verifier.verify("nonsense"), Err(Refused::Malformed));
/// ```
pub struct Verifier {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
}

impl Settings {
    /// Reads the keys.
    ///
    /// # Errors
    /// No key is configured, its file cannot be read, or its file holds no usable key.
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

    /// The identity that the token proves.
    ///
    /// # Errors
    /// No configured key verifies the signature with its own algorithm, the token is not valid now, or a claim is missing or not
    /// accepted.
    pub fn verify(&self, token: &str) -> Result<Identity, Refused> {
        let header = decode_header(token).map_err(|error| refused(&error))?;
        // `crit` names extensions that a verifier must understand (RFC 7515, 4.1.11). This one understands none.
        if header.crit.is_some() {
            return Err(Refused::Algorithm);
        }
        let key = self.keys.find(header.kid.as_deref()).ok_or(Refused::Algorithm)?;
        let claims = decode::<Claims>(token, &key.decoding, &self.validation(key.algorithm))
            .map_err(|error| refused(&error))?
            .claims;
        // Times first: a token that has expired is refused as expired, whatever else is wrong with it.
        claims.check_times(SystemTime::now(), CLOCK_SKEW)?;
        if self.audience.is_none() && claims.names_an_audience() {
            return Err(Refused::Claims);
        }
        let user = UserName::parse(claims.subject()?).map_err(|_| Refused::Claims)?;
        if user.as_str().starts_with(ADMIN_PREFIX) {
            return Err(Refused::Claims);
        }
        Ok(Identity { user, admin: claims.has_scope(ADMIN)? })
    }

    /// The checks of the library: signature, issuer and audience. It rounds times, and refuses some that RFC 7519 allows, so
    /// [`Claims`] checks the times.
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
