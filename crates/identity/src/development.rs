//! Tokens for development and tests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use crate::user_name::{UserName, UserNameError};
use crate::verifier::{ADMIN, ADMIN_PREFIX};

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    exp: u64,
}

/// A token for development cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The clock of the machine is wrong.
    #[error("the machine's clock is before 1970")]
    Clock,
    /// The text is no name of a user.
    #[error(transparent)]
    User(#[from] UserNameError),
    /// Every verifier would refuse the token.
    #[error("{user}: a user may not begin with {ADMIN_PREFIX}; for an admin's token ask for the scope admin")]
    Reserved {
        /// The name that begins with [`ADMIN_PREFIX`].
        user: UserName,
    },
    /// The token cannot be signed.
    #[error("cannot sign the token")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// A token (HS256) that a [`crate::Verifier`] with this `jwt_secret` accepts for the time `ttl`.
///
/// # Errors
/// `user` is no [`UserName`] or begins with [`ADMIN_PREFIX`], or the machine's clock is before 1970.
pub fn development_token(secret: &str, user: &str, admin: bool, ttl: Duration) -> Result<String, TokenError> {
    let user = UserName::parse(user)?;
    if user.as_str().starts_with(ADMIN_PREFIX) {
        return Err(TokenError::Reserved { user });
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| TokenError::Clock)?;
    let claims =
        Claims { sub: user.as_str(), scope: admin.then_some(ADMIN), exp: now.saturating_add(ttl).as_secs() };
    Ok(encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes()))?)
}
