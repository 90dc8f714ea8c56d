//! The settings of a session. They are set by a statement and read back, not by options of the connection: PgBouncer refuses
//! or drops those.

use sqlx::postgres::PgRow;
use sqlx::{Executor as _, PgConnection, Row as _};

/// Name and value of each setting, as the server shows it.
type Values = &'static [(&'static str, &'static str)];

/// What a session is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// Beside [`COMMON`].
    values: Values,
}

/// Of every session. An instance that is stopped or disconnected in the middle of a transaction holds locks on its shards'
/// rows. The server must release them before the group's session timeout (6 s) assigns the shards to another instance. No
/// transaction pauses that long.
const COMMON: Values =
    &[("jit", "off"), ("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "5s")];

impl Session {
    /// A generic plan made on a nearly empty table stays a sequential scan until autoanalyze, at three times the cost. Without
    /// generic plans PostgreSQL plans each statement anew: it takes an array of one element for cheaper than an array of any
    /// length, and planning costs as much as a batch of one event.
    pub(crate) const SERVICE: Session = Session {
        values: &[
            ("enable_seqscan", "off"),
            ("plan_cache_mode", "force_generic_plan"),
            ("statement_timeout", "1min"),
        ],
    };
    /// Does not wait for the disk at commit: if a crash of the database restores deleted rows, they are published again,
    /// which is harmless.
    pub(crate) const RELAY: Session = Session {
        values: &[
            ("enable_seqscan", "off"),
            ("plan_cache_mode", "force_generic_plan"),
            ("statement_timeout", "1min"),
            ("synchronous_commit", "off"),
        ],
    };
    /// Its queries read whole tables; a plan that avoids sequential scans only takes longer.
    pub(crate) const SAMPLER: Session =
        Session { values: &[("enable_seqscan", "on"), ("statement_timeout", "2s")] };

    fn values(self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        COMMON.iter().chain(self.values)
    }
}

/// Marks a session that a client has set up.
const MARK: &str = "minuet.session";

/// Why a session cannot be used.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(
        "the session was used by another connection before: the pooler in front of the database pools transactions, or does \
         not reset sessions. Use PgBouncer with pool_mode = session and server_reset_query = DISCARD ALL, or none"
    )]
    Shared,
    #[error(
        "the session has {name} = {found:?} after it was set to {wanted:?}: does a pooler in front of the database pool \
         transactions? Use PgBouncer with pool_mode = session, or none"
    )]
    NotKept { name: &'static str, wanted: &'static str, found: String },
}

/// Sets a new session's settings and reads them back: two round trips for each connection.
pub(crate) async fn set_up(connection: &mut PgConnection, session: Session) -> Result<(), sqlx::Error> {
    let row = ask(connection, set(session)).await?;
    if row.try_get::<Option<String>, _>(0)?.is_some_and(|mark| !mark.is_empty()) {
        return Err(refused(SessionError::Shared));
    }
    let row = ask(connection, show(session)).await?;
    for (index, &(name, wanted)) in session.values().enumerate() {
        let found: String = row.try_get(index)?;
        if found != wanted {
            return Err(refused(SessionError::NotKept { name, wanted, found }));
        }
    }
    Ok(())
}

fn refused(error: SessionError) -> sqlx::Error {
    sqlx::Error::Configuration(Box::new(error))
}

/// Unprepared: these statements run once in a session.
async fn ask(connection: &mut PgConnection, sql: String) -> Result<PgRow, sqlx::Error> {
    connection.fetch_one(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await
}

/// The first column is the mark as it was before.
fn set(session: Session) -> String {
    let set = session.values().map(|(name, value)| format!(", set_config('{name}', '{value}', false)"));
    format!(
        "select current_setting('{MARK}', true), set_config('{MARK}', 'used', false){}",
        set.collect::<String>()
    )
}

fn show(session: Session) -> String {
    let shown: Vec<String> = session.values().map(|(name, _)| format!("current_setting('{name}')")).collect();
    format!("select {}", shown.join(", "))
}
