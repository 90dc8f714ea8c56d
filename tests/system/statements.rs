//! Every statement of every service is prepared against the migrated schema.

use std::collections::HashMap;

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

/// A condition on an index's second column alone reads all of the index, for each row of a batch.
#[tokio::test]
async fn no_statement_skips_the_first_column_of_an_index() {
    let world = World::new().await;
    for (service, statement) in statements() {
        let mut connection = world.pool(service).acquire().await.unwrap();
        for setting in ["enable_seqscan = off", "plan_cache_mode = force_generic_plan"] {
            connection.execute(AssertSqlSafe(format!("set {setting}"))).await.unwrap();
        }
        let firsts: Vec<(String, String)> = sqlx::query_as(
            "select indexrelid::regclass::text, attname::text from pg_index join pg_attribute on attrelid = indexrelid and attnum = 1",
        )
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        let plan = plan(&mut connection, statement).await;
        look(&plan, &firsts.into_iter().collect(), &|index, condition| {
            panic!("{service}: {index} is looked through by {condition}\n{statement}\n{plan:#}")
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

fn look(plan: &Value, firsts: &HashMap<String, String>, found: &dyn Fn(&str, &str)) {
    match plan {
        Value::Array(nodes) => nodes.iter().for_each(|node| look(node, firsts, found)),
        Value::Object(node) => {
            if let (Some(Value::String(index)), Some(Value::String(condition))) =
                (node.get("Index Name"), node.get("Index Cond"))
                && firsts.get(index).is_some_and(|first| !condition.contains(first.as_str()))
            {
                found(index, condition);
            }
            node.values().for_each(|value| look(value, firsts, found));
        }
        _ => {}
    }
}
