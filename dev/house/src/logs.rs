//! The convention of log lines (docs/logging.md), over the macros of `tracing`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use crate::tokens::{end_of_item, is_cfg_test, is_punct, is_word};

const MACROS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
const MAX_MESSAGE: usize = 80;
/// Names of values that never go into a log line.
const SECRETS: [&str; 8] = [
    "authorization",
    "database_url",
    "jwt_secret",
    "password",
    "payload",
    "payment_token",
    "secret",
    "token",
];

/// The fields that a page declares: names in backticks in the first column of a table.
pub fn declared_fields(page: &str) -> BTreeSet<String> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    cells.flat_map(|cell| cell.split('`').step_by(2)).map(str::to_owned).collect()
}

/// What breaks the convention in these files, as `file:line: what`. Each message stands once in all of them.
pub fn log_mistakes(
    files: impl IntoIterator<Item = (impl AsRef<Path>, String)>,
    fields: &BTreeSet<String>,
) -> Vec<String> {
    let (mut wrong, mut messages) = (Vec::new(), BTreeMap::new());
    for (file, text) in files {
        let file = file.as_ref().display();
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut calls = Vec::new();
        collect(&tokens.into_iter().collect::<Vec<_>>(), &mut calls);
        for Call { line, arguments } in calls {
            let here = format!("{file}:{line}");
            wrong.extend(mistakes(&arguments, fields).into_iter().map(|what| format!("{here}: {what}")));
            if let Some(message) = message(&arguments)
                && let Some(first) = messages.insert(message.clone(), here.clone())
            {
                wrong.push(format!("{here}: {first} has the message {message:?} too"));
            }
        }
    }
    wrong
}

/// A macro call, with its arguments.
struct Call {
    line: usize,
    arguments: Vec<Vec<TokenTree>>,
}

fn collect(tokens: &[TokenTree], calls: &mut Vec<Call>) {
    let mut at = 0;
    while at < tokens.len() {
        if is_punct(tokens.get(at), '#')
            && let Some(TokenTree::Group(attribute)) = tokens.get(at + 1)
            && is_cfg_test(attribute)
        {
            at = end_of_item(tokens, at + 2);
            continue;
        }
        if let Some(TokenTree::Group(group)) = tokens.get(at) {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            if at > 1 && is_punct(tokens.get(at - 1), '!') && is_word(tokens.get(at - 2), &MACROS) {
                let split = inside.split(|token| is_punct(Some(token), ','));
                let arguments = split.map(<[TokenTree]>::to_vec).filter(|argument| !argument.is_empty());
                calls.push(Call { line: group.span_open().start().line, arguments: arguments.collect() });
            }
            collect(&inside, calls);
        }
        at += 1;
    }
}

/// The last argument, if it is a text and nothing else.
fn message(arguments: &[Vec<TokenTree>]) -> Option<String> {
    match arguments.last()?.as_slice() {
        [TokenTree::Literal(literal)] => {
            Some(literal.to_string().strip_prefix('"')?.strip_suffix('"')?.to_owned())
        }
        _ => None,
    }
}

fn mistakes(arguments: &[Vec<TokenTree>], fields: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(message) = message(arguments) else {
        return vec!["the last argument is no constant message".to_owned()];
    };
    if message.contains('{') {
        wrong.push(format!("{message:?} has a value in it: make it a field"));
    }
    let starts = message.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts || message.ends_with('.') || !message.contains(' ') || message.len() > MAX_MESSAGE {
        wrong.push(format!("{message:?} is no phrase: lower case, 2 words or more, at most {MAX_MESSAGE} characters, no full stop"));
    }
    for argument in &arguments[..arguments.len() - 1] {
        // `target: "librdkafka"`
        if is_word(argument.first(), &["target"]) && is_punct(argument.get(1), ':') {
            continue;
        }
        let text: TokenStream = argument.iter().cloned().collect();
        let text = text.to_string().replace(' ', "");
        let (name, value) = text.split_once('=').unwrap_or((&text, &text));
        let name = name.trim_start_matches(['%', '?']);
        if name == "error" && !value.contains("error_chain(") {
            wrong.push("`error` takes `error_chain(&error)`: the error with its causes".to_owned());
        }
        if name != "error" && value.contains("error_chain(") {
            wrong.push(format!("`{name}` holds an error: call it `error`"));
        }
        if !fields.contains(name) {
            wrong.push(format!("docs/logging.md knows no field `{name}`"));
        }
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let secrets = words.filter(|word| SECRETS.contains(word));
        wrong.extend(secrets.map(|word| format!("`{word}` must not be logged")));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Vec<String> {
        let fields = declared_fields("| field | meaning |\n|---|---|\n| `error`, `key` | `sku` |\n");
        let found = log_mistakes([("a.rs", text.to_owned())], &fields);
        found.into_iter().map(|one| one.trim_start_matches("a.rs:1: ").to_owned()).collect()
    }

    #[test]
    fn a_phrase_with_declared_fields_is_right() {
        let text = r#"fn f() { tracing::warn!(error = error_chain(&error), key, "publish failed; it is retried"); }"#;
        assert_eq!(wrong(text), [""; 0]);
        assert_eq!(wrong(r#"fn f() { debug!(target: "x", %key, "client reports an error") }"#), [""; 0]);
        assert_eq!(wrong(r#"#[cfg(test)] mod tests { fn f() { info!("Told.") } }"#), [""; 0]);
    }

    #[test]
    fn other_styles_are_found() {
        let phrase = |m: &str| {
            vec![format!(
                "{m:?} is no phrase: lower case, 2 words or more, at most 80 characters, no full stop"
            )]
        };
        assert_eq!(wrong(r#"fn f() { info!("publish_failed") }"#), phrase("publish_failed"));
        assert_eq!(wrong(r#"fn f() { info!("Publish failed.") }"#), phrase("Publish failed."));
        assert_eq!(wrong("fn f() { info!(key) }"), ["the last argument is no constant message"]);
        let value = ["\"publish of {key} failed\" has a value in it: make it a field"];
        assert_eq!(wrong(r#"fn f() { info!("publish of {key} failed") }"#), value);
        assert_eq!(
            wrong(r#"fn f() { info!(sku = 1, "product changed") }"#),
            ["docs/logging.md knows no field `sku`"]
        );
    }

    #[test]
    fn errors_have_one_name_and_all_their_causes() {
        let causes = ["`error` takes `error_chain(&error)`: the error with its causes"];
        assert_eq!(wrong(r#"fn f() { warn!(%error, "publish failed") }"#), causes);
        let name = ["`key` holds an error: call it `error`"];
        assert_eq!(wrong(r#"fn f() { warn!(key = error_chain(&e), "publish failed") }"#), name);
    }

    #[test]
    fn secrets_are_found_and_messages_stand_once() {
        let secret = ["`token` must not be logged"];
        assert_eq!(wrong(r#"fn f() { warn!(key = %request.token, "request refused") }"#), secret);
        let twice = "fn f() { warn!(\"publish failed\"); info!(\"publish failed\") }";
        assert_eq!(wrong(twice), ["a.rs:1 has the message \"publish failed\" too"]);
    }
}
