//! `minuet topics plan | apply | skip`

use minuet_messaging::Position;
use minuet_messaging::topics::TopicName;

use crate::cli::{Skip, Topics};
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
        Topics::Skip(which) => skip(settings, &which).await?,
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

/// The service itself skips, once it stands there and cannot read on: a request for any other offset does nothing.
async fn skip(settings: &Settings, which: &Skip) -> Result<(), CliError> {
    let (service, key) = which.service.service();
    let (topic, catalogue) = (&which.topic, settings.catalogue()?);
    let is_input = |topic: &&minuet_messaging::topics::Topic<_>| topic.consumers.iter().any(|c| c == service);
    if catalogue.topic(topic).filter(is_input).is_none() {
        let inputs = catalogue.topics().iter().filter(is_input).map(|topic| topic.name.as_str());
        let inputs = inputs.collect::<Vec<_>>().join(", ");
        return Err(CliError::SkipNoInput { service, topic: topic.clone(), inputs });
    }
    let failed = |source| CliError::Skip { service, source };
    let pool = minuet_messaging::connect(settings.text(key)?, 1, "topics-skip").map_err(failed)?;
    let topic = TopicName::new(&settings.topic_prefix, topic).to_full();
    let at = Position { topic, partition: which.partition, offset: which.offset };
    let asked = minuet_messaging::request_skip(&pool, &at, which.until, &which.by, &which.reason).await;
    asked.map_err(|source| CliError::SkipRequest { service, source })?;
    output::print(format!("{service} skips the batch at {at} once it stands there and cannot read on"));
    Ok(())
}
