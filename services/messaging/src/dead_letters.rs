//! Events that could not be processed, with their original bytes.

use sqlx::PgConnection;

use crate::Incoming;

pub(crate) const PARK: &str = "insert into dead_letters (topic, \"partition\", \"offset\", key, header_names, header_values, payload, reason, detail, attempts)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (topic, \"partition\", \"offset\") do nothing";

/// Why an event was parked: `reason` is a stable code, `detail` the chain of causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

/// One row per event: parking is rare, so it is not batched. False: it was parked before.
pub(crate) async fn park(
    connection: &mut PgConnection,
    incoming: &Incoming,
    reason: &Reason,
    attempts: u32,
) -> Result<bool, sqlx::Error> {
    let names: Vec<&str> = incoming.headers.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<Option<&[u8]>> = incoming.headers.iter().map(|(_, value)| value.as_deref()).collect();
    let done = sqlx::query(PARK)
        .bind(&*incoming.position.topic)
        .bind(incoming.position.partition)
        .bind(incoming.position.offset)
        .bind(incoming.key.as_deref())
        .bind(names)
        .bind(values)
        .bind(incoming.payload.as_deref())
        .bind(reason.code)
        .bind(&reason.detail)
        .bind(i32::try_from(attempts).unwrap_or(i32::MAX))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}
