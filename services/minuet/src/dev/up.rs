//! `minuet up`: the whole system on this machine, for as long as the command runs.

mod endpoints;
mod metrics;
mod plan;
mod progress;
mod running;
mod viewer;

use std::path::Path;
use std::time::Instant;

use minuet_messaging::cancel_on_signal;
use minuet_stack::{Ports, Stack, StackOptions};
use tokio_util::sync::CancellationToken;

use crate::error::CliError;
use crate::services::Shared;
use crate::settings::{Settings, Sources, Up};
use crate::{demo, output};

use endpoints::Files;
pub(crate) use endpoints::UpError;
use progress::Steps;
use running::{Running, ready};
pub(crate) use viewer::Viewer;

/// Everything in order: the servers, the databases, topics and schemas, the services, the demo; then it waits for the end.
pub(crate) async fn run(
    sources: &Sources,
    up: &Up,
    no_demo: bool,
    viewer: Option<Viewer>,
) -> Result<(), CliError> {
    let shutdown = CancellationToken::new();
    cancel_on_signal(shutdown.clone()).map_err(CliError::Runtime)?;
    let files = Files::at(Path::new(crate::cli::UP));
    let begun = Instant::now();
    let traces = viewer.as_ref().map(|viewer| viewer.url().to_owned());
    let receiver = viewer.map(Viewer::serve).transpose()?;

    let mut options = StackOptions::for_up(files.folder());
    options.ports = Ports { kafka: up.kafka_port, registry: up.registry_port, postgres: up.postgres_port };
    let started = tokio::select! {
        started = Stack::start(options, progress::part) => started.map_err(UpError::from)?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let done = beside(&started, sources, up, no_demo, &files, begun, traces, shutdown).await;
    // The last spans leave while there is somebody to take them.
    if tokio::task::spawn_blocking(minuet_telemetry::flush).await.is_err() {
        tracing::debug!("last spans of this process were not sent");
    }
    drop(receiver);
    files.forget();
    let steps = Steps::new();
    let stopped = started.stop().await.map_err(UpError::from);
    steps.done("servers stopped");
    done?;
    Ok(stopped?)
}

/// The four services in this process, each where its settings say.
pub(crate) async fn services(settings: Settings) -> Result<(), CliError> {
    let shutdown = CancellationToken::new();
    cancel_on_signal(shutdown.clone()).map_err(CliError::Runtime)?;
    let Some(shared) = Shared::connect(&settings, &shutdown).await? else { return Ok(()) };
    let ended = Running::start(&shared, settings, &shutdown).await?.until_stopped(&shutdown).await;
    shared.close().await;
    ended
}

/// What runs on the servers, from its set-up to its end.
#[expect(clippy::too_many_arguments, reason = "what was set up before, each of its own type")]
async fn beside(
    stack: &Stack,
    sources: &Sources,
    up: &Up,
    no_demo: bool,
    files: &Files,
    begun: Instant,
    traces: Option<String>,
    shutdown: CancellationToken,
) -> Result<(), CliError> {
    let mut steps = Steps::new();
    for service in plan::DATABASES.into_iter().chain([plan::EXAMPLE_DATABASE]) {
        stack.create_database(service).await.map_err(UpError::from)?;
    }
    let secret = files.secret()?;
    let settings = plan::settings(stack, sources, up, files, &secret)?;
    for database in crate::database::Database::ALL {
        crate::migrate::one(&settings, database).await?;
    }
    steps = steps.done("databases migrated");
    let applied = settings.catalogue()?.apply(&settings.kafka, &settings.topic_prefix).await?;
    steps = steps.done(&format!("topics applied ({} changed)", applied.changed.len()));
    let Some(shared) = Shared::connect(&settings, &shutdown).await? else { return Ok(()) };
    steps = steps.done("schemas registered");
    let prefix = settings.topic_prefix.clone();
    let provider = plan::provider(&settings);
    let mut running = Running::start(&shared, settings, &shutdown).await?;
    let metrics = metrics::serve(up.metrics_port, shared.meters(), &shutdown).await?;
    let endpoints = plan::endpoints(stack, prefix, &running, metrics, traces, provider);
    files.write(&endpoints)?;
    let steps = steps.done("order, inventory, payment and gateway listen");

    let addresses = running.addresses();
    let told = async {
        ready(&addresses).await?;
        steps.done("ready");
        let mut waiting = None;
        if !no_demo && !files.demo_was_played() {
            let (traces, provider) = (endpoints.telemetry.as_deref(), endpoints.provider.as_deref());
            waiting = demo::play(&shared, &endpoints.gateway, &secret, traces, provider).await?;
            files.remember_demo()?;
        }
        plan::tell(&endpoints, &secret, begun.elapsed())?;
        if let Some(waiting) = waiting {
            waiting.tell_end().await;
        }
        Ok::<(), CliError>(())
    };
    let told = async {
        match told.await {
            // Nothing more is to be done, until something ends.
            Ok(()) => std::future::pending().await,
            failed => failed,
        }
    };
    let told: Result<(), CliError> = tokio::select! {
        // A service that ends, or a server that dies, is the cause of whatever else fails meanwhile.
        biased;
        () = shutdown.cancelled() => Ok(()),
        ended = running.first_to_end() => Err(ended),
        lost = stack.lost() => Err(UpError::from(lost).into()),
        told = told => told,
    };
    // What the others do about it is of no interest any more.
    let told = told.inspect_err(|_| shutdown.cancel());
    let ended = running.until_stopped(&shutdown).await;
    shared.close().await;
    output::note("services stopped: requests finished, batches committed, outboxes flushed");
    told.and(ended)
}
