//! `minuet up` when something does not go well: it says so at once.

use std::process::Command;
use std::time::{Duration, Instant};

use minuet_tests::{Folder, Server};

const ANY: [&str; 10] = [
    "up",
    "--gateway-port",
    "0",
    "--kafka-port",
    "0",
    "--registry-port",
    "0",
    "--postgres-port",
    "0",
    "--set=up.metrics_port=0",
];
/// From what went wrong to the end, the servers stopped.
const AT_ONCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_said_at_once() {
    let folder = Folder::new();
    // Refused before anything is started.
    let wrong = folder.minuet(ANY.iter().chain(&["--set", "payment.concurrency=0"])).run().await;
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
    assert!(
        wrong.err.contains("payment.concurrency (from --set payment.concurrency): takes 1 to"),
        "{wrong:#?}"
    );

    // A service that does not start.
    let up = folder.minuet(ANY.iter().chain(&["--set", "order.inbox_retention_days=1"])).start();
    up.logs("schemas registered").await;
    let begun = Instant::now();
    let done = up.ended().await;
    assert_eq!(done.code, Some(1), "{done:#?}");
    assert!(done.err.contains("the order service does not start"), "{done:#?}");
    assert!(begun.elapsed() < AT_ONCE, "{:?}: {done:#?}", begun.elapsed());

    // A provider that declines everything: the demo shows another end than it was made for, and all is up.
    let up = folder.minuet(ANY.iter().chain(&["--set", "payment.provider.success_rate=0"])).start();
    up.prints("Minuet is up after").await;
    let (out, log) = (up.out(), up.log());
    assert!(out.lines().any(|line| line.starts_with("cancelled  a dining table")), "{out}");
    assert!(log.contains("a dining table and four chairs: it was meant to end confirmed"), "{log}");

    // A server that dies takes everything with it, and is named.
    let servers = folder.servers(up.pid);
    let is_kafka = |server: &&Server| {
        server.command.contains("kafka.Kafka")
            && server.command.split(' ').next().is_some_and(|it| it.ends_with("java"))
    };
    let kafka = servers.iter().find(is_kafka).unwrap_or_else(|| panic!("no Kafka among {servers:#?}"));
    let killed = Instant::now();
    assert!(
        Command::new("sh")
            .args(["-c", "kill -s KILL \"$0\"", &kafka.pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
    let done = up.ended().await;
    assert_eq!(done.code, Some(1), "{done:#?}");
    assert!(done.err.contains("Kafka has ended by itself"), "{done:#?}");
    assert!(killed.elapsed() < AT_ONCE, "{:?}: {done:#?}", killed.elapsed());
    assert!(folder.servers(0).is_empty(), "{:#?}", folder.servers(0));
}
