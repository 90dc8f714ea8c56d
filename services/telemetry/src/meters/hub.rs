use std::sync::{Arc, Mutex, PoisonError};

use super::export::{self, MetersError};
use super::{Meters, text};

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
        self.all().push(meters.clone());
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

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Meters>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
