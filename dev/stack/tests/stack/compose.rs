//! `docker-compose.yml` and `Dockerfile` against the constants of the local stack. No Docker is needed for that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use minuet_stack::constants::*;
use serde_yaml_ng::Value;

const OURS: [&str; 9] =
    ["migrate", "topics", "schemas", "order", "inventory", "payment", "gateway", "demo", "audit"];
const TELEMETRY: [&str; 4] = ["collector", "jaeger", "prometheus", "grafana"];
/// Their images have nothing that could ask them.
const MUTE: [&str; 2] = ["collector", "jaeger"];

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)).unwrap()
}

struct Compose(Value);

impl Compose {
    fn load() -> Self {
        let mut value: Value = serde_yaml_ng::from_str(&read("docker-compose.yml")).unwrap();
        value.apply_merge().unwrap();
        Self(value)
    }

    fn services(&self) -> BTreeMap<&str, &Value> {
        let services = self.0["services"].as_mapping().unwrap();
        services.iter().map(|(name, service)| (name.as_str().unwrap(), service)).collect()
    }

    fn service(&self, name: &str) -> &Value {
        self.services()[name]
    }

    fn environment(&self, service: &str) -> BTreeMap<&str, &str> {
        let environment = self.service(service)["environment"].as_mapping().unwrap();
        // Compose wants texts: `false` and 1 without quotes would be refused or changed.
        environment.iter().map(|(name, value)| (name.as_str().unwrap(), value.as_str().unwrap())).collect()
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_sequence().map(|all| all.iter().map(|one| one.as_str().unwrap()).collect()).unwrap_or_default()
}

#[test]
fn the_images_are_the_versions_that_run_locally() {
    let compose = Compose::load();
    for (service, image, version) in [
        ("kafka", KAFKA_IMAGE, KAFKA_VERSION),
        ("registry", REGISTRY_IMAGE, REGISTRY_VERSION),
        ("postgres", POSTGRES_IMAGE, POSTGRES_VERSION),
    ] {
        assert_eq!(compose.service(service)["image"], format!("{image}:{version}"));
    }
}

#[test]
fn the_broker_has_the_settings_of_the_local_one() {
    let compose = Compose::load();
    let environment = compose.environment("kafka");
    assert_eq!(environment["CLUSTER_ID"], KAFKA_CLUSTER_ID);
    let variable = |name: &str| format!("KAFKA_{}", name.to_uppercase().replace('.', "_"));
    for (name, value) in BROKER_SETTINGS {
        assert_eq!(environment.get(variable(name).as_str()), Some(value), "{name}");
    }
    let known: BTreeSet<String> = BROKER_SETTINGS.iter().map(|(name, _)| variable(name)).collect();
    let placed = [
        "CLUSTER_ID",
        "KAFKA_HEAP_OPTS",
        "KAFKA_LOG_DIRS",
        "KAFKA_LISTENERS",
        "KAFKA_ADVERTISED_LISTENERS",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
        "KAFKA_INTER_BROKER_LISTENER_NAME",
        "KAFKA_CONTROLLER_QUORUM_VOTERS",
    ];
    for name in environment.keys() {
        assert!(known.contains(*name) || placed.contains(name), "{name} is no setting of the local broker");
    }
    let host = format!("HOST://127.0.0.1:{KAFKA_PORT}");
    assert!(environment["KAFKA_ADVERTISED_LISTENERS"].ends_with(&host));
}

#[test]
fn postgres_and_the_registry_have_the_settings_of_the_local_ones() {
    let compose = Compose::load();
    let command = texts(&compose.service("postgres")["command"]);
    let settings: Vec<&str> = command.iter().filter_map(|argument| argument.strip_prefix("-c")).collect();
    let mut expected: Vec<String> =
        POSTGRES_SETTINGS.iter().map(|(name, value)| format!("{name}={value}")).collect();
    expected.push("shared_preload_libraries=pg_stat_statements".to_owned());
    assert_eq!(settings, expected);

    let environment = compose.environment("postgres");
    let databases: Vec<&str> = environment["MINUET_DATABASES"].split(' ').collect();
    assert_eq!(databases[0], REGISTRY_DATABASE);
    assert_eq!(databases[1..], SERVICE_DATABASES);
    assert!(
        read("deploy/postgres/create-databases.sh")
            .contains(&format!("create role {ROLE} with login nosuperuser"))
    );

    let environment = compose.environment("registry");
    for (name, value) in REGISTRY_SETTINGS {
        assert_eq!(environment.get(name), Some(value), "{name}");
    }
    assert_eq!(environment["APICURIO_DATASOURCE_USERNAME"], ROLE);
    let url = format!("jdbc:postgresql://postgres:{POSTGRES_CONTAINER_PORT}/{REGISTRY_DATABASE}");
    assert_eq!(environment["APICURIO_DATASOURCE_URL"], url);
}

#[test]
fn our_services_are_told_where_everything_is() {
    let compose = Compose::load();
    let registry = format!("http://registry:{REGISTRY_CONTAINER_PORT}{REGISTRY_PATH}");
    for service in ["order", "inventory", "payment", "gateway", "schemas"] {
        assert_eq!(compose.environment(service)["MINUET_REGISTRY__URL"], registry, "{service}");
    }
    for (service, database) in ["order", "inventory", "payment"].into_iter().zip(SERVICE_DATABASES) {
        let variable = format!("MINUET_{}__DATABASE_URL", service.to_uppercase());
        for user in [service, "migrate"] {
            let url = compose.environment(user)[variable.as_str()].to_owned();
            let end = format!("@postgres:{POSTGRES_CONTAINER_PORT}/{database}");
            assert!(url.starts_with(&format!("postgres://{ROLE}:")) && url.ends_with(&end), "{url}");
        }
        let environment = compose.environment(service);
        let databases = environment.keys().filter(|name| name.ends_with("DATABASE_URL")).count();
        assert_eq!(databases, 1, "{service} sees another one's database");
    }
    let gateway = compose.environment("gateway");
    for (service, variable) in
        [("order", "MINUET_GATEWAY__ORDER_URL"), ("inventory", "MINUET_GATEWAY__INVENTORY_URL")]
    {
        let listen = format!("MINUET_{}__LISTEN", service.to_uppercase());
        let port = compose.environment(service)[listen.as_str()].rsplit_once(':').unwrap().1.to_owned();
        assert_eq!(gateway[variable], format!("http://{service}:{port}"));
    }
}

#[test]
fn nothing_is_published_but_to_this_machine() {
    let compose = Compose::load();
    let mut published = BTreeSet::new();
    for (name, service) in compose.services() {
        for port in texts(&service["ports"]) {
            let (address, inside) = port.rsplit_once(':').unwrap();
            published.insert((name, address.to_owned(), inside.to_owned()));
        }
    }
    let here = |port: u16| format!("127.0.0.1:{port}");
    let expected = [
        ("gateway", here(GATEWAY_PORT), GATEWAY_PORT.to_string()),
        ("kafka", here(KAFKA_PORT), KAFKA_PORT.to_string()),
        ("registry", here(REGISTRY_PORT), REGISTRY_CONTAINER_PORT.to_string()),
        ("jaeger", here(16686), "16686".to_owned()),
        ("prometheus", here(9090), "9090".to_owned()),
        ("grafana", here(3000), "3000".to_owned()),
    ];
    assert_eq!(published, BTreeSet::from(expected));
}

#[test]
fn containers_have_no_right_that_they_do_not_need() {
    let compose = Compose::load();
    for (name, service) in compose.services() {
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        if OURS.contains(&name) {
            assert_eq!(service["read_only"].as_bool(), Some(true), "{name}");
        }
        // What is to stay up says whether it is well, and comes back.
        let stays = !["migrate", "topics", "schemas", "demo"].contains(&name);
        assert_eq!(service["healthcheck"]["test"].is_sequence(), stays && !MUTE.contains(&name), "{name}");
        assert_eq!(service["restart"].is_string(), stays, "{name}");
    }
    assert_eq!(compose.services().len(), OURS.len() + TELEMETRY.len() + 3);
}

#[test]
fn a_service_waits_for_what_it_needs() {
    let compose = Compose::load();
    for (name, service) in compose.services() {
        let Some(needed) = service["depends_on"].as_mapping() else { continue };
        for (needed, how) in needed {
            let needed = compose.service(needed.as_str().unwrap());
            let expected = if needed["healthcheck"].is_null() {
                "service_completed_successfully"
            } else {
                "service_healthy"
            };
            assert_eq!(how["condition"], expected, "{name}");
        }
    }
    for service in ["order", "inventory", "payment", "gateway"] {
        for needed in ["migrate", "topics", "schemas"] {
            assert!(!compose.service(service)["depends_on"][needed].is_null(), "{service} without {needed}");
        }
    }
}

#[test]
fn the_image_is_built_by_the_workspaces_compiler_and_runs_without_root() {
    let dockerfile = read("Dockerfile");
    let manifest = read("Cargo.toml");
    let compiler =
        manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(dockerfile.contains(&format!("FROM rust:{compiler}-bookworm AS build")), "not Rust {compiler}");
    let user = dockerfile.lines().rev().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert_ne!(user, "root");
    assert_ne!(user, "0");
}

#[test]
fn telemetry_is_found_and_nobody_waits_for_it() {
    let compose = Compose::load();
    for service in ["order", "inventory", "payment", "gateway"] {
        let environment = compose.environment(service);
        assert_eq!(environment["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://collector:4317", "{service}");
        // Prometheus reads them: pushed as well, each would be there twice.
        assert_eq!(environment["OTEL_METRICS_EXPORTER"], "none", "{service}");
    }
    for (name, service) in compose.services() {
        let needed = service["depends_on"].as_mapping();
        let waits =
            needed.is_some_and(|needed| needed.keys().any(|on| TELEMETRY.contains(&on.as_str().unwrap())));
        assert!(!waits, "{name} waits for telemetry");
        for volume in texts(&service["volumes"]).into_iter().filter(|volume| volume.starts_with("./")) {
            let here = volume.split(':').next().unwrap();
            assert!(
                Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(here).exists(),
                "{name}: {here}"
            );
        }
    }
    let collector: Value = serde_yaml_ng::from_str(&read("deploy/collector/config.yaml")).unwrap();
    assert_eq!(collector["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"], "0.0.0.0:4317");
    assert_eq!(collector["exporters"]["otlp/jaeger"]["endpoint"], "jaeger:4317");
}

/// Each service where it listens, and every one of them.
#[test]
fn prometheus_reads_every_service() {
    let compose = Compose::load();
    let prometheus: Value = serde_yaml_ng::from_str(&read("deploy/prometheus/prometheus.yml")).unwrap();
    let jobs = prometheus["scrape_configs"].as_sequence().unwrap();
    let targets: BTreeSet<&str> =
        jobs.iter().flat_map(|job| texts(&job["static_configs"][0]["targets"])).collect();
    let mut expected = BTreeSet::from(["audit:8094".to_owned()]);
    for service in ["order", "inventory", "payment", "gateway"] {
        let listen = format!("MINUET_{}__LISTEN", service.to_uppercase());
        let (_, port) = compose.environment(service)[listen.as_str()].rsplit_once(':').unwrap();
        expected.insert(format!("{service}:{port}"));
    }
    assert_eq!(targets, expected.iter().map(String::as_str).collect());
    assert!(texts(&compose.service("audit")["command"]).contains(&"0.0.0.0:8094"));
}
