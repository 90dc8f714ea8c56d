use std::future::Future;
use std::time::SystemTime;

use minuet_envelope::Contract;
use minuet_telemetry::{Kind, Span, error_chain};
use sqlx::PgConnection;

use crate::ServiceContext;
use crate::observe::spans;

impl<C: Contract> ServiceContext<C> {
    /// Runs statements outside of any transaction, for at most 12 seconds. A connection that fails is closed. The work runs
    /// once more if a table was changed since its statement was prepared; it has had no effect then.
    ///
    /// # Errors
    /// The work's, or the database does not answer.
    pub async fn with_connection<T, E>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E> + Clone,
    ) -> Result<T, E>
    where
        E: From<sqlx::Error> + std::error::Error + 'static,
    {
        self.core.connections.run(work).await
    }

    /// As [`ServiceContext::with_connection`], in a span of its own under the current span. `target`: the table.
    ///
    /// # Errors
    /// The work's, or the database does not answer.
    pub async fn query<T>(
        &self,
        target: &'static str,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error> + Clone,
    ) -> Result<T, sqlx::Error> {
        let Some(above) = minuet_telemetry::current().filter(|trace| self.core.tracer.records(trace)) else {
            return self.with_connection(work).await;
        };
        let begun = SystemTime::now();
        let answer = self.with_connection(work).await;
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
