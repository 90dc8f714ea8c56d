use std::process::ExitCode;

use minuet_events::RegistryError;
use minuet_messaging::PublishError;
use minuet_messaging::topics::TopicsError;

use crate::audit::AuditFailure;
use crate::contract::ContractError;
use crate::dead_letters::DeadLettersError;
use crate::demo::DemoError;
use crate::positions::PositionsError;
use crate::produce::ProduceError;
use crate::settings::SettingsError;

/// Why a command ends with another status than 0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Telemetry(#[from] minuet_telemetry::TelemetryError),
    #[error(transparent)]
    Meters(#[from] minuet_telemetry::meters::MetersError),
    #[error("threads cannot be started")]
    Runtime(#[source] std::io::Error),
    #[error(transparent)]
    Topics(#[from] TopicsError),
    #[error(
        "the cluster differs: {applicable} times as `minuet topics apply` would set right, {refused} times as it refuses to"
    )]
    TopicsDiffer { applicable: usize, refused: usize },
    #[error("the {service} service does not read {topic}; it reads {inputs}")]
    SkipNoInput { service: &'static str, topic: String, inputs: String },
    #[error("the database of {service} cannot be opened ({service}.database_url)")]
    Skip { service: &'static str, source: minuet_messaging::DatabaseError },
    #[error(
        "the request could not be written to the database of {service}: is it there and migrated, and is --until above --offset?"
    )]
    SkipRequest { service: &'static str, source: minuet_messaging::QueryError },
    #[error(
        "{incompatible} schemas are not compatible with the registered ones: old readers or old events would break"
    )]
    SchemasDiffer { incompatible: usize },
    #[error("the reaction tables, topics.yaml and the schemas do not fit together: {violations} violations")]
    Lint { violations: usize },
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("the keys for verifying tokens cannot be used")]
    Keys(#[from] minuet_identity::KeyError),
    #[error(transparent)]
    DeadLetters(#[from] DeadLettersError),
    #[error(transparent)]
    Positions(#[from] PositionsError),
    #[error(transparent)]
    Token(#[from] minuet_identity::TokenError),
    #[error(transparent)]
    Order(#[from] minuet_order::OrderError),
    #[error(transparent)]
    Inventory(#[from] minuet_inventory::InventoryError),
    #[error(transparent)]
    Payment(#[from] minuet_payment::PaymentError),
    #[error(transparent)]
    Gateway(#[from] minuet_gateway::GatewayError),
    #[error(transparent)]
    Contract(#[from] ContractError),
    #[error(transparent)]
    Produce(#[from] ProduceError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    History(#[from] minuet_messaging::ReadError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error(transparent)]
    Audit(#[from] AuditFailure),
    #[error(transparent)]
    #[cfg(feature = "dev")]
    Dev(#[from] crate::dev::DevError),
    #[error("{url} answered {status}")]
    Unhealthy { url: String, status: u16 },
    #[error("{url} did not answer")]
    NoAnswer { url: String, source: reqwest::Error },
    #[error("the database of {service} cannot be migrated ({service}.database_url)")]
    Migrate { service: &'static str, source: minuet_messaging::DatabaseError },
}

#[cfg(feature = "dev")]
impl From<crate::dev::UpError> for CliError {
    fn from(error: crate::dev::UpError) -> Self {
        CliError::Dev(error.into())
    }
}

#[cfg(feature = "dev")]
impl From<minuet_bench::BenchError> for CliError {
    fn from(error: minuet_bench::BenchError) -> Self {
        CliError::Dev(crate::dev::DevError::Bench(Box::new(error)))
    }
}

impl CliError {
    /// Whether the same may work a little later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, CliError::Registry(RegistryError::Unavailable { .. }))
    }

    /// As `--help` says: 2 for what the user wrote, 1 for everything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            CliError::Settings(_)
            | CliError::Telemetry(_)
            | CliError::Meters(_)
            | CliError::Contract(ContractError::Application { .. }) => ExitCode::from(2),
            CliError::Runtime(_)
            | CliError::Topics(_)
            | CliError::TopicsDiffer { .. }
            | CliError::SkipNoInput { .. }
            | CliError::Skip { .. }
            | CliError::SkipRequest { .. }
            | CliError::SchemasDiffer { .. }
            | CliError::Lint { .. }
            | CliError::Registry(_)
            | CliError::Keys(_)
            | CliError::DeadLetters(_)
            | CliError::Positions(_)
            | CliError::Token(_)
            | CliError::Order(_)
            | CliError::Inventory(_)
            | CliError::Payment(_)
            | CliError::Gateway(_)
            | CliError::Contract(_)
            | CliError::Produce(_)
            | CliError::Publish(_)
            | CliError::History(_)
            | CliError::Demo(_)
            | CliError::Audit(_)
            | CliError::Unhealthy { .. }
            | CliError::NoAnswer { .. }
            | CliError::Migrate { .. } => ExitCode::FAILURE,
            #[cfg(feature = "dev")]
            CliError::Dev(_) => ExitCode::FAILURE,
        }
    }
}
