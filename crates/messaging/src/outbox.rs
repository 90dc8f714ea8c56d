//! Publishing from a transaction of your own, without a [`BatchHandler`](crate::BatchHandler).

use minuet_envelope::Contract;
use sqlx::PgConnection;

use crate::{OutboxEvent, ReactError, ServiceContext};

/// Appends events to the outbox, in this order, in the transaction of this connection. If the transaction commits, the relay of
/// the service publishes them at least once, under the same ids; if it rolls back, there are none.
///
/// For code that has a transaction already, such as an HTTP handler of the service. Where the work belongs to shards that this
/// instance holds, [`ServiceContext::transaction`] does more: it is fenced, and it wakes the relay. Without that the relay finds the
/// rows at its next poll ([`Settings::relay_poll`](crate::Settings)).
///
/// Events of one key are published in the order of this call. So that two transactions about one key cannot overtake each other, lock
/// the row of the key's aggregate (`select ... for update`) before you append.
///
/// ```no_run
/// # use minuet_messaging::{Cause, Contract, OutboxEvent, ReactError, ServiceContext, TraceContext, outbox};
/// use sqlx::{Connection, PgConnection};
///
/// async fn rename_user<C: Contract>(
///     context: &ServiceContext<C>,
///     connection: &mut PgConnection,
///     request: uuid::Uuid,
///     renamed: C::Event,
/// ) -> Result<(), ReactError> {
///     let mut transaction = connection.begin().await?;
///     let sequence: i64 = sqlx::query_scalar(
///         "update users set name = $2, event_sequence = event_sequence + 1 where id = $1 returning event_sequence",
///     )
///     .bind(C::key(&renamed))
///     .bind("Anna")
///     .fetch_one(&mut *transaction)
///     .await?;
///     // The request's own id and time: the same request gives an event of the same id.
///     let cause = Cause { id: request, time: context.now() };
///     let trace = TraceContext::derived("/http", request);
///     let event = OutboxEvent::caused_by(cause, &context.source(), renamed, 0, context.now(), Some(sequence), &trace);
///     outbox::append(&mut transaction, context, &[event]).await?;
///     transaction.commit().await?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// An event does not fit its schema, or the database refuses.
pub async fn append<C: Contract>(
    connection: &mut PgConnection,
    context: &ServiceContext<C>,
    events: &[OutboxEvent<C>],
) -> Result<(), ReactError> {
    context.append(connection, events).await
}
