//! An amount has no more decimals than its currency: 100.5 JPY can be paid by nobody.

use minuet_tests::{Folder, Options, World, adjustment, assert_books_balance, product};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::tool;

/// Prices that no provider can charge.
const UNFIT: [(&str, &str); 3] = [("100.5", "JPY"), ("0.0050", "EUR"), ("1.2345", "KWD")];

fn body(price: &str, currency: &str) -> Value {
    json!({"name": "Tea", "unit_price": price, "currency": currency, "active": true})
}

fn order(sku: &str, quantity: u32) -> Value {
    json!({"payment_method": "paypal", "lines": [{"sku": sku, "quantity": quantity}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_with_too_many_decimals_is_refused_at_the_edge() {
    let world = World::new().await;
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    for (price, currency) in UNFIT {
        let put = api.as_admin(Method::PUT, "/v1/products/TEA").json(&body(price, currency));
        let answer = api.send(put).await;
        assert_eq!(answer.problem(422, "invalid-request"), [("unit_price", "too_many_decimals")], "{price}");
        let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(currency) && detail.contains("decimals in this currency"), "{detail}");
    }
    for currency in ["XXX", "XDR", "DEM", "jpy"] {
        let put = api.as_admin(Method::PUT, "/v1/products/TEA").json(&body("1", currency));
        let answer = api.send(put).await;
        assert_eq!(answer.problem(422, "invalid-request"), [("currency", "invalid_currency")], "{currency}");
    }
    assert!(world.topics.read("catalog.products").await.is_empty());

    // Zeros at the end are no decimals, and amounts are shown with the currency's own.
    let mut stocked = 0;
    for (sku, price, currency, shown, total) in [
        ("SAKE", "1500.00", "JPY", "1500", "4500"),
        ("TEA", "10.500", "EUR", "10.50", "31.50"),
        ("OIL", "1.5", "KWD", "1.500", "4.500"),
        ("FLAT", "0.0001", "CLF", "0.0001", "0.0003"),
    ] {
        let path = format!("/v1/products/{sku}");
        let put = api.send(api.as_admin(Method::PUT, &path).json(&body(price, currency))).await;
        assert_eq!((put.status.as_u16(), &put.body["unit_price"]), (200, &json!(shown)), "{put:?}");
        world.publish(adjustment(sku, "BER", 10)).await;
        stocked += 1;
        world.await_number("inventory", "select count(*) from stock", stocked).await;
        let ordered = api.as_user(Method::POST, "/v1/orders").header("prefer", "wait=30");
        let ordered = api.send(ordered.json(&order(sku, 3))).await;
        assert_eq!(
            (ordered.status.as_u16(), &ordered.body["status"]),
            (201, &json!("confirmed")),
            "{ordered:?}"
        );
        let line = &ordered.body["lines"][0];
        assert_eq!(
            (&ordered.body["total"], &line["unit_price"], &line["subtotal"]),
            (&json!(total), &json!(shown), &json!(total)),
            "{ordered:?}"
        );
        let folder = Folder::new();
        let id = ordered.order_id().to_string();
        let timeline = tool(&folder, &world, &["audit", "timeline", &id]).await.run().await;
        assert!(timeline.out.contains(&format!("{currency} {total} captured")), "{}", timeline.out);
    }
    assert_books_balance(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_topic_it_is_parked_and_the_price_before_stands() {
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let folder = Folder::new();
    let services = world.services().await;
    world.product("TEA", "10.00", &[("BER", 100)]).await;
    for (price, currency) in UNFIT {
        world.publish(product("TEA", price, currency, true)).await;
    }
    let parked = "select count(*) from dead_letters where reason = 'too_many_decimals'";
    world.await_number("order", parked, 3).await;
    let details: Vec<String> = sqlx::query_scalar("select detail from dead_letters order by id")
        .fetch_all(world.pool("order"))
        .await
        .unwrap();
    for (detail, (_, currency)) in details.iter().zip(UNFIT) {
        assert!(detail.contains("unit_price") && detail.ends_with(currency), "{detail}");
    }
    let price = "select (unit_price * 100)::bigint from products where currency = 'EUR'";
    assert_eq!(world.number("order", price).await, 1_000);
    let order = world.submit(&[("TEA", 1)]).await;
    world.await_status(order, "confirmed").await;
    // A price that fits does not wait behind them.
    world.publish(product("TEA", "11.00", "EUR", true)).await;
    world.await_number("order", price, 1_100).await;

    let unfit = format!(
        "{}\n",
        json!({"sku": "TEA", "name": "Tea", "currency": "JPY", "unit_price": "0.5", "active": true})
    );
    let refused = tool(&folder, &world, &["produce", "ProductChanged"]).await.input(&unfit).run().await;
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(
        refused.err.contains("unit_price takes no decimals in this currency, not 0.5 JPY"),
        "{}",
        refused.err
    );

    for service in services {
        service.stop().await;
    }
    let verified = tool(&folder, &world, &["audit", "verify"]).await.run().await;
    assert_eq!(verified.code, Some(0), "{}", verified.out);
    assert!(verified.out.contains("too_many_decimals: 3 messages"), "{}", verified.out);
    let shadow = tool(&folder, &world, &["audit", "replay", "shadow"]).await.run().await;
    assert_eq!(shadow.code, Some(0), "{}{}", shadow.out, shadow.err);
    crate::names::is_rebuilt(&world, &folder).await;
    sqlx::query("delete from dead_letters").execute(world.pool("order")).await.unwrap();
    assert_books_balance(&world).await;
}

/// Stored by a release that did not look: such a product is not for sale.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_not_charged_at_a_stored_price_that_does_not_fit() {
    let world = World::new().await;
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    world.publish(product("SAKE", "100", "JPY", true)).await;
    world.await_product("SAKE").await;
    world.publish(adjustment("SAKE", "BER", 10)).await;
    world.await_number("inventory", "select coalesce(sum(on_hand), 0)::bigint from stock", 10).await;
    sqlx::query("update products set unit_price = 100.5").execute(world.pool("order")).await.unwrap();

    let shown = api.send(api.as_admin(Method::GET, "/v1/products/SAKE")).await;
    assert_eq!(shown.body["unit_price"], "100.5", "nothing is hidden: {shown:?}");
    let ordered = api.as_user(Method::POST, "/v1/orders").header("prefer", "wait=30");
    let ordered = api.send(ordered.json(&order("SAKE", 2))).await;
    assert_eq!(ordered.problem(422, "order-rejected"), [("lines[0].sku", "inactive_product")]);
    let detail = ordered.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("unit_price takes no decimals in this currency, not 100.5 JPY"), "{detail}");
    assert_eq!(world.number("payment", "select count(*) from payments").await, 0);

    let put = api.send(api.as_admin(Method::PUT, "/v1/products/SAKE").json(&body("101", "JPY"))).await;
    assert_eq!(put.status, 200, "{put:?}");
    let ordered = api.as_user(Method::POST, "/v1/orders").header("prefer", "wait=30");
    let ordered = api.send(ordered.json(&order("SAKE", 2))).await;
    assert_eq!((&ordered.body["status"], &ordered.body["total"]), (&json!("confirmed"), &json!("202")));
    assert_books_balance(&world).await;
}
