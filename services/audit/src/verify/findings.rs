//! What does not hold, each with its evidence.

use serde::{Deserialize, Serialize};

use crate::record::{Position, Topics};

/// Violations that are kept with their evidence; beyond that they are only counted.
const KEPT: usize = 1_000;

/// What is proven, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Check {
    /// Every order reaches its end within its deadlines, and whatever follows from that end happens.
    Stuck,
    /// `ce_sequence` is dense, and no service has skipped deleted messages: nothing was lost.
    Loss,
    /// `ce_sequence` only grows: nothing was overtaken.
    Inversion,
    /// A number is drawn once, and every event from an outbox has one.
    Sequence,
    /// What comes again is the same.
    Repetition,
    /// Every effect was caused by an event that exists.
    Cause,
    /// Nothing is undone that was not done.
    Compensation,
    /// Nothing is done twice.
    Twice,
    /// An end is an end, and one event does not deny another.
    Contradiction,
    /// Captured - refunded = the total of a confirmed order, and 0 of any other.
    Money,
    /// `stock_version` is dense per level.
    StockGap,
    /// No level is negative on the way.
    Oversell,
    /// Adjustments - confirmed + returned = on hand: the levels that are told are those that follow.
    StockLevel,
    /// The services' tables say what the topics say.
    Database,
}

impl Check {
    pub const ALL: [Check; 14] = [
        Check::Stuck,
        Check::Loss,
        Check::Inversion,
        Check::Sequence,
        Check::Repetition,
        Check::Cause,
        Check::Compensation,
        Check::Twice,
        Check::Contradiction,
        Check::Money,
        Check::StockGap,
        Check::Oversell,
        Check::StockLevel,
        Check::Database,
    ];

    /// Stable, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Check::Stuck => "stuck",
            Check::Loss => "loss",
            Check::Inversion => "inversion",
            Check::Sequence => "sequence",
            Check::Repetition => "repetition",
            Check::Cause => "cause",
            Check::Compensation => "compensation",
            Check::Twice => "twice",
            Check::Contradiction => "contradiction",
            Check::Money => "money",
            Check::StockGap => "stock_gap",
            Check::Oversell => "oversell",
            Check::StockLevel => "stock_level",
            Check::Database => "database",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    pub check: Check,
    /// An order, a level or a currency.
    pub subject: String,
    pub detail: String,
    pub evidence: Vec<Position>,
}

impl Violation {
    pub fn show(&self, topics: &Topics) -> String {
        let Violation { check, subject, detail, evidence } = self;
        let positions: Vec<String> = evidence.iter().map(|position| topics.show(*position)).collect();
        let positions =
            if positions.is_empty() { String::new() } else { format!("  ({})", positions.join(", ")) };
        format!("{:<13} {subject}: {detail}{positions}", check.name())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    pub kept: Vec<Violation>,
    counts: [u64; Check::ALL.len()],
}

impl Findings {
    pub fn add(
        &mut self,
        check: Check,
        subject: impl ToString,
        detail: impl Into<String>,
        evidence: impl Into<Vec<Position>>,
    ) {
        self.counts[check as usize] += 1;
        if self.kept.len() < KEPT {
            let (subject, detail, evidence) = (subject.to_string(), detail.into(), evidence.into());
            self.kept.push(Violation { check, subject, detail, evidence });
        }
    }

    pub fn count(&self, check: Check) -> u64 {
        self.counts[check as usize]
    }

    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}
