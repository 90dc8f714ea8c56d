//! A secret in every setting that can carry one, looked for in everything that the program says.

use std::fmt::Display;

use futures::future::join_all;
use minuet_tests::{Folder, Minuet, World, until};
use minuet_traces::Receiver;
use serde_json::json;

const SECRET: &str = "geheim";

#[track_caller]
fn tells_nothing(what: impl Display, said: &str) {
    if let Some(at) = said.find(SECRET) {
        let from = said.floor_char_boundary(at.saturating_sub(400));
        let to = said.ceil_char_boundary((at + 100).min(said.len()));
        panic!("{what} tells the secret: {}", &said[from..to]);
    }
}

/// `user:geheim@` in front of the host.
fn with_user(url: &str) -> String {
    url.replacen("://", &format!("://user:{SECRET}@"), 1)
}

/// Everything that may be secret, and nothing behind it that answers.
fn planted(minuet: Minuet) -> Minuet {
    let url = format!("http://user:{SECRET}@127.0.0.1:1");
    let database = format!("postgres://user:{SECRET}@127.0.0.1:1/db");
    minuet
        .env("MINUET_TELEMETRY__FILTER", "debug")
        .env("MINUET_TELEMETRY__FORMAT", "json")
        .env("MINUET_TELEMETRY__ENDPOINT", &url)
        .env("MINUET_TELEMETRY__PROTOCOL", "http/protobuf")
        .env("OTEL_LOGS_EXPORTER", "otlp")
        .env("OTEL_METRICS_EXPORTER", "otlp")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
        .env("OTEL_BLRP_SCHEDULE_DELAY", "50")
        .env("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization=Bearer {SECRET}"))
        .env("MINUET_REGISTRY__URL", format!("{url}/v7?key={SECRET}"))
        .env("MINUET_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
        .env("MINUET_KAFKA__SECURITY_PROTOCOL", "sasl_plaintext")
        .env("MINUET_KAFKA__SASL_MECHANISM", "PLAIN")
        .env("MINUET_KAFKA__SASL_USERNAME", "user")
        .env("MINUET_KAFKA__SASL_PASSWORD", SECRET)
        .env("MINUET_KAFKA__SSL_KEY_PASSWORD", SECRET)
        .env("MINUET_KAFKA__DEBUG", "conf,security,broker")
        .env("MINUET_KAFKA__MESSAGE_TIMEOUT_MS", "300")
        .env("MINUET_ORDER__DATABASE_URL", &database)
        .env("MINUET_INVENTORY__DATABASE_URL", &database)
        .env("MINUET_PAYMENT__DATABASE_URL", &database)
        .env("MINUET_PAYMENT__PROVIDER__KIND", "stripe")
        .env("MINUET_PAYMENT__PROVIDER__STRIPE__SECRET_KEY", format!("sk_test_{SECRET}"))
        .env("MINUET_PAYMENT__PROVIDER__STRIPE__URL", &url)
        .env("MINUET_PAYMENT__PROVIDER__STRIPE__RETURN_URL", "https://shop.example/paid")
        .env("MINUET_ORDER__LISTEN", "127.0.0.1:0")
        .env("MINUET_INVENTORY__LISTEN", "127.0.0.1:0")
        .env("MINUET_PAYMENT__LISTEN", "127.0.0.1:0")
        .env("MINUET_GATEWAY__LISTEN", "127.0.0.1:0")
        .env("MINUET_GATEWAY__ORDER_URL", &url)
        .env("MINUET_GATEWAY__INVENTORY_URL", &url)
        .env("MINUET_GATEWAY__JWT_SECRET", format!("{SECRET}, long enough for HS256, or so I hope"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_that_fails_tells_a_secret() {
    let folder = Folder::new();
    let health = format!("http://user:{SECRET}@127.0.0.1:1/readyz?token={SECRET}");
    let commands: [&[&str]; 10] = [
        &["schemas", "check"],
        &["schemas", "register"],
        &["health", &health],
        &["topics", "plan"],
        &["migrate"],
        &["dead-letters", "list"],
        &["dead-letters", "show", "1", "--service", "order"],
        &["produce", "ProductChanged"],
        &["audit", "tail"],
        &["audit", "verify", "--against-databases"],
    ];
    let runs = join_all(commands.map(|command| planted(folder.minuet(command)).run())).await;
    for (command, done) in commands.iter().zip(&runs) {
        assert_ne!(done.code, Some(0), "{command:?}: {done:#?}");
        let said = format!("{}{}", done.out, done.err);
        assert!(!said.is_empty(), "{command:?}");
        if command.contains(&"health") || command.contains(&"schemas") {
            assert!(said.contains("***@127.0.0.1:1"), "{command:?} names the address: {said}");
        }
        tells_nothing(format!("{command:?}"), &said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_service_that_waits_tells_a_secret() {
    let folder = Folder::new();
    let waiting = ["order", "inventory", "payment"].map(|name| planted(folder.minuet([name])).start());
    for process in &waiting {
        process.logs("schema registry does not answer").await;
        let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", process.pid)).unwrap();
        tells_nothing("the process list", &arguments);
        process.signal("TERM");
    }
    for process in &waiting {
        let done = process.ended().await;
        tells_nothing("a service", &format!("{}{}", done.out, done.err));
    }
}

/// With a registry that answers, and nothing else that does.
#[tokio::test(flavor = "multi_thread")]
async fn no_service_whose_dependencies_are_away_tells_a_secret() {
    let (world, folder, receiver) = (World::new().await, Folder::new(), Receiver::start().unwrap());
    let registry = with_user(world.registry());
    let started = ["order", "inventory", "payment", "gateway"].map(|name| {
        let minuet = planted(folder.minuet([name])).env("MINUET_REGISTRY__URL", &registry);
        let minuet = minuet.env("MINUET_TELEMETRY__ENDPOINT", with_user(&receiver.url()));
        (name, minuet.env("OTEL_BSP_SCHEDULE_DELAY", "50").start())
    });
    let http = reqwest::Client::new();
    let token = planted(folder.minuet(["token", "--user", "anna", "--scope", "admin"]));
    let token = token.run().await.well().out;
    for (name, process) in &started {
        let base = process.url().await;
        let order = format!("{base}/v1/orders/{}", uuid::Uuid::now_v7());
        let paths = [format!("{base}/healthz"), format!("{base}/readyz"), format!("{base}/metrics"), order];
        for path in paths {
            let answer = http.get(&path).bearer_auth(token.trim()).send().await.unwrap();
            let said = format!("{:?} {}", answer.headers().clone(), answer.text().await.unwrap());
            tells_nothing(format!("{name}: {path}"), &said);
        }
    }
    let body = json!({"payment_method": "paypal", "lines": [{"sku": "TEA-1", "quantity": 1}]});
    let order = http.post(format!("{}/v1/orders", started[3].1.url().await)).bearer_auth(token.trim());
    tells_nothing("an order", &order.json(&body).send().await.unwrap().text().await.unwrap());
    until("the gateway's question is recorded", || async {
        let spans = format!("{:?}", receiver.store.spans());
        if spans.contains("url.full") { Ok(()) } else { Err(spans) }
    })
    .await;
    for (name, process) in &started {
        tells_nothing(name, &format!("{}{}", process.out(), process.log()));
    }
    tells_nothing("a span", &format!("{:?}", receiver.store.spans()));
    tells_nothing("a line that was sent", &format!("{:?}", receiver.store.lines()));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_setting_that_is_wrong_tells_a_secret() {
    let wrong = [
        ("MINUET_REGISTRY__URL", "geheim"),
        ("MINUET_REGISTRY__URL", "http://user:ge heim@host"),
        ("MINUET_REGISTRY__URL", "ftp://user:geheim@host"),
        ("MINUET_REGISTRY__URL__X", "geheim"),
        ("MINUET_ORDER__DATABASE_URL", "mysql://user:geheim@host/db"),
        ("MINUET_ORDER__DATABASE_URL", "postgres://user:geheim@host:port/db"),
        ("MINUET_ORDER__DATABASE_URL__X", "geheim"),
        ("MINUET_ORDER__LISTEN", "http://user:geheim@host"),
        ("MINUET_TELEMETRY__ENDPOINT", "geheim"),
        ("MINUET_TELEMETRY__ENDPOINT", "user:geheim@host:4317"),
        ("MINUET_TELEMETRY__ENDPOINT", "http://user:geheim@ho st"),
        ("MINUET_TELEMETRY__ENDPOINT__X", "geheim"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://user:geheim@ho st"),
        ("MINUET_GATEWAY__ORDER_URL", "https://user:geheim@host"),
        ("MINUET_GATEWAY__ORDER_URL", "http://host/?key=geheim"),
        ("MINUET_GATEWAY__JWT_SECRET", "geheim"),
        ("MINUET_GATEWAY__JWT_SECRET__X", "geheim"),
        ("MINUET_PAYMENT__PROVIDER__STRIPE__SECRET_KEY", "geheim"),
        ("MINUET_PAYMENT__PROVIDER__STRIPE__SECRET_KEY", "pk_test_geheim"),
        ("MINUET_PAYMENT__PROVIDER__STRIPE__SECRET_KEY__X", "geheim"),
        ("MINUET_PAYMENT__PROVIDER__STRIPE__URL", "user:geheim@host"),
        ("MINUET_KAFKA__SASL_MECHANISMS", "geheim"),
        ("MINUET_KAFKA__SSL_KEY_PEM", "geheim"),
        ("MINUET_KAFKA__SASL_PASSWORDS", "geheim"),
    ];
    let runs = wrong.map(|(name, value)| async move {
        let folder = Folder::new();
        let service = ["GATEWAY", "PAYMENT"].into_iter().find(|section| name.contains(section));
        let service = service.map_or("order".to_owned(), str::to_lowercase);
        let process = planted(folder.minuet([service.as_str()])).env(name, value).start();
        // What is wrong is said at the start, or when it is used.
        until(&format!("{name}={value} is said"), || async {
            let log = process.log();
            let said = log.contains("minuet: ") || log.contains("is retried");
            if said { Ok(()) } else { Err(log) }
        })
        .await;
        process.signal("TERM");
        let done = process.ended().await;
        (name, format!("{}{}", done.out, done.err))
    });
    for (name, said) in join_all(runs).await {
        tells_nothing(name, &said);
    }

    let folder = Folder::new();
    let file = "[registry]\nurl = ['http://user:geheim@host']\n[telemetry]\nendpoint = ['http://user:geheim@host']\n\
        [kafka]\n'bootstrap.servers' = ['user:geheim@host']\n'sasl.password' = ['geheim']\n'ssl.key.pem' = ['geheim']\n\
        [order]\ndatabase_url = ['postgres://user:geheim@host/db']\n\
        [gateway]\njwt_secret = ['geheim']\norder_url = ['http://user:geheim@host']\n";
    folder.write("minuet.toml", file);
    let done = folder.minuet(["order"]).run().await;
    assert_eq!(done.code, Some(2), "{done:#?}");
    for key in ["registry.url", "telemetry.endpoint", "kafka", "order.database_url", "gateway"] {
        assert!(done.err.contains(key), "{key}: {done:#?}");
    }
    tells_nothing("a file of wrong types", &done.err);
    let done = Folder::new().minuet(["order", "--set", "geheim"]).run().await;
    assert_eq!(done.code, Some(2), "{done:#?}");
    tells_nothing("--set", &done.err);
}
