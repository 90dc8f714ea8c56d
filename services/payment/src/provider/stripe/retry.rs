//! Which requests are sent again, by Stripe's pages on errors and on low-level error handling.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// With the first one.
pub(super) const MAX_ATTEMPTS: u32 = 3;
/// A longer pause is cut: the call above asks again, and is paused again.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Whether an answer says that the request may be sent again under the same key. A request without any answer always may.
///
/// Stripe's own word counts first. 409 is a lock or another request under the same key, 429 a rate limit, 5xx a fault there.
/// Everything else is an answer: a card error (402) asked again would be a second attempt on the customer's card.
pub(super) fn is_retried(status: StatusCode, headers: &HeaderMap) -> bool {
    match headers.get("stripe-should-retry").map(|value| value.as_bytes()) {
        Some(b"true") => true,
        Some(b"false") => false,
        Some(_) | None => {
            matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS) || status.is_server_error()
        }
    }
}

/// The pause that Stripe asks for.
pub(super) fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_PAUSE))
}

/// Before the attempt of this number, the first one being 0.
pub(super) fn back_off(attempt: u32) -> Duration {
    Duration::from_millis(250 << attempt.min(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_fault_is_retried_and_an_answer_is_not() {
        let retried = |status| is_retried(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
        for status in [409, 429, 500, 502, 503, 504] {
            assert!(retried(status), "{status}");
        }
        for status in [400, 401, 402, 403, 404, 424] {
            assert!(!retried(status), "{status}");
        }
    }

    #[test]
    fn stripes_own_word_counts_first() {
        assert!(!is_retried(StatusCode::INTERNAL_SERVER_ERROR, &headers("stripe-should-retry", "false")));
        assert!(is_retried(StatusCode::BAD_REQUEST, &headers("stripe-should-retry", "true")));
        assert!(is_retried(StatusCode::CONFLICT, &headers("stripe-should-retry", "perhaps")));
    }

    #[test]
    fn a_pause_is_as_long_as_asked_within_a_minute() {
        assert_eq!(pause(&headers("retry-after", "3")), Some(Duration::from_secs(3)));
        assert_eq!(pause(&headers("retry-after", "86400")), Some(MAX_PAUSE));
        assert_eq!(pause(&headers("retry-after", "Tue, 01 Dec 2026 04:00:00 GMT")), None);
        assert_eq!(pause(&HeaderMap::new()), None);
    }
}
