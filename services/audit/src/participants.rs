//! The reaction tables of the services whose events the audit reads.

use minuet_events::EventType;
use minuet_saga::Participant;
use minuet_story::Service;

pub fn participant(service: Service) -> &'static Participant<EventType> {
    match service {
        Service::Order => &minuet_order::PARTICIPANT,
        Service::Inventory => &minuet_inventory::PARTICIPANT,
        Service::Payment => &minuet_payment::PARTICIPANT,
    }
}

/// The rules of `minuet-story` repeat what these tables promise.
#[cfg(test)]
mod tests {
    use EventType::{OrderCancellationRejected, RefundRejected, ReservationExpired};
    use minuet_saga::Trigger;
    use minuet_story::RULES;

    use super::*;

    /// What a service emits after an event: at once, or when the provider has answered what the event led it to ask.
    fn emitted(service: Service, because: EventType) -> Vec<EventType> {
        let rows = participant(service).reactions;
        let of_event = rows.iter().filter(|row| row.on == Trigger::Event(because));
        let becomes: Vec<&str> = of_event.clone().flat_map(|row| row.becomes.iter().copied()).collect();
        let answers = rows.iter().filter(|row| {
            matches!(row.on, Trigger::Provider(_)) && row.states.iter().any(|state| becomes.contains(state))
        });
        of_event.chain(answers).flat_map(|row| row.emits.iter().copied()).collect()
    }

    #[test]
    fn what_is_awaited_is_what_the_services_tables_promise() {
        for rule in RULES {
            // One of the reasons is what the service consumes last.
            let all = |because: &EventType| {
                let emitted = emitted(rule.from, *because);
                rule.one_of.iter().all(|event_type| emitted.contains(event_type))
            };
            assert!(rule.because.iter().any(all), "{rule:?}");
        }
    }

    #[test]
    fn every_event_of_the_dance_is_awaited_by_somebody() {
        let promised = Service::ALL.into_iter().flat_map(|service| {
            participant(service).reactions.iter().flat_map(|row| row.emits.iter().copied())
        });
        // Time's own, requests with an answer of their own, and stock, which is no order's.
        let others = [
            ReservationExpired,
            OrderCancellationRejected,
            RefundRejected,
            EventType::PaymentActionRequired,
            EventType::PaymentDisputed,
            EventType::StockLevelChanged,
            EventType::StockAdjustmentRejected,
        ];
        for event_type in promised.filter(|event_type| !others.contains(event_type)) {
            assert!(RULES.iter().any(|rule| rule.one_of.contains(&event_type)), "{event_type}");
        }
    }
}
