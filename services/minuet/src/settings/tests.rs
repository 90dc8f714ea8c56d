use std::fs;
use std::path::{Path, PathBuf};

use super::*;

const ORDER: &str = "postgres://minuet:geheim@127.0.0.1:5433/minuet_order";

/// A folder of its own per test, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("minuet-settings-{}", uuid::Uuid::now_v7()));
        fs::create_dir(&path).expect("a new folder");
        Folder(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a new file");
        path
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn load(
    toml: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
    needs: &[&str],
) -> Result<Settings, String> {
    let folder = Folder::new();
    let sources = Sources {
        file: Some(folder.file("minuet.toml", toml)),
        environment: environment.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect(),
        flags: flags.iter().map(|&(k, v)| (format!("--set {k}"), k.to_owned(), v.to_owned())).collect(),
        up: None,
    };
    Settings::load(&sources, needs).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(toml: &str, environment: &[(&str, &str)], flags: &[(&str, &str)], needs: &[&str], said: &[&str]) {
    let error = load(toml, environment, flags, needs).expect_err("wrong settings");
    for part in said {
        assert!(error.contains(part), "`{part}` in: {error}");
    }
    assert!(!error.contains("geheim"), "a secret in: {error}");
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let toml = "topic_prefix = 'file.'\n[kafka]\nbootstrap.servers = 'file:1'\n'linger.ms' = 5\n[telemetry]\nfilter = 'warn'";
    let environment = [
        ("MINUET_KAFKA__BOOTSTRAP_SERVERS", "environment:2"),
        ("MINUET_TOPICS__PARTITIONS", "2"),
        ("HOME", "/"),
    ];
    let flags = [("kafka.bootstrap.servers", "flag:3")];
    let settings = load(toml, &environment, &flags, &["kafka"]).expect("settings");
    assert_eq!(settings.kafka["bootstrap.servers"], "flag:3");
    assert_eq!(settings.kafka["linger.ms"], "5");
    assert_eq!(settings.topic_prefix, "file.");
    assert_eq!(settings.telemetry.filter, "warn");
    assert_eq!(settings.catalogue().expect("a catalogue").partitions(), 2);
}

#[test]
fn an_unknown_key_is_named_with_its_source() {
    refused(
        "[registry]\nur = 'x'",
        &[],
        &[],
        &[],
        &["registry.ur (from ", "minuet.toml): no such setting", "`url`"],
    );
    refused("", &[("MINUET_ODER__LISTEN", "x")], &[], &[], &["oder (from MINUET_ODER__LISTEN)", "order"]);
    refused("", &[("MINUET_TOPIC_PREFX", "x")], &[], &[], &["topic_prefx (from MINUET_TOPIC_PREFX)"]);
    refused(
        "",
        &[],
        &[("telemetry.colour", "red")],
        &[],
        &["telemetry.colour (from --set telemetry.colour)"],
    );
    let database = [("order.database_url", ORDER), ("order.databse", "x")];
    refused("", &[], &database, &[], &["order.databse (from --set order.databse)"]);
}

#[test]
fn a_missing_key_is_named_with_the_ways_to_give_it() {
    refused(
        "",
        &[],
        &[],
        &["kafka"],
        &["kafka.bootstrap.servers is missing", "host:port", "MINUET_KAFKA__BOOTSTRAP_SERVERS"],
    );
    let ways =
        ["order.database_url is missing", "MINUET_ORDER__DATABASE_URL", "--set order.database_url=..."];
    refused("", &[], &[], &["order"], &ways);
    assert!(load("[order]", &[], &[], &[]).is_ok(), "not needed, so it may be incomplete");
}

#[test]
fn a_gateway_without_a_key_is_told_at_once() {
    let urls = "[gateway]\norder_url = 'http://o'\ninventory_url = 'http://i'\n";
    let (needs, said) = (["gateway"], ["gateway.jwt_secret: exactly one of", "jwks_file"]);
    refused(urls, &[], &[], &needs, &said);
    refused(urls, &[], &[("gateway.jwt_secret", "geheim")], &needs, &["at least 32 bytes"]);
    assert!(load(urls, &[], &[], &[]).is_ok(), "another command does not mind");
}

#[test]
fn a_service_reads_whose_tokens_are_believed() {
    let database = ("order.database_url", ORDER);
    let with = |more: &[(&'static str, &'static str)]| {
        let flags: Vec<_> = [database].iter().chain(more).copied().collect();
        load("", &[], &flags, &["order"])
    };
    assert!(!with(&[]).expect("no key").identity.names_a_key());
    let secret = ("gateway.jwt_secret", "0123456789abcdef0123456789abcdef");
    assert!(with(&[secret]).expect("a key").identity.names_a_key());
    let short = with(&[("gateway.jwt_secret", "geheim")]).expect_err("a short secret");
    assert!(
        short.contains("gateway.jwt_secret (from --set gateway.jwt_secret): takes at least 32 bytes"),
        "{short}"
    );
    assert!(!short.contains("geheim"), "{short}");
    let two = with(&[secret, ("gateway.jwks_file", "keys.json")]).expect_err("two sources");
    assert!(two.contains("exactly one of"), "{two}");
}

#[test]
fn a_bad_value_is_named_with_what_it_takes() {
    let listen = [("MINUET_ORDER__LISTEN", "somewhere"), ("MINUET_ORDER__DATABASE_URL", ORDER)];
    refused("", &listen, &[], &["order"], &["order.listen (from MINUET_ORDER__LISTEN)", "socket address"]);
    refused("", &[], &[("topics.partitions", "many")], &[], &["topics.partitions", "whole number"]);
    refused("[topics]\npartitions = 'many'", &[], &[], &[], &["topics.partitions", "u32"]);
    refused("topic_prefix = 'Shop_'", &[], &[], &[], &["topic_prefix", "a-z"]);
    refused("", &[], &[("telemetry.format", "loud")], &[], &["telemetry.format", "`human`"]);
    refused("[kafka]\n'bootstrap.servers' = ['a']", &[], &[], &[], &["kafka.bootstrap.servers", "a text"]);
}

#[test]
fn a_number_that_would_stop_everything_is_refused_with_its_range() {
    let payment = ("payment.database_url", "postgres://minuet@127.0.0.1/minuet_payment");
    let inventory = ("inventory.database_url", "postgres://minuet@127.0.0.1/minuet_inventory");
    let order = ("order.database_url", ORDER);
    for (database, key, value, takes) in [
        (payment, "payment.concurrency", "0", "takes 1 to 16384"),
        (payment, "payment.refund_attempts", "0", "takes 1 to 10000"),
        (payment, "payment.provider.success_rate", "2", "takes a number from 0 to 1"),
        (payment, "payment.provider.success_rate", "NaN", "takes a number from 0 to 1"),
        (payment, "payment.provider.latency_ms", "99999999", "takes 0 to 600000"),
        (inventory, "inventory.reservation_seconds", "0", "takes 1 to 2678400"),
        (inventory, "inventory.sweep_interval_ms", "0", "takes 10 to 3600000"),
        (order, "order.deadline_seconds", "0", "takes 1 to 2678400"),
        (order, "order.batch_size", "4000000000", "takes 1 to 10000"),
        (order, "order.batch_size", "0", "takes 1 to 10000"),
        (order, "order.attempts", "0", "takes 1 to 1000"),
        (order, "order.database_connections", "0", "takes 1 to 1000"),
        (order, "order.inbox_retention_days", "0", "takes 1 to 3650"),
    ] {
        let section = key.split('.').next().expect("a section");
        let said = format!("{key} (from --set {key}): {takes}");
        refused("", &[], &[database, (key, value)], &[section], &[&said]);
    }
}

#[test]
fn every_problem_is_said_at_once() {
    refused(
        "[registry]\nx = 1",
        &[],
        &[("topics.y", "1")],
        &["kafka"],
        &["registry.x", "topics.y", "kafka.bootstrap.servers"],
    );
}

#[test]
fn librdkafka_is_asked_about_its_settings() {
    let kafka = [("kafka.sasl.passwrd", "geheim"), ("kafka.linger.ms", "soon")];
    let said = [
        "kafka.sasl.passwrd (from --set kafka.sasl.passwrd): no such setting",
        "kafka.linger.ms",
        "Invalid value",
    ];
    refused("", &[], &kafka, &[], &said);
    refused(
        "",
        &[("MINUET_KAFKA__BOOTSTRAP_SERVRS", "x")],
        &[],
        &[],
        &["kafka.bootstrap.servrs (from MINUET_KAFKA__"],
    );
}

/// Also with every setting that it shows as a comment.
#[test]
fn the_example_is_right() {
    let example = include_str!("../../../../minuet.example.toml");
    let all = ["kafka", "registry", "order", "inventory", "payment", "gateway"];
    load(example, &[], &[], &all).expect("the example as it is");
    let uncommented = |line: &str| match line.strip_prefix("# ").and_then(|line| line.split_once(" = ")) {
        // Nobody believes tokens in three ways at once.
        Some(("jwt_public_key_file" | "jwks_file", _)) => String::new(),
        Some((key, value)) if key.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b)) => {
            format!("{key} = {value}\n")
        }
        _ => format!("{line}\n"),
    };
    let whole: String = example.lines().map(uncommented).collect();
    assert!(whole.contains("\nlatency_ms = 100\n"), "{whole}");
    load(&whole, &[], &[], &all).expect("the example with its comments");
}

#[test]
fn a_secret_is_never_shown() {
    refused("[order]\ndatabase_url = ['geheim']", &[], &[], &["order"], &["order.database_url", "not shown"]);
    refused("[order]\ndatabase_url = 'geheim", &[], &[], &[], &["minuet.toml: line 2"]);
    let settings = load("", &[("MINUET_ORDER__DATABASE_URL", ORDER)], &[], &[]).expect("settings");
    assert!(!format!("{settings:?}").contains("geheim"));
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let sources = Sources { file: Some("no/such/minuet.toml".into()), ..Sources::default() };
    let error = Settings::load(&sources, &[]).expect_err("no file").to_string();
    assert!(error.contains("no/such/minuet.toml: cannot be read"), "{error}");
}

#[test]
fn tools_lean_on_what_up_wrote() {
    let folder = Folder::new();
    folder.file(
        "endpoints.json",
        &format!(r#"{{"kafka": "127.0.0.1:9092", "registry": "http://r", "databases": {{"order": "{ORDER}"}}, "gateway": "http://g"}}"#),
    );
    folder.file("jwt-secret", "0123456789abcdef0123456789abcdef\n");
    let mut sources = Sources { up: Some(folder.path().to_owned()), ..Sources::default() };
    let settings = Settings::load(&sources, &["kafka", "registry"]).expect("settings");
    assert_eq!(settings.kafka["bootstrap.servers"], "127.0.0.1:9092");
    assert_eq!(settings.registry_url().expect("a registry"), "http://r");
    assert_eq!(settings.text("order.database_url").expect("a database"), ORDER);
    assert_eq!(settings.text("gateway.jwt_secret").expect("a secret"), "0123456789abcdef0123456789abcdef");

    sources.environment.push(("MINUET_KAFKA__BOOTSTRAP_SERVERS".into(), "elsewhere:9092".into()));
    let settings = Settings::load(&sources, &["kafka"]).expect("settings");
    assert_eq!(settings.kafka["bootstrap.servers"], "elsewhere:9092");
}

#[test]
fn stripe_needs_a_key_and_a_page_to_come_back_to() {
    let database = ("payment.database_url", "postgres://minuet@127.0.0.1/minuet_payment");
    let kind = ("payment.provider.kind", "stripe");
    let key = ("payment.provider.stripe.secret_key", "sk_test_1");
    let page = ("payment.provider.stripe.return_url", "https://shop.example/paid");
    let file = ("payment.provider.stripe.secret_key_file", "/run/secrets/stripe");
    let publishable = ("payment.provider.stripe.secret_key", "pk_test_1");
    refused("", &[], &[database, kind, page], &["payment"], &["payment.provider.stripe.secret_key_file"]);
    refused(
        "",
        &[],
        &[database, kind, page, key, file],
        &["payment"],
        &["payment.provider.stripe.secret_key_file"],
    );
    refused(
        "",
        &[],
        &[database, kind, page, publishable],
        &["payment"],
        &["payment.provider.stripe.secret_key", "sk_"],
    );
    refused("", &[], &[database, kind, key], &["payment"], &["payment.provider.stripe.return_url"]);
}
