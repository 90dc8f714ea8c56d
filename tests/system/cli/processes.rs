//! The four services as four processes, as an orchestrator of containers runs them: told by the environment, stopped by
//! SIGTERM.

use std::time::{Duration, Instant};

use minuet_tests::{Folder, World, assert_books_balance};
use serde_json::{Value, json};

const SECRET: &str = "a secret of this test, long enough for HS256";
/// What an orchestrator waits for before it kills.
const GRACE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_carry_an_order_to_its_end_and_stop_when_told() {
    let (world, folder) = (World::new().await, Folder::new());
    let mut processes = Vec::new();
    for name in minuet_tests::SERVICES {
        let minuet = world.process(&folder, name).env("MINUET_PAYMENT__PROVIDER__SUCCESS_RATE", "1.0");
        processes.push(minuet.start());
    }
    let gateway = world.process(&folder, "gateway").env("MINUET_GATEWAY__JWT_SECRET", SECRET);
    let gateway = gateway.env("MINUET_GATEWAY__ORDER_URL", processes[0].url().await);
    processes.push(gateway.env("MINUET_GATEWAY__INVENTORY_URL", processes[1].url().await).start());
    let gateway = processes[3].url().await;
    for process in &processes {
        let ready = format!("{}/readyz", process.url().await);
        minuet_tests::until("the service is ready", || async {
            let health = folder.minuet(["health", &ready]).run().await;
            if health.code == Some(0) { Ok(()) } else { Err(health) }
        })
        .await;
    }

    for (process, dependencies) in processes.iter().zip([["kafka", "postgres"]; 3]) {
        let health = reqwest::get(format!("{}/healthz", process.url().await)).await.unwrap();
        let health: Value = health.error_for_status().unwrap().json().await.unwrap();
        for dependency in dependencies {
            let report = &health["dependencies"][dependency];
            assert!(report["ok"] == true && report["since"].is_string(), "{health:#}");
        }
    }

    world.product("TEA-1", "1.50", &[("BER", 9)]).await;
    let token = folder.minuet(["token", "--user", "anna"]).env("MINUET_GATEWAY__JWT_SECRET", SECRET);
    let token = token.run().await.well().out;
    let order = json!({"payment_method": "paypal", "lines": [{"sku": "TEA-1", "quantity": 2}]});
    let request = reqwest::Client::new().post(format!("{gateway}/v1/orders")).bearer_auth(token.trim());
    let answer = request.header("prefer", "wait=30").json(&order).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let placed: Value = answer.json().await.unwrap();
    let id: uuid::Uuid = placed["order_id"].as_str().unwrap().parse().unwrap();
    world.await_status(id.into(), "confirmed").await;

    // The edge first, as whoever stops them all would do.
    for process in processes.iter().rev() {
        let told = Instant::now();
        process.signal("TERM");
        let done = process.ended().await.well();
        assert!(told.elapsed() < GRACE, "{:?} until the end of {done:#?}", told.elapsed());
        assert_eq!(done.out, "", "a service prints nothing");
        for line in done.err.lines() {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            assert_ne!(event["level"], "ERROR", "{line}");
        }
    }
    assert_books_balance(&world).await;
}
