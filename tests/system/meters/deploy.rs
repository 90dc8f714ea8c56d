//! What dashboards and alert rules ask for, against what the program shows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use minuet_tests::{Folder, Metrics, Raw, Running, World, until};
use serde_json::Value;

/// Not the program's own: Prometheus says it of whom it reads.
const OF_PROMETHEUS: &str = "up";

/// To be called once everything else was moved.
pub(super) async fn every_query_names_a_meter_that_is_there(world: &World, services: &[Running; 3]) {
    // What only trouble shows: a sku that is low, and an event that is parked.
    world.publish(minuet_tests::adjustment("LAMP", "BER", -4)).await;
    let garbage = Raw { key: None, headers: Vec::new(), payload: Some(b"no avro".to_vec()) };
    world.topics.send("orders.intake", &garbage).await;
    let (gateway, _) = world.gateway(services).await;
    let folder = Folder::new();
    let audit = world.minuet(&folder, &["audit", "verify", "--follow", "--metrics", "127.0.0.1:0"]).start();
    audit.prints("/metrics\n").await;
    let said = audit.out();
    let page = said.split_whitespace().find(|word| word.ends_with("/metrics")).unwrap().to_owned();

    let wanted = asked_for();
    assert!(wanted.len() > 40, "{wanted:#?}");
    until("every query names a meter that is there", || async {
        let mut names: BTreeSet<String> = BTreeSet::from([OF_PROMETHEUS.to_owned()]);
        for service in services.iter().chain([&gateway]) {
            names.extend(service.metrics().await.names().into_iter().map(str::to_owned));
        }
        let audit = reqwest::get(&page).await.unwrap().text().await.unwrap();
        // A family without a series yet: what has not gone wrong, or money that did not move since it looks.
        let families = audit.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        names.extend(families.map(str::to_owned));
        names.extend(Metrics::parse(&audit).names().into_iter().map(str::to_owned));
        let missing: Vec<String> = wanted.difference(&names).cloned().collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    })
    .await;
}

fn deployed(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(folder)
}

/// The names of all meters in dashboards and rules.
fn asked_for() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut dashboards = 0;
    for file in std::fs::read_dir(deployed("grafana/dashboards")).unwrap() {
        let board: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        dashboards += 1;
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                names.extend(meters_in(target["expr"].as_str().unwrap()));
            }
        }
    }
    assert_eq!(dashboards, 3);
    let rules = std::fs::read_to_string(deployed("prometheus/alerts.yml")).unwrap();
    let rules: serde_yaml_ng::Value = serde_yaml_ng::from_str(&rules).unwrap();
    for rule in rules["groups"][0]["rules"].as_sequence().unwrap() {
        for note in ["summary", "description"] {
            assert!(rule["annotations"][note].as_str().is_some_and(|text| text.ends_with('.')), "{rule:?}");
        }
        names.extend(meters_in(rule["expr"].as_str().unwrap()));
    }
    names
}

/// The names that a query selects by: no functions, no labels, no keywords, no texts.
fn meters_in(query: &str) -> BTreeSet<String> {
    const WORDS: [&str; 7] = ["by", "without", "on", "or", "and", "unless", "offset"];
    let (mut names, mut rest, mut labels_follow) = (BTreeSet::new(), query, false);
    while let Some(first) = rest.chars().next() {
        let close = match first {
            '{' => Some('}'),
            '[' => Some(']'),
            '"' => Some('"'),
            '(' if labels_follow => Some(')'),
            _ => None,
        };
        if let Some(close) = close {
            let end = rest[1..].find(close).unwrap_or_else(|| panic!("no {close} in {query}"));
            rest = &rest[end + 2..];
            labels_follow = false;
            continue;
        }
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if length == 0 {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let word;
        (word, rest) = rest.split_at(length);
        // A function, or an aggregation: `sum(x)`, `sum by (a) (x)`.
        let is_function = ["(", "by ", "without "].iter().any(|next| rest.trim_start().starts_with(next));
        labels_follow = ["by", "without", "on"].contains(&word);
        if !first.is_ascii_digit() && !is_function && !WORDS.contains(&word) {
            names.insert(word.to_owned());
        }
    }
    names
}

#[test]
fn a_query_is_read() {
    let query =
        r#"sum by (le, a) (rate(x_bucket{b="c_d"}[5m])) / max(y_total unless y_total offset 10m) > 0.05"#;
    assert_eq!(meters_in(query), BTreeSet::from(["x_bucket".to_owned(), "y_total".to_owned()]));
    assert_eq!(meters_in("absent(z)"), BTreeSet::from(["z".to_owned()]));
}
