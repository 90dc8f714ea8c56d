//! `minuet bench`: the program under test is this very build, in processes of its own.

use minuet_bench::Args;
use minuet_messaging::cancel_on_signal;
use tokio_util::sync::CancellationToken;

use super::DevError;
use crate::error::CliError;
use crate::output;

pub(crate) async fn run(args: &Args) -> Result<(), CliError> {
    let program = std::env::current_exe().map_err(DevError::OwnFile)?;
    let stopped = CancellationToken::new();
    cancel_on_signal(stopped.clone()).map_err(CliError::Runtime)?;
    tokio::select! {
        // Large, and awaited once.
        told = Box::pin(minuet_bench::run(args, &program)) => output::print(told?.trim_end()),
        // What runs is dropped: servers and processes end, and what they have written goes.
        () = stopped.cancelled() => return Err(CliError::Dev(DevError::BenchStopped)),
    }
    Ok(())
}
