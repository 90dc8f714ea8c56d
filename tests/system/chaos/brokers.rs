//! Brokers of a run's own: one behind a wire that can be cut, and three that stand in for each other.

use std::time::Duration;

use minuet_stack::{Part, Ports, Stack, StackOptions};
use minuet_tests::{Options, SERVICES, Servers};
use tokio::time::sleep;

use super::load::load;
use super::outages::{OVER, opened, under_way};
use super::proxy::{Proxy, Wire};
use super::rest::at_rest;
use super::shop::{ALL, Shop, free_port};

async fn broker(name: &str, port: u16, settings: Vec<(&str, String)>) -> Stack {
    let root = std::env::temp_dir().join(format!("minuet-chaos-{}-{name}", std::process::id()));
    let options = StackOptions {
        ports: Ports { kafka: port, ..Ports::ANY },
        kafka_settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..StackOptions::for_tests(root)
    };
    Stack::start(options.only(&[Part::Kafka]), |_| {}).await.unwrap()
}

/// The services reach Kafka and PostgreSQL through wires that are cut, slow and half closed in turn.
pub(super) async fn bad_wires(orders: usize) {
    let [direct, behind, proxied, controller] = std::array::from_fn(|_| free_port());
    let at = |name: &str, port: u16| format!("{name}://127.0.0.1:{port}");
    let listeners = [at("PLAINTEXT", direct), at("PROXIED", behind), at("CONTROLLER", controller)].join(",");
    let kafka = broker(
        "proxied",
        direct,
        vec![
            ("listeners", listeners),
            // Whoever comes by the wire is told to stay on it.
            ("advertised.listeners", [at("PLAINTEXT", direct), at("PROXIED", proxied)].join(",")),
            (
                "listener.security.protocol.map",
                "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT".to_owned(),
            ),
            ("controller.quorum.voters", format!("1@127.0.0.1:{controller}")),
        ],
    )
    .await;
    let shared = Servers::shared().await;
    let mut shop = Shop::new(Servers { kafka: kafka.kafka(), ..shared }, Options::default(), &[]).await;
    let database = |service| shop.world.settings(service).database_url;
    let order = database("order");
    let postgres: u16 = order.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
    let wires = [Proxy::start(proxied, behind).await, Proxy::start(free_port(), postgres).await];
    let urls = SERVICES.map(|service| {
        let url = database(service).replace(&format!(":{postgres}/"), &format!(":{}/", wires[1].port));
        (format!("MINUET_{}__DATABASE_URL", service.to_uppercase()), url)
    });
    shop.set("MINUET_KAFKA__BOOTSTRAP_SERVERS", &format!("127.0.0.1:{proxied}"));
    for (name, url) in &urls {
        shop.set(name, url);
    }
    for service in ALL {
        shop.start(service);
    }
    shop.ready().await;

    let trouble = async {
        under_way(&shop).await;
        for wire in &wires {
            for (state, lasts) in [
                (Wire::Cut, 2_000),
                (Wire::Good, 1_000),
                (Wire::Slow(Duration::from_millis(30)), 2_000),
                (Wire::HalfClosed, 1_000),
                (Wire::Good, 1_000),
                (Wire::Cut, 100),
                (Wire::Good, 0),
            ] {
                wire.set(state);
                sleep(Duration::from_millis(lasts)).await;
            }
        }
    };
    let (acknowledged, ()) = tokio::join!(load(&shop, orders, 106, 2 * OVER), trouble);
    at_rest(&shop, &acknowledged).await;
}

/// Every record on all three, acknowledged by two: one may die.
pub(super) async fn one_of_three_dies(orders: usize) {
    let ports: [(u16, u16); 3] = std::array::from_fn(|_| (free_port(), free_port()));
    let voters: Vec<String> =
        (1..).zip(&ports).map(|(node, (_, controller))| format!("{node}@127.0.0.1:{controller}")).collect();
    let settings = |node: usize| {
        let (port, controller) = ports[node - 1];
        let mut settings = vec![
            ("node.id", node.to_string()),
            ("controller.quorum.voters", voters.join(",")),
            ("listeners", format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}")),
        ];
        for name in [
            "offsets.topic.replication.factor",
            "transaction.state.log.replication.factor",
            "share.coordinator.state.topic.replication.factor",
        ] {
            settings.push((name, "3".to_owned()));
        }
        for name in
            ["min.insync.replicas", "transaction.state.log.min.isr", "share.coordinator.state.topic.min.isr"]
        {
            settings.push((name, "2".to_owned()));
        }
        settings
    };
    // None is ready before two are.
    let (first, second, third) = tokio::join!(
        broker("first", ports[0].0, settings(1)),
        broker("second", ports[1].0, settings(2)),
        broker("third", ports[2].0, settings(3))
    );
    let bootstrap = [&first, &second, &third].map(Stack::kafka).join(",");
    let shared = Servers::shared().await;
    let options = Options { replication: 3, ..Options::default() };
    let shop = opened(Servers { kafka: &bootstrap, ..shared }, options, &[]).await;
    let outage = async {
        under_way(&shop).await;
        for broker in [&first, &second] {
            broker.kill(Part::Kafka).await.unwrap();
            sleep(OVER).await;
            broker.restart(Part::Kafka).await.unwrap();
        }
    };
    let (acknowledged, ()) = tokio::join!(load(&shop, orders, 107, 2 * OVER), outage);
    at_rest(&shop, &acknowledged).await;
}
