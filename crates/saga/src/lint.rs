//! Proves from the tables, the topics and the schemas that the services fit together.
//!
//! The linter reads tables only. [`crate::conformance`] shows that a table equals the code of its service. A model check
//! shows what follows from the decisions in every interleaving of events.

mod compensation;
mod contract;
mod coverage;
mod reachability;
mod routing;
mod termination;

use std::fmt;

use minuet_envelope::EventKind;

use crate::choreography::Reaction;
use crate::saga::Saga;

/// Each violation of a rule, sorted and without repetitions. Empty: the services fit together.
pub fn violations<K: EventKind>(saga: &Saga<K>) -> Vec<Violation> {
    let mut found = routing::consumed(saga);
    found.extend(routing::produced(saga));
    found.extend(termination::terminates(saga));
    found.extend(coverage::covered(saga));
    found.extend(compensation::compensated(saga));
    found.extend(contract::topics(saga));
    found.extend(contract::schemas(saga));
    found.sort();
    found.dedup();
    found
}

/// A rule of the linter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Each event that is emitted is announced. It has a reader if it expects a reaction, and none if it expects nothing.
    Consumed,
    /// Each event that a service reacts to is emitted by a service, or comes from outside.
    Produced,
    /// Each open state is ended by a trigger that always comes. A terminal state changes only as declared.
    Terminates,
    /// Each pair of a state and a trigger has one row, or is declared impossible. Each state exists and is reached.
    Covered,
    /// Each resource that a service holds is given back after each failure elsewhere, whether the failure arrives after the
    /// step that takes the resource, or before.
    Compensated,
    /// The tables and the topics name the same producers and consumers.
    Topics,
    /// Each event on a topic has a schema with the topic's key, and each schema is on a topic.
    Schemas,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::Consumed => "consumed",
            Rule::Produced => "produced",
            Rule::Terminates => "terminates",
            Rule::Covered => "covered",
            Rule::Compensated => "compensated",
            Rule::Topics => "topics",
            Rule::Schemas => "schemas",
        })
    }
}

/// A place where the saga breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The service whose table is wrong, or `topic declaration` or `schema file`.
    pub place: String,
    /// The row, state, topic or schema.
    pub subject: String,
    /// What is wrong.
    pub problem: String,
}

impl Violation {
    fn new(
        rule: Rule,
        place: impl Into<String>,
        subject: impl fmt::Display,
        problem: impl Into<String>,
    ) -> Violation {
        Violation { rule, place: place.into(), subject: subject.to_string(), problem: problem.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { rule, place, subject, problem } = self;
        write!(f, "{rule}: {place}: {subject}: {problem}")
    }
}

/// How a violation names a row.
fn name_of<K: EventKind>(row: &Reaction<K>) -> String {
    format!("{} in {}", row.on, row.states.join(", "))
}
