//! The gateway as its clients see it, in front of the real system.

mod admin;
mod away;
mod bad_input;
mod early_cancellations;
mod idempotency;
mod identity;
mod lists;
mod orders;
mod provider_webhooks;
mod repeated_names;
mod shutdown;
mod slow_clients;
mod trace;

use minuet_tests::{Answer, Api, Running, World};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// The whole system, open for orders.
struct Shop {
    world: World,
    order: Running,
    inventory: Running,
    payment: Running,
    gateway: Running,
    api: Api,
}

impl Shop {
    async fn open() -> Shop {
        let world = World::new().await;
        let services = world.services().await;
        let (gateway, api) = patient_gateway(&world, &services).await;
        let [order, inventory, payment] = services;
        Shop { world, order, inventory, payment, gateway, api }
    }

    /// As user-1.
    fn order(&self, lines: &[(&str, u32)]) -> RequestBuilder {
        self.api.as_user(Method::POST, "/v1/orders").json(&order(lines))
    }

    async fn get(&self, path: &str) -> Answer {
        self.api.send(self.api.as_user(Method::GET, path)).await
    }

    async fn admin_gets(&self, path: &str) -> Answer {
        self.api.send(self.api.as_admin(Method::GET, path)).await
    }
}

/// Waits far longer for an answer than it takes: a slow machine is no failure.
async fn patient_gateway(world: &World, services: &[Running; 3]) -> (Running, Api) {
    gateway_that_waits(world, services, 30_000).await
}

async fn gateway_that_waits(world: &World, services: &[Running; 3], answer_wait_ms: u64) -> (Running, Api) {
    let settings = minuet_gateway::Settings { answer_wait_ms, ..world.gateway_settings(services) };
    let publisher = world.publisher.clone();
    let gateway = Running::start("gateway", move |bound, shutdown| async move {
        minuet_gateway::run(settings, publisher, shutdown, bound).await.map_err(|error| format!("{error:?}"))
    })
    .await;
    let api = Api::new(gateway.address, world.secret());
    (gateway, api)
}

fn order(lines: &[(&str, u32)]) -> Value {
    let lines: Vec<_> =
        lines.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
    json!({"payment_method": "paypal", "lines": lines})
}

/// A body of exactly this many bytes: blanks after JSON mean nothing.
fn padded(body: &Value, size: usize) -> String {
    let body = body.to_string();
    let padding = " ".repeat(size - body.len());
    body + &padding
}
