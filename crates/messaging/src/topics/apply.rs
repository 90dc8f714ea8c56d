use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::plan::Actual;
use minuet_envelope::EventKind;

use super::{Catalogue, Change, Difference, TopicName, TopicsError};

/// Leaders of a new topic are elected within milliseconds; on a busy cluster with many topics within seconds.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The differences that were applied, and those that were not: replication and undeclared settings are only reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Applied differences.
    pub changed: Vec<Difference>,
    /// Reported differences, left as they are.
    pub left: Vec<Difference>,
}

/// By topic (full name): the number of partitions, and the effective settings.
pub(crate) type InForce = BTreeMap<String, (u32, BTreeMap<String, String>)>;

impl<K: EventKind> Catalogue<K> {
    /// The differences between the cluster and the declaration. `kafka` holds librdkafka settings (`bootstrap.servers`
    /// is required); `prefix` precedes every topic's name. Topics outside the declaration are ignored.
    ///
    /// # Errors
    /// Kafka cannot be reached, or refuses a request.
    pub async fn plan(
        &self,
        kafka: &BTreeMap<String, String>,
        prefix: &str,
    ) -> Result<Vec<Difference>, TopicsError> {
        let cluster = Cluster::new(kafka)?;
        let actual = self.actual(&cluster, prefix).await;
        cluster.close().await?;
        Ok(self.differences(prefix, &actual?))
    }

    /// Creates missing topics, sets differing settings and waits until every topic has its leaders. Deletes nothing.
    /// Safe to run again, and concurrently.
    ///
    /// # Errors
    /// As [`Catalogue::plan`]; and [`TopicsError::KeyedPartitions`] before anything is changed.
    pub async fn apply(
        &self,
        kafka: &BTreeMap<String, String>,
        prefix: &str,
    ) -> Result<Applied, TopicsError> {
        let cluster = Cluster::new(kafka)?;
        let applied = self.apply_to(&cluster, prefix).await;
        cluster.close().await?;
        applied
    }

    async fn apply_to(&self, cluster: &Cluster, prefix: &str) -> Result<Applied, TopicsError> {
        let mut actual = self.actual(cluster, prefix).await?;
        let missing: Vec<Difference> = self
            .checked_differences(prefix, &actual)?
            .into_iter()
            .filter(|difference| matches!(difference.change, Change::Create { .. }))
            .collect();
        let declared: Vec<_> = missing
            .iter()
            .filter_map(|Difference { topic, .. }| {
                Some((topic.clone(), self.topic(TopicName::from_full(prefix, topic.as_str()).plain())?))
            })
            .collect();
        let created = if declared.is_empty() { vec![] } else { cluster.create(&declared).await? };
        self.wait_for_leaders(cluster, prefix).await?;
        if created.len() < missing.len() {
            // A concurrent run created the rest, perhaps from another declaration.
            actual = self.actual(cluster, prefix).await?;
        }

        let (to_apply, left): (Vec<_>, Vec<_>) = self
            .checked_differences(prefix, &actual)?
            .into_iter()
            .filter(|difference| !created.contains(&difference.topic))
            .partition(Difference::is_applied);
        let mut configs: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        for Difference { topic, change } in &to_apply {
            match change {
                Change::Configure { name, declared, .. } => {
                    let own = || actual.get(topic).map(|actual| actual.own.clone()).unwrap_or_default();
                    configs.entry(topic).or_insert_with(own).insert((*name).to_owned(), declared.clone());
                }
                Change::Grow { declared, .. } => cluster.grow(topic, *declared).await?,
                Change::Create { .. }
                | Change::Partitions { .. }
                | Change::Replication { .. }
                | Change::Undeclared { .. }
                | Change::Unkept { .. }
                | Change::Missing => {}
            }
        }
        for (topic, configs) in configs {
            cluster.configure(topic, &configs).await?;
        }
        if !to_apply.is_empty() {
            self.wait_for_changes(cluster, prefix).await?;
        }
        let changed = missing.into_iter().filter(|difference| created.contains(&difference.topic));
        Ok(Applied { changed: changed.chain(to_apply).collect(), left })
    }

    /// Partitions and settings of these topics (names without prefix) on the cluster. For a topic that does not exist
    /// yet: the declared ones. With them the settings in force that differ from what is declared or promised.
    pub(crate) async fn in_force(
        &self,
        kafka: &BTreeMap<String, String>,
        prefix: &str,
        topics: &[&str],
    ) -> Result<(InForce, Vec<Difference>), TopicsError> {
        let cluster = Cluster::new(kafka)?;
        let names: Vec<String> =
            topics.iter().map(|topic| TopicName::new(prefix, topic).full().to_owned()).collect();
        let actual = cluster.describe(prefix, &names).await;
        cluster.close().await?;
        let mut actual = actual?;
        let mut differences = self.differences(prefix, &actual);
        differences.retain(|d| matches!(d.change, Change::Configure { .. } | Change::Unkept { .. }));
        let found = topics.iter().zip(names).filter_map(|(topic, name)| match actual.remove(&name) {
            Some(Actual { partitions, in_force, .. }) => Some((name, (partitions, in_force))),
            None => {
                let declared = self.topic(topic)?;
                let configs = declared.configs().into_iter().map(|(name, value)| (name.to_owned(), value));
                Some((name, (declared.partitions, configs.collect())))
            }
        });
        Ok((found.collect(), differences))
    }

    async fn actual(&self, cluster: &Cluster, prefix: &str) -> Result<BTreeMap<String, Actual>, TopicsError> {
        cluster.describe(prefix, &self.names(prefix)).await
    }

    fn names(&self, prefix: &str) -> Vec<String> {
        self.topics().iter().map(|topic| TopicName::new(prefix, &topic.name).full().to_owned()).collect()
    }

    /// The differences, unless one of them must not be applied.
    fn checked_differences(
        &self,
        prefix: &str,
        actual: &BTreeMap<String, Actual>,
    ) -> Result<Vec<Difference>, TopicsError> {
        let differences = self.differences(prefix, actual);
        match differences.iter().find_map(Difference::refusal) {
            Some(refusal) => Err(refusal),
            None => Ok(differences),
        }
    }

    /// The controller has accepted the changes; the broker that answers the next `plan` may learn of them milliseconds
    /// later.
    async fn wait_for_changes(&self, cluster: &Cluster, prefix: &str) -> Result<(), TopicsError> {
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            let actual = self.actual(cluster, prefix).await?;
            let mut open = self.differences(prefix, &actual);
            open.retain(Difference::is_applied);
            if open.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let topics = open.into_iter().map(|difference| difference.topic).collect();
                return Err(TopicsError::NotReady { within: READY_TIMEOUT, topics });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits for leaders, so that a process that starts after `apply` logs no "unknown topic" errors.
    async fn wait_for_leaders(&self, cluster: &Cluster, prefix: &str) -> Result<(), TopicsError> {
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            let shapes = cluster.shapes(prefix).await?;
            let ready =
                |name: &String| shapes.get(name).is_some_and(|shape| shape.led && shape.partitions > 0);
            let waiting: Vec<String> = self.names(prefix).into_iter().filter(|name| !ready(name)).collect();
            if waiting.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(TopicsError::NotReady { within: READY_TIMEOUT, topics: waiting });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
