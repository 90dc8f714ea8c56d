//! `minuet bench`: the program under test is this very build, in processes of its own.

use minuet_bench::Args;

use crate::error::CliError;
use crate::output;

pub(crate) async fn run(args: &Args) -> Result<(), CliError> {
    let program = std::env::current_exe().map_err(CliError::OwnFile)?;
    // Large, and awaited once.
    let told = Box::pin(minuet_bench::run(args, &program)).await?;
    output::print(told.trim_end());
    Ok(())
}
