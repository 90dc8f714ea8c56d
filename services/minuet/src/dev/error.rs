use super::up::UpError;

/// Why a command of this module ends with an error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DevError {
    #[error(transparent)]
    Up(#[from] UpError),
    #[error(transparent)]
    Bench(Box<minuet_bench::BenchError>),
    #[error("stopped before its end: there are no figures")]
    BenchStopped,
    #[error("the program's own file cannot be found")]
    OwnFile(#[source] std::io::Error),
}
