//! What `make chaos` runs besides the points, one after the other.

use super::table::{Row, judge};
use super::{backlog, brokers, compaction, holes, is_wanted, orders, outages};

macro_rules! run {
    ($rows:ident, $name:literal, $run:expr) => {
        if is_wanted($name, "all") {
            $rows.push(Row::of($name, "all", orders(), $run).await);
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ten minutes: make chaos"]
async fn whatever_fails_everything_ends_well() {
    let mut rows = Vec::new();
    run!(rows, "broker_dies", outages::broker_dies(orders()));
    run!(rows, "postgres_dies", outages::postgres_dies(orders()));
    run!(rows, "bad_wires", brokers::bad_wires(orders()));
    run!(rows, "black_hole", holes::black_hole(orders()));
    run!(rows, "lost_connections", holes::lost_connections(orders()));
    run!(rows, "one_of_three_dies", brokers::one_of_three_dies(orders()));
    run!(rows, "rebalances", outages::rebalances(orders()));
    run!(rows, "poison", backlog::poison());
    run!(rows, "long_outbox", backlog::long_outbox(orders()));
    run!(rows, "forgotten_tombstone", compaction::forgotten_tombstone());
    run!(rows, "snapshot_held", outages::snapshot_held(orders()));
    judge(&rows);
}
