//! What becomes of an order that is posted.

use std::time::Instant;

use minuet_tests::assert_books_balance;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Shop, order, padded};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_answered_with_its_price_and_where_to_find_it() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    shop.world.product("SCREW", "0.01", &[("BER", 1_000)]).await;

    let answer = shop.api.send(shop.order(&[("CHAIR", 2), ("SCREW", 3)])).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let location = format!("/v1/orders/{}", answer.order_id());
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let expected = json!({
        "order_id": answer.order_id(),
        "user_id": "user-1",
        "status": answer.body["status"],
        "payment_method": "paypal",
        "currency": "EUR",
        "total": "99.83",
        "lines": [
            {"sku": "CHAIR", "name": "Product CHAIR", "unit_price": "49.90", "quantity": 2, "subtotal": "99.80"},
            {"sku": "SCREW", "name": "Product SCREW", "unit_price": "0.01", "quantity": 3, "subtotal": "0.03"},
        ],
        "created_at": answer.body["created_at"],
        "updated_at": answer.body["updated_at"],
    });
    let mut seen = answer.body.clone();
    seen.as_object_mut().unwrap().remove("payment_id");
    assert_eq!(seen, expected, "no field more, none less");
    assert!(["pending", "paid", "confirmed"].contains(&answer.body["status"].as_str().unwrap()));
    assert!(answer.body["created_at"].is_string() && answer.body["updated_at"].is_string());

    shop.world.await_status(answer.order_id().into(), "confirmed").await;
    let later = shop.get(&location).await;
    assert_eq!((later.status.as_u16(), &later.body["status"]), (200, &json!("confirmed")));
    assert_eq!(later.body["lines"], expected["lines"], "the price is the one that was told");
    assert_books_balance(&shop.world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_chooses_what_it_waits_for() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    shop.world.product("SCARCE", "1.00", &[("BER", 1)]).await;
    shop.world.product("PIANO", "9999.02", &[("BER", 1)]).await;

    let answer = shop.api.send(shop.order(&[("CHAIR", 1)]).header("prefer", "respond-async")).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let location = format!("/v1/orders/{}", answer.order_id());
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(answer.header("preference-applied"), Some("respond-async"));
    shop.world.await_status(answer.order_id().into(), "confirmed").await;

    for (sku, quantity, status) in
        [("CHAIR", 1, "confirmed"), ("SCARCE", 2, "failed"), ("PIANO", 1, "cancelled")]
    {
        let answer = shop.api.send(shop.order(&[(sku, quantity)]).header("prefer", "wait=30")).await;
        assert_eq!((answer.status.as_u16(), &answer.body["status"]), (201, &json!(status)), "{answer:?}");
        assert_eq!(answer.header("preference-applied"), Some("wait=30"));
        match status {
            "failed" => assert_eq!(answer.body["problems"][0]["code"], "insufficient_stock"),
            "cancelled" => assert!(answer.body["reason"].is_string(), "{answer:?}"),
            _ => assert!(
                answer.body["payment_id"].is_string()
                    && answer.body.get("reason").is_none()
                    && answer.body.get("problems").is_none()
            ),
        }
    }

    // Nobody takes the money: the wait ends, and the order is shown as it is by then.
    let Shop { world, order: _order, inventory: _inventory, payment, gateway: _gateway, api } = shop;
    payment.stop().await;
    let post = || {
        let request = api.as_user(Method::POST, "/v1/orders").header("idempotency-key", "k");
        request.json(&order(&[("CHAIR", 1)]))
    };
    assert_eq!(api.send(post()).await.status, 201);
    let answer = api.send(post().header("prefer", "wait=1")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["status"]), (201, &json!("pending")), "{answer:?}");
    assert_eq!(answer.header("preference-applied"), Some("wait=1"));
    let _payment = world.payment().await;
    assert_books_balance(&world).await;
}

/// Lines, and the problems with them as (field, code).
type Case = (&'static [(&'static str, u32)], &'static [(&'static str, &'static str)]);

#[tokio::test(flavor = "multi_thread")]
async fn an_order_against_the_shops_rules_is_told_every_problem() {
    let shop = Shop::open().await;
    for (sku, price, currency, active) in [
        ("EUR", "1.00", "EUR", true),
        ("USD", "1.00", "USD", true),
        ("FREE", "0", "EUR", true),
        ("OFF", "1.00", "EUR", false),
        ("DEAR", "999999999999999", "EUR", true),
    ] {
        shop.world.publish(minuet_tests::product(sku, price, currency, active)).await;
        shop.world.await_product(sku).await;
    }
    let cases: [Case; 6] = [
        (&[("NOWHERE", 1)], &[("lines[0].sku", "unknown_product")]),
        (&[("EUR", 1), ("OFF", 1)], &[("lines[1].sku", "inactive_product")]),
        (&[("EUR", 1), ("USD", 1)], &[("lines", "mixed_currencies")]),
        (&[("FREE", 9)], &[("lines", "total_zero")]),
        (&[("DEAR", 2)], &[("lines[0].sku", "total_too_large")]),
        (
            &[("OFF", 1), ("EUR", 1), ("NOWHERE", 1), ("USD", 1)],
            &[
                ("lines[0].sku", "inactive_product"),
                ("lines[2].sku", "unknown_product"),
                ("lines", "mixed_currencies"),
            ],
        ),
    ];
    for (lines, wanted) in cases {
        let answer = shop.api.send(shop.order(lines)).await;
        assert_eq!(answer.problem(422, "order-rejected"), wanted, "{lines:?}");

        // Rejected, not forgotten.
        let kept = shop.get(answer.body["instance"].as_str().unwrap()).await;
        assert_eq!((kept.status.as_u16(), &kept.body["status"]), (200, &json!("failed")), "{kept:?}");
        assert_eq!((&kept.body["currency"], &kept.body["total"]), (&Value::Null, &Value::Null));
        let codes: Vec<_> =
            kept.body["problems"].as_array().unwrap().iter().map(|problem| &problem["code"]).collect();
        assert_eq!(codes, wanted.iter().map(|(_, code)| code).collect::<Vec<_>>(), "{kept:?}");
    }
    assert_eq!(shop.world.topics.read("inventory.events").await.len(), 0, "nothing was reserved");
}

/// 100 lines, a quantity of 10,000 and a body of 64 KiB are not too much: that the products are unknown is another matter.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_order_is_taken_and_told_of_each_of_its_lines() {
    let shop = Shop::open().await;
    let skus: Vec<_> = (0..100).map(|i| format!("SKU-{i}")).collect();
    let lines: Vec<_> = skus.iter().map(|sku| (sku.as_str(), 10_000)).collect();
    let body = padded(&order(&lines), 64 * 1024);
    let request = shop.api.as_user(Method::POST, "/v1/orders").header("content-type", "application/json");
    let answer = shop.api.send(request.body(body)).await;
    let wanted: Vec<_> = (0..100).map(|i| (format!("lines[{i}].sku"), "unknown_product")).collect();
    let wanted: Vec<_> = wanted.iter().map(|(field, code)| (field.as_str(), *code)).collect();
    assert_eq!(answer.problem(422, "order-rejected"), wanted);
}

const QUERIES: &str = "select coalesce(sum(calls), 0)::bigint from pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database())
        and query like '%from orders%where id = $1 and user_id is not null%'";

/// A commit in the middle of an order wakes no request that waits for its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_for_the_end_queries_the_order_at_its_start_and_at_its_end() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 100)]).await;
    let (started, orders) = (Instant::now(), 20);
    for _ in 0..orders {
        let answer = shop.api.send(shop.order(&[("CHAIR", 1)]).header("prefer", "wait=30")).await;
        assert_eq!(answer.body["status"], "confirmed", "{answer:?}");
    }
    // Beside them every 100 ms, for commits of other instances.
    let polls = i64::try_from(started.elapsed().as_millis() / 100).unwrap();
    let queries = shop.world.number("order", QUERIES).await;
    assert!(
        queries <= 2 * orders + polls,
        "{queries} queries for {orders} orders, with at most {polls} polls"
    );
}
