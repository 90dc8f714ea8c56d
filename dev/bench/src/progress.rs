use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const WIDTH: usize = 30;

/// What happens now, on stderr: a bar on a terminal, a line per phase anywhere else.
pub(crate) struct Progress {
    is_terminal: bool,
    begun: Instant,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Progress { is_terminal: io::stderr().is_terminal(), begun: Instant::now() }
    }

    pub(crate) fn phase(&self, what: &str) {
        let clear = if self.is_terminal { "\r\x1b[K" } else { "" };
        say(&format!("{clear}{:>6.1} s  {what}\n", self.begun.elapsed().as_secs_f64()));
    }

    pub(crate) fn bar(&self, what: &str, done: Duration, of: Duration, rate: f64, open: usize) {
        if !self.is_terminal {
            return;
        }
        let part = (done.as_secs_f64() / of.as_secs_f64()).clamp(0.0, 1.0);
        let full = (part * WIDTH as f64) as usize;
        let (bar, rest) = ("#".repeat(full), "-".repeat(WIDTH - full));
        let left = of.saturating_sub(done).as_secs();
        say(&format!(
            "\r\x1b[K{what:<9} [{bar}{rest}] {left:>3} s left  {rate:>6.0} orders/s  {open:>5} in flight"
        ));
    }
}

/// There is nobody to tell where stderr is gone.
fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
}
