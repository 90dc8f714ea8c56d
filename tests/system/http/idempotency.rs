//! One key is one order, whoever is asked and however often.

use std::collections::BTreeSet;

use futures::future::join_all;
use minuet_events::payments::RefundRequested;
use minuet_events::values::{OrderId, UserId};
use minuet_events::{Envelope, Event, ids};
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

/// A key belongs to method, path and user: on another path it is another request, and that happens too.
#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_a_request_of_its_own_on_each_path() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 20)]).await;
    let (api, body) = (shop.api.clone(), order(&[("CHAIR", 1)]));
    let place = async |prefer: &str| {
        let placed = api.as_user(Method::POST, "/v1/orders").header("prefer", prefer).json(&body);
        api.send(placed).await.order_id().to_string()
    };
    let paid = [place("wait=30").await, place("wait=30").await];
    let asked = async |request: RequestBuilder, order: &str, what: &str| {
        let request = request.header("idempotency-key", "k").json(&json!({"reason": "broken"}));
        let answer = api.send(request).await;
        let said = if answer.status == 200 { &answer.body["status"] } else { &answer.body["detail"] };
        (order.to_owned(), what.to_owned(), answer.status.as_u16(), said.clone())
    };
    let user = async |order: &str, what: &str| {
        let path = format!("/v1/orders/{order}/{what}");
        asked(api.as_user(Method::POST, &path), order, what).await
    };
    let admin = async |order: &str, what: &str| {
        let path = format!("/v1/orders/{order}/{what}");
        asked(api.as_admin(Method::POST, &path), order, what).await
    };
    let said = |order: &str, what: &str, status: u16, said: &str| {
        (order.to_owned(), what.to_owned(), status, json!(said))
    };

    // Each order has an answer of its own, and a repeat has the same. The key of a cancellation is none of a refund.
    for _ in 0..2 {
        for order in &paid {
            let refused = said(order, "cancellation", 409, "already_confirmed");
            assert_eq!(user(order, "cancellation").await, refused);
        }
        for order in &paid {
            assert_eq!(admin(order, "refund").await, said(order, "refund", 200, "cancelled"));
        }
    }
    shop.world.await_number("payment", "select count(*) from refunds where done", 2).await;
    assert_books_balance(&shop.world).await;

    shop.payment.stop().await;
    let open = [place("wait=0").await, place("wait=0").await];
    for _ in 0..2 {
        for order in &open {
            assert_eq!(user(order, "cancellation").await, said(order, "cancellation", 200, "cancelled"));
        }
    }
    // The same key of another user is another request, which comes too late.
    for order in &open {
        assert_eq!(admin(order, "cancellation").await, said(order, "cancellation", 409, "already_cancelled"));
    }
}

/// Release 0.1 gave one id to a key, whatever the order: a request that it published is not published again under a new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_release_0_1_is_known_by_its_id() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 20)]).await;
    let placed = shop.api.send(shop.order(&[("CHAIR", 1)]).header("prefer", "wait=30")).await;
    let order_id = OrderId::new(placed.order_id());
    let [boss, requested_by] = ["boss", "admin:boss"].map(|name| UserId::parse(name).unwrap());
    let event = Event::from(RefundRequested {
        order_id,
        requested_by,
        reason: "broken".to_owned(),
        amount: None,
        return_stock: None,
    });
    let id = ids::earlier_request_id_for_key("refund", &boss, "k");
    let envelope = Envelope { id, source: "/minuet/gateway".into(), ..shop.world.envelope(&event) };
    shop.world.publisher.publish(envelope, event).await.unwrap();
    shop.world.await_status(order_id, "cancelled").await;

    let refund = shop.api.as_admin(Method::POST, &format!("/v1/orders/{order_id}/refund"));
    let refund = refund.header("idempotency-key", "k").json(&json!({"reason": "broken"}));
    let answer = shop.api.send(refund).await;
    assert_eq!((answer.status.as_u16(), &answer.body["status"]), (200, &json!("cancelled")), "{answer:?}");
    assert_eq!(shop.world.topics.read("payments.intake").await.len(), 1);
}
