//! The one binary: every service, and the tools around them. Each subcommand is a file.

mod audit;
mod bench;
mod cli;
mod dance;
mod dead_letters;
mod demo;
mod error;
mod health;
mod lint;
mod migrate;
mod output;
mod produce;
mod schemas;
mod services;
mod settings;
mod token;
mod topics;
mod up;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use error::CliError;
use services::Kind;
use settings::{Given, Settings};

/// Over a quarter of the program's CPU time went into glibc's allocator under the reference workload. `override`: librdkafka's
/// allocations too; without huge pages, which trebled the resident memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            error.exit_code()
        }
    }
}

fn start(cli: Cli) -> Result<(), CliError> {
    let given = cli.given();
    let settings = Settings::load(&given, cli.command.needs())?;
    let viewer = match &cli.command {
        Command::Up(_) => up::Viewer::open(&settings)?,
        _ => None,
    };
    let mut telemetry = telemetry(&settings, cli.command.is_quiet());
    if let Some(viewer) = &viewer {
        telemetry.endpoint = Some(viewer.url().to_owned());
    }
    minuet_telemetry::init(&telemetry, cli.command.process())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    let done = runtime.block_on(run(cli.command, given, settings, viewer));
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

async fn run(
    command: Command,
    given: Given,
    settings: Settings,
    viewer: Option<up::Viewer>,
) -> Result<(), CliError> {
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
        Command::Lint => lint::run(),
        Command::Dance => dance::print(),
        Command::Audit(command) => audit::run(&settings, command).await,
        Command::Bench(args) => bench::run(&args).await,
        Command::Services => up::services(settings).await,
        Command::Up(up) => up::run(&given, &settings.up, up.no_demo, viewer).await,
    }
}
