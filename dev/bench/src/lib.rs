//! The reference workload: how many orders a second, how long one takes, what it costs, and whether the books balance.
//!
//! Real servers, everything durable, on one machine. The program under test runs as processes of its own; the load
//! generator is this process, and its CPU is counted apart. An order counts when its final event lies on `orders.events`.
//!
//! Three measures, each after a warm-up that is not counted:
//!
//! - **T**: a closed loop, so many orders in flight; completed orders per second.
//! - **C**: user and system CPU seconds of program, PostgreSQL and broker per 1,000 completed orders, during T.
//! - **L**: an open loop, so many orders a second; from the moment at which an order was *meant* to be sent, so that a
//!   stall counts for every order that it delays. What it costs, as C; and how many statements an order takes.
//!
//! Afterwards the books are held against each other (`books.rs`). A run whose books do not balance has no figures.

mod args;
mod before;
mod books;
mod catalogue;
mod cost;
mod endpoints;
mod ends;
mod error;
mod flight;
mod generator;
mod inboxes;
mod measure;
mod meter;
mod numbers;
mod perf;
mod proc;
mod profile;
mod program;
mod progress;
mod random;
mod relay;
mod report;
mod scratch;
mod servers;
mod submitter;

use std::path::Path;

pub use args::Args;
pub use error::BenchError;

use program::Program;
use progress::Progress;
use report::Report;
use scratch::Scratch;
use servers::Servers;

/// Runs the workload against `program`, a build of `minuet`. Answers with what belongs on stdout.
///
/// # Errors
/// Whatever hinders the run; [`BenchError::Books`] where it ran and its books do not balance.
pub async fn run(args: &Args, program: &Path) -> Result<String, BenchError> {
    let progress = Progress::new();
    if args.sampling.len() > 1 || args.rounds > 1 {
        for (option, given) in [
            ("--compare", args.compare.is_some()),
            ("--profile", args.profile),
            ("--record", args.record.is_some()),
        ] {
            if given {
                return Err(BenchError::OneRun { option });
            }
        }
        return cost::compare(args, program, &progress).await;
    }
    if let Some(rows) = args.relay {
        return relay::measure(args, program, rows, &progress).await;
    }
    let before = args.compare.as_deref().map(report::read).transpose()?;
    let (report, statements) = once(args, program, &progress).await?;
    if args.json {
        return report.to_json();
    }
    Ok(format!("{}{statements}", report.table(before.as_ref())))
}

async fn once(args: &Args, program: &Path, progress: &Progress) -> Result<(Report, String), BenchError> {
    with_servers(args, progress, async |servers, scratch| {
        with_program(args, program, servers, scratch, progress, async |program| {
            whole(args, servers, program, progress).await
        })
        .await
    })
    .await
}

/// On servers of its own, unless others are given. They are stopped, whatever came of it.
async fn with_servers<T>(
    args: &Args,
    progress: &Progress,
    measure: impl AsyncFnOnce(&Servers, &Scratch) -> Result<T, BenchError>,
) -> Result<T, BenchError> {
    let scratch = Scratch::create(args.scratch.as_deref())?;
    let servers = Servers::start(args, &scratch, progress).await?;
    let measured = measure(&servers, &scratch).await;
    let stopped = servers.stop().await;
    let measured = measured?;
    stopped?;
    Ok(measured)
}

/// With the program in processes of its own, which end with the measure; where they end before it, it fails.
async fn with_program<T>(
    args: &Args,
    binary: &Path,
    servers: &Servers,
    scratch: &Scratch,
    progress: &Progress,
    measure: impl AsyncFnOnce(&Program) -> Result<T, BenchError>,
) -> Result<T, BenchError> {
    let (program, mut children) = Program::start(args, binary, servers, scratch)?;
    let measured = tokio::select! {
        measured = measure(&program) => measured,
        ended = children.ended() => Err(ended),
    };
    let stopped = children.stop().await;
    let whole = measured.and_then(|measured| stopped.map(|()| measured));
    if whole.is_err() {
        progress.phase(&format!("what the program has logged stays in {}", scratch.keep_logs().display()));
    }
    whole
}

/// From the catalogue to the books.
async fn whole(
    args: &Args,
    servers: &Servers,
    program: &Program,
    progress: &Progress,
) -> Result<(Report, String), BenchError> {
    program.ready().await?;
    before::fill(&args.size, servers, progress).await?;
    let shop = catalogue::open(args, servers).await?;
    progress.phase("program and catalogue are ready");
    let measured = measure::measure(args, servers, program, &shop, progress).await?;
    if let Some(traces) = &program.traces {
        progress.phase(&format!("{} spans were received", traces.store.received()));
    }
    progress.phase("holding the books against each other");
    let books = books::check(servers, &measured.submitted, args.variant).await?;
    let report = Report::new(args, &measured, program.peak_memory()?, books);
    Ok((report, measured.profile))
}
