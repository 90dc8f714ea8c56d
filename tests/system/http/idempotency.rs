//! One key is one order, whoever is asked and however often.

use std::collections::BTreeSet;

use futures::future::join_all;
use minuet_tests::{Api, assert_books_balance};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Shop, order, patient_gateway};

fn keyed(api: &Api, user: &str, key: &str, body: &Value) -> RequestBuilder {
    api.as_named(user, Method::POST, "/v1/orders").header("idempotency-key", key).json(body)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_same_order_and_no_other() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    shop.world.product("TABLE", "99.00", &[("BER", 10)]).await;
    let body = order(&[("CHAIR", 1), ("TABLE", 1)]);

    let first = shop.api.send(keyed(&shop.api, "user-1", "k", &body).header("prefer", "wait=30")).await;
    assert_eq!((first.status.as_u16(), &first.body["status"]), (201, &json!("confirmed")), "{first:?}");
    let again = shop.api.send(keyed(&shop.api, "user-1", "k", &body)).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    let turned = shop.api.send(keyed(&shop.api, "user-1", "k", &order(&[("TABLE", 1), ("CHAIR", 1)]))).await;
    assert_eq!((turned.status.as_u16(), &turned.body), (201, &first.body), "the same lines, turned round");

    let mut other_method = body.clone();
    other_method["payment_method"] = json!("alipay");
    for other in [
        order(&[("CHAIR", 2), ("TABLE", 1)]),
        order(&[("CHAIR", 1)]),
        order(&[("CHAIR", 1), ("NOWHERE", 1)]),
        other_method,
    ] {
        let answer = shop.api.send(keyed(&shop.api, "user-1", "k", &other)).await;
        answer.problem(422, "idempotency-key-reused");
    }

    let elses = shop.api.send(keyed(&shop.api, "user-2", "k", &body)).await;
    assert_eq!((elses.status.as_u16(), &elses.body["user_id"]), (201, &json!("user-2")), "{elses:?}");
    assert_ne!(elses.order_id(), first.order_id(), "a key is its user's own");
    let another = shop.api.send(keyed(&shop.api, "user-1", "K", &body)).await;
    assert_ne!(another.order_id(), first.order_id(), "a key is taken as it stands");

    assert_eq!(shop.world.topics.read("orders.intake").await.len(), 3);
    assert_books_balance(&shop.world).await;
    assert_eq!(shop.world.number("order", "select count(*) from orders where status = 'confirmed'").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_order_stays_rejected_under_its_key() {
    let shop = Shop::open().await;
    let body = order(&[("NOWHERE", 1)]);
    let first = shop.api.send(keyed(&shop.api, "user-1", "k", &body)).await;
    assert_eq!(first.problem(422, "order-rejected"), [("lines[0].sku", "unknown_product")]);
    shop.world.product("NOWHERE", "1.00", &[("BER", 10)]).await;
    let again = shop.api.send(keyed(&shop.api, "user-1", "k", &body)).await;
    assert_eq!(again.body, first.body);
    let other = shop.api.send(keyed(&shop.api, "user-1", "k", &order(&[("NOWHERE", 2)]))).await;
    other.problem(422, "idempotency-key-reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_through_two_gateways_give_one_order() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    let services = [shop.order, shop.inventory, shop.payment];
    let (_second, second_api) = patient_gateway(&shop.world, &services).await;
    let apis = [&shop.api, &second_api];
    let body = order(&[("CHAIR", 1)]);

    let answers = join_all((0..20).map(|i| apis[i % 2].send(keyed(apis[i % 2], "user-1", "k", &body)))).await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:#?}");
    let ids: BTreeSet<_> = answers.iter().map(minuet_tests::Answer::order_id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");

    // Two requests that want different things under one key: one of them gets its order.
    let bodies = [order(&[("CHAIR", 1)]), order(&[("CHAIR", 2)])];
    let answers =
        join_all((0..20).map(|i| apis[i % 2].send(keyed(apis[i % 2], "user-1", "torn", &bodies[i / 2 % 2]))))
            .await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((taken.len(), refused.len()), (10, 10), "{answers:#?}");
    let kept: BTreeSet<_> = taken.iter().map(|answer| answer.body["lines"].to_string()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    for answer in refused {
        answer.problem(422, "idempotency-key-reused");
    }

    assert_books_balance(&shop.world).await;
    assert_eq!(shop.world.number("order", "select count(*) from orders").await, 2);
    assert_eq!(shop.world.number("payment", "select count(*) from payments").await, 2);
}
