//! Many customers at once, until the gateway goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minuet_tests::until;
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Orders that are posted at the same time.
const CUSTOMERS: usize = 20;

pub(super) struct Load {
    customers: Vec<JoinHandle<Vec<Uuid>>>,
    acknowledged: Arc<AtomicUsize>,
}

impl Load {
    pub(super) fn start(gateway: &str, token: &str, sku: &str) -> Load {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let order = json!({"payment_method": "paypal", "lines": [{"sku": sku, "quantity": 1}]});
        let client = reqwest::Client::new();
        let request = client.post(format!("{gateway}/v1/orders")).bearer_auth(token).json(&order);
        let customers = (0..CUSTOMERS).map(|_| {
            let (request, acknowledged) = (request.try_clone().unwrap(), Arc::clone(&acknowledged));
            tokio::spawn(customer(request, acknowledged))
        });
        Load { customers: customers.collect(), acknowledged }
    }

    /// Waits until so many orders were acknowledged.
    pub(super) async fn reached(&self, wanted: usize) {
        until(&format!("{wanted} orders are acknowledged"), || async {
            let seen = self.acknowledged.load(Ordering::SeqCst);
            if seen >= wanted { Ok(()) } else { Err(seen) }
        })
        .await;
    }

    /// Once the gateway is gone: all that it had acknowledged.
    pub(super) async fn acknowledged(self) -> Vec<Uuid> {
        let mut all = Vec::new();
        for customer in self.customers {
            all.extend(customer.await.unwrap());
        }
        all
    }
}

/// Orders, one after the other, until nobody listens any more.
async fn customer(request: reqwest::RequestBuilder, acknowledged: Arc<AtomicUsize>) -> Vec<Uuid> {
    let mut orders = Vec::new();
    while let Ok(answer) = request.try_clone().unwrap().send().await {
        match answer.status().as_u16() {
            201 | 202 => {
                let place = answer.headers()["location"].to_str().unwrap();
                orders.push(place.rsplit('/').next().unwrap().parse().unwrap());
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            // It has begun to stop: nothing is promised.
            503 => {}
            other => panic!("{other}: {}", answer.text().await.unwrap()),
        }
    }
    orders
}
