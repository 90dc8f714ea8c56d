//! Who sends and receives which event.

use std::collections::BTreeSet;

use minuet_events::EventType;
use minuet_messaging::topics::Topic;

use super::Shop;
use super::error::ContractError;

/// What an application does with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Send,
    Receive,
}

/// One application's part in one event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation<'a> {
    pub(super) action: Action,
    pub(super) event: EventType,
    pub(super) topic: &'a Topic<EventType>,
}

/// How `topics.yaml` names the programs of other teams.
pub(super) const ANY: &str = "any";

/// Every application that `topics.yaml` names, each once.
pub(super) fn names(shop: &Shop) -> BTreeSet<String> {
    let topics = shop.catalogue.topics().iter();
    topics
        .flat_map(|topic| topic.producers.iter().chain(&topic.consumers))
        .filter(|name| *name != ANY)
        .cloned()
        .collect()
}

/// The operations of an application. `None`: of the whole shop, as strangers see it: it receives what any program may write, and
/// sends everything else.
pub(super) fn operations<'a>(
    shop: &'a Shop,
    application: Option<&str>,
) -> Result<Vec<Operation<'a>>, ContractError> {
    if let Some(name) = application
        && !names(shop).contains(name)
    {
        let known = names(shop).into_iter().collect();
        return Err(ContractError::Application { given: name.to_owned(), known });
    }
    let mut operations = Vec::new();
    for topic in shop.catalogue.topics() {
        for &event in &topic.records {
            let actions = match application {
                Some(name) => [
                    sends(shop, name, topic, event).then_some(Action::Send),
                    receives(shop, name, topic, event).then_some(Action::Receive),
                ],
                None if topic.is_intake() => [Some(Action::Receive), None],
                None => [Some(Action::Send), None],
            };
            let all = actions.into_iter().flatten().map(|action| Operation { action, event, topic });
            operations.extend(all);
        }
    }
    Ok(operations)
}

/// A service with a reaction table sends what its rows emit. Of its dead letters, and of an application without a table, the topic
/// alone says it.
fn sends(shop: &Shop, application: &str, topic: &Topic<EventType>, event: EventType) -> bool {
    let is_listed = topic.producers.iter().any(|name| name == application);
    let table = shop.saga.participants.iter().find(|one| one.service == application);
    is_listed && table.is_none_or(|table| table.emits(event) || event == EventType::EventParked)
}

fn receives(shop: &Shop, application: &str, topic: &Topic<EventType>, event: EventType) -> bool {
    let is_listed = topic.consumers.iter().any(|name| name == application);
    let table = shop.saga.participants.iter().find(|one| one.service == application);
    is_listed && table.is_none_or(|table| table.consumes(event))
}
