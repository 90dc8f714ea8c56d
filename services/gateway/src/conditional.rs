//! Conditional requests (RFC 9110, 13): 304 where a client has the answer already, 412 where it would change what it has not seen.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use minuet_http::Problem;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::problems;

/// Of the tag, in bytes; in hexadecimal twice as many characters.
const TAG_BYTES: usize = 12;

/// 200 with the value and its tag, or 304 if `If-None-Match` names the tag.
pub(crate) fn show(headers: &HeaderMap, value: &impl Serialize) -> Result<Response, Problem> {
    let body = json(value)?;
    let tag = tag_of(&body);
    let mut response = if named(headers, &IF_NONE_MATCH).is_some_and(|tags| tags.weakly(Some(&tag))) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
    };
    // A tag is quoted hexadecimal, which fits a header.
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// Whether the request may change the value, which is `None` if there is none yet.
///
/// # Errors
/// 412: `If-Match` names another tag, or `If-None-Match` this one. 428: `is_required`, there is a value, and the request names no tag.
pub(crate) fn admit(
    headers: &HeaderMap,
    current: Option<&impl Serialize>,
    is_required: bool,
) -> Result<(), Problem> {
    let tag = current.map(json).transpose()?.map(|body| tag_of(&body));
    let (of, but) = (named(headers, &IF_MATCH), named(headers, &IF_NONE_MATCH));
    if is_required && tag.is_some() && of.is_none() && but.is_none() {
        let detail = "send If-Match with the ETag of what you have seen";
        return Err(Problem::new(problems::PRECONDITION_REQUIRED, detail));
    }
    let is_other = of.is_some_and(|tags| !tags.strongly(tag.as_deref()));
    let is_there = but.is_some_and(|tags| tags.weakly(tag.as_deref()));
    if is_other || is_there {
        let detail = match tag {
            Some(tag) => format!("it has changed since: its ETag is {tag}"),
            None => "there is nothing under this path yet".to_owned(),
        };
        return Err(Problem::new(problems::PRECONDITION_FAILED, detail));
    }
    Ok(())
}

/// Whether a change has to be compared with what there is.
pub(crate) fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(IF_MATCH) || headers.contains_key(IF_NONE_MATCH)
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|error| {
        tracing::error!(error = minuet_telemetry::error_chain(&error), "answer cannot be written as JSON");
        Problem::new(minuet_http::ProblemType::INTERNAL, "something went wrong here")
    })
}

/// The same bytes have the same tag, at each instance.
fn tag_of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hexadecimal: String = digest.iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hexadecimal}\"")
}

/// What `If-Match` or `If-None-Match` names.
enum Tags<'a> {
    Any,
    These(Vec<&'a str>),
}

impl Tags<'_> {
    /// Strong comparison (RFC 9110, 8.8.3.2): a weak tag is equal to none.
    fn strongly(&self, tag: Option<&str>) -> bool {
        match self {
            Tags::Any => tag.is_some(),
            Tags::These(tags) => tag.is_some_and(|tag| tags.contains(&tag)),
        }
    }

    fn weakly(&self, tag: Option<&str>) -> bool {
        match self {
            Tags::Any => tag.is_some(),
            Tags::These(tags) => {
                tag.is_some_and(|tag| tags.iter().any(|one| one.trim_start_matches("W/") == tag))
            }
        }
    }
}

fn named<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Tags<'a>> {
    let lines: Vec<&str> =
        headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default()).collect();
    if lines.is_empty() {
        return None;
    }
    let tags: Vec<&str> = lines.into_iter().flat_map(|line| line.split(',')).map(str::trim).collect();
    Some(if tags.contains(&"*") { Tags::Any } else { Tags::These(tags) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn tag(value: &str) -> String {
        tag_of(&json(&value).unwrap())
    }

    #[test]
    fn what_a_client_has_is_not_sent_again() {
        let first = show(&HeaderMap::new(), &"tea").unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[ETAG], tag("tea"));
        let again = |value: &str| show(&headers(&[(IF_NONE_MATCH, value)]), &"tea").unwrap().status();
        assert_eq!(again(&tag("tea")), StatusCode::NOT_MODIFIED);
        assert_eq!(again(&format!("\"x\", W/{}", tag("tea"))), StatusCode::NOT_MODIFIED);
        assert_eq!(again("*"), StatusCode::NOT_MODIFIED);
        assert_eq!(again(&tag("mug")), StatusCode::OK);
    }

    #[test]
    fn what_a_client_has_not_seen_is_not_changed() {
        let status = |pairs: &[(HeaderName, &str)], current: Option<&str>, is_required| {
            admit(&headers(pairs), current.as_ref(), is_required)
                .map_err(|problem| problem.problem_type().status().as_u16())
        };
        let (tea, mug) = (tag("tea"), tag("mug"));
        assert_eq!(status(&[(IF_MATCH, &tea)], Some("tea"), true), Ok(()));
        assert_eq!(status(&[(IF_MATCH, &mug)], Some("tea"), true), Err(412));
        assert_eq!(status(&[(IF_MATCH, &format!("W/{tea}"))], Some("tea"), true), Err(412), "weak");
        assert_eq!(status(&[(IF_MATCH, "*")], Some("tea"), true), Ok(()));
        assert_eq!(status(&[(IF_MATCH, "*")], None, true), Err(412));
        assert_eq!(status(&[(IF_NONE_MATCH, "*")], Some("tea"), true), Err(412));
        assert_eq!(status(&[(IF_NONE_MATCH, "*")], None, true), Ok(()));
        assert_eq!(status(&[], Some("tea"), true), Err(428));
        assert_eq!(status(&[], Some("tea"), false), Ok(()));
        assert_eq!(status(&[], None, true), Ok(()), "there is nothing to overwrite");
    }
}
