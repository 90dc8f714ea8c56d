use std::sync::Arc;

use minuet_events::trace::with_order;
use minuet_events::validity;
use minuet_events::values::Micros;
use minuet_events::{Envelope, Event};
use minuet_http::{Problem, ProblemType};
use minuet_messaging::PublishError;
use minuet_messaging::failpoint::{Failpoint, hit};
use minuet_telemetry::error_chain;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::AppState;
use crate::problems;
use crate::trace::IncomingTrace;

const SOURCE: &str = "/minuet/gateway";

impl AppState {
    /// Puts an event on its topic, under a new id, which is returned once every in-sync replica has it.
    pub(crate) async fn publish(&self, event: Event, trace: IncomingTrace) -> Result<Uuid, Problem> {
        self.publish_as(Uuid::now_v7(), event, trace).await
    }

    /// Under an id of the caller's choice: an event that is sent again under it counts once.
    pub(crate) async fn publish_as(
        &self,
        id: Uuid,
        event: Event,
        trace: IncomingTrace,
    ) -> Result<Uuid, Problem> {
        let known = self.publisher.broker_time();
        let time = known.unwrap_or_else(|| Micros::from_datetime(OffsetDateTime::now_utc()));
        let envelope = envelope(&event, id, time, trace);
        let key = Arc::clone(&envelope.subject);
        // Before the broker has said its time, this machine's clock may be so far off that the event is parked.
        let again = known.is_none().then(|| (envelope.clone(), event.clone()));
        hit(Failpoint::BeforeProduce);
        let mut published = self.publisher.publish(envelope, event).await;
        let absurd = |now: &Micros| validity::check_time(time, *now).is_err();
        if published.is_ok()
            && let Some((envelope, event)) = again
            && let Some(now) = self.publisher.broker_time().filter(absurd)
        {
            tracing::warn!(key = &*key, "event is published again, by the broker's time");
            published = self.publisher.publish(Envelope { time: now, ..envelope }, event).await;
        }
        hit(Failpoint::AfterAck);
        match published {
            Ok(()) => Ok(id),
            Err(error) => Err(refusal(&error, &key)),
        }
    }
}

fn envelope(event: &Event, id: Uuid, time: Micros, trace: IncomingTrace) -> Envelope {
    let key: Arc<str> = event.key().into();
    let trace = trace.of_event(SOURCE, id);
    let trace = match event {
        Event::OrderSubmitted(about) => with_order(&trace, about.order_id),
        Event::OrderCancellationRequested(about) => with_order(&trace, about.order_id),
        Event::RefundRequested(about) => with_order(&trace, about.order_id),
        Event::ProviderNotified(about) => with_order(&trace, about.order_id),
        _ => trace,
    };
    Envelope {
        id,
        event_type: event.event_type(),
        source: SOURCE.into(),
        subject: Arc::clone(&key),
        time,
        correlation_id: key,
        causation_id: None,
        sequence: None,
        trace,
    }
}

fn refusal(error: &PublishError, key: &str) -> Problem {
    tracing::error!(error = error_chain(error), key, "event of a request could not be published");
    match error {
        PublishError::NotAcknowledged { .. } | PublishError::Away(_) => {
            let detail =
                "this may have been taken in all the same: send it again with the same idempotency-key";
            Problem::new(problems::NOT_ACKNOWLEDGED, detail)
        }
        PublishError::Encode(_) | PublishError::Settings(_) => {
            Problem::new(ProblemType::INTERNAL, "this cannot be taken in as it is")
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use minuet_events::orders::OrderSubmitted;
    use minuet_events::values::{OrderId, PaymentMethod, UserId};

    use super::*;

    #[test]
    fn an_order_begins_its_story_in_the_trace_of_its_request() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let headers = HeaderMap::from_iter([("traceparent".parse().unwrap(), parent.parse().unwrap())]);
        let order_id = OrderId::new(Uuid::from_u128(1));
        let event = Event::from(OrderSubmitted {
            order_id,
            user_id: UserId::parse("anna").unwrap(),
            payment_method: PaymentMethod::Paypal,
            lines: Vec::new(),
            expected_total: None,
            payment_token: None,
        });
        let envelope = envelope(&event, Uuid::from_u128(2), Micros(3), IncomingTrace::read(&headers));
        assert_eq!((envelope.source.as_ref(), &envelope.subject), (SOURCE, &envelope.correlation_id));
        assert_eq!(envelope.subject.as_ref(), order_id.to_string());
        assert_eq!(envelope.trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(envelope.trace.baggage, Some(format!("order.id={order_id}")));
    }
}
