//! Commands for development and measurement. They start servers and processes of their own, so the image that runs in
//! production is built without them (feature `dev`).

mod args;
mod bench;
mod error;
mod up;

use crate::error::CliError;
use crate::settings::{Settings, Sources};

pub(crate) use args::Command;
pub(crate) use error::DevError;
pub(crate) use up::UpError;
use up::Viewer;

/// Opens the trace viewer of `up`, and sends telemetry there: it needs the address before it is set up.
pub(crate) fn open_viewer(
    command: &mut Command,
    settings: &Settings,
    telemetry: &mut minuet_telemetry::Settings,
) -> Result<(), CliError> {
    let Command::Up(up) = command else { return Ok(()) };
    up.viewer = Viewer::open(settings)?;
    if let Some(viewer) = &up.viewer {
        telemetry.endpoint = Some(viewer.url().to_owned());
    }
    Ok(())
}

pub(crate) async fn run(command: Command, sources: &Sources, settings: Settings) -> Result<(), CliError> {
    match command {
        Command::Bench(args) => bench::run(&args).await,
        Command::Services => up::services(settings).await,
        Command::Up(up) => up::run(sources, &settings.up, up.no_demo, up.viewer).await,
    }
}
