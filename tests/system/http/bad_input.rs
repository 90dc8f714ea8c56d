//! Requests that make no sense: each has a clear answer, and none leaves anything behind.

use minuet_tests::Answer;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Shop, order, padded};

/// A body, and its problems as (field, code).
type Case = (Value, Vec<(&'static str, &'static str)>);

fn line(sku: &str, quantity: impl Into<Value>) -> Value {
    json!({"payment_method": "paypal", "lines": [{"sku": sku, "quantity": quantity.into()}]})
}

fn orders_with_problems() -> Vec<Case> {
    let lines = |count: u32| -> Vec<_> {
        (0..count).map(|i| json!({"sku": format!("SKU-{i}"), "quantity": 1})).collect()
    };
    let by = |method: Value| json!({"payment_method": method, "lines": lines(1)});
    let extra_field = json!({"payment_method": "paypal", "lines": lines(1), "coupon": "FREE"});
    let extra_in_line =
        json!({"payment_method": "paypal", "lines": [{"sku": "A", "quantity": 1, "unit_price": "0.01"}]});
    vec![
        (json!([]), vec![("body", "wrong_type")]),
        (json!({}), vec![("payment_method", "required"), ("lines", "required")]),
        (extra_field, vec![("coupon", "unknown_field")]),
        (extra_in_line, vec![("lines[0].unit_price", "unknown_field")]),
        (json!({"payment_method": "paypal"}), vec![("lines", "required")]),
        (json!({"payment_method": "paypal", "lines": []}), vec![("lines", "no_lines")]),
        (json!({"payment_method": "paypal", "lines": lines(101)}), vec![("lines", "too_many_lines")]),
        (line("A", 0), vec![("lines[0].quantity", "quantity_out_of_range")]),
        (line("A", -1), vec![("lines[0].quantity", "quantity_out_of_range")]),
        (line("A", 10_001), vec![("lines[0].quantity", "quantity_out_of_range")]),
        (line("A", 1.5), vec![("lines[0].quantity", "wrong_type")]),
        (line("A", "2"), vec![("lines[0].quantity", "wrong_type")]),
        (line("A", Value::Null), vec![("lines[0].quantity", "required")]),
        (by(json!("cash")), vec![("payment_method", "unknown_payment_method")]),
        (by(json!("PayPal")), vec![("payment_method", "unknown_payment_method")]),
        (by(json!(7)), vec![("payment_method", "wrong_type")]),
        (line("bell\u{7}", 1), vec![("lines[0].sku", "invalid_sku")]),
        (line("escape\u{1b}[2J", 1), vec![("lines[0].sku", "invalid_sku")]),
        (line("nul\0", 1), vec![("lines[0].sku", "invalid_sku")]),
        (line("", 1), vec![("lines[0].sku", "invalid_sku")]),
        (order(&[("A", 1), ("A", 2)]), vec![("lines[1].sku", "duplicate_sku")]),
        (
            json!({"payment_method": "cash", "gift": true, "lines": [
                {"sku": "line\n", "quantity": 0}, {"sku": "B", "quantity": "many"}, {"quantity": 20_000}]}),
            vec![
                ("gift", "unknown_field"),
                ("payment_method", "unknown_payment_method"),
                ("lines[0].sku", "invalid_sku"),
                ("lines[0].quantity", "quantity_out_of_range"),
                ("lines[1].quantity", "wrong_type"),
                ("lines[2].sku", "required"),
                ("lines[2].quantity", "quantity_out_of_range"),
            ],
        ),
    ]
}

async fn post(shop: &Shop, body: impl Into<reqwest::Body>) -> Answer {
    let request = shop.api.as_user(Method::POST, "/v1/orders").header("content-type", "application/json");
    shop.api.send(request.body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_make_no_sense_are_refused_and_nothing_is_produced() {
    let shop = Shop::open().await;

    for body in ["", "nonsense", "{", "{\"lines\": [1,]}", "{} {}"] {
        post(&shop, body).await.problem(400, "malformed-json");
    }
    post(&shop, vec![b'"', 0xff, b'"']).await.problem(400, "malformed-json");

    let proper = order(&[("CHAIR", 1)]);
    for size in [64 * 1024 + 1, 1_000_000] {
        post(&shop, padded(&proper, size)).await.problem(413, "body-too-large");
    }
    let as_text = shop.api.as_user(Method::POST, "/v1/orders").header("content-type", "text/plain");
    shop.api.send(as_text.body(proper.to_string())).await.problem(415, "unsupported-media-type");

    for (body, wanted) in orders_with_problems() {
        let answer = post(&shop, body.to_string()).await;
        let mut found = answer.problem(422, "invalid-request");
        let mut wanted = wanted;
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{body}");
    }

    for keys in [&[""][..], &["two words"], &["one", "another"]] {
        let request = shop.api.as_user(Method::POST, "/v1/orders").json(&proper);
        let request = keys.iter().fold(request, |request, key| request.header("idempotency-key", *key));
        shop.api.send(request).await.problem(400, "invalid-header");
    }

    assert_eq!(shop.world.topics.read("orders.intake").await.len(), 0, "nothing was produced");
    assert_eq!(shop.world.number("order", "select count(*) from orders").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn products_and_adjustments_that_make_no_sense_are_refused_and_nothing_is_produced() {
    let shop = Shop::open().await;
    let product = |unit_price: Value| json!({"name": "Tea", "unit_price": unit_price, "currency": "EUR", "active": true});
    let products: [Case; 6] = [
        (product(json!(4.5)), vec![("unit_price", "money_as_number")]),
        (product(json!(4)), vec![("unit_price", "money_as_number")]),
        (product(json!("-4.50")), vec![("unit_price", "invalid_amount")]),
        (product(json!("4.12345")), vec![("unit_price", "invalid_amount")]),
        (
            json!({"name": "", "unit_price": "1e3", "currency": "euro", "active": "yes", "colour": "green"}),
            vec![
                ("colour", "unknown_field"),
                ("name", "invalid_name"),
                ("unit_price", "invalid_amount"),
                ("currency", "invalid_currency"),
                ("active", "wrong_type"),
            ],
        ),
        (
            json!({}),
            vec![
                ("name", "required"),
                ("unit_price", "required"),
                ("currency", "required"),
                ("active", "required"),
            ],
        ),
    ];
    for (body, wanted) in products {
        let request = shop.api.as_admin(Method::PUT, "/v1/products/TEA").json(&body);
        assert_eq!(shop.api.send(request).await.problem(422, "invalid-request"), wanted, "{body}");
    }
    let adjustments: [Case; 4] = [
        (json!({"delta": 0, "reason": "none"}), vec![("delta", "invalid_delta")]),
        (json!({"delta": 1.5, "reason": "half"}), vec![("delta", "wrong_type")]),
        (json!({"delta": 3_000_000_000_u32, "reason": "much"}), vec![("delta", "invalid_delta")]),
        (
            json!({"delta": "5", "note": 1}),
            vec![("note", "unknown_field"), ("delta", "wrong_type"), ("reason", "required")],
        ),
    ];
    for (body, wanted) in adjustments {
        let request = shop.api.as_admin(Method::POST, "/v1/stock/TEA/BER/adjustments").json(&body);
        assert_eq!(shop.api.send(request).await.problem(422, "invalid-request"), wanted, "{body}");
    }
    let control = shop.api.as_admin(Method::PUT, "/v1/products/TEA%07").json(&product(json!("4.50")));
    assert_eq!(shop.api.send(control).await.problem(422, "invalid-request"), [("sku", "invalid_sku")]);

    for topic in ["catalog.products", "inventory.intake"] {
        assert_eq!(shop.world.topics.read(topic).await.len(), 0, "nothing was produced on {topic}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_methods_and_queries_that_there_are_not() {
    let shop = Shop::open().await;
    for path in ["/", "/v1", "/v1/orders/17", "/v1/orders/00000000-0000-0000-0000-000000000017", "/v1/carts"]
    {
        shop.get(path).await.problem(404, "not-found");
    }
    shop.admin_gets("/v1/products/NOWHERE").await.problem(404, "not-found");
    shop.admin_gets("/v1/stock/NOWHERE").await.problem(404, "not-found");
    let delete = shop.api.send(shop.api.as_user(Method::DELETE, "/v1/orders")).await;
    delete.problem(405, "method-not-allowed");
    assert!(delete.header("allow").is_some_and(|allow| allow.contains("POST")), "{delete:?}");
    for (query, field) in [
        ("status=lost", "status"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("cursor=", "cursor"),
        ("cursor=nonsense", "cursor"),
        ("page=2", "page"),
    ] {
        let answer = shop.get(&format!("/v1/orders?{query}")).await;
        let [(found, _)] = answer.problem(400, "invalid-query")[..] else { panic!("{answer:?}") };
        assert_eq!(found, field, "{query}");
    }
}
