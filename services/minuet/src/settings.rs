//! Settings: one typed struct from `minuet.toml`, the environment and flags, the later ones first. Whatever is wrong with any
//! of it is said at the start, all at once, with full names. Sections that the command does not need may be incomplete, but
//! not wrong.

mod endpoints;
mod messaging_section;
mod problem;
mod reader;
mod sources;
mod tree;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use minuet_messaging::topics::{Catalogue, TopicsError};
use serde::Deserialize;

#[cfg(feature = "dev")]
pub(crate) use endpoints::{ENDPOINTS, JWT_SECRET};
pub(crate) use messaging_section::{MessagingSection, Service};
use problem::Problem;
use reader::Reader;
pub(crate) use sources::Sources;
use tree::Tree;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Goes before the name of every topic and consumer group.
    pub(crate) topic_prefix: String,
    pub(crate) topics: Topics,
    /// librdkafka's settings.
    pub(crate) kafka: BTreeMap<String, String>,
    pub(crate) telemetry: minuet_telemetry::Settings,
    pub(crate) registry: Option<Registry>,
    pub(crate) order: Option<Service<minuet_order::Settings>>,
    pub(crate) inventory: Option<Service<minuet_inventory::Settings>>,
    pub(crate) payment: Option<Service<minuet_payment::Settings>>,
    pub(crate) gateway: Option<minuet_gateway::Settings>,
    /// Whose tokens are believed: the services read it too, from the section of the gateway.
    pub(crate) identity: minuet_identity::Settings,
    #[cfg(feature = "dev")]
    pub(crate) up: Up,
    tree: SecretTree,
}

/// The ports that `minuet up` prefers; a taken one is replaced by a free one. A build without `up` takes the section and reads
/// nothing of it.
#[cfg(feature = "dev")]
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Up {
    pub(crate) gateway_port: u16,
    pub(crate) kafka_port: u16,
    pub(crate) registry_port: u16,
    pub(crate) postgres_port: u16,
    /// Where the meters of all services are on one page.
    pub(crate) metrics_port: u16,
    /// Where traces are shown.
    pub(crate) traces_port: u16,
}

#[cfg(feature = "dev")]
impl Default for Up {
    fn default() -> Self {
        let usual = minuet_stack::Ports::USUAL;
        Up {
            gateway_port: 8080,
            kafka_port: usual.kafka,
            registry_port: usual.registry,
            postgres_port: usual.postgres,
            // The usual one of OpenTelemetry's exporters for Prometheus.
            metrics_port: 9464,
            // The usual one of OTLP over HTTP.
            traces_port: 4318,
        }
    }
}

/// What an installation has otherwise than `topics.yaml`. The same everywhere in it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Topics {
    partitions: Option<u32>,
    replication: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registry {
    /// Base of the registry's Confluent API.
    pub(crate) url: String,
}

/// Kept for commands that read a single key. Shows nothing of what is in it.
#[derive(Clone)]
struct SecretTree(Tree);

impl std::fmt::Debug for SecretTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the settings are wrong:{}", .problems.iter().map(|problem| format!("\n  {problem}")).collect::<String>())]
pub(crate) struct SettingsError {
    problems: Vec<Problem>,
}

const TOPIC_PREFIX: &str = "topic_prefix";
const SECTIONS: &[&str] =
    &["kafka", "registry", "topics", "telemetry", "order", "inventory", "payment", "gateway", "up"];

impl Settings {
    /// `needs` are the sections without which the command cannot work.
    pub(crate) fn load(sources: &Sources, needs: &[&str]) -> Result<Settings, SettingsError> {
        let mut problems = vec![];
        let tree = sources::gather(sources, &mut problems);
        for name in tree.0.keys().filter(|name| *name != TOPIC_PREFIX && !SECTIONS.contains(&name.as_str())) {
            let known = format!("there are {TOPIC_PREFIX} and the sections {}", SECTIONS.join(", "));
            problems.push(Problem::Unknown { key: name.clone(), source: tree.source(name).cloned(), known });
        }
        let mut reader = Reader::new(&tree, needs, problems);
        let topic_prefix = reader.topic_prefix();
        let kafka = reader.kafka();
        let topics = reader.section("topics");
        let telemetry = reader.section("telemetry");
        let registry = reader.section("registry");
        let order = reader.service("order");
        let inventory = reader.service("inventory");
        let payment = reader.service("payment");
        let gateway = reader.gateway();
        let identity = reader.identity();
        #[cfg(feature = "dev")]
        let up = reader.section("up");
        let problems = reader.into_problems();
        if !problems.is_empty() {
            return Err(SettingsError { problems });
        }
        Ok(Settings {
            topic_prefix,
            topics: topics.unwrap_or_default(),
            kafka: kafka.unwrap_or_default(),
            telemetry: telemetry.unwrap_or_default(),
            registry,
            order,
            inventory,
            payment,
            gateway,
            identity,
            #[cfg(feature = "dev")]
            up: up.unwrap_or_default(),
            tree: SecretTree(tree),
        })
    }

    /// A single text, such as `order.database_url`, whatever else its section lacks.
    pub(crate) fn text(&self, key: &str) -> Result<&str, SettingsError> {
        self.tree.0.text(key).ok_or_else(|| missing(key))
    }

    pub(crate) fn registry_url(&self) -> Result<&str, SettingsError> {
        self.registry.as_ref().map(|registry| registry.url.as_str()).ok_or_else(|| missing("registry.url"))
    }

    /// `topics.yaml` as this installation has it.
    pub(crate) fn catalogue(&self) -> Result<Catalogue<minuet_events::EventType>, TopicsError> {
        let mut catalogue = Catalogue::parse(minuet_events::TOPICS)?;
        if let Some(partitions) = self.topics.partitions {
            catalogue = catalogue.with_partitions(partitions)?;
        }
        if let Some(replication) = self.topics.replication {
            catalogue = catalogue.with_replication(replication)?;
        }
        Ok(catalogue)
    }
}

/// A section that the command needs was not given. [`Settings::load`] says so first; this is for the type's sake.
pub(crate) fn missing(key: &str) -> SettingsError {
    SettingsError { problems: vec![Problem::Missing { key: key.to_owned() }] }
}
