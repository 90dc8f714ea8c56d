//! How far the reading is, for a person who waits.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Looked at every so many messages; shown every so often.
const LOOK: u64 = 4_096;
const SHOW: Duration = Duration::from_millis(200);

/// What was read, and how fast.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Speed {
    pub(crate) messages: u64,
    pub(crate) seconds: f64,
}

impl Speed {
    pub(crate) fn per_second(self) -> f64 {
        if self.seconds > 0.0 { self.messages as f64 / self.seconds } else { 0.0 }
    }
}

pub(crate) struct Progress {
    total: u64,
    done: u64,
    begun: Instant,
    shown: Option<Instant>,
    visible: bool,
}

impl Progress {
    pub(crate) fn new(total: i64) -> Self {
        let total = u64::try_from(total).unwrap_or(0);
        Progress { total, done: 0, begun: Instant::now(), shown: None, visible: stderr().is_terminal() }
    }

    pub(crate) fn tick(&mut self) {
        self.done += 1;
        if self.visible && self.done.is_multiple_of(LOOK) && self.shown.is_none_or(|at| at.elapsed() >= SHOW)
        {
            self.shown = Some(Instant::now());
            self.show();
        }
    }

    pub(crate) fn end(self) -> Speed {
        if self.shown.is_some() {
            self.show();
            drop(writeln!(stderr()));
        }
        self.speed()
    }

    fn speed(&self) -> Speed {
        Speed { messages: self.done, seconds: self.begun.elapsed().as_secs_f64() }
    }

    /// Where nobody sees stderr, nobody misses it.
    fn show(&self) {
        drop(write!(stderr(), "\r{} \x1b[K", line(self.speed(), self.total)));
    }
}

fn line(speed: Speed, total: u64) -> String {
    let (per_second, left) = (speed.per_second(), total.saturating_sub(speed.messages));
    let share = 20 * speed.messages / total.max(1);
    let bar: String = (0..20).map(|at| if at < share { '#' } else { '.' }).collect();
    let wait = if per_second > 0.0 { left as f64 / per_second } else { 0.0 };
    format!("[{bar}] {} of {total} messages, {per_second:.0}/s, lag {left}, {wait:.0} s left", speed.messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_speed_the_lag_and_the_time_left() {
        let wanted = "[#####...............] 250 of 1000 messages, 100/s, lag 750, 8 s left";
        assert_eq!(line(Speed { messages: 250, seconds: 2.5 }, 1_000), wanted);
        // Nothing to read, or nothing read yet.
        assert!(line(Speed::default(), 0).ends_with("0 of 0 messages, 0/s, lag 0, 0 s left"));
    }
}
