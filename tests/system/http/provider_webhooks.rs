//! A payment provider tells of an order's payment, and the gateway tells the payment service.

use minuet_events::{Event, ids};
use minuet_identity::{Secret, sign_webhook};
use minuet_tests::{Api, Folder, Running, World};
use reqwest::RequestBuilder;
use serde_json::json;
use time::OffsetDateTime;

const SECRET: &str = "whsec_a_secret_of_the_system_tests";

/// Without a token: providers have none.
fn webhook(gateway: &Running, provider: &str, header: &str, body: &str) -> RequestBuilder {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let signature = sign_webhook(&Secret::new(SECRET), now, body.as_bytes());
    let url = format!("{}/v1/providers/{provider}/webhook", gateway.url());
    reqwest::Client::new().post(url).header(header, signature).body(body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_webhook_reaches_the_topic_once_per_notification() {
    let (world, folder) = (World::new().await, Folder::new());
    let services = world.services().await;
    let secrets = folder.path().join("webhooks");
    std::fs::write(&secrets, SECRET).unwrap();
    let settings = minuet_gateway::Settings {
        stripe_webhook_secrets_file: Some(secrets.clone()),
        simulated_webhook_secrets_file: Some(secrets),
        ..world.gateway_settings(&services)
    };
    let publisher = world.publisher.clone();
    let gateway = Running::start("gateway", move |bound, shutdown| async move {
        minuet_gateway::run(settings, publisher, shutdown, bound).await.map_err(|e| format!("{e:?}"))
    })
    .await;
    let api = Api::new(gateway.address, world.secret());
    world.product("TEA-1", "12.50", &[("BER", 10)]).await;
    let order = world.submit(&[("TEA-1", 2)]).await;
    world.await_status(order, "confirmed").await;

    let body = json!({
        "id": "evt_1", "type": "payment_intent.succeeded",
        "data": {"object": {"id": "pi_1", "metadata": {"order_id": order}}},
    });
    let body = body.to_string();
    for _ in 0..2 {
        let answer = api.send(webhook(&gateway, "stripe", "stripe-signature", &body)).await;
        assert_eq!(answer.status.as_u16(), 204, "{answer:?}");
    }
    let answer = api.send(webhook(&gateway, "simulated", "minuet-signature", &body)).await;
    assert_eq!(answer.status.as_u16(), 204, "{answer:?}");
    let forged = api.send(webhook(&gateway, "stripe", "minuet-signature", &body)).await;
    forged.problem(400, "webhook-refused");

    // Answered, so acknowledged by Kafka.
    let told = world.topics.about(&order.to_string(), &["payments.intake"]).await;
    let told: Vec<_> = told
        .iter()
        .map(|consumed| match &consumed.event {
            Event::ProviderNotified(event) => (consumed.envelope.id, event.provider.as_str(), event),
            other => panic!("{other:?}"),
        })
        .collect();
    let id = |provider: &str| ids::provider_notification_id(provider, "evt_1", order);
    let expected = [(id("stripe"), "stripe"), (id("stripe"), "stripe"), (id("simulated"), "simulated")];
    assert_eq!(told.iter().map(|(id, provider, _)| (*id, *provider)).collect::<Vec<_>>(), expected);
    for (_, _, event) in told {
        assert_eq!(
            (event.order_id, &*event.reference, &*event.kind),
            (order, "pi_1", "payment_intent.succeeded")
        );
    }
    assert_eq!(world.status(order).await.as_deref(), Some("confirmed"));
}
