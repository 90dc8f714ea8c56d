use std::path::PathBuf;
use std::time::Duration;

use crate::constants;

/// One of the three servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    Postgres,
    Kafka,
    Registry,
}

impl Part {
    pub const ALL: [Part; 3] = [Part::Postgres, Part::Kafka, Part::Registry];

    /// The name of its folder and of its log.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Part::Postgres => "postgres",
            Part::Kafka => "kafka",
            Part::Registry => "registry",
        }
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Part::Postgres => "PostgreSQL",
            Part::Kafka => "Kafka",
            Part::Registry => "schema registry",
        })
    }
}

/// The ports to listen on at 127.0.0.1. A taken one is replaced by a free one; 0 stands for any free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    pub kafka: u16,
    pub registry: u16,
    pub postgres: u16,
}

impl Ports {
    pub const USUAL: Ports = Ports {
        kafka: constants::KAFKA_PORT,
        registry: constants::REGISTRY_PORT,
        postgres: constants::POSTGRES_PORT,
    };
    pub const ANY: Ports = Ports { kafka: 0, registry: 0, postgres: 0 };
}

/// How to start a [`Stack`](crate::Stack). Take [`for_up`](Self::for_up) or [`for_tests`](Self::for_tests) and change
/// what differs.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// The folder that holds data, logs and passwords. It belongs to one stack at a time.
    pub root: PathBuf,
    pub ports: Ports,
    /// Which servers to start; the registry needs PostgreSQL.
    pub parts: Vec<Part>,
    /// Whether PostgreSQL syncs what it commits. Kafka leaves that to the operating system either way.
    pub durable: bool,
    /// Whether `root` is removed at the end, however the end comes.
    pub ephemeral: bool,
    /// Start quickly rather than run fast: Java stops at its first compiler.
    pub quick_java: bool,
    /// Upper bounds of the Java heaps, in MiB.
    pub kafka_heap: u32,
    pub registry_heap: u32,
    /// Settings on top of [`constants::BROKER_SETTINGS`], the later one wins.
    pub kafka_settings: Vec<(String, String)>,
    /// Settings on top of [`constants::POSTGRES_SETTINGS`], the later one wins.
    pub postgres_settings: Vec<(String, String)>,
    /// How long another stack on the same root is waited for.
    pub patience: Duration,
    /// How long each server may take to become ready.
    pub start_timeout: Duration,
}

impl StackOptions {
    /// Usual ports, data that is durable and kept, and the heap of the reference workload.
    pub fn for_up(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            ports: Ports::USUAL,
            parts: Part::ALL.to_vec(),
            durable: true,
            ephemeral: false,
            quick_java: false,
            kafka_heap: 1024,
            registry_heap: 300,
            kafka_settings: Vec::new(),
            postgres_settings: Vec::new(),
            patience: Duration::ZERO,
            start_timeout: Duration::from_secs(120),
        }
    }

    /// Any ports, nothing synced, and nothing left of `root` afterwards.
    pub fn for_tests(root: impl Into<PathBuf>) -> Self {
        Self {
            ports: Ports::ANY,
            durable: false,
            ephemeral: true,
            quick_java: true,
            kafka_heap: 512,
            patience: Duration::from_secs(60),
            ..Self::for_up(root)
        }
    }

    /// Only these servers: a test of SQL alone need not wait for Java.
    #[must_use]
    pub fn only(mut self, parts: &[Part]) -> Self {
        self.parts = parts.to_vec();
        self
    }
}
