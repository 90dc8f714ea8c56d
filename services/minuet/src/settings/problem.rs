//! What is wrong with a setting, in one line: its full name, where it came from, what it takes.

use std::fmt;

use minuet_messaging::topics::WrongSetting;
use minuet_text::secret::shown_urls;

use super::tree::{Source, Tree};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Unreadable { source: Source, detail: String },
    Unknown { key: String, source: Option<Source>, known: String },
    Missing { key: String },
    Bad { key: String, source: Option<Source>, detail: String },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from =
            |source: &Option<Source>| source.as_ref().map(|s| format!(" (from {s})")).unwrap_or_default();
        match self {
            Problem::Unreadable { source, detail } => write!(f, "{source}: {detail}"),
            Problem::Unknown { key, source, known } => {
                write!(f, "{key}{}: no such setting; {known}", from(source))
            }
            Problem::Missing { key } => write!(
                f,
                "{key} is missing{}: give it in minuet.toml, as {} or with --set {key}=...",
                takes(key).map(|takes| format!(" (it takes {takes})")).unwrap_or_default(),
                variable_of(key)
            ),
            Problem::Bad { key, source, detail } => {
                write!(f, "{key}{}: {}", from(source), shown_urls(detail))
            }
        }
    }
}

/// The environment variable of a setting.
pub(super) fn variable_of(key: &str) -> String {
    let upper = |text: &str| text.to_uppercase();
    match key.split_once('.') {
        None => format!("MINUET_{}", upper(key)),
        Some(("kafka", name)) => format!("MINUET_KAFKA__{}", upper(name).replace('.', "_")),
        Some((section, rest)) => format!("MINUET_{}__{}", upper(section), upper(rest).replace('.', "__")),
    }
}

/// What a setting without default takes, by example.
fn takes(key: &str) -> Option<&'static str> {
    match key.split_once('.')? {
        ("kafka", "bootstrap.servers") => Some("host:port, several with commas between them"),
        ("registry", "url") => Some("such as http://127.0.0.1:8081/apis/ccompat/v7"),
        (_, "database_url") => Some("postgres://USER:PASSWORD@HOST:PORT/DATABASE"),
        ("gateway", "order_url" | "inventory_url") => {
            Some("where that service listens, such as http://127.0.0.1:8091")
        }
        _ => None,
    }
}

impl Problem {
    /// librdkafka's words may repeat the value, except where it does not know the name.
    pub(super) fn from_librdkafka(wrong: WrongSetting, tree: &Tree) -> Problem {
        let key = format!("kafka.{}", wrong.name);
        let source = tree.source(&key).cloned();
        if wrong.detail.starts_with("No such configuration property") {
            return Problem::Unknown {
                key,
                source,
                known: "librdkafka's CONFIGURATION.md lists them".to_owned(),
            };
        }
        let detail = if is_secret(&key) { HIDDEN.to_owned() } else { wrong.detail };
        Problem::Bad { key, source, detail }
    }

    /// Reads serde's words: the names in them are all there is to say which key is unknown or missing.
    pub(super) fn from_serde(section: &str, path: &str, message: &str, tree: &Tree) -> Problem {
        let at = match path {
            "." | "" => section.to_owned(),
            path => format!("{section}.{path}"),
        };
        if let Some(rest) = message.strip_prefix("unknown field `") {
            let (name, rest) = rest.split_once('`').unwrap_or((rest, ""));
            // The path may or may not end with the unknown name already.
            let key = if at.rsplit('.').next() == Some(name) { at } else { format!("{at}.{name}") };
            let known = rest
                .trim_start_matches([',', ' '])
                .replace("expected one of", "there are")
                .replace("expected", "there is");
            return Problem::Unknown { source: tree.source(&key).cloned(), key, known };
        }
        if let Some(rest) = message.strip_prefix("missing field `") {
            let name = rest.split('`').next().unwrap_or(rest);
            return Problem::Missing { key: format!("{at}.{name}") };
        }
        let detail = if is_secret(&at) { without_value(message) } else { message.to_owned() };
        Problem::Bad { source: tree.source(&at).cloned(), key: at, detail }
    }
}

const HIDDEN: &str = "not accepted (the value is not shown)";

/// Settings whose value must not be shown, not even a wrong one.
fn is_secret(key: &str) -> bool {
    const WORDS: &[&str] = &[
        "secret",
        "password",
        "url",
        "endpoint",
        "servers",
        "header",
        "token",
        "key",
        "pem",
        "credential",
        "jaas",
        "oauthbearer",
        "kinit",
    ];
    WORDS.iter().any(|word| key.contains(word))
}

/// serde's complaints end with what was expected; what was found stands before that.
fn without_value(message: &str) -> String {
    match message.rsplit_once("expected ") {
        Some((_, expected)) => format!("expected {expected} (the value is not shown)"),
        // Only what was expected: a value stands in quotation marks.
        None if !message.contains(['"', '`']) => message.to_owned(),
        None => HIDDEN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_variable() {
        assert_eq!(variable_of("topic_prefix"), "MINUET_TOPIC_PREFIX");
        assert_eq!(variable_of("order.database_url"), "MINUET_ORDER__DATABASE_URL");
        assert_eq!(variable_of("payment.provider.seed"), "MINUET_PAYMENT__PROVIDER__SEED");
        assert_eq!(variable_of("kafka.bootstrap.servers"), "MINUET_KAFKA__BOOTSTRAP_SERVERS");
    }

    #[test]
    fn a_wrong_secret_stays_one() {
        let message = "invalid type: string \"hunter2\", expected a list";
        let problem = Problem::from_serde("gateway", "jwt_secret", message, &Tree::default());
        assert_eq!(problem.to_string(), "gateway.jwt_secret: expected a list (the value is not shown)");
    }
}
