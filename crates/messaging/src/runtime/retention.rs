//! Checks that the inbox remembers every event that may arrive again: a topic retains events, and a dead letter may be
//! redriven later still. A service whose inbox forgets earlier does not start.

use std::collections::BTreeMap;
use std::time::Duration;

use minuet_envelope::EventKind;
use minuet_telemetry::error_chain;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::runtime::policy::back_off;
use crate::topics::{Catalogue, TopicsError};
use crate::{Dependency, Health, Settings};

const DAY_MS: u64 = 24 * 3600 * 1000;

/// Why a service refuses to start with its topics and settings.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RetentionError {
    #[error(
        "the inbox forgets after {inbox_days} days, but {topic} keeps events for {topic_days} days and they may be redriven \
         for {redrive_days} more: set inbox_retention_days to {} or more, or let the topic keep less",
        .topic_days + .redrive_days
    )]
    /// The inbox forgets events earlier than they may arrive again.
    Forgets {
        /// Retention of the inbox, in days.
        inbox_days: u64,
        /// The topic.
        topic: String,
        /// Retention of the topic, in days.
        topic_days: u64,
        /// Maximum age of a redrive, in days.
        redrive_days: u64,
    },
    #[error(
        "{topic} keeps events for ever, and the inbox for {inbox_days} days: say how old an event may be that is read again \
         (unlimited_topic_days), or limit the topic's retention.ms"
    )]
    /// The topic has no retention limit, and no maximum age is set.
    Unlimited {
        /// Retention of the inbox, in days.
        inbox_days: u64,
        /// The topic.
        topic: String,
    },
    #[error(
        "{topic} has {partitions} partitions and {shards} are declared: those above would not be read. See `minuet topics plan`"
    )]
    /// The topic has more partitions than there are shards.
    Partitions {
        /// The topic.
        topic: String,
        /// The number of partitions.
        partitions: u32,
        /// The number of shards.
        shards: u32,
    },
}

/// Asks the broker until it answers. Returns `Ok` at shutdown, too. A topic that does not exist yet counts as declared.
pub(crate) async fn check<K: EventKind>(
    settings: &Settings,
    catalogue: &Catalogue<K>,
    topics: &[&str],
    health: &Health,
    shutdown: &CancellationToken,
) -> Result<(), RetentionError> {
    let mut attempt = 0;
    loop {
        let asked = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            asked = catalogue.in_force(&settings.kafka, &settings.topic_prefix, topics) => asked,
        };
        let error: TopicsError = match asked {
            Ok((found, differences)) => {
                for difference in differences {
                    warn!(detail = %difference, "topic setting in force does not keep what is promised");
                }
                return found.iter().try_for_each(|(topic, (partitions, configs))| {
                    judge(settings, catalogue.partitions(), topic, *partitions, configs)
                });
            }
            Err(error) => error,
        };
        warn!(error = error_chain(&error), "retention of the topics could not be read; it is retried");
        health.down(Dependency::Kafka, "the broker does not answer");
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(back_off(attempt)) => attempt += 1,
        }
    }
}

fn judge(
    settings: &Settings,
    shards: u32,
    topic: &str,
    partitions: u32,
    configs: &BTreeMap<String, String>,
) -> Result<(), RetentionError> {
    let topic = topic.to_owned();
    if partitions > shards {
        return Err(RetentionError::Partitions { topic, partitions, shards });
    }
    // Compacted topics use no inbox rows.
    if configs.get("cleanup.policy").is_some_and(|policy| policy.contains("compact")) {
        return Ok(());
    }
    let inbox_days = settings.inbox_retention.as_secs() / (24 * 3600);
    let kept = configs.get("retention.ms").and_then(|ms| ms.parse::<u64>().ok());
    let Some(kept) = kept.map(Duration::from_millis).or(settings.unlimited_topics) else {
        return Err(RetentionError::Unlimited { inbox_days, topic });
    };
    if kept + settings.redrive_age <= settings.inbox_retention {
        return Ok(());
    }
    let days = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).div_ceil(DAY_MS);
    let (topic_days, redrive_days) = (days(kept), days(settings.redrive_age));
    Err(RetentionError::Forgets { inbox_days, topic, topic_days, redrive_days })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(retention_ms: &str, cleanup: &str, unlimited: Option<u64>) -> Result<(), RetentionError> {
        let mut settings = Settings::new(BTreeMap::new(), String::new());
        settings.unlimited_topics = unlimited.map(|days| Duration::from_secs(days * 24 * 3600));
        let configs = [("retention.ms", retention_ms), ("cleanup.policy", cleanup)];
        let configs = configs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        judge(&settings, 8, "orders.events", 8, &configs)
    }

    #[test]
    fn a_topic_may_keep_what_the_inbox_remembers_less_the_redrive_age() {
        assert_eq!(judged("604800000", "delete", None), Ok(()));
        assert_eq!(judged("691200000", "delete", None), Ok(()), "8 days and 7 are 15");
        let error = judged("691200001", "delete", None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the inbox forgets after 15 days, but orders.events keeps events for 9 days and they may be redriven for 7 more: \
             set inbox_retention_days to 16 or more, or let the topic keep less"
        );
    }

    #[test]
    fn for_ever_needs_a_bound_and_a_compacted_topic_none() {
        assert!(matches!(judged("-1", "delete", None), Err(RetentionError::Unlimited { .. })));
        assert_eq!(judged("-1", "delete", Some(8)), Ok(()));
        assert!(matches!(judged("-1", "delete", Some(9)), Err(RetentionError::Forgets { .. })));
        assert_eq!(judged("-1", "compact", None), Ok(()));
    }
}
