//! `minuet topics plan | apply` against a cluster on which somebody has been at work.

use std::time::Duration;

use minuet_tests::{Done, Folder, stack, until};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use uuid::Uuid;

/// Names of its own on the shared cluster, and nothing there yet.
struct Cluster {
    prefix: String,
    folder: Folder,
    admin: AdminClient<DefaultClientContext>,
}

impl Cluster {
    async fn new() -> Cluster {
        let prefix = format!("plan-{}.", Uuid::new_v4().simple());
        let admin = ClientConfig::new().set("bootstrap.servers", stack().await.kafka()).create().unwrap();
        Cluster { prefix, folder: Folder::new(), admin }
    }

    async fn topics(&self, command: &str) -> Done {
        let arguments = ["topics", command, "-b", stack().await.kafka(), "--topic-prefix", &self.prefix];
        self.folder.minuet(arguments).run().await
    }

    async fn create(&self, name: &str, partitions: i32) {
        let name = self.name(name);
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1)).set("retention.ms", "1234");
        let created = self.admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
        assert_eq!(created, [Ok(name.clone())]);
        until("the topic is seen", || async {
            let all = self.all();
            if all.iter().any(|(topic, _)| self.name(topic) == name) { Ok(()) } else { Err(all) }
        })
        .await;
    }

    async fn set(&self, name: &str, settings: &[(&str, &str)]) {
        let name = self.name(name);
        let alter = AlterConfig::new(ResourceSpecifier::Topic(&name));
        let alter = settings.iter().fold(alter, |alter, (key, value)| alter.set(key, value));
        self.admin.alter_configs([&alter], &AdminOptions::new()).await.unwrap();
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Every topic under the prefix, with its number of partitions.
    fn all(&self) -> Vec<(String, usize)> {
        let metadata = self.admin.inner().fetch_metadata(None, Duration::from_secs(30)).unwrap();
        let ours = metadata.topics().iter().filter_map(|topic| {
            Some((topic.name().strip_prefix(&self.prefix)?.to_owned(), topic.partitions().len()))
        });
        ours.collect()
    }
}

/// The topics that the lines speak of.
fn lines(done: &Done) -> Vec<&str> {
    done.out.lines().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_is_applied_and_no_more() {
    let cluster = Cluster::new().await;
    let declared: Vec<String> =
        minuet_messaging::topics::Catalogue::<minuet_events::EventType>::parse(minuet_events::TOPICS)
            .unwrap()
            .topics()
            .iter()
            .map(|topic| cluster.name(&topic.name))
            .collect();

    let plan = cluster.topics("plan").await;
    assert_eq!(plan.code, Some(1), "{plan:#?}");
    let said: Vec<String> =
        declared.iter().map(|topic| format!("{topic}: new, with 8 partitions and replication 1")).collect();
    assert_eq!(lines(&plan), said);
    assert_eq!(cluster.all(), [], "planning changes nothing");

    cluster.create("somebody.elses", 3).await;
    let applied = cluster.topics("apply").await.well();
    assert_eq!(lines(&applied), said);
    assert!(applied.err.contains(&format!("{} changes applied", declared.len())), "{applied:#?}");

    let plan = cluster.topics("plan").await.well();
    assert_eq!((plan.out.as_str(), plan.err.trim()), ("", "nothing to apply"));
    let again = cluster.topics("apply").await.well();
    assert_eq!(again.out, "");
    assert!(again.err.contains("0 changes applied"), "{again:#?}");

    cluster.set("orders.events", &[("retention.ms", "1000"), ("cleanup.policy", "compact")]).await;
    cluster.set("catalog.products", &[("cleanup.policy", "delete")]).await;
    let changes = [
        format!("{}: cleanup.policy compact -> delete", cluster.name("orders.events")),
        format!("{}: message.timestamp.type CreateTime -> LogAppendTime", cluster.name("orders.events")),
        format!("{}: retention.ms 1000 -> 604800000", cluster.name("orders.events")),
        format!("{}: cleanup.policy delete -> compact", cluster.name("catalog.products")),
        format!("{}: delete.retention.ms 86400000 -> 1209600000", cluster.name("catalog.products")),
        format!("{}: message.timestamp.type CreateTime -> LogAppendTime", cluster.name("catalog.products")),
    ];
    // The broker may learn some milliseconds later what its controller has agreed to.
    until("the plan shows every change", || async {
        let plan = cluster.topics("plan").await;
        if (plan.code, lines(&plan)) == (Some(1), changes.iter().map(String::as_str).collect()) {
            Ok(())
        } else {
            Err(plan)
        }
    })
    .await;
    let applied = cluster.topics("apply").await.well();
    assert_eq!(lines(&applied), changes);
    cluster.topics("plan").await.well();

    let all = cluster.all();
    assert_eq!(all.len(), declared.len() + 1, "{all:?}");
    assert!(all.contains(&("somebody.elses".to_owned(), 3)), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_not_moved_to_other_partitions() {
    let cluster = Cluster::new().await;
    cluster.create("orders.events", 3).await;
    let topic = cluster.name("orders.events");

    let plan = cluster.topics("plan").await;
    assert_eq!(plan.code, Some(1), "{plan:#?}");
    let refused = format!("{topic}: 3 partitions where 8 are declared; this cannot be applied");
    assert!(lines(&plan).contains(&refused.as_str()), "{plan:#?}");
    assert!(plan.err.contains("1 times as it refuses to"), "{plan:#?}");

    let applied = cluster.topics("apply").await;
    assert_eq!((applied.code, applied.out.as_str()), (Some(1), ""), "{applied:#?}");
    let why = format!("{topic} has 3 partitions where 8 are declared");
    assert!(applied.err.contains(&why) && applied.err.contains("nothing was changed"), "{applied:#?}");
    assert_eq!(cluster.all(), [("orders.events".to_owned(), 3)], "not even the others were created");

    // With the number that the cluster has, there is nothing to refuse.
    let three = ["topics", "apply", "-b", stack().await.kafka(), "--topic-prefix", &cluster.prefix, "--set"];
    let three = three.into_iter().chain(["topics.partitions=3"]);
    let applied = cluster.folder.minuet(three).run().await.well();
    assert!(applied.out.contains(&format!("{topic}: retention.ms 1234 -> 604800000")), "{applied:#?}");
    assert!(cluster.all().iter().all(|(_, partitions)| *partitions == 3));
}
