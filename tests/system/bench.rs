//! `minuet bench` on the tests' servers: short runs, whose figures mean nothing and whose names and books do.

use minuet_tests::{Done, Folder, Process, SERVICES, stack, until};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

/// Databases of its own, and a run on them.
async fn start(folder: &Folder, arguments: &[&str]) -> (Process, PgPool) {
    let stack = stack().await;
    let id = Uuid::new_v4().simple().to_string();
    let mut databases = json!({});
    for service in SERVICES {
        let name = format!("b{}_{service}", &id[..8]);
        stack.create_database(&name).await.unwrap();
        databases[service] = stack.database_url(&name).into();
    }
    let endpoints = json!({ "kafka": stack.kafka(), "registry": stack.registry(), "databases": databases });
    folder.write("endpoints.json", &endpoints.to_string());
    let inventory = minuet_messaging::connect(databases["inventory"].as_str().unwrap(), 1, "test").unwrap();
    let common = ["bench", "--endpoints", "endpoints.json", "--warm-up", "1s", "--in-flight", "64"];
    let bench = folder.minuet(common.iter().chain(arguments)).env("TMPDIR", folder.path().to_string_lossy());
    (bench.start(), inventory)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_prints_every_figure_and_its_books_balance() {
    let folder = Folder::new();
    let (process, _) = start(&folder, &["--duration", "3s", "--json"]).await;
    let Done { out, .. } = process.ended().await.well();
    let report: Value = serde_json::from_str(&out).unwrap();
    let figures = [
        "/throughput_per_s",
        "/latency_ms/p50",
        "/latency_ms/p99",
        "/latency_ms/max",
        "/cpu_s_per_1000/program",
        "/cpu_s_per_1000/postgres",
        "/cpu_s_per_1000/broker",
        "/requests_per_1000/produce",
        "/requests_per_1000/fetch",
        "/latency_cpu_s_per_1000/program",
        "/latency_requests_per_1000/produce",
        "/peak_rss_mib",
        "/wal_bytes_per_order",
        "/transactions_per_order",
    ];
    for name in figures {
        let figure = report.pointer(name).and_then(Value::as_f64);
        assert!(figure.is_some_and(|figure| figure > 0.0), "{name} in {report:#}");
    }
    let books = &report["books"];
    assert_eq!(books["balanced"], true);
    assert_eq!(books["orders"], books["confirmed"], "nothing fails and nothing is cancelled: {books}");

    // Set beside a later run, of processes apart and with orders as events.
    folder.write("before.json", &out);
    let arguments = [
        "--duration",
        "2s",
        "--rate",
        "20,50",
        "--services",
        "apart",
        "--through",
        "intake",
        "--compare",
        "before.json",
    ];
    let (process, _) = start(&folder, &arguments).await;
    let Done { out, .. } = process.ended().await.well();
    assert!(out.contains("ratio") && out.contains("the books balance"), "{out}");
    let lines = |rate: &str| out.lines().filter(|line| line.trim_start().starts_with(rate)).count();
    assert_eq!((lines("20 "), lines("50 ")), (1, 1), "a line of each rate: {out}");
}

/// Somebody puts a piece on a shelf that no adjustment tells of.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_books_do_not_balance_has_no_figures() {
    const PLANT: &str =
        "update stock set available = available + 1, on_hand = on_hand + 1, version = version + 1
         where sku = 'BENCH-0007' and on_hand < 1000000000";
    let folder = Folder::new();
    let arguments = ["--duration", "3s", "--only", "throughput", "--variant", "hot", "--json"];
    let (process, inventory) = start(&folder, &arguments).await;
    until("a product that was sold has a piece more", || async {
        // The tables come with the run.
        match sqlx::query(PLANT).execute(&inventory).await {
            Ok(done) if done.rows_affected() == 1 => Ok(()),
            other => Err((other, process.out())),
        }
    })
    .await;
    inventory.close().await;
    let Done { code, out, err } = process.ended().await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("the books do not balance") && err.contains("BENCH-0007"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_has_no_figures_and_leaves_nothing() {
    let folder = Folder::new();
    let (process, _) = start(&folder, &["--duration", "10m", "--only", "throughput"]).await;
    process.logs("T: 64 orders in flight").await;
    process.signal("TERM");
    let Done { code, out, err } = process.ended().await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.contains("there are no figures"), "{err}");
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("minuet-bench-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_is_refused_before_anything_runs() {
    let folder = Folder::new();
    folder.write("relay.json", r#"{"rows": 1000, "rows_per_s": 50000.0}"#);
    let empty = json!({"run": {"variant": "hot", "services": "together", "through": "gateway", "in_flight": 1, "rate": 1,
        "duration_s": 1, "warm_up_s": 1, "rss_mib": [], "set": [], "broker": [],
        "size": {"instances": 1, "orders_before": 0, "inbox_before": 0}}});
    folder.write("empty.json", &empty.to_string());
    let cases: [(&[&str], i32, &str); 5] = [
        (&["--compare", "relay.json"], 1, "what --json printed"),
        (&["--compare", "empty.json"], 1, "holds no figures"),
        (&["--sampling", "0,1", "--compare", "empty.json"], 1, "takes one run"),
        (&["--rounds", "2"], 2, "--sampling"),
        (&["--relay", "1000", "--variant", "hot"], 2, "--variant"),
    ];
    for (arguments, expected, says) in cases {
        let Done { code, err, .. } = folder.minuet(["bench"].iter().chain(arguments)).run().await;
        assert_eq!(code, Some(expected), "{arguments:?}: {err}");
        assert!(err.contains(says), "{arguments:?}: {err}");
    }
}
