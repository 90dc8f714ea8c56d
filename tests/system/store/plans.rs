//! The statements that a batch is put together from, as a session of a service plans them: each row of a service's table is found by
//! its key, however many rows the table has.

use minuet_messaging::composed;
use minuet_tests::adjustment;
use serde_json::Value;
use sqlx::{Executor, SqlSafeStr};

use super::events::{
    inventory_confirmed, inventory_reserved, order_cancelled, payment_succeeded, placed, submitted,
};
use super::harness::{Bench, ShopService};
use super::{inventory, order, payment};
use crate::statements::plan;

/// Small by nature: a row for each shard and for each input partition, and what waits.
const SMALL: [&str; 3] = ["shards", "consumed_positions", "dead_letters"];

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_a_batch_are_found_by_their_keys() {
    let bench = Bench::new("order", order::stepped).await;
    bench.batch(&[bench.send(submitted(0, &[("tea", 2)]))]).await;
    bench.batch(&[bench.send(inventory_confirmed(0))]).await;
    looked_at(&bench, &["orders", "products"]).await;

    let bench = Bench::new("inventory", inventory::stepped).await;
    bench.batch(&[bench.send(adjustment("tea", "a", 10))]).await;
    bench.batch(&[bench.send(placed(0, &[("tea", 3)]))]).await;
    bench.batch(&[bench.send(payment_succeeded(0))]).await;
    looked_at(&bench, &["order_reservations", "stock", "skus", "adjustments"]).await;

    let bench = Bench::new("payment", payment::stepped).await;
    let expires_at = bench.now().plus(time::Duration::minutes(15));
    bench.batch(&[bench.send(inventory_reserved(0, expires_at))]).await;
    bench.batch(&[bench.send(order_cancelled(0))]).await;
    looked_at(&bench, &["payments", "refunds"]).await;
}

/// Looks at each statement of this process that fits the service's schema.
async fn looked_at<R: ShopService>(bench: &Bench<R>, tables: &[&str]) {
    let mut connection = bench.pool().acquire().await.unwrap();
    for setting in ["set enable_seqscan = off", "set plan_cache_mode = force_generic_plan"] {
        connection.execute(setting).await.unwrap();
    }
    let mut seen = std::collections::BTreeSet::new();
    for statement in composed() {
        let fits = connection.prepare(sqlx::AssertSqlSafe(&*statement).into_sql_str()).await.is_ok();
        if fits {
            scans(&plan(&mut connection, &statement).await, &mut |node| {
                let table = node["Relation Name"].as_str().unwrap_or_default();
                if SMALL.contains(&table) || table.starts_with("inbox") {
                    return;
                }
                let by_key = node["Index Cond"].is_string() || node["Recheck Cond"].is_string();
                assert!(by_key, "{table} is read whole: {node:#}\n{statement}");
                seen.insert(table.to_owned());
            });
        }
    }
    for table in tables {
        assert!(seen.contains(*table), "no statement with {table} was looked at: {seen:?}");
    }
}

/// Shows each node that reads a table.
fn scans(plan: &Value, show: &mut dyn FnMut(&Value)) {
    match plan {
        Value::Array(nodes) => nodes.iter().for_each(|node| scans(node, show)),
        Value::Object(fields) => {
            let reads =
                fields.get("Node Type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("Scan"));
            if reads && fields.contains_key("Relation Name") {
                show(plan);
            }
            fields.values().for_each(|value| scans(value, show));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
