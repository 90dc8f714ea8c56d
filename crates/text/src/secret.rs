//! Addresses without the secrets in them: user and password before `@`, and what follows `?` or `#`, where keys and tokens
//! are.

use std::borrow::Cow;

const HIDDEN: &str = "***";

/// A URL as an error, a span or a page may show it. What is before its last `@` is hidden, so that no password shows that was
/// written without the escapes it needs.
///
/// ```
/// use minuet_text::secret::shown_url;
///
/// assert_eq!(shown_url("http://anna:pass@word@host:8081/v7?key=k"), "http://***@host:8081/v7?***");
/// assert_eq!(shown_url("host:9092"), "host:9092");
/// ```
///
/// A text that is no URL may be a password by mistake: the caller must not show it.
pub fn shown_url(url: &str) -> String {
    let (scheme, rest) = match url.find(SEPARATOR) {
        Some(at) => url.split_at(at + SEPARATOR.len()),
        None => ("", url),
    };
    let mut shown = scheme.to_owned();
    push_shown(&mut shown, rest);
    shown
}

/// The text with each URL in it as [`shown_url`] shows it. For errors and log lines of other libraries. A URL ends at white space
/// and at quotation marks.
///
/// ```
/// use minuet_text::secret::shown_urls;
///
/// let error = "error sending request for url (http://anna:pw@host/path?key=k): refused";
/// assert_eq!(shown_urls(error), "error sending request for url (http://***@host/path?***): refused");
/// ```
pub fn shown_urls(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(SEPARATOR) else { return Cow::Borrowed(text) };
    if !text[first..].contains(['@', '?', '#']) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SEPARATOR) {
        let (before, url) = rest.split_at(at + SEPARATOR.len());
        shown.push_str(before);
        let end = url.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(url.len());
        let url = &url[..end];
        // A sentence may go on without a blank.
        let address = url.trim_end_matches([')', ']', '}', '>', ',', ';', ':', '.', '\\']);
        push_shown(&mut shown, address);
        shown.push_str(&url[address.len()..]);
        rest = &rest[before.len() + end..];
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// As [`shown_urls`], and with each `user:password@` hidden that has no scheme before it. For log lines of other libraries: an
/// HTTP client names the authority that it connects to. Names of ours may look so too, such as `admin:anna@example.com`.
///
/// ```
/// use minuet_text::secret::shown_authorities;
///
/// assert_eq!(shown_authorities("idle connection for (anna:pw@host:80)"), "idle connection for (***@host:80)");
/// ```
pub fn shown_authorities(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return shown_urls(text);
    }
    let mut shown = String::with_capacity(text.len());
    for piece in shown_urls(text).split_inclusive(|c: char| c.is_whitespace() || "\"(,=[{<".contains(c)) {
        match piece.rsplit_once('@') {
            Some((user, host)) if user.contains(':') && !user.ends_with(HIDDEN) => {
                shown.push_str(HIDDEN);
                shown.push('@');
                shown.push_str(host);
            }
            _ => shown.push_str(piece),
        }
    }
    Cow::Owned(shown)
}

const SEPARATOR: &str = "://";
/// Stays, so that messages can say what a URL looks like.
const PLACEHOLDER: &str = "USER:PASSWORD";

/// What follows the scheme.
fn push_shown(shown: &mut String, address: &str) {
    let address = match address.rsplit_once('@') {
        Some((user, host)) => {
            shown.push_str(if user == PLACEHOLDER { PLACEHOLDER } else { HIDDEN });
            shown.push('@');
            host
        }
        None => address,
    };
    match address.find(['?', '#']) {
        Some(at) => {
            shown.push_str(&address[..=at]);
            if at + 1 < address.len() {
                shown.push_str(HIDDEN);
            }
        }
        None => shown.push_str(address),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_shows_its_host_and_its_path_only() {
        let shown = [
            ("postgres://minuet:geheim@db:5432/orders", "postgres://***@db:5432/orders"),
            ("http://geheim@host", "http://***@host"),
            ("http://u:ge/heim?#@host/v7", "http://***@host/v7"),
            ("http://host/v7?token=geheim", "http://host/v7?***"),
            ("http://host/v7#geheim", "http://host/v7#***"),
            ("u:geheim@host:9092", "***@host:9092"),
            ("http://127.0.0.1:8081/apis/ccompat/v7", "http://127.0.0.1:8081/apis/ccompat/v7"),
            ("", ""),
        ];
        for (url, wanted) in shown {
            assert_eq!(shown_url(url), wanted);
        }
    }

    #[test]
    fn the_urls_in_a_text_are_found() {
        let shown = [
            ("no url", "no url"),
            ("http://host/a, then http://u:geheim@b:1/c.", "http://host/a, then http://***@b:1/c."),
            (r#"{"url":"http://u:geheim@h/?k=geheim\"","n":1}"#, r#"{"url":"http://***@h/?***\"","n":1}"#),
            ("to ftp://a:geheim@b?x=geheim: refused, see x@y", "to ftp://***@b?***: refused, see x@y"),
            ("'http://u:ge'heim@h', `http://u:geheim@h`", "'http://***@h', `http://***@h`"),
            ("postgres://USER:PASSWORD@HOST:PORT/DATABASE", "postgres://USER:PASSWORD@HOST:PORT/DATABASE"),
            ("://", "://"),
        ];
        for (text, wanted) in shown {
            assert_eq!(shown_urls(text), wanted);
        }
    }

    #[test]
    fn the_authorities_in_a_text_are_found() {
        let shown = [
            (r#"{"message":"for (\"http\", u:geheim@h:1)"}"#, r#"{"message":"for (\"http\", ***@h:1)"}"#),
            ("a=u:geheim@h, to anna@example.com at 12:30", "a=***@h, to anna@example.com at 12:30"),
            ("http://u:geheim@h/", "http://***@h/"),
        ];
        for (text, wanted) in shown {
            assert_eq!(shown_authorities(text), wanted);
        }
    }

    proptest! {
        /// JSON stays JSON, and no secret stays.
        #[test]
        fn a_line_of_json_stays_one(user in "[^@ ]{0,5}", password in "[^@\\s\"]{8,12}", rest in ".{0,20}") {
            let text = serde_json::to_string(&format!("at http://{user}:{password}@host/ {rest}")).unwrap();
            let shown = shown_urls(&text);
            prop_assert!(serde_json::from_str::<String>(&shown).is_ok(), "{}", shown);
        }
    }
}
