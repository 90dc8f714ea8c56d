//! The one binary: every service, and the tools around them. Each subcommand is a file.

mod audit;
mod cli;
mod contract;
mod database;
mod dead_letters;
mod demo;
#[cfg(feature = "dev")]
mod dev;
mod duration;
mod error;
mod health;
mod lint;
mod migrate;
mod output;
mod positions;
mod produce;
mod saga;
mod schemas;
mod services;
mod settings;
mod token;
mod topics;

use std::process::ExitCode;

use clap::Parser;
use minuet_telemetry::SubjectNames;

use cli::{Cli, Command};
use error::CliError;
use services::Kind;
use settings::{Settings, Sources};

/// Over a quarter of the program's CPU time went into glibc's allocator under the reference workload. `override`: librdkafka's
/// allocations too; without huge pages, which trebled the resident memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Logs, spans and baggage name the order that the work is about.
const ORDER: SubjectNames = SubjectNames { field: "order_id", attribute: minuet_events::trace::ORDER_ID };

fn main() -> ExitCode {
    match start(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            error.exit_code()
        }
    }
}

/// Half of the files that the process may open are for clients' connections. Linux's usual soft limit is 1,024, and its hard
/// limit far higher; nothing here uses `select`, for which the soft limit is so low.
const MAX_OPEN_FILES: u64 = 65_536;

fn start(cli: Cli) -> Result<(), CliError> {
    // Without it the process works too, with fewer clients.
    drop(rlimit::increase_nofile_limit(MAX_OPEN_FILES));
    let sources = cli.sources();
    let settings = Settings::load(&sources, cli.command.needs())?;
    let command = cli.command;
    let telemetry = telemetry(&settings, command.is_quiet());
    #[cfg(feature = "dev")]
    let (command, telemetry) = with_viewer(command, &settings, telemetry)?;
    minuet_telemetry::init(&telemetry, command.process(), Some(ORDER))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    let done = runtime.block_on(run(command, sources, settings));
    // What still blocks, such as a read of stdin, must not hold up the end.
    runtime.shutdown_background();
    minuet_telemetry::flush();
    done
}

/// A tool ends with one error that says what is wrong; librdkafka would say it twice a second besides.
fn telemetry(settings: &Settings, is_quiet: bool) -> minuet_telemetry::Settings {
    let mut telemetry = settings.telemetry.clone();
    if is_quiet && settings.text("telemetry.filter").is_err() {
        telemetry.filter = "warn,librdkafka=off,rdkafka=off".to_owned();
    }
    telemetry
}

#[cfg(feature = "dev")]
fn with_viewer(
    mut command: Command,
    settings: &Settings,
    mut telemetry: minuet_telemetry::Settings,
) -> Result<(Command, minuet_telemetry::Settings), CliError> {
    if let Command::Dev(command) = &mut command {
        dev::open_viewer(command, settings, &mut telemetry)?;
    }
    Ok((command, telemetry))
}

#[cfg_attr(
    not(feature = "dev"),
    expect(unused_variables, reason = "only `up` reads the settings a second time")
)]
async fn run(command: Command, sources: Sources, settings: Settings) -> Result<(), CliError> {
    match command {
        Command::Order(_) => services::run(&settings, Kind::Order).await,
        Command::Inventory(_) => services::run(&settings, Kind::Inventory).await,
        Command::Payment(_) => services::run(&settings, Kind::Payment).await,
        Command::Gateway(_) => services::run(&settings, Kind::Gateway).await,
        Command::Token(token) => token::print(&settings, &token),
        Command::Produce(produce) => produce::run(&settings, &produce).await,
        Command::Topics(topics) => topics::run(&settings, topics).await,
        Command::Schemas(schemas) => schemas::run(&settings, schemas).await,
        Command::Migrate(migrate) => migrate::run(&settings, &migrate).await,
        Command::Health(health) => health::check(&health).await,
        Command::Demo(demo) => demo::run(&settings, &demo.gateway).await,
        Command::DeadLetters(command) => dead_letters::run(&settings, command).await,
        Command::Positions(command) => positions::run(&settings, &command).await,
        Command::Lint => lint::run(),
        Command::Dance => saga::print(),
        Command::Contract(command) => contract::run(&command),
        Command::Audit(command) => audit::run(&settings, command).await,
        #[cfg(feature = "dev")]
        Command::Dev(command) => dev::run(command, &sources, settings).await,
    }
}
