use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use minuet_events::values::OrderId;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::harness::{
    NO_KAFKA, gateway, id_in, nothing_known, order_body, order_json, reply, send, settings, start, start_with,
};
use crate::{LocalOrders, Until};

#[tokio::test]
async fn an_order_that_is_priced_in_time_is_created() {
    let gateway = gateway(reply(|uri| (200, order_json(id_in(uri), "pending")))).await;
    let answer = gateway.order(&[], &order_body()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = answer.body["order_id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/v1/orders/{id}"));
    assert_eq!(answer.body["total"], "19.00");
    assert_eq!(answer.body["shard"], Value::Null, "what the services keep for themselves stays there");
    assert_eq!(gateway.asked(), [format!("/orders/{id}?wait=known&timeout_ms=300")]);
    assert_eq!(Uuid::parse_str(id).unwrap().get_version_num(), 7);
}

#[tokio::test]
async fn an_order_that_is_not_priced_in_time_is_accepted() {
    let gateway = gateway(nothing_known()).await;
    let answer = gateway.order(&[], &order_body()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(
        answer.header("location"),
        format!("/v1/orders/{}", answer.body["order_id"].as_str().unwrap())
    );
}

#[tokio::test]
async fn an_order_is_accepted_while_the_order_service_is_away() {
    let gateway = start(settings(), &[("test.mock.num.brokers", "1")], None).await;
    for headers in [&[][..], &[("idempotency-key", "k")]] {
        assert_eq!(gateway.order(headers, &order_body()).await.status, 202);
    }
}

/// An order service in the gateway's process, which answers, or does not.
struct Beside(Result<&'static str, &'static str>);

impl LocalOrders for Beside {
    fn order(
        &self,
        id: OrderId,
        until: Until,
        _: Duration,
    ) -> BoxFuture<'_, Result<Option<Value>, Box<dyn Error + Send + Sync>>> {
        let status = if until == Until::Final { "confirmed" } else { "pending" };
        let answer = self.0.map(|_| Some(order_json(&id.to_string(), status))).map_err(Into::into);
        Box::pin(std::future::ready(answer))
    }
}

#[tokio::test]
async fn an_order_service_of_the_same_process_is_asked_without_http() {
    let http = reply(|uri| (200, order_json(id_in(uri), "paid")));
    for (orders, statuses, requests) in
        [(Beside(Ok("it answers")), ["pending", "confirmed"], 0), (Beside(Err("away")), ["paid", "paid"], 2)]
    {
        let (kafka, orders) = (&[("test.mock.num.brokers", "1")], Arc::new(orders));
        let gateway = start_with(settings(), kafka, Some(Arc::clone(&http)), Some(orders)).await;
        for (prefer, status) in ["", "wait=1"].into_iter().zip(statuses) {
            let answer = gateway.order(&[("prefer", prefer)], &order_body()).await;
            assert_eq!((answer.status, &answer.body["status"]), (201, &json!(status)));
        }
        assert_eq!(gateway.asked().len(), requests, "{:?}", gateway.asked());
    }
}

#[tokio::test]
async fn a_client_may_prefer_not_to_wait() {
    let gateway = gateway(reply(|uri| (200, order_json(id_in(uri), "pending")))).await;
    let answer = gateway.order(&[("prefer", "respond-async")], &order_body()).await;
    assert_eq!((answer.status, answer.header("preference-applied")), (202, "respond-async"));
    assert!(gateway.asked().is_empty());
}

#[tokio::test]
async fn a_client_may_prefer_to_wait_for_the_end() {
    let gateway = gateway(reply(|uri| (200, order_json(id_in(uri), "confirmed")))).await;
    let answer = gateway.order(&[("prefer", "wait=600")], &order_body()).await;
    assert_eq!((answer.status, answer.header("preference-applied")), (201, "wait=5"));
    assert_eq!(answer.body["status"], "confirmed");
    assert!(gateway.asked()[0].ends_with("?wait=final&timeout_ms=5000"), "{:?}", gateway.asked());
}

#[tokio::test]
async fn a_wait_that_ends_too_early_tells_how_far_the_order_is() {
    let gateway = gateway(reply(|uri| (200, order_json(id_in(uri), "paid")))).await;
    assert_eq!(gateway.order(&[("prefer", "wait=1")], &order_body()).await.status, 201);
    let answer = gateway.order(&[("prefer", "respond-async, wait=1")], &order_body()).await;
    assert_eq!((answer.status, &answer.body["status"]), (202, &json!("paid")));
}

fn rejected(id: &str) -> Value {
    let mut order = order_json(id, "failed");
    order["currency"] = Value::Null;
    order["total"] = Value::Null;
    order["lines"] = json!([{ "sku": "TEA-1", "quantity": 2 }, { "sku": "CUP-9", "quantity": 1 }]);
    order["problems"] = json!([
        { "code": "unknown_product", "sku": "CUP-9", "detail": "CUP-9 is not in the catalogue" },
        { "code": "zero_total", "detail": "the total is 0" },
    ]);
    order
}

#[tokio::test]
async fn a_rejected_order_is_told_every_problem() {
    let gateway = gateway(reply(|uri| (200, rejected(id_in(uri))))).await;
    let answer = gateway.order(&[], &order_body()).await;
    let errors = answer.problem(422, "order-rejected");
    assert_eq!(errors, [("lines[1].sku", "unknown_product"), ("lines", "zero_total")]);
    let id = id_in(&gateway.asked()[0]).to_owned();
    assert_eq!(answer.body["instance"], format!("/v1/orders/{id}"));
}

#[tokio::test]
async fn an_order_without_stock_was_placed_all_the_same() {
    let gateway = gateway(reply(|uri| (200, order_json(id_in(uri), "failed")))).await;
    let answer = gateway.order(&[("prefer", "wait=2")], &order_body()).await;
    assert_eq!((answer.status, &answer.body["status"]), (201, &json!("failed")));
}

#[tokio::test]
async fn the_same_key_gives_the_same_order() {
    let gateway = gateway(nothing_known()).await;
    let key = [("idempotency-key", "k-1")];
    let first = gateway.order(&key, &order_body()).await;
    let second = gateway.order(&key, &order_body()).await;
    assert_eq!((first.status, &first.body), (202, &second.body));
    let others = gateway.order(&[("idempotency-key", "k-2")], &order_body()).await;
    assert_ne!(first.body, others.body);
    let bens = gateway.as_user("ben", Method::POST, "/v1/orders").header("idempotency-key", "k-1");
    assert_ne!(first.body, send(bens.json(&order_body())).await.body);
}

/// No Kafka: it would be 503 if the order were published again.
#[tokio::test]
async fn an_order_that_is_known_is_shown_and_not_published_again() {
    let gateway = start(settings(), NO_KAFKA, Some(reply(|uri| (200, order_json(id_in(uri), "paid"))))).await;
    let answer = gateway.order(&[("idempotency-key", "k")], &order_body()).await;
    assert_eq!((answer.status, &answer.body["status"]), (201, &json!("paid")));
}

#[tokio::test]
async fn a_key_that_was_used_for_something_else_is_refused() {
    let gateway = gateway(reply(|uri| (200, order_json(id_in(uri), "paid")))).await;
    let mut other_method = order_body();
    other_method["payment_method"] = json!("alipay");
    let mut other_quantity = order_body();
    other_quantity["lines"][0]["quantity"] = json!(3);
    let mut fewer_lines = order_body();
    fewer_lines["lines"].as_array_mut().unwrap().pop();
    for body in [other_method, other_quantity, fewer_lines] {
        gateway.order(&[("idempotency-key", "k")], &body).await.problem(422, "idempotency-key-reused");
    }
    let ben = gateway.as_user("ben", Method::POST, "/v1/orders").header("idempotency-key", "k");
    send(ben.json(&order_body())).await.problem(422, "idempotency-key-reused");
}

/// Two requests with one key at once: the order is unknown to both at first, and the other one's wins.
#[tokio::test]
async fn a_key_that_lost_a_race_is_refused_after_the_wait() {
    let gateway = gateway(reply(|uri| {
        if uri.ends_with("timeout_ms=0") {
            (404, Value::Null)
        } else {
            (200, order_json(id_in(uri), "pending"))
        }
    }))
    .await;
    let key = [("idempotency-key", "k")];
    assert_eq!(gateway.order(&key, &order_body()).await.status, 201);
    let mut other = order_body();
    other["lines"][0]["quantity"] = json!(3);
    gateway.order(&key, &other).await.problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn an_order_that_kafka_does_not_acknowledge_is_not_taken_in() {
    let gateway = start(settings(), NO_KAFKA, Some(nothing_known())).await;
    let answer = gateway.order(&[], &order_body()).await;
    answer.problem(503, "not-acknowledged");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(answer.body["instance"].as_str().unwrap().starts_with("/v1/orders/"));
}

#[tokio::test]
async fn an_order_is_shown_to_its_user_and_to_nobody_else() {
    let known = Uuid::from_u128(7).to_string();
    let answered = known.clone();
    let gateway = gateway(reply(move |uri| {
        if id_in(uri) == answered { (200, order_json(&answered, "paid")) } else { (404, Value::Null) }
    }))
    .await;
    let path = format!("/v1/orders/{known}");
    assert_eq!(send(gateway.as_user("anna", Method::GET, &path)).await.body["order_id"], known);
    assert_eq!(send(gateway.as_admin(Method::GET, &path)).await.status, 200);

    let foreign = send(gateway.as_user("ben", Method::GET, &path)).await;
    foreign.problem(404, "not-found");
    for unknown in [Uuid::from_u128(8).to_string(), "no-id".to_owned(), format!("{known}%2F..")] {
        let answer = send(gateway.as_user("ben", Method::GET, &format!("/v1/orders/{unknown}"))).await;
        assert_eq!((answer.status, answer.body), (foreign.status, foreign.body.clone()), "{unknown}");
    }
}

#[tokio::test]
async fn a_list_holds_ones_own_orders_and_an_admin_sees_all() {
    let page = json!({ "orders": [order_json("7", "paid")], "next_cursor": "c2" });
    let gateway =
        gateway(reply(
            move |uri| if uri.contains("cursor=bad") { (400, Value::Null) } else { (200, page.clone()) },
        ))
        .await;
    let list =
        async |query: &str| send(gateway.as_user("anna b", Method::GET, &format!("/v1/orders{query}"))).await;
    let answer = list("?status=paid&limit=5&cursor=c%261").await;
    assert_eq!((answer.status, &answer.body["next_cursor"]), (200, &json!("c2")));
    assert_eq!(answer.body["orders"][0]["shard"], Value::Null);
    assert_eq!(list("?user_id=anna+b").await.status, 200);
    list("?user_id=ben").await.problem(403, "insufficient-scope");
    send(gateway.as_admin(Method::GET, "/v1/orders")).await;
    send(gateway.as_admin(Method::GET, "/v1/orders?user_id=ben")).await;
    let mine = "/orders?user_id=anna+b";
    let paged = format!("{mine}&status=paid&limit=5&cursor=c%261");
    assert_eq!(gateway.asked(), [paged.as_str(), mine, "/orders", "/orders?user_id=ben"]);

    assert_eq!(list("?cursor=bad").await.problem(400, "invalid-query"), [("cursor", "invalid_cursor")]);
    let wrong = list("?status=lost&limit=101&limit=3&page=2&cursor=").await;
    let expected = [
        ("limit", "repeated_parameter"),
        ("page", "unknown_parameter"),
        ("status", "invalid_status"),
        ("cursor", "invalid_cursor"),
    ];
    assert_eq!(wrong.problem(400, "invalid-query"), expected);
    assert_eq!(list("?limit=0").await.problem(400, "invalid-query"), [("limit", "invalid_limit")]);
}

#[tokio::test]
async fn what_fails_behind_the_gateway_is_not_told() {
    let path = format!("/v1/orders/{}", Uuid::from_u128(7));
    let away = start(settings(), NO_KAFKA, None).await;
    let broken = gateway(reply(|_| (500, json!({ "error": "relation orders does not exist" })))).await;
    let garbled = gateway(reply(|_| (200, json!({ "sql": "select" })))).await;
    for gateway in [away, broken, garbled] {
        let answer = send(gateway.as_user("anna", Method::GET, &path)).await;
        answer.problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1");
        let told = answer.body.to_string();
        assert!(
            ["relation", "sql", "127.0.0.1", "service"].iter().all(|word| !told.contains(word)),
            "{told}"
        );
    }
}

#[tokio::test]
async fn an_order_of_which_only_a_cancellation_is_known_is_taken_in() {
    let gateway = gateway(reply(|uri| {
        let mut order = order_json(id_in(uri), "cancelled");
        order["payment_method"] = Value::Null;
        order["lines"] = json!([]);
        (200, order)
    }))
    .await;
    let answer = gateway.order(&[("idempotency-key", "k")], &order_body()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let path = format!("/v1/orders/{}", answer.body["order_id"].as_str().unwrap());
    let shown = send(gateway.as_user("anna", Method::GET, &path)).await;
    assert_eq!((shown.status, &shown.body["payment_method"]), (200, &Value::Null));
}
