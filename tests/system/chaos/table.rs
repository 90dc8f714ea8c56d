//! What `make chaos` prints.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;

pub(super) struct Row {
    pub(super) point: String,
    pub(super) service: String,
    pub(super) reached: bool,
    pub(super) orders: usize,
    pub(super) took: Duration,
    /// Why it failed.
    pub(super) failed: Option<String>,
}

impl Row {
    /// Runs it to its end, or to its failure.
    pub(super) async fn of(point: &str, service: &str, orders: usize, run: impl Future<Output = ()>) -> Row {
        let begun = Instant::now();
        let failed = AssertUnwindSafe(run).catch_unwind().await.err().map(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
        });
        let (point, service) = (point.to_owned(), service.to_owned());
        // The table comes at the end; whoever waits for it wants to know.
        eprintln!("{point} {service}: {}", if failed.is_none() { "holds" } else { "failed" });
        Row { point, service, reached: true, orders, took: begun.elapsed(), failed }
    }

    fn print(&self) {
        let Row { point, service, reached, orders, took, failed } = self;
        let (reached, seconds) = (if *reached { "yes" } else { "no" }, took.as_secs_f64());
        let result = failed.as_ref().map_or("holds", |why| why.lines().next().unwrap_or("failed"));
        println!("{point:<22} {service:<10} {reached:<8} {orders:>6} {seconds:>8.1}  {result}");
    }
}

/// Prints them, and fails if one did.
pub(super) fn judge(rows: &[Row]) {
    println!("\n{:<22} {:<10} {:<8} {:>6} {:>8}  result", "point", "service", "reached", "orders", "seconds");
    for row in rows {
        row.print();
    }
    let failed = rows.iter().filter(|row| row.failed.is_some()).count();
    println!("{} runs, {failed} failed", rows.len());
    assert_eq!(failed, 0, "runs failed; each is told above");
}
