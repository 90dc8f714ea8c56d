//! Nothing secret in what the program tells: planted, and looked for everywhere.

use minuet_tests::until;
use serde_json::{Value, json};

use super::installation::{Installation, SECRET, token};

const CARD: &str = "4111111111111111";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_token_or_card_is_in_any_span_or_line() {
    let shop = Installation::start(
        "grpc",
        &[("MINUET_TELEMETRY__FILTER", "debug,librdkafka=info,sqlx=info,h2=info,hyper=info")],
    )
    .await;
    let order = shop.order(&[("TEA-1", 2)]).await;
    shop.world.await_status(order.parse().unwrap(), "confirmed").await;
    // A card where none belongs: refused, and not repeated.
    let body =
        json!({"payment_method": "credit_card", "card": CARD, "lines": [{"sku": CARD, "quantity": "x"}]});
    let answer = shop.post_as_admin("/v1/orders", &body).await;
    assert_eq!(answer, 422, "a field that is not known");
    let answer =
        shop.post_as_admin(&format!("/v1/orders/{order}/refund"), &json!({"reason": "broken"})).await;
    assert!(answer.is_success(), "{answer}");
    shop.world.await_status(order.parse().unwrap(), "cancelled").await;
    shop.tree_with(&order, &["payment.refund payment [request]"]).await;

    let passwords: Vec<String> = ["order", "inventory", "payment"]
        .iter()
        .filter_map(|service| {
            let url = shop.world.settings(service).database_url;
            Some(url.split_once("://")?.1.split_once('@')?.0.split_once(':')?.1.to_owned())
        })
        .collect();
    // What was written in the course of a request or a call has its trace. Lines are sent later than spans.
    until("a line of the order is sent with its trace", || async {
        let mut lines = shop.receiver.store.lines();
        lines.retain(|line| line.attributes.contains(&("order.id".into(), order.clone())));
        let traced = lines.iter().any(|line| line.trace_id.len() == 32 && line.span_id.len() == 16);
        if traced { Ok(()) } else { Err(lines) }
    })
    .await;
    let spans = format!("{:?}", shop.receiver.store.spans());
    let sent = format!("{:?}", shop.receiver.store.lines());
    assert!(spans.contains(&order) && !sent.is_empty());
    let written = shop.stop().await;
    let of_order = written.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let with_trace =
        of_order.filter(|line| line["order_id"] == order.as_str() && line["trace_id"].is_string());
    assert!(with_trace.count() > 0, "no line of the order names its trace: {written}");

    let token = token("anna", false);
    let head = token.split('.').next().unwrap_or_default();
    let secrets = [SECRET, head, CARD, "Bearer"].into_iter().map(str::to_owned).chain(passwords);
    for secret in secrets {
        for (place, text) in
            [("a span", &spans), ("a line that was sent", &sent), ("a line that was written", &written)]
        {
            let found =
                text.find(&secret).map(|at| text.get(at.saturating_sub(200)..at + 50).unwrap_or_default());
            assert_eq!(found, None, "{secret} in {place}");
        }
    }
}
