//! Which packages may name which.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::files::crates;

/// The program is the composition root; the audit replays the services' own code.
const MAY_NAME_SERVICES: [(&str, &[&str]); 1] =
    [("services/audit", &["services/order", "services/inventory", "services/payment"])];
/// A library of the shop's own that every service may name. It knows the contract alone.
const STORY: &str = "services/story";
/// Without input and output: none of these may name a runtime, a database, a broker or a server.
const PURE: [&str; 5] = ["events", "crates/envelope", "crates/saga", "crates/text", "services/story"];
const INPUT_AND_OUTPUT: [&str; 4] = ["axum", "rdkafka", "sqlx", "tokio"];

/// Every dependency that docs/house.md does not allow, as `package -> dependency`.
pub fn forbidden_dependencies(root: &Path) -> Vec<String> {
    let mut manifests = BTreeMap::new();
    for package in crates(root) {
        let text = fs::read_to_string(root.join(&package).join("Cargo.toml")).expect("a manifest");
        manifests.insert(package.display().to_string(), text);
    }
    let folders: BTreeMap<String, &str> =
        manifests.iter().map(|(folder, text)| (name(text), folder.as_str())).collect();
    let mut forbidden = Vec::new();
    for (package, text) in &manifests {
        for dependency in dependencies(text) {
            let to = folders.get(&dependency).copied();
            let is_allowed = match to {
                Some(to) => may_name_ours(package, to),
                None => may_name_theirs(package, &dependency),
            };
            if !is_allowed {
                forbidden.push(format!("{package} -> {}", to.unwrap_or(&dependency)));
            }
        }
    }
    forbidden
}

fn may_name_ours(package: &str, to: &str) -> bool {
    let in_folder = |path: &str, folder: &str| path.split('/').next() == Some(folder);
    match package {
        "services/minuet" | "tests" => true,
        STORY => to == "events",
        "events" => ["crates/envelope", "crates/text"].contains(&to),
        _ if in_folder(package, "crates") => in_folder(to, "crates"),
        _ if in_folder(package, "services") && to == STORY => true,
        _ if in_folder(package, "services") => {
            let exceptions =
                MAY_NAME_SERVICES.iter().filter(|(of, _)| *of == package).flat_map(|(_, to)| *to);
            !in_folder(to, "dev") && (!in_folder(to, "services") || exceptions.clone().any(|one| *one == to))
        }
        _ if in_folder(package, "examples") => in_folder(to, "crates"),
        _ => true,
    }
}

fn may_name_theirs(package: &str, dependency: &str) -> bool {
    let is_pure = PURE.contains(&package);
    let may_name_kafka = ["crates/messaging", "tests"].contains(&package);
    !(is_pure && INPUT_AND_OUTPUT.contains(&dependency)) && (dependency != "rdkafka" || may_name_kafka)
}

fn name(manifest: &str) -> String {
    let line =
        manifest.lines().find_map(|line| line.strip_prefix("name = \"")).expect("a package has a name");
    line.trim_end_matches('"').to_owned()
}

/// The names under `[dependencies]`: what a build of the package links, tests left out.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_know_no_shop_and_processes_no_other_process() {
        for (package, to) in [
            ("crates/messaging", "events"),
            ("crates/http", "services/order"),
            ("events", "crates/messaging"),
            ("services/order", "services/payment"),
            ("services/order", "dev/stack"),
            ("services/gateway", "services/order"),
            ("examples/loyalty", "events"),
            ("services/story", "crates/messaging"),
            ("services/story", "services/order"),
            ("crates/saga", "services/story"),
        ] {
            assert!(!may_name_ours(package, to), "{package} -> {to}");
        }
        for (package, to) in [
            ("crates/messaging", "crates/telemetry"),
            ("events", "crates/envelope"),
            ("services/order", "events"),
            ("services/audit", "services/order"),
            ("services/audit", "services/story"),
            ("services/story", "events"),
            ("services/minuet", "dev/bench"),
            ("examples/loyalty", "crates/messaging"),
            ("examples/loyalty", "crates/avro"),
        ] {
            assert!(may_name_ours(package, to), "{package} -> {to}");
        }
    }

    #[test]
    fn only_messaging_knows_kafka_and_pure_packages_know_no_runtime() {
        assert!(may_name_theirs("crates/messaging", "rdkafka"));
        assert!(!may_name_theirs("services/order", "rdkafka"));
        assert!(!may_name_theirs("events", "tokio"));
        assert!(!may_name_theirs("services/story", "sqlx"));
        assert!(may_name_theirs("services/order", "tokio"));
    }

    #[test]
    fn dependencies_are_read_in_every_form() {
        let manifest = "[package]\nname = \"a\"\n\n[dependencies]\nminuet-b.workspace = true\n# why\naxum = { x }\n\n[dev-dependencies]\nc = \"1\"\n";
        assert_eq!(name(manifest), "a");
        assert_eq!(dependencies(manifest), ["minuet-b", "axum"]);
    }
}
