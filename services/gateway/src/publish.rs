use std::sync::Arc;

use minuet_events::values::Micros;
use minuet_events::{Envelope, Event};
use minuet_messaging::PublishError;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Edge;
use crate::problem::{Kind, Problem};
use crate::trace::IncomingTrace;

const SOURCE: &str = "/minuet/gateway";

impl Edge {
    /// Puts an event on its topic, under a new id, which is returned once every in-sync replica has it.
    pub(crate) async fn publish(&self, event: Event, trace: IncomingTrace) -> Result<Uuid, Problem> {
        let id = Uuid::now_v7();
        let key: Arc<str> = event.key().into();
        let trace = trace.of_event(SOURCE, id);
        let trace =
            if let Event::OrderSubmitted(order) = &event { trace.with_order(order.order_id) } else { trace };
        let envelope = Envelope {
            id,
            event_type: event.event_type(),
            source: SOURCE.into(),
            subject: Arc::clone(&key),
            time: Micros::from_datetime(OffsetDateTime::now_utc()),
            correlation_id: Arc::clone(&key),
            causation_id: None,
            sequence: None,
            trace,
        };
        match self.publisher.publish(envelope, event).await {
            Ok(()) => Ok(id),
            Err(error) => Err(refusal(&error, &key)),
        }
    }
}

fn refusal(error: &PublishError, key: &str) -> Problem {
    tracing::error!(event = "publish_failed", key, %error, cause = ?std::error::Error::source(error));
    match error {
        PublishError::NotAcknowledged { .. } | PublishError::Away(_) => {
            let detail =
                "this may have been taken in all the same: send it again with the same idempotency-key";
            Problem::new(Kind::NotAcknowledged, detail)
        }
        PublishError::Encode(_) | PublishError::Settings(_) => {
            Problem::new(Kind::Internal, "this cannot be taken in as it is")
        }
    }
}
