use std::collections::BTreeMap;

use minuet_messaging::topics::check_settings;
use minuet_messaging::{InRange, OutOfRange};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::TOPIC_PREFIX;
use super::messaging_section::{MESSAGING_KEYS, MessagingSection, Service};
use super::problem::Problem;
use super::tree::{Node, Tree};

/// Reads one section after the other and collects what is wrong.
pub(super) struct Reader<'a> {
    tree: &'a Tree,
    needs: &'a [&'a str],
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tree: &'a Tree, needs: &'a [&'a str], problems: Vec<Problem>) -> Reader<'a> {
        Reader { tree, needs, problems }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub(super) fn section<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let node = self.node(name)?;
        self.read(name, node, &[])
    }

    /// A service's own settings and those of messaging lie side by side in one section.
    pub(super) fn service<T: DeserializeOwned + InRange>(&mut self, name: &str) -> Option<Service<T>> {
        let node = self.node(name)?;
        let Node::Table(Tree(entries)) = node else {
            return self.read::<T>(name, node, MESSAGING_KEYS).and(None);
        };
        let (messaging, own) =
            entries.into_iter().partition(|(key, _)| MESSAGING_KEYS.contains(&key.as_str()));
        let own: Option<T> = self.read(name, Node::Table(Tree(own)), MESSAGING_KEYS);
        let messaging: Option<MessagingSection> = self.read(name, Node::Table(Tree(messaging)), &[]);
        let wrong_own = own.as_ref().map(InRange::out_of_range).unwrap_or_default();
        let wrong_messaging = messaging.as_ref().map(InRange::out_of_range).unwrap_or_default();
        for OutOfRange { key, takes } in wrong_messaging.into_iter().chain(wrong_own) {
            self.bad(format!("{name}.{key}"), takes);
        }
        Some(Service { own: own?, messaging: messaging? })
    }

    /// What its types cannot say is checked here too, where it is needed: before anything is waited for.
    pub(super) fn gateway(&mut self) -> Option<minuet_gateway::Settings> {
        let gateway: minuet_gateway::Settings = self.section("gateway")?;
        if self.needs.contains(&"gateway")
            && let Err(minuet_gateway::SettingsError { key, takes }) = gateway.check()
        {
            self.bad(format!("gateway.{key}"), takes);
        }
        Some(gateway)
    }

    /// The part of the gateway's section that the services read too. What is wrong with its types is said with that section.
    pub(super) fn identity(&mut self) -> minuet_identity::Settings {
        let Some(Node::Table(Tree(mut entries))) = self.tree.0.get("gateway").cloned() else {
            return minuet_identity::Settings::default();
        };
        entries.retain(|key, _| minuet_identity::KEYS.contains(&key.as_str()));
        let identity = minuet_identity::Settings::deserialize(Node::Table(Tree(entries))).unwrap_or_default();
        let of_a_service = ["order", "inventory", "payment"].iter().any(|name| self.needs.contains(name));
        let is_said = self.needs.contains(&"gateway");
        if of_a_service
            && !is_said
            && identity.names_a_key()
            && let Err(minuet_identity::SettingsError { key, takes }) = identity.check()
        {
            self.bad(format!("gateway.{key}"), takes);
        }
        identity
    }

    /// A setting that has the right type, and must not be used as it stands.
    fn bad(&mut self, key: String, takes: impl Into<String>) {
        let source = self.tree.source(&key).cloned();
        self.problems.push(Problem::Bad { key, source, detail: takes.into() });
    }

    /// None: neither given nor needed.
    fn node(&self, name: &str) -> Option<Node> {
        let empty = || self.needs.contains(&name).then(|| Node::Table(Tree::default()));
        self.tree.0.get(name).cloned().or_else(empty)
    }

    /// `also` are keys of the section that somebody else reads.
    fn read<T: DeserializeOwned>(&mut self, name: &str, node: Node, also: &[&str]) -> Option<T> {
        let error = match serde_path_to_error::deserialize(node) {
            Ok(section) => return Some(section),
            Err(error) => error,
        };
        let path = error.path().to_string();
        let mut problem = Problem::from_serde(name, &path, &error.inner().to_string(), self.tree);
        if let Problem::Unknown { known, .. } = &mut problem {
            also.iter().for_each(|key| *known = format!("{known}, `{key}`"));
        }
        // Another command's section may lack what only its own host knows.
        if self.needs.contains(&name) || !matches!(problem, Problem::Missing { .. }) {
            self.problems.push(problem);
        }
        None
    }

    pub(super) fn kafka(&mut self) -> Option<BTreeMap<String, String>> {
        let kafka: Option<BTreeMap<String, LibrdkafkaValue>> = self.section("kafka");
        let kafka: BTreeMap<_, _> = kafka?.into_iter().map(|(name, value)| (name, value.0)).collect();
        if self.needs.contains(&"kafka") && !kafka.contains_key("bootstrap.servers") {
            self.problems.push(Problem::Missing { key: "kafka.bootstrap.servers".into() });
        }
        let wrong = check_settings(&kafka).into_iter();
        self.problems.extend(wrong.map(|wrong| Problem::from_librdkafka(wrong, self.tree)));
        Some(kafka)
    }

    pub(super) fn topic_prefix(&mut self) -> String {
        let Some(node) = self.tree.0.get(TOPIC_PREFIX) else { return String::new() };
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
        match String::deserialize(node.clone()) {
            Ok(prefix) if prefix.len() <= 49 && prefix.chars().all(allowed) => prefix,
            _ => {
                let (key, source) = (TOPIC_PREFIX.to_owned(), self.tree.source(TOPIC_PREFIX).cloned());
                let detail = "takes up to 49 of a-z, 0-9, `.` and `-`; such as `shop.`".to_owned();
                self.problems.push(Problem::Bad { key, source, detail });
                String::new()
            }
        }
    }
}

/// librdkafka takes texts; a file may write `linger.ms = 5` all the same.
#[derive(Deserialize)]
#[serde(from = "Scalar")]
struct LibrdkafkaValue(String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, a number, true or false")]
enum Scalar {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
}

impl From<Scalar> for LibrdkafkaValue {
    fn from(scalar: Scalar) -> Self {
        LibrdkafkaValue(match scalar {
            Scalar::Text(text) => text,
            Scalar::Integer(number) => number.to_string(),
            Scalar::Float(number) => number.to_string(),
            Scalar::Bool(value) => value.to_string(),
        })
    }
}
