//! W3C Trace Context and Baggage, as far as they travel in an event's headers.
//! <https://www.w3.org/TR/trace-context/>, <https://www.w3.org/TR/baggage/>

use std::fmt::{Display, Write};

use uuid::Uuid;

use crate::ids;

/// The longest `tracestate` that is carried on. W3C asks for at least 512 characters.
const MAX_TRACESTATE: usize = 512;
/// The longest `baggage` that is carried on, as W3C has it.
const MAX_BAGGAGE: usize = 8_192;

/// The trace that an event belongs to, and the span that emitted it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// `00-<32 hex: trace>-<16 hex: span>-<2 hex: flags>`
    pub traceparent: String,
    /// Vendor data, carried on as it is.
    pub tracestate: Option<String>,
    /// W3C Baggage: `key=value` entries with commas between them.
    pub baggage: Option<String>,
}

impl TraceContext {
    /// `None` where `traceparent` is invalid: a new trace begins then. A `tracestate` or `baggage` that is too
    /// long or unprintable is left out, and the trace goes on without it.
    pub fn parse(traceparent: &str, tracestate: Option<&str>, baggage: Option<&str>) -> Option<Self> {
        Some(Self {
            traceparent: known_form(traceparent)?,
            tracestate: carried(tracestate, MAX_TRACESTATE),
            baggage: carried(baggage, MAX_BAGGAGE),
        })
    }

    /// The trace that begins with this event, sampled. A pure function: every reader of the event begins the same trace.
    pub fn derived(source: &str, id: Uuid) -> Self {
        let trace_id = nonzero_hex::<16>(&[b"minuet.trace", source.as_bytes(), id.as_bytes()]);
        let span_id = nonzero_hex::<8>(&[b"minuet.span", source.as_bytes(), id.as_bytes()]);
        Self { traceparent: format!("00-{trace_id}-{span_id}-01"), tracestate: None, baggage: None }
    }

    /// The same trace, under the span of the event that continues it.
    pub fn child(&self, event_id: Uuid) -> Self {
        let span_id = nonzero_hex::<8>(&[b"minuet.span", event_id.as_bytes()]);
        let (trace_id, flags) = (self.trace_id(), self.traceparent.get(53..55).unwrap_or("00"));
        Self { traceparent: format!("00-{trace_id}-{span_id}-{flags}"), ..self.clone() }
    }

    /// A trace that begins here. All-zero ids are invalid, and become the smallest valid ones.
    pub fn root(trace_id: u128, span_id: u64, sampled: bool) -> Self {
        let (trace_id, span_id, flags) = (trace_id.max(1), span_id.max(1), u8::from(sampled));
        Self {
            traceparent: format!("00-{trace_id:032x}-{span_id:016x}-{flags:02x}"),
            tracestate: None,
            baggage: None,
        }
    }

    /// The same trace, under this span.
    pub fn under(&self, span_id: u64) -> Self {
        let (trace_id, flags) = (self.trace_id(), self.traceparent.get(53..55).unwrap_or("00"));
        Self { traceparent: format!("00-{trace_id}-{:016x}-{flags}", span_id.max(1)), ..self.clone() }
    }

    /// The same span, with another decision on whether it is recorded.
    pub fn with_sampled(&self, sampled: bool) -> Self {
        let known = self.traceparent.get(..53).unwrap_or_default();
        Self { traceparent: format!("{known}{:02x}", u8::from(sampled)), ..self.clone() }
    }

    /// Whether the trace's beginner records it.
    pub fn sampled(&self) -> bool {
        let flags = self.traceparent.get(53..55).and_then(|flags| u8::from_str_radix(flags, 16).ok());
        flags.is_some_and(|flags| flags & 1 == 1)
    }

    /// Puts an entry into the baggage, once, before the entries that are there. Where the baggage grows too long, the last
    /// entries go.
    #[must_use]
    pub fn with_baggage_entry(&self, key: &str, value: impl Display) -> Self {
        let mut baggage = format!("{key}={value}");
        let others = self.baggage.as_deref().unwrap_or_default().split(',').map(str::trim);
        for entry in others.filter(|entry| !entry.is_empty() && key_of(entry) != key) {
            if baggage.len() + 1 + entry.len() > MAX_BAGGAGE {
                break;
            }
            baggage.push(',');
            baggage.push_str(entry);
        }
        Self { baggage: Some(baggage), ..self.clone() }
    }

    /// The trace as a row keeps it: the baggage is made anew from the row.
    pub fn without_baggage(&self) -> Self {
        Self { baggage: None, ..self.clone() }
    }

    /// The value of a baggage entry, without its properties.
    pub fn baggage_entry(&self, key: &str) -> Option<&str> {
        let entries = self.baggage.as_deref()?.split(',');
        let entry = entries.map(str::trim).find(|entry| key_of(entry) == key)?;
        let (_, value) = entry.split_once('=')?;
        value.split(';').next().map(str::trim)
    }

    /// 32 hex digits.
    pub fn trace_id(&self) -> &str {
        self.traceparent.get(3..35).unwrap_or_default()
    }

    /// 16 hex digits: the span that emitted the event.
    pub fn span_id(&self) -> &str {
        self.traceparent.get(36..52).unwrap_or_default()
    }
}

/// A `traceparent` in version 00. Of a higher version only what 00 knows is kept, as W3C has it.
fn known_form(traceparent: &str) -> Option<String> {
    // A byte is a character from here on.
    let ascii = Some(traceparent).filter(|text| text.is_ascii());
    let (known, rest) = ascii?.split_at_checked(55)?;
    let (version, trace_id, span_id, flags) = (&known[..2], &known[3..35], &known[36..52], &known[53..]);
    let dashes = [2, 35, 52].into_iter().all(|at| known.as_bytes()[at] == b'-');
    let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let zero = |text: &str| text.bytes().all(|b| b == b'0');
    let digits = [version, trace_id, span_id, flags].into_iter().all(hex);
    if !dashes || !digits || zero(trace_id) || zero(span_id) {
        return None;
    }
    match version {
        "00" if rest.is_empty() => Some(known.to_owned()),
        "00" | "ff" => None,
        _ if rest.is_empty() || rest.starts_with('-') => {
            let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
            Some(format!("00-{trace_id}-{span_id}-{sampled:02x}"))
        }
        _ => None,
    }
}

fn carried(value: Option<&str>, limit: usize) -> Option<String> {
    let fits = |value: &&str| {
        let printable = value.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t'));
        printable && !value.trim().is_empty() && value.len() <= limit
    };
    value.filter(fits).map(str::to_owned)
}

fn key_of(entry: &str) -> &str {
    entry.split(['=', ';']).next().unwrap_or_default().trim()
}

/// The id of a span as a function of its subject: a second report of the span has the same id.
pub fn span_id(parts: &[&[u8]]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = ids::hash(parts);
    u64::from_be_bytes([a, b, c, d, e, f, g, h]).max(1)
}

/// All-zero ids are invalid.
fn nonzero_hex<const N: usize>(parts: &[&[u8]]) -> String {
    let hash = ids::hash(parts);
    let mut hex = String::with_capacity(N * 2);
    for byte in hash.iter().take(N) {
        // Writing to a String cannot fail.
        if write!(hex, "{byte:02x}").is_err() {
            break;
        }
    }
    if hex.bytes().all(|b| b == b'0') {
        hex.replace_range(hex.len() - 1.., "1");
    }
    hex
}
