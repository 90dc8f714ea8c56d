use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

/// What a client prefers about waiting (RFC 7240). Preferences that are not known, or not understood, are ignored, as the
/// RFC wants it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefer {
    pub(crate) respond_async: bool,
    /// Already cut to the longest wait that is granted.
    pub(crate) wait: Option<Duration>,
}

impl Prefer {
    pub(crate) fn read(headers: &HeaderMap, longest: Duration) -> Self {
        let mut prefer = Prefer::default();
        let lines = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        for preference in lines.flat_map(|line| line.split(',')) {
            let (preference, _parameters) = preference.split_once(';').unwrap_or((preference, ""));
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("respond-async") {
                prefer.respond_async = true;
            } else if name.eq_ignore_ascii_case("wait") && prefer.wait.is_none() {
                // The first one counts (RFC 7240, 2).
                prefer.wait = value.parse().ok().map(|seconds| Duration::from_secs(seconds).min(longest));
            }
        }
        prefer
    }

    /// The value of `Preference-Applied`, if one was.
    pub(crate) fn applied(self) -> Option<HeaderValue> {
        match (self.wait, self.respond_async) {
            (Some(wait), _) => HeaderValue::try_from(format!("wait={}", wait.as_secs())).ok(),
            (None, true) => Some(HeaderValue::from_static("respond-async")),
            (None, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Prefer {
        let headers =
            HeaderMap::from_iter([("prefer".parse().unwrap(), HeaderValue::from_str(value).unwrap())]);
        Prefer::read(&headers, Duration::from_secs(30))
    }

    #[test]
    fn reads_what_it_knows_and_ignores_the_rest() {
        assert_eq!(read("respond-async"), Prefer { respond_async: true, wait: None });
        assert_eq!(read("return=minimal, Wait = 7;x=y").wait, Some(Duration::from_secs(7)));
        assert_eq!(read("wait=\"3\", wait=9").wait, Some(Duration::from_secs(3)));
        for nonsense in ["wait", "wait=", "wait=-1", "wait=soon", "wait=1.5", ",;=,"] {
            assert_eq!(read(nonsense), Prefer::default(), "{nonsense}");
        }
    }

    #[test]
    fn a_long_wait_is_cut_and_the_answer_says_so() {
        let prefer = read("wait=86400");
        assert_eq!(prefer.wait, Some(Duration::from_secs(30)));
        assert_eq!(prefer.applied().unwrap(), "wait=30");
        assert_eq!(read("respond-async").applied().unwrap(), "respond-async");
        assert_eq!(read("return=minimal").applied(), None);
    }
}
