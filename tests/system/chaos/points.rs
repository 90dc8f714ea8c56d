//! Every boundary of the code, in every service that has it: the process dies there by SIGKILL, is started again, and
//! everything ends as if nothing had been.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use minuet_messaging::failpoint::Failpoint;
use minuet_tests::{Options, Servers, until};
use parking_lot::Mutex;

use super::load::load;
use super::rest::at_rest;
use super::shop::{ALL, Shop};
use super::table::{Row, judge};
use super::{is_wanted, orders};

/// Runs at the same time: each waits most of its time for the group to give up its dead.
const AT_ONCE: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    UnderLoad,
    /// The service was killed under load: it dies again when it takes up its work.
    AtTakeover,
    /// Another instance of the service joins under load.
    InRebalance,
}

/// Where a point is, when it is passed, and on which passage the process dies.
fn place(point: Failpoint) -> (&'static [&'static str], When, u64) {
    const WITH_LANE: &[&str] = &["order", "inventory", "payment"];
    const WITH_SWEEPER: &[&str] = &["order", "inventory"];
    match point {
        Failpoint::BeforeProduce | Failpoint::AfterAck => (&["gateway"], When::UnderLoad, 3),
        Failpoint::AfterPoll
        | Failpoint::AfterClaim
        | Failpoint::BeforeCommit
        | Failpoint::AfterCommit
        | Failpoint::AfterStoreOffset
        | Failpoint::AfterRelayRead
        | Failpoint::BeforeRelayAck
        | Failpoint::AfterRelayAck
        | Failpoint::AfterRelayDelete => (WITH_LANE, When::UnderLoad, 3),
        Failpoint::WhileGivingAway => (WITH_LANE, When::InRebalance, 1),
        Failpoint::BeforeTake | Failpoint::AfterTake => (WITH_LANE, When::AtTakeover, 1),
        Failpoint::AfterDue | Failpoint::BeforeSweepCommit => (WITH_SWEEPER, When::UnderLoad, 1),
        Failpoint::BeforeCharge | Failpoint::AfterCharge | Failpoint::BeforeRecord => {
            (&["payment"], When::UnderLoad, 2)
        }
        Failpoint::BeforeStop | Failpoint::AfterStop | Failpoint::BeforeRefund | Failpoint::AfterRefund => {
            (&["payment"], When::UnderLoad, 1)
        }
        Failpoint::BeforeLookUp | Failpoint::AfterLookUp => (&["payment"], When::AtTakeover, 1),
    }
}

fn all() -> Vec<(Failpoint, &'static str)> {
    let points = Failpoint::ALL.iter();
    points.flat_map(|point| place(*point).0.iter().map(|service| (*point, *service))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_where_most_is_at_stake_changes_nothing() {
    run(vec![
        (Failpoint::AfterCommit, "order"),
        (Failpoint::AfterRelayAck, "inventory"),
        (Failpoint::AfterCharge, "payment"),
        (Failpoint::BeforeSweepCommit, "inventory"),
        (Failpoint::AfterLookUp, "payment"),
        (Failpoint::WhileGivingAway, "inventory"),
        (Failpoint::BeforeCommit, "payment"),
        (Failpoint::AfterAck, "gateway"),
        (Failpoint::AfterRefund, "payment"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour: make chaos"]
async fn a_crash_at_any_point_changes_nothing() {
    run(all()).await;
}

async fn run(mut cases: Vec<(Failpoint, &'static str)>) {
    cases.retain(|(point, service)| is_wanted(point.name(), service));
    let orders = orders();
    let runs = cases.into_iter().zip(1..).map(|((point, service), seed)| async move {
        let reached = AtomicBool::new(false);
        let mut row =
            Box::pin(Row::of(point.name(), service, orders, crash(point, service, orders, seed, &reached)))
                .await;
        row.reached = reached.load(Ordering::SeqCst);
        row
    });
    let mut rows: Vec<Row> = futures::stream::iter(runs).buffered(AT_ONCE).collect().await;
    rows.sort_by_key(|row| Failpoint::ALL.iter().position(|point| point.name() == row.point));
    judge(&rows);
}

async fn crash(point: Failpoint, victim: &'static str, orders: usize, seed: u64, reached: &AtomicBool) {
    let (_, when, passage) = place(point);
    // The order's own deadline comes only to what nothing else ends.
    let by_deadline: &[(&str, &str)] =
        &[("MINUET_INVENTORY__RESERVATION_SECONDS", "600"), ("MINUET_ORDER__DEADLINE_SECONDS", "12")];
    let sweeps_orders =
        victim == "order" && matches!(point, Failpoint::AfterDue | Failpoint::BeforeSweepCommit);
    let settings = if sweeps_orders { by_deadline } else { &[] };
    let shop =
        Shop::new(Servers::shared().await, Options { partitions: 3, ..Options::default() }, settings).await;
    for service in ALL {
        match when {
            When::AtTakeover => shop.start(service),
            _ if service != victim => shop.start(service),
            _ => shop.start_to_die(service, point, passage),
        };
    }
    shop.ready().await;
    shop.arm();
    let second = Mutex::new(None);
    let die = async {
        match when {
            When::UnderLoad => {}
            When::AtTakeover => {
                kill_with_open_calls(&shop, victim).await;
                shop.start_to_die(victim, point, passage);
            }
            When::InRebalance => {
                under_way(&shop, "order", "select count(*) from orders").await;
                *second.lock() = Some(shop.another(victim));
            }
        }
        let done = shop.process(victim).ended().await;
        assert!(
            done.code.is_none() && done.err.contains("failpoint was reached"),
            "it ended otherwise: {done:#?}"
        );
        reached.store(true, Ordering::SeqCst);
        shop.start(victim);
    };
    let (acknowledged, ()) = tokio::join!(load(&shop, orders, seed, Duration::from_secs(2)), die);
    assert_eq!(acknowledged.len(), orders);
    at_rest(&shop, &acknowledged).await;
}

/// Kills the victim while payments wait for the provider. The process stands still while they are counted: the answer to an
/// open call could be recorded between the count and the kill.
async fn kill_with_open_calls(shop: &Shop, victim: &str) {
    const OPEN: &str = "select count(*) from payments where status = 'processing'";
    until("payments wait for the provider", || async {
        shop.process(victim).signal("STOP");
        let open = shop.world.number("payment", OPEN).await;
        if open == 0 {
            shop.process(victim).signal("CONT");
            return Err(open);
        }
        shop.kill(victim);
        Ok(())
    })
    .await;
}

async fn under_way(shop: &Shop, service: &str, sql: &'static str) {
    until("the load is under way", || async {
        let seen = shop.world.number(service, sql).await;
        if seen > 0 { Ok(()) } else { Err(seen) }
    })
    .await;
}
