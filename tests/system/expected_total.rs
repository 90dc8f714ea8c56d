//! The price may change between the customer's look at the total and the order: then the order is rejected, not charged.

use minuet_events::orders::{ExpectedTotal, OrderCancellationRequested};
use minuet_events::values::{Amount, Currency, OrderId, UserId};
use minuet_tests::{Api, Folder, Options, World, assert_books_balance, submission};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::cli::tool;

fn expecting(total: Option<(&str, &str)>) -> Value {
    let mut order = json!({"payment_method": "paypal", "lines": [{"sku": "MUG", "quantity": 2}]});
    if let Some((amount, currency)) = total {
        order["expected_total"] = json!({"amount": amount, "currency": currency});
    }
    order
}

fn post(api: &Api, total: Option<(&str, &str)>) -> RequestBuilder {
    api.as_user(Method::POST, "/v1/orders").header("prefer", "wait=30").json(&expecting(total))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_placed_at_the_total_that_the_customer_saw_or_rejected() {
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let folder = Folder::new();
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    world.product("MUG", "12.50", &[("BER", 10)]).await;

    let placed = api.send(post(&api, Some(("25.000", "EUR")))).await;
    assert_eq!((placed.status.as_u16(), &placed.body["status"]), (201, &json!("confirmed")), "{placed:?}");
    assert_eq!(placed.body["expected_total"], json!({"amount": "25.00", "currency": "EUR"}));

    let put = json!({"name": "Mug", "unit_price": "13.75", "currency": "EUR", "active": true});
    let put = api.send(api.as_admin(Method::PUT, "/v1/products/MUG").json(&put)).await;
    assert_eq!(put.status, 200, "{put:?}");
    let cases =
        [(("25.00", "EUR"), "EUR 25.00"), (("27.51", "EUR"), "EUR 27.51"), (("27.50", "USD"), "USD 27.50")];
    for (total, told) in cases {
        let rejected = api.send(post(&api, Some(total))).await;
        assert_eq!(
            rejected.problem(422, "order-rejected"),
            [("expected_total", "price_changed")],
            "{total:?}"
        );
        let detail = format!("the order costs EUR 27.50, not {told}");
        assert_eq!(rejected.body["errors"][0]["detail"], detail);
        let kept = api.send(api.as_user(Method::GET, rejected.body["instance"].as_str().unwrap())).await;
        let expected = json!({"amount": total.0, "currency": total.1});
        assert_eq!((&kept.body["status"], &kept.body["reason"]), (&json!("failed"), &json!("rejected")));
        assert_eq!((&kept.body["total"], &kept.body["expected_total"]), (&Value::Null, &expected));
        let problem = json!({"code": "price_changed", "detail": detail, "expected_total": expected,
            "total": {"amount": "27.50", "currency": "EUR"}});
        assert_eq!(kept.body["problems"], json!([problem]));
        let order = kept.body["order_id"].as_str().unwrap();
        let timeline = tool(&folder, &world, &["audit", "timeline", order]).await.run().await;
        for told in [format!("price_changed: EUR 27.50, expected {told}"), format!("expects {told}")] {
            assert!(timeline.out.contains(&told), "{told}: {}", timeline.out);
        }
    }
    assert_eq!(world.number("payment", "select count(*) from payments").await, 1, "nothing else was charged");
    let again = api.send(post(&api, Some(("27.50", "EUR")))).await;
    assert_eq!(
        (&again.body["status"], &again.body["total"]),
        (&json!("confirmed"), &json!("27.50")),
        "{again:?}"
    );

    from_topics(&world, &folder).await;
    for service in services {
        service.stop().await;
    }
    for command in [&["audit", "verify"][..], &["audit", "replay", "shadow"]] {
        let done = tool(&folder, &world, command).await.run().await;
        assert_eq!(done.code, Some(0), "{command:?}: {}{}", done.out, done.err);
    }
    crate::names::is_rebuilt(&world, &folder).await;
    sqlx::query("delete from dead_letters").execute(world.pool("order")).await.unwrap();
    assert_books_balance(&world).await;
}

/// As programs write it that know no gateway.
async fn from_topics(world: &World, folder: &Folder) {
    let submit = |total: &str, currency: &str| {
        let expected = ExpectedTotal {
            amount: Amount::parse(total).unwrap(),
            currency: Currency::parse(currency).unwrap(),
        };
        let mut submitted = submission(&[("MUG", 2)]);
        submitted.expected_total = Some(expected);
        submitted
    };
    for (total, currency, status) in
        [("27.50", "EUR", "confirmed"), ("27.5", "USD", "failed"), ("0", "EUR", "failed")]
    {
        // A stranger's cancellation comes first: the order's row is there before the order.
        let submitted = submit(total, currency);
        let (order_id, requested_by) = (submitted.order_id, UserId::parse("mallory").unwrap());
        world.publish(OrderCancellationRequested { order_id, requested_by, reason: "mine".to_owned() }).await;
        world.publish(submitted).await;
        world.await_status(order_id, status).await;
        let kept: (String, bool) = sqlx::query_as(
            "select expected_currency, expected_total = $2::numeric from orders where id = $1",
        )
        .bind(order_id.as_uuid())
        .bind(total)
        .fetch_one(world.pool("order"))
        .await
        .unwrap();
        assert_eq!(kept, (currency.to_owned(), true));
    }
    world.publish(submit("27.505", "EUR")).await;
    world.publish(submit("27.5", "JPY")).await;
    let parked = "select count(*) from dead_letters where reason = 'too_many_decimals'";
    world.await_number("order", parked, 2).await;
    let details: Vec<String> = sqlx::query_scalar("select detail from dead_letters order by id")
        .fetch_all(world.pool("order"))
        .await
        .unwrap();
    assert!(details.iter().all(|detail| detail.starts_with("expected_total.amount takes ")), "{details:?}");

    let line = |order: OrderId, expected: Value| {
        let line = json!({"order_id": order, "user_id": "anna", "payment_method": "paypal",
            "lines": [{"sku": "MUG", "quantity": 2}], "expected_total": expected});
        format!("{line}\n")
    };
    let order = submission(&[]).order_id;
    let produced = line(order, json!({"amount": "27.5", "currency": "EUR"}));
    let done = tool(folder, world, &["produce", "OrderSubmitted"]).await.input(&produced).run().await;
    assert_eq!(done.code, Some(0), "{done:?}");
    world.await_status(order, "confirmed").await;
    for (expected, said) in [
        (
            json!({"amount": "27.505", "currency": "EUR"}),
            "expected_total.amount takes at most 2 decimals in this currency",
        ),
        (json!({"amount": 27.5, "currency": "EUR"}), "expected_total.amount: "),
        (
            json!({"amount": "27.5", "currency": "EUR", "tax": "1"}),
            "expected_total.tax: OrderSubmitted has no such field",
        ),
    ] {
        let produced = line(submission(&[]).order_id, expected);
        let done = tool(folder, world, &["produce", "OrderSubmitted"]).await.input(&produced).run().await;
        assert!(done.code == Some(1) && done.err.contains(said), "{said}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_stands_for_the_expected_total_too() {
    let world = World::new().await;
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    world.product("MUG", "12.50", &[("BER", 10)]).await;

    let first = api.send(post(&api, Some(("25.00", "EUR"))).header("idempotency-key", "k")).await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = api.send(post(&api, Some(("25.0", "EUR"))).header("idempotency-key", "k")).await;
    assert_eq!(
        (again.status.as_u16(), again.order_id()),
        (201, first.order_id()),
        "the value counts: {again:?}"
    );
    for other in [Some(("25.01", "EUR")), Some(("25.00", "USD")), None] {
        let reused = api.send(post(&api, other).header("idempotency-key", "k")).await;
        reused.problem(422, "idempotency-key-reused");
    }
    // A rejected order keeps its key, at whatever price.
    let rejected = api.send(post(&api, Some(("24.00", "EUR"))).header("idempotency-key", "r")).await;
    assert_eq!(rejected.problem(422, "order-rejected"), [("expected_total", "price_changed")]);
    let again = api.send(post(&api, Some(("24.00", "EUR"))).header("idempotency-key", "r")).await;
    assert_eq!(again.body["instance"], rejected.body["instance"]);
    api.send(post(&api, Some(("25.00", "EUR"))).header("idempotency-key", "r"))
        .await
        .problem(422, "idempotency-key-reused");
    assert_eq!(world.number("order", "select count(*) from orders").await, 2);
    assert_books_balance(&world).await;
}
