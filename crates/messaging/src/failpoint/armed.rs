//! The failpoint that the environment names.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Failpoint;

/// The environment variables that this module reads.
pub const VARIABLES: &[&str] = &["MINUET_FAULT", "MINUET_FAULT_ARMED"];

/// Exit status for wrong usage, as in a shell.
const WRONG_USE: i32 = 2;

struct Fault {
    point: Failpoint,
    /// Remaining passages, the fatal one included.
    left: AtomicU64,
    armed: Option<PathBuf>,
    /// Holds the task instead of killing the process.
    holds: bool,
}

static FAULT: OnceLock<Option<Fault>> = OnceLock::new();

/// Kills the process if the environment names this failpoint and its passage is reached.
pub fn hit(point: Failpoint) {
    if is_reached(point, false) {
        die(point);
    }
}

/// Never ends if the environment says that this failpoint holds, and its passage is reached.
pub(crate) async fn hold(point: Failpoint) {
    if is_reached(point, true) {
        tracing::warn!(failpoint = %point, "failpoint was reached; its task is held");
        std::future::pending::<()>().await;
    }
}

fn is_reached(point: Failpoint, holds: bool) -> bool {
    let Some(fault) = FAULT.get_or_init(read) else { return false };
    let is_armed = || fault.armed.as_ref().is_none_or(|file| file.exists());
    let is_meant = fault.point == point && fault.holds == holds && is_armed();
    is_meant && fault.left.fetch_sub(1, Ordering::SeqCst) == 1
}

fn read() -> Option<Fault> {
    let value = std::env::var(VARIABLES[0]).ok()?;
    let Some((point, passage, holds)) = parse(&value) else {
        tracing::error!(value, "value of MINUET_FAULT is not point:passage, such as after_commit:3");
        std::process::exit(WRONG_USE);
    };
    let armed = std::env::var_os(VARIABLES[1]).map(PathBuf::from);
    Some(Fault { point, left: AtomicU64::new(passage), armed, holds })
}

fn parse(value: &str) -> Option<(Failpoint, u64, bool)> {
    let (value, holds) = value.strip_suffix(":hold").map_or((value, false), |value| (value, true));
    let (name, passage) = value.split_once(':').unwrap_or((value, "1"));
    let point = Failpoint::ALL.iter().find(|point| point.name() == name)?;
    if holds && *point != Failpoint::AfterPoll {
        return None;
    }
    passage.parse().ok().filter(|passage| *passage > 0).map(|passage| (*point, passage, holds))
}

/// Dies by a real SIGKILL: nothing is unwound or flushed. The calling thread stops here; the other threads run until
/// the signal arrives.
fn die(failpoint: Failpoint) -> ! {
    tracing::warn!(%failpoint, "failpoint was reached");
    let own = std::process::id().to_string();
    if let Ok(mut kill) = Command::new("sh").args(["-c", "kill -KILL \"$0\"", &own]).spawn()
        && let Ok(_) = kill.wait()
    {
        // The signal arrives within this second.
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_can_be_named() {
        for point in Failpoint::ALL {
            assert_eq!(parse(&format!("{point}:7")), Some((*point, 7, false)));
            assert_eq!(parse(point.name()), Some((*point, 1, false)));
        }
        assert_eq!(parse("after_poll:7:hold"), Some((Failpoint::AfterPoll, 7, true)));
        assert_eq!(parse("after_commit:7:hold"), None);
        assert_eq!([parse("nowhere:1"), parse("after_commit:0"), parse("after_commit:x")], [None; 3]);
    }
}
