//! `minuet lint`: proves that the reaction tables, `topics.yaml` and the schemas of the shop fit together.

#[cfg(test)]
mod tests;

use minuet_events::EventType;
use minuet_saga::Saga;
use minuet_saga::lint::violations;

use crate::error::CliError;
use crate::{output, saga};

pub(crate) fn run() -> Result<(), CliError> {
    report(&saga::embedded()?)
}

fn report(saga: &Saga<EventType>) -> Result<(), CliError> {
    let violations = violations(saga);
    for violation in &violations {
        output::print(violation.to_string());
    }
    match violations.len() {
        0 => {
            output::note("the reaction tables, topics.yaml and the schemas fit together");
            Ok(())
        }
        violations => Err(CliError::Lint { violations }),
    }
}
