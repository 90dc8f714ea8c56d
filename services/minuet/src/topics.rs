//! `minuet topics plan | apply`

use crate::cli::Topics;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, command: Topics) -> Result<(), CliError> {
    let catalogue = settings.catalogue()?;
    match command {
        Topics::Plan => {
            let differences = catalogue.plan(&settings.kafka, &settings.topic_prefix).await?;
            for difference in &differences {
                output::print(difference.to_string());
            }
            let refused = differences.iter().filter(|d| !d.is_applied() && !d.is_left()).count();
            match differences.iter().filter(|d| d.is_applied()).count() {
                // What applying leaves alone is worth a line, and is no failure.
                0 if refused == 0 => output::note("nothing to apply"),
                applicable => return Err(CliError::TopicsDiffer { applicable, refused }),
            }
        }
        Topics::Apply => {
            let applied = catalogue.apply(&settings.kafka, &settings.topic_prefix).await?;
            for difference in applied.changed.iter().chain(&applied.left) {
                output::print(difference.to_string());
            }
            let total = catalogue.topics().len();
            output::note(format!(
                "{} changes applied; {total} topics stand as topics.yaml says",
                applied.changed.len()
            ));
        }
    }
    Ok(())
}
