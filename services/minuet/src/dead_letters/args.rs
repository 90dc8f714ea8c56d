use std::time::Duration;

use clap::{Args, Subcommand};
use minuet_messaging::{DISCARD_REASON, ParkReason, discard_reason};

use crate::database::Database;
use crate::duration::duration;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DeadLetters {
    /// What is parked, in the order in which it was
    List(List),
    /// One event with its reason, its headers and its payload
    Show(One),
    /// Have events processed again, each with those that wait for its key; exit status 1 if one stays parked
    Redrive(Redrive),
    /// Give an event up. It stays in the table, with who did so and why
    Discard(Discard),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct List {
    /// Only of this service; may be repeated [default: all three]
    #[arg(long = "service", value_name = "SERVICE")]
    pub(super) services: Vec<Database>,
    /// Only with this code, such as undecodable or constraint; docs/park-reasons.md lists all
    #[arg(long, value_name = "CODE", value_parser = park_reason)]
    pub(super) reason: Option<ParkReason>,
    /// Only of this key: an order's id, or a sku
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
    /// What was discarded too
    #[arg(long)]
    pub(super) discarded: bool,
    /// At most so many of each service
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) limit: u32,
    /// Only those with a higher id
    #[arg(long, value_name = "ID", default_value_t = 0)]
    pub(super) after: i64,
    /// JSON, a line each
    #[arg(short = 'J', long)]
    pub(super) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct One {
    #[arg(value_name = "ID")]
    pub(super) id: i64,
    /// Whose it is
    #[arg(long)]
    pub(super) service: Database,
    /// JSON, on one line
    #[arg(short = 'J', long)]
    pub(super) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Redrive {
    #[arg(value_name = "ID", required_unless_present = "reason", conflicts_with = "reason")]
    pub(super) ids: Vec<i64>,
    /// Everything that is parked with this code
    #[arg(long, value_name = "CODE", value_parser = park_reason)]
    pub(super) reason: Option<ParkReason>,
    /// Whose they are
    #[arg(long)]
    pub(super) service: Database,
    /// How long to wait for the service to do it: a number with s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(super) wait: Duration,
    /// JSON, a line each
    #[arg(short = 'J', long)]
    pub(super) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Discard {
    #[arg(value_name = "ID")]
    pub(super) id: i64,
    /// Whose it is
    #[arg(long)]
    pub(super) service: Database,
    /// Why it is given up
    #[arg(long, value_name = "TEXT", value_parser = kept)]
    pub(super) reason: String,
    /// Who gives it up
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, value_parser = kept)]
    pub(super) by: String,
}

pub(crate) fn kept(text: &str) -> Result<String, &'static str> {
    discard_reason(text).ok_or(DISCARD_REASON)
}

fn park_reason(code: &str) -> Result<ParkReason, String> {
    let known = || ParkReason::ALL.iter().map(|reason| reason.code()).collect::<Vec<_>>().join(", ");
    ParkReason::from_code(code).ok_or_else(|| format!("takes one of {}", known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/park-reasons.md` has a row for each reason, in their order, and no other.
    #[test]
    fn the_page_lists_every_reason() {
        let row = |reason: &ParkReason| {
            format!("| `{}` | {} | {} |", reason.code(), reason.meaning(), reason.remedy())
        };
        let expected: Vec<String> = ParkReason::ALL.iter().map(row).collect();
        let page = include_str!("../../../../docs/park-reasons.md");
        let found: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert!(found == expected, "docs/park-reasons.md takes these rows:\n{}", expected.join("\n"));
    }
}
