//! Every statement of every service is prepared against the migrated schema.

use minuet_tests::World;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

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
