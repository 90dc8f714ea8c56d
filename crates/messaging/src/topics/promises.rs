//! Settings that topics.yaml does not declare. Their defaults keep what Minuet promises; other values, often broker-wide, do
//! not. Such values are only reported: the operator of the cluster may have reasons.

use std::collections::BTreeMap;
use std::fmt;

/// The broker's own default of `max.message.bytes`: the largest event that the gateway and the relays may send.
const DEFAULT_MAX_MESSAGE_BYTES: u64 = 1_048_588;
/// Clocks of producers may differ from the broker's by this much.
const MAX_CLOCK_DIFFERENCE_MS: u64 = 3_600_000;

/// A setting in force that does not keep a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unkept {
    pub(crate) name: &'static str,
    /// The effective value.
    pub(crate) actual: String,
    /// The value that keeps the promise, and what the effective one does.
    pub(crate) why: &'static str,
}

impl fmt::Display for Unkept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}: {}", self.name, self.actual, self.why)
    }
}

/// `in_force`: a topic's effective settings. `declared`: the settings that the declaration names; they are compared
/// elsewhere.
pub(crate) fn unkept(
    replication: u32,
    declared: &[&str],
    in_force: &BTreeMap<String, String>,
) -> Vec<Unkept> {
    let number = |name| in_force.get(name).and_then(|value| value.parse::<u64>().ok());
    let differs = |name, kept: bool, why| {
        let actual = in_force.get(name).filter(|_| !kept && !declared.contains(&name))?;
        Some(Unkept { name, actual: actual.clone(), why })
    };
    let at_least = |name, least| number(name).is_none_or(|value| value >= least);
    let by_producer = in_force.get("message.timestamp.type").is_none_or(|by| by == "CreateTime");
    let in_sync = number("min.insync.replicas").unwrap_or(1);
    let found = [
        differs(
            "compression.type",
            in_force.get("compression.type").is_none_or(|codec| codec == "producer"),
            "with `producer` the broker stores batches as they come; now it packs each one again",
        ),
        differs(
            "max.message.bytes",
            at_least("max.message.bytes", DEFAULT_MAX_MESSAGE_BYTES),
            "below 1048588 the broker refuses events that are taken at the edge, and their keys wait",
        ),
        differs(
            "message.timestamp.after.max.ms",
            !by_producer || at_least("message.timestamp.after.max.ms", MAX_CLOCK_DIFFERENCE_MS),
            "below 3600000 the broker refuses events of an instance whose clock is ahead, and their keys wait",
        ),
        differs(
            "message.timestamp.before.max.ms",
            !by_producer || at_least("message.timestamp.before.max.ms", MAX_CLOCK_DIFFERENCE_MS),
            "below 3600000 the broker refuses events of an instance whose clock is behind, and their keys wait",
        ),
        differs(
            "min.insync.replicas",
            in_sync <= u64::from(replication) && (replication < 3 || in_sync > 1),
            if in_sync > u64::from(replication) {
                "more than there are replicas: the broker acknowledges nothing"
            } else {
                "with 1, events that one replica alone has are acknowledged, and lost with it; 2 suits 3 replicas"
            },
        ),
    ];
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(replication: u32, settings: &[(&str, &str)]) -> Vec<&'static str> {
        let defaults = [
            ("compression.type", "producer"),
            ("max.message.bytes", "1048588"),
            ("message.timestamp.type", "CreateTime"),
            ("message.timestamp.after.max.ms", "3600000"),
            ("message.timestamp.before.max.ms", "9223372036854775807"),
            ("min.insync.replicas", if replication < 3 { "1" } else { "2" }),
        ];
        let in_force = defaults.iter().chain(settings);
        let in_force = in_force.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        unkept(replication, &["cleanup.policy"], &in_force).iter().map(|unkept| unkept.name).collect()
    }

    #[test]
    fn defaults_keep_every_promise() {
        assert_eq!(names(1, &[]), [""; 0]);
        assert_eq!(names(3, &[]), [""; 0]);
    }

    #[test]
    fn a_value_that_breaks_a_promise_is_named() {
        assert_eq!(names(1, &[("compression.type", "zstd")]), ["compression.type"]);
        assert_eq!(names(1, &[("max.message.bytes", "1000")]), ["max.message.bytes"]);
        let early = ("message.timestamp.before.max.ms", "1000");
        assert_eq!(names(1, &[early]), ["message.timestamp.before.max.ms"]);
        assert_eq!(names(1, &[early, ("message.timestamp.type", "LogAppendTime")]), [""; 0]);
        assert_eq!(names(1, &[("min.insync.replicas", "2")]), ["min.insync.replicas"]);
        assert_eq!(names(3, &[("min.insync.replicas", "1")]), ["min.insync.replicas"]);
    }
}
