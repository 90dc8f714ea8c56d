use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::Edge;
use crate::problem::{Kind, Problem};
use crate::token::Identity;

impl FromRequestParts<Arc<Edge>> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let mut given = parts.headers.get_all(AUTHORIZATION).iter();
        let token = match (given.next(), given.next()) {
            (Some(only), None) => only.to_str().ok().and_then(bearer),
            _ => None,
        };
        let Some(token) = token else {
            let detail = "send one header authorization: Bearer <token>";
            return Err(Problem::new(Kind::Unauthenticated, detail).challenge(r#"Bearer realm="minuet""#));
        };
        edge.verifier.verify(token).map_err(|refused| {
            let challenge = r#"Bearer realm="minuet", error="invalid_token""#;
            Problem::new(Kind::Unauthenticated, refused.detail()).challenge(challenge)
        })
    }
}

/// The scheme's name is taken in any case (RFC 9110, 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Somebody whose token carries the scope `admin`.
pub(crate) struct Admin(pub(crate) Identity);

impl FromRequestParts<Arc<Edge>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let identity = Identity::from_request_parts(parts, edge).await?;
        if identity.admin { Ok(Admin(identity)) } else { Err(missing_scope()) }
    }
}

pub(crate) fn missing_scope() -> Problem {
    Problem::new(Kind::InsufficientScope, "this needs a token with the scope admin")
        .challenge(r#"Bearer realm="minuet", error="insufficient_scope", scope="admin""#)
}
