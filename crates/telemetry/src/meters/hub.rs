use std::sync::Arc;

use parking_lot::Mutex;

use super::export::{self, MetersError};
use super::{Meters, attribute, text};
use crate::names::meter::{self, attribute as key};
use crate::{Counted, logs_counted, spans_counted};

/// The meters of every service of a process. Clones are the same hub.
#[derive(Clone, Debug, Default)]
pub struct Hub(Arc<Mutex<Vec<Meters>>>);

impl Hub {
    /// The meters of a service: pushed as well where the environment names a collector.
    ///
    /// # Errors
    /// `OTEL_EXPORTER_OTLP_*` variables that nothing can be made of.
    pub fn meters(&self, service: &'static str) -> Result<Meters, MetersError> {
        let pushed = if export::is_asked_for() { Some(export::push(service)?) } else { None };
        let meters = Meters::with(service, pushed);
        let mut all = self.all();
        // Those of the whole process, told by its first service.
        if all.is_empty() {
            observe_exports(&meters);
        }
        all.push(meters.clone());
        drop(all);
        Ok(meters)
    }

    /// All of them on one page, each series with its service.
    pub fn text(&self) -> String {
        let all = self.all().clone();
        text::of(&all.iter().collect::<Vec<_>>())
    }

    /// Pushes what was measured last. May wait for the collector: off the runtime, please.
    pub fn shutdown(&self) {
        for meters in self.all().drain(..) {
            for provider in [Some(&meters.0.scraped), meters.0.pushed.as_ref()].into_iter().flatten() {
                if let Err(error) = provider.shutdown() {
                    tracing::debug!(service = meters.service(), %error, "meters");
                }
            }
        }
    }

    fn all(&self) -> parking_lot::MutexGuard<'_, Vec<Meters>> {
        self.0.lock()
    }
}

/// What became of spans and log records. Nothing, where nobody asked for them.
fn observe_exports(meters: &Meters) {
    meters.total(&meter::TELEMETRY_COUNT, || {
        let series = |signal: &'static str, counted: &Counted| {
            [("sent", counted.sent()), ("dropped", counted.dropped()), ("failed", counted.failed())].map(
                |(outcome, count)| {
                    (vec![attribute(key::SIGNAL, signal), attribute(key::OUTCOME, outcome)], count)
                },
            )
        };
        let (spans, logs) = (spans_counted(), logs_counted());
        let spans = spans.iter().flat_map(|counted| series("traces", counted));
        spans.chain(logs.iter().flat_map(|counted| series("logs", counted))).collect()
    });
}
