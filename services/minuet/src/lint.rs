//! `minuet lint`: proves from the tables of reactions, `topics.yaml` and the schemas that the dance fits together. It reads
//! tables only; whether they say what is decided is held by each service's tests, and what follows in every interleaving by the
//! model check.

mod contract;
mod endings;
mod flow;
mod reach;
#[cfg(test)]
mod tests;
mod undoing;

use std::fmt;

use crate::dance::Dance;
use crate::error::CliError;
use crate::output;

pub(crate) fn run() -> Result<(), CliError> {
    report(&Dance::embedded()?)
}

fn report(dance: &Dance) -> Result<(), CliError> {
    let violations = violations(dance);
    for violation in &violations {
        output::print(violation.to_string());
    }
    match violations.len() {
        0 => {
            output::note("the tables of reactions, topics.yaml and the schemas fit together");
            Ok(())
        }
        violations => Err(CliError::DanceBroken { violations }),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    /// Every event that is emitted is consumed, or asks nothing of anybody.
    Consumed,
    /// Every event that is consumed is emitted by a service, or comes from outside.
    Produced,
    /// Every state ends by something that always comes, or is final and left only as declared.
    Ends,
    /// Every pair of a state and a trigger has one row, or is impossible.
    Covered,
    /// Whatever is kept is given back after each failure that can come later, or came before.
    Undone,
    /// The tables and `topics.yaml` name the same producers and consumers.
    Topics,
    /// Every record on a topic has a schema with the topic's key, and every schema is on a topic.
    Schemas,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::Consumed => "consumed",
            Rule::Produced => "produced",
            Rule::Ends => "ends",
            Rule::Covered => "covered",
            Rule::Undone => "undone",
            Rule::Topics => "topics",
            Rule::Schemas => "schemas",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    rule: Rule,
    /// A service, or the file that is wrong.
    place: String,
    /// The row, state, topic or record.
    row: String,
    problem: String,
}

impl Violation {
    fn new(
        rule: Rule,
        place: impl Into<String>,
        row: impl fmt::Display,
        problem: impl Into<String>,
    ) -> Violation {
        Violation { rule, place: place.into(), row: row.to_string(), problem: problem.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { rule, place, row, problem } = self;
        write!(f, "{rule}: {place}: {row}: {problem}")
    }
}

fn violations(dance: &Dance) -> Vec<Violation> {
    let mut found = flow::consumed(dance);
    found.extend(flow::produced(dance));
    found.extend(endings::ends(dance));
    found.extend(endings::covered(dance));
    found.extend(undoing::undone(dance));
    found.extend(contract::topics(dance));
    found.extend(contract::schemas(dance));
    found.sort();
    found.dedup();
    found
}
