//! Statements that are put together from parts: one query for all rows that a batch is decided on, and one statement for
//! all rows that it writes. A part is a statement by itself; its parameters are numbered from $1.
//!
//! The statement that writes is a transaction by itself if the rows were read without locks. It then checks everything that
//! was assumed: the epochs of the shards, that every inbox id is new, that no event waits behind a parked one, and that each
//! written row is as it was read. PostgreSQL runs the parts that it checks in the order of the checks, and the outbox after
//! them: its ids are read in the last branch of the `case` that checks. So outbox ids are drawn after the rows are locked, and of one key they have the order of the commits.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, Encode, FromRow, PgConnection, Postgres, Row as _, Type, ValueRef as _,
};
use time::OffsetDateTime;

use super::acknowledged::{Acknowledged, Deleting};
use super::inbox;
use super::outbox::{self, NewRow};
use super::positions;
use super::shards;
use crate::ReactError;

/// The SQLSTATE of the function `minuet_conflict`.
const CONFLICT: &str = "MN001";

/// The rows that a batch is decided on: one select per table.
#[derive(Debug)]
pub struct Reads {
    selects: Vec<Select>,
    /// Of all selects together, or of each select if rows are locked.
    arguments: Vec<PgArguments>,
    refused: Option<BoxDynError>,
    locks: bool,
    must_lock: bool,
}

#[derive(Clone, Copy, Debug)]
struct Select {
    sql: &'static str,
    lock: &'static str,
    /// The number of arguments before its own.
    before: usize,
}

impl Reads {
    /// One query without locks.
    pub(crate) fn unlocked() -> Self {
        Reads { selects: Vec::new(), arguments: Vec::new(), refused: None, locks: false, must_lock: false }
    }

    /// One query per select, in the order of the selects; the rows stay locked until the transaction ends.
    pub fn locked() -> Self {
        Reads { locks: true, ..Reads::unlocked() }
    }

    /// Adds a select; its arguments follow. Its columns are names or end in `as name`, no two selects of a batch share a
    /// name, and the first one is never null. `lock`: the clause that locks its rows in their order, such as `for update`.
    pub fn select(&mut self, sql: &'static str, lock: &'static str) -> &mut Self {
        if self.locks || self.arguments.is_empty() {
            self.arguments.push(PgArguments::default());
        }
        let before = self.arguments.last().map_or(0, sqlx::Arguments::len);
        self.selects.push(Select { sql, lock, before });
        self
    }

    /// Adds an argument of the last select.
    pub fn bind<'t, T: Encode<'t, Postgres> + Type<Postgres>>(&mut self, value: T) -> &mut Self {
        if let Some(Err(error)) = self.arguments.last_mut().map(|arguments| arguments.add(value)) {
            self.refused.get_or_insert(error);
        }
        self
    }

    /// The rows of this batch are written by a handler that relies on their locks.
    pub fn must_lock(&mut self) {
        self.must_lock = true;
    }

    pub(crate) fn is_to_be_locked(&self) -> bool {
        self.must_lock
    }

    /// Runs the query, or the queries.
    ///
    /// # Errors
    /// An argument cannot be encoded, or the database fails.
    pub async fn fetch(self, connection: &mut PgConnection) -> Result<Rows, sqlx::Error> {
        if let Some(error) = self.refused {
            return Err(sqlx::Error::Encode(error));
        }
        let mut rows = Rows(self.selects.iter().map(|select| (select.sql, Vec::new())).collect());
        if self.locks {
            for ((select, arguments), (_, found)) in self.selects.iter().zip(self.arguments).zip(&mut rows.0)
            {
                let sql = cached(&[select.sql, select.lock], || format!("{} {}", select.sql, select.lock));
                *found = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut *connection).await?;
            }
            return Ok(rows);
        }
        let Some(arguments) = self.arguments.into_iter().next() else { return Ok(rows) };
        let parts: Vec<&'static str> = self.selects.iter().map(|select| select.sql).collect();
        let sql = cached(&parts, || joined(&self.selects));
        let found = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(connection).await?;
        if let [(_, only)] = rows.0.as_mut_slice() {
            *only = found;
            return Ok(rows);
        }
        let widths: Vec<usize> = parts.iter().map(|sql| columns(sql).count()).collect();
        for row in found {
            let (mut of, mut first) = (0, 0);
            while of + 1 < widths.len() && row.try_get_raw(first)?.is_null() {
                first += widths[of];
                of += 1;
            }
            rows.0[of].1.push(row);
        }
        Ok(rows)
    }
}

/// All selects in one: each row has the columns of one of them, and null in all others.
fn joined(selects: &[Select]) -> String {
    let numbered = |select: &Select| renumbered(select.sql, select.before);
    if let [select] = selects {
        return numbered(select);
    }
    let (mut names, mut from) = (Vec::new(), String::new());
    for (index, select) in selects.iter().enumerate() {
        names.extend(columns(select.sql).map(|name| format!("t{index}.{name}")));
        let (join, on) = if index == 0 { ("", "") } else { (" full join ", " on false") };
        from.push_str(&format!("{join}({}) t{index}{on}", numbered(select)));
    }
    format!("select {} from {from}", names.join(", "))
}

/// The names of a select's columns.
fn columns(sql: &'static str) -> impl Iterator<Item = &'static str> {
    let (list, _) = sql.split_once("from ").unwrap_or((sql, ""));
    let list = list.trim_start().trim_start_matches("select ");
    list.split(',').map(|column| {
        let column = column.trim();
        column.rsplit_once(" as ").map_or(column, |(_, name)| name)
    })
}

/// The rows of a batch, by the select that found them.
#[derive(Debug)]
pub struct Rows(Vec<(&'static str, Vec<PgRow>)>);

impl Rows {
    /// The rows of a select; none if it was not part of the query.
    ///
    /// # Errors
    /// A row does not fit the type.
    pub fn of<T: for<'r> FromRow<'r, PgRow>>(&self, sql: &'static str) -> Result<Vec<T>, sqlx::Error> {
        let found = self.0.iter().find(|(of, _)| *of == sql);
        found.into_iter().flat_map(|(_, rows)| rows).map(T::from_row).collect()
    }
}

/// What a batch changes in the service's tables.
#[derive(Debug, Default)]
pub struct Writes {
    parts: Vec<Part>,
    arguments: PgArguments,
    refused: Option<BoxDynError>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    sql: &'static str,
    /// The table of which every row has to be written.
    checked: Option<&'static str>,
    /// The number of arguments before its own.
    before: usize,
}

impl Writes {
    /// Adds a statement that has to write a row for each element of the array $1: it names the versions that were read. If one
    /// row is missing, everything is undone, and the error is [`ReactError::LostRace`] with the table.
    pub fn every(&mut self, table: &'static str, sql: &'static str) -> &mut Self {
        self.add(Some(table), sql)
    }

    /// Adds a statement that may find nothing to do. No other statement of the batch may write the same rows.
    pub fn any(&mut self, sql: &'static str) -> &mut Self {
        self.add(None, sql)
    }

    /// Adds an argument of the last statement.
    pub fn bind<'t, T: Encode<'t, Postgres> + Type<Postgres>>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.arguments.add(value) {
            self.refused.get_or_insert(error);
        }
        self
    }

    fn add(&mut self, checked: Option<&'static str>, sql: &'static str) -> &mut Self {
        let before = self.arguments.len();
        self.parts.push(Part { sql, checked, before });
        self
    }

    /// Writes everything, appends to the outbox and deletes acknowledged rows from it, in one statement, in an open transaction
    /// that has locked its rows.
    pub(crate) async fn run(
        self,
        connection: &mut PgConnection,
        outbox: &[NewRow<'_>],
        acknowledged: &Acknowledged,
    ) -> Result<Appended, ReactError> {
        if self.parts.is_empty() && self.refused.is_none() && outbox.is_empty() {
            return Ok(Appended::nothing());
        }
        self.execute(connection, None, outbox, acknowledged).await
    }

    /// As [`Writes::run`], as a transaction by itself, which commits only if all that was assumed holds.
    pub(crate) async fn commit(
        self,
        connection: &mut PgConnection,
        assumed: &Assumed<'_>,
        outbox: &[NewRow<'_>],
        acknowledged: &Acknowledged,
    ) -> Result<Appended, ReactError> {
        self.execute(connection, Some(assumed), outbox, acknowledged).await
    }

    async fn execute(
        mut self,
        connection: &mut PgConnection,
        assumed: Option<&Assumed<'_>>,
        outbox: &[NewRow<'_>],
        acknowledged: &Acknowledged,
    ) -> Result<Appended, ReactError> {
        let parts = self.parts.clone();
        let shape = Shape { parts: &parts, assumed: assumed.map(Assumed::kind), appends: !outbox.is_empty() };
        let sql = shape.sql(self.arguments.len());
        if let Some(assumed) = assumed {
            self.bind_assumed(assumed);
        }
        let mut deleting = Deleting::nothing();
        if !outbox.is_empty() {
            let columns = outbox::columns(outbox);
            self.bind(columns.shards).bind(columns.topics).bind(columns.keys);
            self.bind(columns.headers).bind(columns.payloads);
            deleting = acknowledged.take();
            let (ids, times) = deleting.columns();
            self.bind(ids).bind(times);
        }
        if let Some(error) = self.refused {
            return Err(sqlx::Error::Encode(error).into());
        }
        let done =
            sqlx::query_as_with::<_, (Vec<i64>, OffsetDateTime), _>(AssertSqlSafe(sql), self.arguments)
                .fetch_one(connection)
                .await;
        let (ids, created_at) = done.map_err(|error| lost_race(error, &parts))?;
        Ok(Appended { ids, created_at, deleting })
    }

    fn bind_assumed(&mut self, assumed: &Assumed<'_>) {
        let (numbers, epochs) = shards::columns(assumed.believed);
        self.bind(numbers).bind(epochs);
        if let Some(inbox::Claims { ids, next }) = &assumed.claims {
            let (topics, partitions, offsets) = next.map(positions::columns).unwrap_or_default();
            self.bind(*ids).bind(assumed.today).bind(topics).bind(partitions).bind(offsets);
            let (topics, keys) = &assumed.keys;
            self.bind(topics).bind(keys);
        }
    }
}

/// What was assumed while a batch was decided without locks.
pub(crate) struct Assumed<'a> {
    /// The shards with the epochs that this instance holds.
    pub(crate) believed: &'a [(u32, i64)],
    /// Of a batch: the inbox ids, which are new, and the positions after it.
    pub(crate) claims: Option<inbox::Claims<'a>>,
    pub(crate) today: time::Date,
    /// Topics and keys behind which later events of a batch wait, if one is parked.
    pub(crate) keys: (Vec<String>, Vec<Vec<u8>>),
}

impl Assumed<'_> {
    fn kind(&self) -> Kind {
        if self.claims.is_some() { Kind::Batch } else { Kind::Fence }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    /// Shards only.
    Fence,
    /// Shards, inbox, positions and parked keys.
    Batch,
}

/// The shape of a statement that writes.
struct Shape<'a> {
    parts: &'a [Part],
    assumed: Option<Kind>,
    appends: bool,
}

impl Shape<'_> {
    /// `own`: the number of arguments of the parts.
    fn sql(&self, own: usize) -> Arc<str> {
        let mut key: Vec<&'static str> = self.parts.iter().map(|part| part.sql).collect();
        key.push(match self.assumed {
            None => "",
            Some(Kind::Fence) => shards::FENCED,
            Some(Kind::Batch) => inbox::CLAIMED,
        });
        key.push(if self.appends { outbox::APPEND } else { "" });
        cached(&key, || self.composed(own))
    }

    fn composed(&self, own: usize) -> String {
        let (mut with, mut checks, mut next) = (Vec::new(), String::new(), own);
        let mut check = |failed: &str, table: &str| {
            checks.push_str(&format!(" when {failed} then array[minuet_conflict('{table}')::bigint]"));
        };
        match self.assumed {
            None => {}
            Some(Kind::Fence) => {
                with.push(renumbered(shards::FENCED, next));
                check(&renumbered(shards::IS_FENCED_OFF, next), "shards");
                next += shards::FENCE_ARGUMENTS;
            }
            Some(Kind::Batch) => {
                with.push(renumbered(inbox::CLAIMED, next));
                check(&renumbered(shards::IS_FENCED_OFF, next), "shards");
                check(&renumbered(inbox::IS_CLAIMED_BEFORE, next), "inbox");
                check(&renumbered(inbox::WAITS, next), "dead_letters");
                next += inbox::ARGUMENTS;
            }
        }
        for (index, part) in self.parts.iter().enumerate() {
            with.push(format!("w{index} as ({} returning 1)", renumbered(part.sql, part.before)));
            if let Some(table) = part.checked {
                let first = part.before + 1;
                check(&format!("(select count(*) from w{index}) <> cardinality(${first})"), table);
            }
        }
        // The ids are read, and so drawn, once every check was made.
        let mut ids = "'{}'::bigint[]";
        if self.appends {
            with.push(format!("appended as ({})", renumbered(outbox::APPEND, next)));
            next += outbox::APPEND_ARGUMENTS;
            with.push(format!("deleted as ({})", renumbered(outbox::DELETE_ACKNOWLEDGED, next)));
            ids = "array(select id from appended)";
        }
        let result = if checks.is_empty() { ids.to_owned() } else { format!("case{checks} else {ids} end") };
        format!("with {} select {result}, now()", with.join(", "))
    }
}

/// What a statement appended to the outbox and deleted from it. The rows are deleted once it has committed.
pub(crate) struct Appended {
    /// In the order of the rows.
    pub(crate) ids: Vec<i64>,
    /// The time of the transaction: the rows' `created_at`.
    pub(crate) created_at: OffsetDateTime,
    pub(crate) deleting: Deleting,
}

impl Appended {
    fn nothing() -> Self {
        Appended { ids: Vec::new(), created_at: OffsetDateTime::UNIX_EPOCH, deleting: Deleting::nothing() }
    }
}

fn lost_race(error: sqlx::Error, parts: &[Part]) -> ReactError {
    let Some(conflict) = error.as_database_error().filter(|e| e.code().as_deref() == Some(CONFLICT)) else {
        return error.into();
    };
    let tables = parts.iter().filter_map(|part| part.checked).chain(["shards", "inbox", "dead_letters"]);
    let table = tables.into_iter().find(|table| conflict.table() == Some(table)).unwrap_or("another table");
    ReactError::LostRace { table }
}

/// The statement with its parameters numbered from $1 + `by`.
fn renumbered(sql: &str, by: usize) -> String {
    if by == 0 {
        return sql.to_owned();
    }
    let mut parts = sql.split('$');
    let mut numbered = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        let number = number.parse().map_or(number.to_owned(), |number: usize| (number + by).to_string());
        numbered.push('$');
        numbered.push_str(&number);
        numbered.push_str(rest);
    }
    numbered
}

/// A place in memory stands for a part.
type CacheKey = Vec<(usize, usize)>;

static COMPOSED: LazyLock<Mutex<HashMap<CacheKey, Arc<str>>>> = LazyLock::new(Mutex::default);

/// The statements that this process has put together so far, for tests that look at their plans.
pub fn composed() -> Vec<Arc<str>> {
    COMPOSED.lock().values().cloned().collect()
}

/// Composes each combination of parts once in the life of the process.
fn cached(parts: &[&'static str], compose: impl FnOnce() -> String) -> Arc<str> {
    let key: CacheKey = parts.iter().map(|part| (part.as_ptr().addr(), part.len())).collect();
    let mut composed = COMPOSED.lock();
    Arc::clone(composed.entry(key).or_insert_with(|| compose().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str =
        "select id, status::text as status\n     from orders where id = any($1::uuid[]) order by id";
    const PRODUCTS: &str = "select sku, name from products where sku = any($1::text[])";

    #[test]
    fn parameters_are_numbered_on() {
        assert_eq!(renumbered("a = $1 and b = $12 or $2", 3), "a = $4 and b = $15 or $5");
        assert_eq!(renumbered("a = $1", 0), "a = $1");
    }

    #[test]
    fn selects_of_several_tables_are_one_query() {
        assert_eq!(columns(ORDERS).collect::<Vec<_>>(), ["id", "status"]);
        let selects =
            [Select { sql: ORDERS, lock: "", before: 0 }, Select { sql: PRODUCTS, lock: "", before: 1 }];
        let wanted = format!(
            "select t0.id, t0.status, t1.sku, t1.name from ({ORDERS}) t0 full join ({}) t1 on false",
            PRODUCTS.replace("$1", "$2")
        );
        assert_eq!(joined(&selects), wanted);
        assert_eq!(joined(&selects[..1]), ORDERS);
    }

    #[test]
    fn every_assumption_is_checked_in_order() {
        const WRITE: &str = "update orders set version = 2 where id = any($1)";
        let mut writes = Writes::default();
        writes.every("orders", WRITE).bind(vec![1_i64]);
        let shape = Shape { parts: &writes.parts, assumed: Some(Kind::Batch), appends: true };
        let sql = shape.composed(1);
        let places: Vec<Option<usize>> =
            ["'shards'", "'inbox'", "'dead_letters'", "'orders'"].map(|table| sql.find(table)).into();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{sql}");
        assert!(sql.contains("cardinality($1)") && sql.contains("appended as (insert into outbox"), "{sql}");
    }
}
