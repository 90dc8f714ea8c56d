//! What a broker, or the person who runs it, may do to the topics of a running installation.

mod codecs;
mod damaged;
mod defaults;
mod grown;
mod missing;

use minuet_tests::{Running, World, until};
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use serde_json::Value;

fn admin(world: &World) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", &world.kafka()["bootstrap.servers"]).create().unwrap()
}

/// Waits until the service's readiness is 503 and speaks of its topics like this.
async fn says(service: &Running, what: &str) -> String {
    until(&format!("{} says `{what}`", service.name), || async {
        let (status, body) = readiness(service).await;
        let detail = body["dependencies"]["topics"]["detail"].as_str().unwrap_or_default().to_owned();
        if status == 503 && detail.contains(what) { Ok(detail) } else { Err((status, body)) }
    })
    .await
}

async fn ready(service: &Running) {
    until(&format!("{} is ready", service.name), || async {
        let (status, body) = readiness(service).await;
        if status == 200 { Ok(()) } else { Err(body) }
    })
    .await;
}

async fn readiness(service: &Running) -> (u16, Value) {
    let answer = reqwest::get(format!("{}/readyz", service.url())).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}
