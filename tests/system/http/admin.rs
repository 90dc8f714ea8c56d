//! Products and stock, by those who may change them.

use futures::future::join_all;
use minuet_tests::{Answer, Api, assert_books_balance};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Shop, order};

async fn put(api: &Api, sku: &str, product: &Value) -> Answer {
    api.send(api.as_admin(Method::PUT, &format!("/v1/products/{sku}")).json(product)).await
}

async fn adjust(api: &Api, place: &str, key: Option<&str>, delta: i32) -> Answer {
    let path = format!("/v1/stock/{place}/adjustments");
    let request = api.as_admin(Method::POST, &path).json(&json!({"delta": delta, "reason": "count"}));
    api.send(match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_what_was_last_put() {
    let shop = Shop::open().await;
    let tea = |price: &str, active| json!({"name": "Green tea", "unit_price": price, "currency": "EUR", "active": active});
    let shown = |price: &str, active| json!({"sku": "TEA/1", "name": "Green tea", "unit_price": price, "currency": "EUR", "active": active});

    shop.admin_gets("/v1/products/TEA%2F1").await.problem(404, "not-found");
    let answer = put(&shop.api, "TEA%2F1", &tea("4.50", true)).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (200, &shown("4.50", true)), "{answer:?}");
    assert_eq!(answer.header("location"), Some("/v1/products/TEA%2F1"));
    assert_eq!(adjust(&shop.api, "TEA%2F1/BER", None, 10).await.status, 200);

    let total = async || {
        let answer = shop.api.send(shop.order(&[("TEA/1", 1)]).header("prefer", "wait=30")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["status"]),
            (201, &json!("confirmed")),
            "{answer:?}"
        );
        answer.body["total"].as_str().unwrap().to_owned()
    };
    assert_eq!(total().await, "4.50");
    assert_eq!(put(&shop.api, "TEA%2F1", &tea("5.25", true)).await.status, 200);
    assert_eq!(total().await, "5.25", "answered 200, it holds for the next order");

    assert_eq!(put(&shop.api, "TEA%2F1", &tea("5.25", false)).await.status, 200);
    let rejected = shop.api.send(shop.order(&[("TEA/1", 1)])).await;
    assert_eq!(rejected.problem(422, "order-rejected"), [("lines[0].sku", "inactive_product")]);
    let seen = shop.admin_gets("/v1/products/TEA%2F1").await;
    assert_eq!((seen.status.as_u16(), &seen.body), (200, &shown("5.25", false)));

    assert_eq!(put(&shop.api, "TEA%2F1", &tea("5.25", true)).await.status, 200);
    assert_eq!(total().await, "5.25");
    assert_books_balance(&shop.world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_is_adjusted_but_never_below_what_is_reserved() {
    let shop = Shop::open().await;
    shop.world.product("TEA", "4.50", &[]).await;
    let Shop { world, order: _order, inventory: _inventory, payment, gateway: _gateway, api } = shop;

    let answer = adjust(&api, "TEA/BER", None, 10).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let adjustment = answer.body["adjustment_id"].clone();
    assert!(adjustment.as_str().is_some_and(|id| uuid::Uuid::parse_str(id).is_ok()), "{answer:?}");
    let level = |available, reserved, on_hand, version| json!({"warehouse_code": "BER", "available": available, "reserved": reserved, "on_hand": on_hand, "version": version});
    let mut expected = level(10, 0, 10, 1);
    expected["adjustment_id"] = adjustment;
    expected["sku"] = json!("TEA");
    assert_eq!(answer.body, expected, "no field more, none less");

    // Nobody takes the money: four stay reserved.
    payment.stop().await;
    let request = api.as_user(Method::POST, "/v1/orders").json(&order(&[("TEA", 4)]));
    assert_eq!(api.send(request).await.status, 201);
    world.await_number("inventory", "select reserved::bigint from stock", 4).await;
    let refused = adjust(&api, "TEA/BER", None, -7).await;
    refused.problem(409, "adjustment-refused");
    let answer = adjust(&api, "TEA/BER", None, -6).await;
    assert_eq!((&answer.body["available"], &answer.body["on_hand"]), (&json!(0), &json!(4)), "{answer:?}");
    adjust(&api, "TEA/MUC", None, -1).await.problem(409, "adjustment-refused");
    assert_eq!(adjust(&api, "TEA/HAM", None, 5).await.status, 200);

    let seen = api.send(api.as_admin(Method::GET, "/v1/stock/TEA")).await;
    let levels = seen.body["levels"].as_array().unwrap();
    let of = |warehouse: &str| levels.iter().find(|level| level["warehouse_code"] == warehouse);
    assert_eq!(of("BER"), Some(&level(0, 4, 4, 3)), "{seen:?}");
    assert_eq!(of("HAM").map(|level| &level["available"]), Some(&json!(5)), "{seen:?}");

    let _payment = world.payment().await;
    assert_books_balance(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adjustment_sent_again_under_its_key_counts_once() {
    let shop = Shop::open().await;
    let api = &shop.api;
    let first = adjust(api, "TEA/BER", Some("k"), 10).await;
    assert_eq!((first.status.as_u16(), &first.body["on_hand"]), (200, &json!(10)), "{first:?}");
    let again = adjust(api, "TEA/BER", Some("k"), 10).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &first.body));
    for (place, delta) in [("TEA/BER", 11), ("TEA/MUC", 10), ("MILK/BER", 10)] {
        adjust(api, place, Some("k"), delta).await.problem(422, "idempotency-key-reused");
    }
    let refused = adjust(api, "TEA/BER", Some("too-much"), -11).await;
    refused.problem(409, "adjustment-refused");
    assert_eq!(adjust(api, "TEA/BER", None, 5).await.status, 200);
    let still = adjust(api, "TEA/BER", Some("too-much"), -11).await;
    assert_eq!((still.status.as_u16(), &still.body), (409, &refused.body), "what was refused stays refused");

    let answers = join_all((0..10).map(|_| adjust(api, "TEA/BER", Some("at-once"), 1))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:#?}");
    assert_eq!(shop.world.number("inventory", "select on_hand::bigint from stock").await, 16);
    assert_books_balance(&shop.world).await;
}
