//! The ids of the input topics, as the last takeover of a shard saw them.

use std::collections::HashMap;

use parking_lot::RwLock;
use uuid::Uuid;

#[derive(Default)]
pub(crate) struct TopicIds(RwLock<HashMap<String, Uuid>>);

impl TopicIds {
    /// Nil: unknown.
    pub(crate) fn of(&self, topic: &str) -> Uuid {
        self.0.read().get(topic).copied().unwrap_or_default()
    }

    pub(crate) fn set(&self, topic: &str, id: Uuid) {
        if !id.is_nil() && self.of(topic) != id {
            self.0.write().insert(topic.to_owned(), id);
        }
    }

    /// The topics whose id is another one now.
    pub(crate) fn changed(&self, now: &HashMap<String, Uuid>) -> Vec<String> {
        let known = self.0.read();
        let is_other = |(topic, id): &(&String, &Uuid)| known.get(*topic).is_some_and(|known| known != *id);
        now.iter().filter(is_other).map(|(topic, _)| topic.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_changes_when_its_known_id_does() {
        let (ids, id) = (TopicIds::default(), Uuid::from_u128);
        let now = |id| HashMap::from([("t".to_owned(), id)]);
        assert!(ids.changed(&now(id(1))).is_empty(), "it was not known");
        ids.set("t", id(1));
        ids.set("t", Uuid::nil());
        assert!(ids.changed(&now(id(1))).is_empty());
        assert!(ids.changed(&HashMap::new()).is_empty(), "it is away, which is another fault");
        assert_eq!(ids.changed(&now(id(2))), ["t"]);
    }
}
