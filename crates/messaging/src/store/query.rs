use std::future::Future;
use std::time::SystemTime;

use minuet_envelope::Contract;
use minuet_telemetry::{Kind, Span, error_chain};

use crate::ServiceContext;
use crate::observe::spans;

impl<C: Contract> ServiceContext<C> {
    /// Runs a query in a span of its own under the current span. `target`: the table.
    ///
    /// # Errors
    /// The query's.
    pub async fn query<T>(
        &self,
        target: &'static str,
        ask: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let Some(above) = minuet_telemetry::current().filter(|trace| self.core.tracer.records(trace)) else {
            return ask.await;
        };
        let begun = SystemTime::now();
        let answer = ask.await;
        let span = spans::database(&self.core, "SELECT", &self.core.tracer.child(&above), begun)
            .until(SystemTime::now())
            .under(&above)
            .with("db.collection.name", target);
        self.core.tracer.record(match &answer {
            Ok(_) => span,
            Err(error) => span.failed("database", error),
        });
        answer
    }

    /// Runs work that a request waits for in a span of its own.
    ///
    /// # Errors
    /// The work's.
    pub async fn work<T, E: std::error::Error + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let Some(above) = minuet_telemetry::current().filter(|trace| self.core.tracer.records(trace)) else {
            return work.await;
        };
        let order = minuet_telemetry::subject();
        let own = self.core.tracer.child(&above);
        let begun = SystemTime::now();
        let done = minuet_telemetry::scope(Some(own.clone()), order.clone(), work).await;
        let mut span = Span::new(name, Kind::Internal, &own, begun).until(SystemTime::now()).under(&above);
        if let Some(order) = order {
            span.set_subject(order);
        }
        self.core.tracer.record(match &done {
            Ok(_) => span,
            Err(error) => span.failed_with("failed", error_chain(error)),
        });
        done
    }
}
