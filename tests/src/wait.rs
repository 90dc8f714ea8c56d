use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails. Far above what it takes: a slow machine is no failure.
const DEADLINE: Duration = Duration::from_secs(120);

/// Looks again and again until `look` finds what is meant. Fails with what was seen last.
pub async fn until<T, S: Debug, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, S>>,
{
    let start = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if start.elapsed() > DEADLINE => {
                panic!("{what} did not happen in {DEADLINE:?}; last seen: {seen:#?}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
