//! The parked events of a service, for its admins:
//!
//! | | |
//! |---|---|
//! | `GET /v1/dead-letters?limit=&cursor=&reason=&key=&discarded=` | in the order in which they were parked |
//! | `GET /v1/dead-letters/{id}` | one, with its headers and its payload |
//! | `POST /v1/dead-letters/{id}/redrive?timeout_ms=` | 200 with what became of it and of those that wait for its key; 202 if that is not known in time |
//! | `POST /v1/dead-letters/{id}/discard` `{reason}` | 200 with how many still wait for its key; 409 if it was discarded before |

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use minuet_envelope::Contract;
use minuet_http::{Admin, AdminRoutes, FieldError, Problem, ProblemType, database_unavailable};
use minuet_identity::{ADMIN_PREFIX, Verifier};
use serde_json::{Value, json};
use tracing::info;

use crate::store::dead_letters::{
    DISCARD_REASON, DeadLetter, DeadLetterDetail, DeadLetterFilter, DeadLetters, RedriveOutcome,
    discard_reason,
};

const MAX_PAGE: u32 = 100;
const DEFAULT_PAGE: u32 = 20;
/// Default wait for the result of a redrive, in milliseconds.
const DEFAULT_WAIT_MS: u64 = 5_000;
const MAX_WAIT_MS: u64 = 30_000;
const MAX_BODY_BYTES: usize = 4 * 1024;

/// 409: the parked event was discarded before.
const ALREADY_DISCARDED: ProblemType = ProblemType::new(
    StatusCode::CONFLICT,
    "already-discarded",
    "The parked event was discarded before",
    "Look at the parked event: who discarded it, when and why. It stays discarded.",
);

type Parked<C> = State<Arc<AdminRoutes<DeadLetters<C>>>>;

pub(crate) fn dead_letter_routes<C: Contract>(
    letters: DeadLetters<C>,
    identity: Option<Arc<Verifier>>,
) -> Router {
    let routes = Router::new()
        .route("/v1/dead-letters", get(list::<C>))
        .route("/v1/dead-letters/{id}", get(show::<C>))
        .route("/v1/dead-letters/{id}/redrive", post(redrive::<C>))
        .route("/v1/dead-letters/{id}/discard", post(discard::<C>));
    AdminRoutes::router(routes, letters, identity)
}

async fn list<C: Contract>(
    State(admin): Parked<C>,
    _: Admin,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, Problem> {
    let mut which = which(given)?;
    let page = which.limit as usize;
    // One more than the page, to see whether there is a next page.
    which.limit += 1;
    let mut letters = admin.state.list(&which).await.map_err(|e| database_unavailable(&e))?;
    let more = letters.len() > page;
    letters.truncate(page);
    let cursor = letters.last().filter(|_| more).map(|letter: &DeadLetter| letter.id.to_string());
    Ok(Json(json!({"dead_letters": letters, "next_cursor": cursor})))
}

fn which(given: Vec<(String, String)>) -> Result<DeadLetterFilter, Problem> {
    let mut which =
        DeadLetterFilter { after: 0, discarded_too: false, limit: DEFAULT_PAGE, reason: None, key: None };
    let (mut errors, mut names) = (Vec::new(), Vec::new());
    for (name, value) in given {
        let wrong = match name.as_str() {
            _ if names.contains(&name) => Some(("repeated_parameter", "may be given once".to_owned())),
            "limit" => match value.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit)) {
                Some(limit) => {
                    which.limit = limit;
                    None
                }
                None => Some(("invalid_limit", format!("takes 1 to {MAX_PAGE}"))),
            },
            "cursor" => match value.parse() {
                Ok(after) => {
                    which.after = after;
                    None
                }
                Err(_) => Some(("invalid_cursor", "takes a next_cursor of an earlier answer".to_owned())),
            },
            "discarded" => match value.parse() {
                Ok(too) => {
                    which.discarded_too = too;
                    None
                }
                Err(_) => Some(("invalid_discarded", "takes true or false".to_owned())),
            },
            "reason" => {
                which.reason = Some(value);
                None
            }
            "key" => {
                which.key = Some(value);
                None
            }
            _ => Some(("unknown_parameter", "known are limit, cursor, reason, key and discarded".to_owned())),
        };
        errors.extend(wrong.map(|(code, detail)| FieldError::new(name.clone(), code, detail)));
        names.push(name);
    }
    if errors.is_empty() { Ok(which) } else { Err(Problem::with_errors(ProblemType::INVALID_QUERY, errors)) }
}

async fn show<C: Contract>(
    State(admin): Parked<C>,
    _: Admin,
    Path(id): Path<i64>,
) -> Result<Json<DeadLetterDetail>, Problem> {
    let found = admin.state.one(id).await.map_err(|e| database_unavailable(&e))?;
    found.map(Json).ok_or_else(unknown)
}

async fn redrive<C: Contract>(
    State(admin): Parked<C>,
    Admin(by): Admin,
    Path(id): Path<i64>,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let wait = wait(given)?;
    let asked = admin.state.ask(id).await.map_err(|e| database_unavailable(&e))?;
    if asked.is_empty() {
        let is_there = admin.state.one(id).await.map_err(|e| database_unavailable(&e))?.is_some();
        return Err(if is_there { discarded_before() } else { unknown() });
    }
    info!(
        dead_letter_id = id,
        dead_letters = asked.len(),
        user_id = by.user.as_str(),
        "redrive was requested"
    );
    let letters = admin.state.answered(&asked, wait).await.map_err(|e| database_unavailable(&e))?;
    let is_open = letters.iter().any(|letter| letter.outcome == RedriveOutcome::Pending);
    let status = if is_open { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(json!({"letters": letters}))).into_response())
}

fn wait(given: Vec<(String, String)>) -> Result<Duration, Problem> {
    let mut wait = DEFAULT_WAIT_MS;
    let mut errors = Vec::new();
    for (name, value) in given {
        match value.parse().ok().filter(|ms| *ms <= MAX_WAIT_MS) {
            Some(ms) if name == "timeout_ms" => wait = ms,
            _ if name != "timeout_ms" => {
                errors.push(FieldError::new(name, "unknown_parameter", "known is timeout_ms"));
            }
            _ => {
                errors.push(FieldError::new(name, "invalid_timeout_ms", format!("takes 0 to {MAX_WAIT_MS}")))
            }
        }
    }
    if errors.is_empty() {
        Ok(Duration::from_millis(wait))
    } else {
        Err(Problem::with_errors(ProblemType::INVALID_QUERY, errors))
    }
}

async fn discard<C: Contract>(
    State(admin): Parked<C>,
    Admin(by): Admin,
    Path(id): Path<i64>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let why = reason(body).await?;
    let by = format!("{ADMIN_PREFIX}{}", by.user);
    if let Some(waiting) = admin.state.discard(id, &by, &why).await.map_err(|e| database_unavailable(&e))? {
        info!(dead_letter_id = id, user_id = by, "dead letter was discarded");
        return Ok(Json(json!({"id": id, "discarded_by": by, "discard_reason": why, "waiting": waiting})));
    }
    let is_there = admin.state.one(id).await.map_err(|e| database_unavailable(&e))?.is_some();
    Err(if is_there { discarded_before() } else { unknown() })
}

async fn reason(body: Body) -> Result<String, Problem> {
    let too_large = |_| {
        Problem::new(ProblemType::BODY_TOO_LARGE, format!("a body may have up to {MAX_BODY_BYTES} bytes"))
    };
    let bytes = to_bytes(body, MAX_BODY_BYTES).await.map_err(too_large)?;
    let body = minuet_text::json::parse(&bytes)?;
    let wrong = |code, detail: String| {
        Err(Problem::with_errors(ProblemType::INVALID_REQUEST, vec![FieldError::new("reason", code, detail)]))
    };
    match body.get("reason") {
        Some(Value::String(reason)) => match discard_reason(reason) {
            Some(reason) => Ok(reason),
            None => wrong("invalid_reason", DISCARD_REASON.to_owned()),
        },
        Some(_) => wrong("wrong_type", "takes a text".to_owned()),
        None => wrong("required", "say why the event is given up".to_owned()),
    }
}

fn unknown() -> Problem {
    Problem::new(ProblemType::NOT_FOUND, "no event of this id is parked here; one that was redriven is gone")
}

fn discarded_before() -> Problem {
    Problem::new(ALREADY_DISCARDED, "this event was discarded; it is not redriven any more")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_query_is_taken_whole_or_not_at_all() {
        let good = which(pairs(&[("limit", "7"), ("cursor", "12"), ("discarded", "true"), ("key", "tea")]));
        let Ok(good) = good else { panic!("{good:?}") };
        assert_eq!(
            (good.limit, good.after, good.discarded_too, good.key.as_deref()),
            (7, 12, true, Some("tea"))
        );
        for wrong in [
            &[("limit", "0")][..],
            &[("limit", "101")],
            &[("cursor", "x")],
            &[("discarded", "yes")],
            &[("page", "2")],
            &[("limit", "1"), ("limit", "2")],
        ] {
            assert!(which(pairs(wrong)).is_err(), "{wrong:?}");
        }
    }
}
