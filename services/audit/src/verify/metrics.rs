//! The books as metrics, in Prometheus' text form.

use std::net::SocketAddr;
use std::sync::Arc;

use minuet_events::values::{Micros, OrderStatus};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::books::Books;
use super::findings::Check;
use crate::{AuditError, Context};

/// What is shown now.
#[derive(Clone, Default)]
pub(super) struct Metrics(Arc<Mutex<String>>);

impl Metrics {
    pub(super) fn show(&self, books: &Books, now: Micros, lag: i64) {
        *self.0.lock() = text(books, now, lag);
    }

    fn shown(&self) -> String {
        self.0.lock().clone()
    }

    /// Serves `/metrics` for as long as the process lives. Answers with the address: the port may be 0.
    pub(super) fn serve(&self, at: SocketAddr, context: &Context) -> Result<SocketAddr, AuditError> {
        let listener = context.runtime.block_on(minuet_http::bind(at))?;
        let address = listener.local_addr().map_err(AuditError::Metrics)?;
        let metrics = self.clone();
        let router = minuet_http::metrics_route(move || metrics.shown());
        context.runtime.spawn(minuet_http::serve(listener, router, CancellationToken::new()));
        Ok(address)
    }
}

pub(super) fn text(books: &Books, now: Micros, lag: i64) -> String {
    let (counts, (open, late)) = (&books.counts, books.open_count(now));
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: Vec<(String, String)>| {
        text.push_str(&format!("# HELP minuet_audit_{name} {help}\n# TYPE minuet_audit_{name} {kind}\n"));
        for (labels, value) in values {
            text.push_str(&format!("minuet_audit_{name}{labels} {value}\n"));
        }
    };
    let one = |value: u64| vec![(String::new(), value.to_string())];
    family("events_total", "counter", "Events that were read.", one(counts.events));
    family("repetitions_total", "counter", "Events that came again.", one(counts.repetitions));
    family("resubmissions_total", "counter", "Orders submitted again.", one(counts.resubmissions));
    family("parked_total", "counter", "Events that a service has parked.", one(counts.parked));
    let ends = [
        (OrderStatus::Confirmed, counts.confirmed),
        (OrderStatus::Cancelled, counts.cancelled),
        (OrderStatus::Failed, counts.failed),
    ];
    let ends = ends.iter().map(|(end, count)| (format!("{{end=\"{end}\"}}"), count.to_string())).collect();
    family("ends_total", "counter", "Ends of orders.", ends);
    let malformed =
        books.malformed.iter().map(|(code, count)| (format!("{{code=\"{code}\"}}"), count.to_string()));
    family("odd_messages_total", "counter", "Messages that are no events.", malformed.collect());
    let violations = Check::ALL
        .iter()
        .map(|check| (format!("{{check=\"{}\"}}", check.name()), books.findings.count(*check).to_string()));
    family("violations_total", "counter", "What does not hold, by check.", violations.collect());
    family("open_orders", "gauge", "Orders that something is owed to.", one(open));
    family("late_orders", "gauge", "Open orders past their deadline.", one(late));
    family(
        "lag_messages",
        "gauge",
        "Messages that are not read yet.",
        vec![(String::new(), lag.to_string())],
    );
    let money = books.money.iter().flat_map(|(currency, money)| {
        [("captured", money.captured), ("refunded", money.refunded), ("confirmed", money.confirmed)]
            .map(|(kind, sum)| (format!("{{currency=\"{currency}\",kind=\"{kind}\"}}"), sum.to_string()))
    });
    family("money", "gauge", "Sums of money.", money.collect());
    text
}
