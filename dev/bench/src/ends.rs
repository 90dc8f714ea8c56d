//! Sees orders end: by their final event on `orders.events`, as any other consumer would.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use minuet_events::EventType;
use minuet_messaging::{Message, Partition, ReadError, Reader};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::BenchError;
use crate::flight::Flight;
use crate::servers::Servers;

const FINAL: [EventType; 4] =
    [EventType::OrderConfirmed, EventType::OrderCancelled, EventType::OrderFailed, EventType::OrderRejected];
/// How soon it notices that it is to stop.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Ends {
    reading: JoinHandle<Result<(), ReadError>>,
    stop: Arc<AtomicBool>,
}

impl Ends {
    /// Everything that is published from now on.
    pub(crate) async fn watch(servers: &Servers, flight: Arc<Flight>) -> Result<Self, BenchError> {
        let kafka = servers.kafka.clone();
        let topic = format!("{}{}", servers.prefix, servers.catalogue.topic_of(EventType::OrderConfirmed));
        let partitions: Vec<Partition> =
            (0..servers.catalogue.partitions()).map(|p| (topic.as_str().into(), p.cast_signed())).collect();
        let (reader, from) = tokio::task::spawn_blocking(move || {
            let reader = Reader::new(&kafka, "minuet-bench-ends")?;
            let bounds = reader.bounds(&partitions)?;
            let from: Vec<(Partition, i64)> =
                partitions.into_iter().zip(bounds).map(|(partition, range)| (partition, range.end)).collect();
            Ok::<_, ReadError>((reader, from))
        })
        .await??;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let reading = tokio::task::spawn_blocking(move || {
            reader.live(&from, PAUSE, |message| {
                if let Some(order) = message.as_ref().and_then(ended) {
                    flight.end(order, Instant::now());
                }
                if told.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
        Ok(Ends { reading, stop })
    }

    pub(crate) async fn stop(mut self) -> Result<(), BenchError> {
        self.stop.store(true, Ordering::Relaxed);
        Ok((&mut self.reading).await??)
    }
}

/// The thread that reads would outlive a run that was given up.
impl Drop for Ends {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The order that this event is the last of.
fn ended(message: &Message<'_>) -> Option<Uuid> {
    let mut event_type = None;
    message.headers(|name, value| {
        if name == "ce_type" {
            event_type =
                value.and_then(|value| std::str::from_utf8(value).ok()).and_then(EventType::from_ce_type);
        }
    });
    let is_final = event_type.is_some_and(|event_type| FINAL.contains(&event_type));
    is_final.then(|| Uuid::try_parse_ascii(message.key()?).ok()).flatten()
}
