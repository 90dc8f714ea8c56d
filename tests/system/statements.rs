//! Every statement of every service is prepared against the migrated schema.

use minuet_tests::World;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Executor, PgConnection, SqlSafeStr};

const SERVICES: [(&str, &[&str]); 3] = [
    ("order", minuet_order::STATEMENTS),
    ("inventory", minuet_inventory::STATEMENTS),
    ("payment", minuet_payment::STATEMENTS),
];

fn statements() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of = |(service, own): (_, &'static [&'static str])| {
        own.iter().chain(minuet_messaging::STATEMENTS).map(move |statement| (service, *statement))
    };
    SERVICES.into_iter().flat_map(of)
}

#[tokio::test]
async fn every_statement_fits_its_schema() {
    let world = World::new().await;
    for (service, statement) in statements() {
        let prepared = world.pool(service).prepare(AssertSqlSafe(statement).into_sql_str()).await;
        assert!(prepared.is_ok(), "{service}: {:?}\n{statement}", prepared.err());
    }
}

/// A condition on an index's second column alone reads all of the index, for each row of a batch. On empty tables the planner may
/// take one index or another: some index has to begin with a column of the condition.
#[tokio::test]
async fn every_condition_has_an_index_that_begins_with_it() {
    let world = World::new().await;
    for (service, statement) in statements() {
        let mut connection = world.pool(service).acquire().await.unwrap();
        for setting in ["enable_seqscan = off", "plan_cache_mode = force_generic_plan"] {
            connection.execute(AssertSqlSafe(format!("set {setting}"))).await.unwrap();
        }
        let firsts: Vec<(String, String)> = sqlx::query_as(
            "select indrelid::regclass::text, attname::text from pg_index join pg_attribute on attrelid = indexrelid and attnum = 1",
        )
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        let plan = plan(&mut connection, statement).await;
        look(&plan, &firsts, &|table, condition| {
            panic!(
                "{service}: no index of {table} begins with a column of {condition}\n{statement}\n{plan:#}"
            )
        });
    }
}

async fn plan(connection: &mut PgConnection, statement: &str) -> Value {
    connection.execute(AssertSqlSafe(format!("prepare looked_at as {statement}"))).await.unwrap();
    let parameters: i32 = sqlx::query_scalar(
        "select cardinality(parameter_types) from pg_prepared_statements where name = 'looked_at'",
    )
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    let nulls = vec!["null"; parameters.unsigned_abs() as usize].join(", ");
    let call = if nulls.is_empty() { String::new() } else { format!("({nulls})") };
    let Json(plan) =
        sqlx::query_scalar(AssertSqlSafe(format!("explain (format json) execute looked_at{call}")))
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    connection.execute("deallocate looked_at").await.unwrap();
    plan
}

fn look(plan: &Value, firsts: &[(String, String)], found: &dyn Fn(&str, &str)) {
    match plan {
        Value::Array(nodes) => nodes.iter().for_each(|node| look(node, firsts, found)),
        Value::Object(node) => {
            if let (Some(Value::String(table)), Some(Value::String(condition))) =
                (node.get("Relation Name"), node.get("Index Cond"))
                && !firsts.iter().any(|(of, first)| of == table && condition.contains(first.as_str()))
            {
                found(table, condition);
            }
            node.values().for_each(|value| look(value, firsts, found));
        }
        _ => {}
    }
}
