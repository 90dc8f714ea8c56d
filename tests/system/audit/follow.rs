//! `audit verify --follow`: what comes is counted, and what does not hold is told as it is found.

use std::net::SocketAddr;

use minuet_tests::{Folder, World, adjustment, product, until};

use crate::cli::tool;

async fn metrics(address: SocketAddr) -> String {
    let answer = reqwest::get(format!("http://{address}/metrics")).await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    answer.text().await.unwrap()
}

async fn until_shown(address: SocketAddr, lines: &[&str]) {
    until(&format!("{lines:?} are shown"), || async {
        let shown = metrics(address).await;
        if lines.iter().all(|line| shown.lines().any(|shown| shown == *line)) { Ok(()) } else { Err(shown) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_metrics_and_violations_are_told_as_they_come() {
    let (world, folder) = (World::new().await, Folder::new());
    world.publish(product("MUG", "12.50", "EUR", true)).await;
    let arguments = ["audit", "verify", "--follow", "--metrics", "127.0.0.1:0"];
    let following = tool(&folder, &world, &arguments).await.start();
    following.prints("/metrics\n").await;
    let said = following.out();
    let address =
        said.trim().strip_prefix("metrics at http://").and_then(|said| said.strip_suffix("/metrics"));
    let address: SocketAddr = address.unwrap().parse().unwrap();
    until_shown(
        address,
        &["minuet_audit_events_total 1", "minuet_audit_violations_total{check=\"repetition\"} 0"],
    )
    .await;

    let asked = adjustment("MUG", "BER", 5);
    let envelope = world.envelope(&asked.clone().into());
    world.publisher.publish(envelope.clone(), asked.clone().into()).await.unwrap();
    world.submit(&[("MUG", 1)]).await;
    until_shown(address, &["minuet_audit_events_total 3", "minuet_audit_open_orders 1"]).await;
    assert!(metrics(address).await.contains("# TYPE minuet_audit_lag_messages gauge"));

    let other = minuet_events::inventory::StockAdjusted { delta: 6, ..asked };
    world.publisher.publish(envelope, other.into()).await.unwrap();
    following.prints("came again with another payload").await;
    until_shown(address, &["minuet_audit_violations_total{check=\"repetition\"} 1"]).await;
    assert!(following.out().contains("inventory.intake["), "with its place: {}", following.out());
}
