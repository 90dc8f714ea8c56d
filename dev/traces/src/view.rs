//! The pages: the latest traces, and one trace as a waterfall. Plain HTML, no script, nothing from elsewhere.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::span::Span;
use crate::store::Store;
use crate::tree::Tree;

const STYLE: &str = include_str!("view.css");
const LATEST: usize = 200;
const ORDER: &str = "order.id";

/// Those in which an order is named.
pub(crate) async fn orders(State(store): State<Arc<Store>>) -> Html<String> {
    let traces = store.latest(LATEST, |spans| spans.iter().any(|span| span.attribute(ORDER).is_some()));
    list("Latest traces of orders", "<a href=\"/all\">everything else too</a>", traces)
}

pub(crate) async fn all(State(store): State<Arc<Store>>) -> Html<String> {
    list("Latest traces", "<a href=\"/\">those of orders only</a>", store.latest(LATEST, |_| true))
}

fn list(title: &str, beside: &str, traces: Vec<Vec<Span>>) -> Html<String> {
    let mut rows = String::new();
    for spans in traces {
        let Some(root) = spans.iter().find(|span| span.parent_id.is_empty()).or(spans.first()) else {
            continue;
        };
        let order = spans.iter().find_map(|span| span.attribute(ORDER)).unwrap_or_default();
        let errors = spans.iter().filter(|span| span.error.is_some()).count();
        put(
            &mut rows,
            format_args!(
                "<tr><td><a href=\"/trace/{id}\">{name}</a></td><td class=id>{order}</td><td class=n>{count}</td>\
                 <td class=n>{ms}</td><td class=bad>{errors}</td></tr>",
                id = escaped(&root.trace_id),
                name = escaped(&root.name),
                order = escaped(order),
                count = spans.len(),
                ms = millis(&spans),
                errors = if errors == 0 { String::new() } else { errors.to_string() },
            ),
        );
    }
    let head = "<tr><th>root<th>order<th>spans<th>ms<th>errors</tr>";
    page("traces", &format!("<h1>{title} <small>{beside}</small></h1><table>{head}{rows}</table>"))
}

/// An order's own trace, which is its first.
pub(crate) async fn order(State(store): State<Arc<Store>>, Path(id): Path<String>) -> Response {
    match store.traces_of(&id).first() {
        Some(trace) => Redirect::to(&format!("/trace/{trace}")).into_response(),
        None => page(
            "no trace yet",
            "<meta http-equiv=refresh content=1><h1>No trace of this order yet</h1>\
             <p>Spans come in some seconds after the work: this page looks again by itself. <a href=\"/\">all traces</a>",
        )
        .into_response(),
    }
}

pub(crate) async fn trace(State(store): State<Arc<Store>>, Path(id): Path<String>) -> Html<String> {
    let spans = store.trace(&id);
    let begin = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let end = spans.iter().map(|span| span.end).max().unwrap_or_default();
    let whole = (end - begin).max(1) as f64;
    let percent = |nanos: u64| nanos as f64 * 100.0 / whole;
    let tree = Tree::of(spans);
    let mut rows = String::new();
    for (depth, span) in &tree.rows {
        let (left, width) = (percent(span.start - begin), percent(span.end.saturating_sub(span.start)));
        put(
            &mut rows,
            format_args!(
                "<details id=\"{id}\"><summary><span class=name style=\"padding-left:{indent}em\">{name} \
                 <i>{service}</i> <span class=bad>{error}</span></span><span class=lane><span class=\"bar {class}\" \
                 style=\"left:{left:.3}%;width:{width:.3}%\"></span></span><span class=ms>{ms:.1}</span></summary>{more}</details>",
                id = escaped(&span.span_id),
                indent = depth,
                name = escaped(&span.name),
                error = escaped(span.error.as_deref().unwrap_or_default()),
                service = escaped(span.service.strip_prefix("minuet-").unwrap_or(&span.service)),
                class = if span.error.is_some() {
                    "error".to_owned()
                } else {
                    format!("{:?}", span.kind).to_lowercase()
                },
                ms = span.end.saturating_sub(span.start) as f64 / 1e6,
                more = details(span, begin),
            ),
        );
    }
    let spans = || tree.rows.iter().map(|(_, span)| span);
    let order = spans().find_map(|span| span.attribute(ORDER)).unwrap_or_default();
    let body = format!(
        "<p><a href=\"/\">all traces</a><h1>{name} <span class=id>{order}</span></h1>\
         <p>trace <span class=id>{id}</span>: {count} spans, {ms:.1} ms; a click on a span shows what it holds{missing}</p>{rows}",
        name = escaped(spans().next().map_or("no such trace", |span| &span.name)),
        order = escaped(order),
        id = escaped(&id),
        count = tree.rows.len(),
        ms = whole / 1e6,
        missing = if tree.orphans.is_empty() { "" } else { "; some spans have not arrived (yet): reload" },
    );
    page(&id, &body)
}

fn details(span: &Span, begin: u64) -> String {
    let mut rows = String::new();
    let mut row = |key: &str, value: &str| {
        put(&mut rows, format_args!("<tr><th>{}<td>{}", escaped(key), escaped(value)));
    };
    row("begins", &format!("{:.1} ms", span.start.saturating_sub(begin) as f64 / 1e6));
    row("kind", &format!("{:?}", span.kind));
    if let Some(error) = &span.error {
        row("error", error);
    }
    for (key, value) in &span.attributes {
        row(key, value);
    }
    for (name, attributes) in &span.events {
        let text: Vec<String> = attributes.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        row(name, &text.join("; "));
    }
    for (trace, id, why) in &span.links {
        put(
            &mut rows,
            format_args!(
                "<tr><th>link<td><a href=\"/trace/{0}#{1}\">{2}</a>",
                escaped(trace),
                escaped(id),
                escaped(why)
            ),
        );
    }
    format!("<table>{rows}</table>")
}

fn millis(spans: &[Span]) -> u64 {
    let begin = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let end = spans.iter().map(|span| span.end).max().unwrap_or_default();
    (end - begin) / 1_000_000
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{} - Minuet</title><style>{STYLE}</style>{body}",
        escaped(title)
    ))
}

/// Anybody may send a span here: nothing of it is taken for HTML, and nothing of it is invisible.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in minuet_text::escaped(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Writing to a String cannot fail.
fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    if out.write_fmt(what).is_err() {
        out.push('?');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_no_html() {
        assert_eq!(escaped("<script>'\"&"), "&lt;script&gt;&#39;&quot;&amp;");
        assert_eq!(escaped("a\u{202e}b"), r"a\u202eb");
    }
}
