//! The bearer token of a request (RFC 6750).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use minuet_identity::{Identity, Verifier};

use crate::caller_limits::CallerLimits;
use crate::problem::{Problem, ProblemType};

/// The state of a router whose handlers take [`Authenticated`] or [`Admin`].
///
/// ```
/// use std::sync::Arc;
///
/// use axum::Router;
/// use axum::routing::get;
/// use minuet_http::{Authenticated, Guarded};
/// use minuet_identity::{Secret, Settings, Verifier};
///
/// struct Shared(Verifier);
///
/// impl Guarded for Shared {
///     fn verifier(&self) -> Option<&Verifier> {
///         Some(&self.0)
///     }
/// }
///
/// async fn hello(Authenticated(caller): Authenticated) -> String {
///     format!("hello, {}", caller.user)
/// }
///
/// # fn main() -> Result<(), minuet_identity::KeyError> {
/// let secret = Secret::new("at least 32 bytes, and for development only");
/// let settings = Settings { jwt_secret: Some(secret), ..Settings::default() };
/// let shared = Arc::new(Shared(settings.verifier()?));
/// let router: Router = Router::new().route("/hello", get(hello)).with_state(shared);
/// # Ok(())
/// # }
/// ```
pub trait Guarded: Send + Sync {
    /// `None`: this process has no key, and refuses every token.
    fn verifier(&self) -> Option<&Verifier>;

    /// How many requests one user may send. `None`: any number.
    fn caller_limits(&self) -> Option<&CallerLimits> {
        None
    }
}

/// The identity that the request's bearer token proves. As an extractor it answers 401 without a valid token, and 429 if the user has sent
/// too many requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated(pub Identity);

impl<S: Guarded> FromRequestParts<Arc<S>> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Problem> {
        let refused = |detail| {
            let challenge = r#"Bearer realm="minuet", error="invalid_token""#;
            Problem::new(ProblemType::UNAUTHENTICATED, detail).challenge(challenge)
        };
        let mut given = parts.headers.get_all(AUTHORIZATION).iter();
        let token = match (given.next(), given.next()) {
            (Some(only), None) => only.to_str().ok().and_then(bearer),
            _ => None,
        };
        let Some(token) = token else {
            let detail = "send one header authorization: Bearer <token>";
            return Err(
                Problem::new(ProblemType::UNAUTHENTICATED, detail).challenge(r#"Bearer realm="minuet""#)
            );
        };
        let Some(verifier) = state.verifier() else {
            return Err(refused(
                "no token is accepted here: jwt_secret, jwt_public_key_file and jwks_file are not set",
            ));
        };
        let identity = verifier.verify(token).map_err(|error| refused(error.detail()))?;
        if let Some(limits) = state.caller_limits() {
            limits.take_user(identity.user.as_str(), &parts.extensions)?;
        }
        Ok(Authenticated(identity))
    }
}

/// The case of the scheme does not matter (RFC 9110, 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// An identity whose token carries the scope `admin`. As an extractor it answers 401 without a valid token, and 403 without
/// the scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin(pub Identity);

impl<S: Guarded> FromRequestParts<Arc<S>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<S>) -> Result<Self, Problem> {
        if let Some(verified) = parts.extensions.get::<Admin>() {
            return Ok(verified.clone());
        }
        let Authenticated(identity) = Authenticated::from_request_parts(parts, state).await?;
        if identity.admin { Ok(Admin(identity)) } else { Err(missing_scope()) }
    }
}

/// 403: the token is valid, but lacks the scope `admin`.
pub fn missing_scope() -> Problem {
    Problem::new(ProblemType::INSUFFICIENT_SCOPE, "this needs a token with the scope admin")
        .challenge(r#"Bearer realm="minuet", error="insufficient_scope", scope="admin""#)
}
