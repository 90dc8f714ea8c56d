use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::BenchError;
use crate::catalogue::Shop;
use crate::flight::Flight;
use crate::submitter::Submitter;

/// Sends orders, and waits for none of them.
pub(crate) struct Generator {
    submitter: Arc<Submitter>,
    flight: Arc<Flight>,
    shop: Shop,
    failed: mpsc::UnboundedSender<BenchError>,
}

impl Generator {
    /// The receiver learns of orders that could not be submitted.
    pub(crate) fn new(
        submitter: Submitter,
        flight: Arc<Flight>,
        shop: Shop,
    ) -> (Self, mpsc::UnboundedReceiver<BenchError>) {
        let (failed, failures) = mpsc::unbounded_channel();
        (Generator { submitter: Arc::new(submitter), flight, shop, failed }, failures)
    }

    /// A new one for each that ends, until it is dropped.
    pub(crate) async fn closed(&mut self, in_flight: u32) -> Result<(), BenchError> {
        let flight = Arc::clone(&self.flight);
        flight.room().add_permits(in_flight as usize);
        // Nobody closes it.
        while let Ok(room) = flight.room().acquire().await {
            room.forget();
            self.send(Instant::now())?;
        }
        Ok(())
    }

    /// So many a second, however long each takes, until it is dropped.
    pub(crate) async fn open(&mut self, rate: u32) -> Result<(), BenchError> {
        let (begun, interval) = (Instant::now(), Duration::from_secs(1) / rate);
        for count in 0.. {
            let at = begun + interval * count;
            tokio::time::sleep_until(at.into()).await;
            self.send(at)?;
        }
        Ok(())
    }

    fn send(&mut self, at: Instant) -> Result<(), BenchError> {
        let order = self.shop.order()?;
        let (submitter, flight) = (Arc::clone(&self.submitter), Arc::clone(&self.flight));
        let failed = self.failed.clone();
        tokio::spawn(async move {
            if let Err(error) = submitter.submit(order, at, &flight).await {
                // The run has ended already where nobody listens.
                drop(failed.send(error));
            }
        });
        Ok(())
    }
}
