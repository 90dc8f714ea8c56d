//! Every statement of every service is prepared against the migrated schema.

use minuet_tests::World;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Executor, PgConnection, SqlSafeStr};

#[tokio::test]
async fn every_statement_fits_its_schema() {
    let world = World::new().await;
    let services = [
        ("order", minuet_order::STATEMENTS),
        ("inventory", minuet_inventory::STATEMENTS),
        ("payment", minuet_payment::STATEMENTS),
    ];
    for (service, own) in services {
        for statement in own.iter().chain(minuet_messaging::STATEMENTS) {
            let prepared = world.pool(service).prepare(AssertSqlSafe(*statement).into_sql_str()).await;
            assert!(prepared.is_ok(), "{service}: {:?}\n{statement}", prepared.err());
        }
    }
}

/// Calls come and go, and leave dead entries in their index: a condition that skips its first column reads all of them, for each
/// row of a batch.
#[tokio::test]
async fn calls_are_found_by_the_first_column_of_their_index() {
    let world = World::new().await;
    let mut connection = world.pool("payment").acquire().await.unwrap();
    for setting in ["enable_seqscan = off", "enable_bitmapscan = off", "plan_cache_mode = force_generic_plan"]
    {
        connection.execute(AssertSqlSafe(format!("set {setting}"))).await.unwrap();
    }
    connection
        .execute(
            "insert into open_calls (shard, order_id, kind, expires_at)
             select i % 8, gen_random_uuid(), 'charge', now() from generate_series(1, 1000) i",
        )
        .await
        .unwrap();
    let mut seen = 0;
    // The gauge counts them all.
    let by_key = |statement: &&&str| statement.contains("open_calls") && !statement.contains("group by");
    for statement in minuet_payment::STATEMENTS.iter().filter(by_key) {
        look(&plan(&mut connection, statement).await, "open_calls", &mut |condition| {
            seen += 1;
            assert!(condition.contains("shard"), "{condition}\n{statement}");
        });
    }
    assert!(seen >= 2, "only {seen} conditions were looked at");
}

pub(crate) async fn plan(connection: &mut PgConnection, statement: &str) -> Value {
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

/// Shows each condition by which an index of the table is read.
fn look(plan: &Value, table: &str, show: &mut dyn FnMut(&str)) {
    match plan {
        Value::Array(nodes) => nodes.iter().for_each(|node| look(node, table, show)),
        Value::Object(node) => {
            let scans =
                node.get("Node Type").and_then(Value::as_str).is_some_and(|kind| kind.contains("Scan"));
            if scans && node.get("Relation Name").is_some_and(|name| name == table) {
                show(node.get("Index Cond").and_then(Value::as_str).unwrap_or("no condition"));
            }
            node.values().for_each(|value| look(value, table, show));
        }
        _ => {}
    }
}
