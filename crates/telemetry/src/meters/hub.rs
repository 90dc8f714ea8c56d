use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::export::{self, MetersError};
use super::{Meters, attribute, text};
use crate::error_chain;
use crate::names::meter::{self, attribute as key};
use crate::{ExportCounts, log_export_counts, span_export_counts};

/// The meters of every service of a process. Clones are the same hub.
#[derive(Clone, Debug, Default)]
pub struct Hub(Arc<Mutex<Vec<Meters>>>);

impl Hub {
    /// Makes the meters of a service. They are pushed too if the environment names a collector.
    ///
    /// # Errors
    /// The `OTEL_EXPORTER_OTLP_*` variables name no usable collector.
    pub fn meters(&self, service: &'static str) -> Result<Meters, MetersError> {
        let pushed = if export::is_wanted() { Some(export::push(service)?) } else { None };
        let meters = Meters::with(service, pushed);
        let mut all = self.all();
        // The export counts belong to the process. Its first service shows them.
        if all.is_empty() {
            observe_exports(&meters);
        }
        all.push(meters.clone());
        drop(all);
        Ok(meters)
    }

    /// The current values of all services in Prometheus' text format; each series names its service.
    pub fn text(&self) -> String {
        let all = self.all().clone();
        text::of(&all.iter().collect::<Vec<_>>())
    }

    /// Pushes the last measurements. Blocks until the collector answers or the timeout ends: do not call it on a thread of the
    /// runtime.
    pub fn shutdown(&self) {
        for meters in self.all().drain(..) {
            for provider in [Some(&meters.0.scraped), meters.0.pushed.as_ref()].into_iter().flatten() {
                if let Err(error) = provider.shutdown() {
                    tracing::debug!(
                        error = error_chain(&error),
                        service = meters.service(),
                        "last meters were not pushed"
                    );
                }
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Meters>> {
        self.0.lock()
    }
}

/// Shows how many spans and log records were exported, dropped or refused. No series, if they are not exported.
fn observe_exports(meters: &Meters) {
    meters.total(&meter::TELEMETRY_COUNT, || {
        let series = |signal: &'static str, counts: &ExportCounts| {
            [("sent", counts.sent()), ("dropped", counts.dropped()), ("failed", counts.failed())].map(
                |(outcome, count)| {
                    (vec![attribute(key::SIGNAL, signal), attribute(key::OUTCOME, outcome)], count)
                },
            )
        };
        let (spans, logs) = (span_export_counts(), log_export_counts());
        let spans = spans.iter().flat_map(|counts| series("traces", counts));
        spans.chain(logs.iter().flat_map(|counts| series("logs", counts))).collect()
    });
}
