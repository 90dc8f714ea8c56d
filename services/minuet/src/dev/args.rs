use clap::{Args, Subcommand};

use super::up::Viewer;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure the reference workload, and hold its books: exit status 1 and no figures if they do not balance
    Bench(Box<minuet_bench::Args>),
    /// Run order, inventory, payment and gateway in this process
    #[command(hide = true)]
    Services,
    /// Run everything on this machine: Kafka, PostgreSQL, the schema registry and every service, until Ctrl-C
    Up(Up),
}

/// A port that is taken is replaced by a free one; .minuet/endpoints.json says which.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Preferred port of the gateway (up.gateway_port) [default: 8080]
    #[arg(long, value_name = "PORT")]
    gateway_port: Option<u16>,
    /// Preferred port of Kafka (up.kafka_port) [default: 9092]
    #[arg(long, value_name = "PORT")]
    kafka_port: Option<u16>,
    /// Preferred port of the schema registry (up.registry_port) [default: 8081]
    #[arg(long, value_name = "PORT")]
    registry_port: Option<u16>,
    /// Preferred port of PostgreSQL (up.postgres_port) [default: 5433]
    #[arg(long, value_name = "PORT")]
    postgres_port: Option<u16>,
    /// Neither publish the demo's catalogue nor place its orders
    #[arg(long)]
    pub(super) no_demo: bool,
    #[arg(skip)]
    pub(super) viewer: Option<Viewer>,
}

impl Command {
    /// Sections of the settings without which the command cannot work.
    pub(crate) fn needs(&self) -> &'static [&'static str] {
        match self {
            Command::Services => &["kafka", "registry", "order", "inventory", "payment", "gateway"],
            Command::Bench(_) | Command::Up(_) => &[],
        }
    }

    /// Whether the command's own lines matter more than the log's.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self, Command::Up(_) | Command::Bench(_))
    }

    /// The name of this process among those that send telemetry.
    pub(crate) fn process(&self) -> &'static str {
        match self {
            Command::Up(_) | Command::Services => "up",
            Command::Bench(_) => "tool",
        }
    }

    /// Preferred ports of `up`, as settings: flag, key, port.
    pub(crate) fn ports(&self) -> Vec<(&'static str, &'static str, u16)> {
        let Command::Up(up) = self else { return Vec::new() };
        let given = [
            ("--gateway-port", "up.gateway_port", up.gateway_port),
            ("--kafka-port", "up.kafka_port", up.kafka_port),
            ("--registry-port", "up.registry_port", up.registry_port),
            ("--postgres-port", "up.postgres_port", up.postgres_port),
        ];
        given.into_iter().filter_map(|(flag, key, port)| port.map(|port| (flag, key, port))).collect()
    }
}
