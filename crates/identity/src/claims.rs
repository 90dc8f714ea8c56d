//! The claims of a token, in every form that RFC 7519 allows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value;

use crate::refused::Refused;

/// The claims as they stand in the token; each method interprets its own. A claim that comes twice makes the token malformed
/// (RFC 7519, 4). Null counts as missing.
#[derive(Deserialize)]
pub(crate) struct Claims {
    sub: Option<Value>,
    scope: Option<Value>,
    exp: Option<Value>,
    nbf: Option<Value>,
    aud: Option<Value>,
}

impl Claims {
    /// `exp` is required, `nbf` is not. Both are a NumericDate: any JSON number of seconds since 1970.
    pub(crate) fn check_times(&self, now: SystemTime, skew: Duration) -> Result<(), Refused> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let expires = numeric_date(self.exp.as_ref())?.ok_or(Refused::Claims)?;
        if expires < now.saturating_sub(skew).as_secs_f64() {
            return Err(Refused::Expired);
        }
        match numeric_date(self.nbf.as_ref())? {
            Some(begins) if begins > now.saturating_add(skew).as_secs_f64() => Err(Refused::NotYetValid),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn subject(&self) -> Result<&str, Refused> {
        self.sub.as_ref().and_then(Value::as_str).ok_or(Refused::Claims)
    }

    pub(crate) fn names_an_audience(&self) -> bool {
        self.aud.is_some()
    }

    /// Scopes are words in one string (RFC 8693, 4.2), or a list of such strings.
    pub(crate) fn has_scope(&self, wanted: &str) -> Result<bool, Refused> {
        let scopes = match &self.scope {
            None => return Ok(false),
            Some(Value::Array(scopes)) => scopes.as_slice(),
            Some(scope) => std::slice::from_ref(scope),
        };
        let mut found = false;
        for scope in scopes {
            let words = scope.as_str().ok_or(Refused::Claims)?;
            found |= words.split(' ').any(|word| word == wanted);
        }
        Ok(found)
    }
}

fn numeric_date(claim: Option<&Value>) -> Result<Option<f64>, Refused> {
    claim.map(|value| value.as_f64().ok_or(Refused::Claims)).transpose()
}
