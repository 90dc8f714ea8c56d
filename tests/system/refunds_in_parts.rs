//! Money goes back in parts: each once, none beyond what was captured, and the order stands until nothing is left.

use minuet_tests::{Answer, Api, Folder, Options, World, assert_books_balance, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::tool;

async fn order(api: &Api) -> String {
    let body = json!({"payment_method": "paypal", "lines": [{"sku": "MUG", "quantity": 2}]});
    let placed = api.as_user(Method::POST, "/v1/orders").header("prefer", "wait=30").json(&body);
    let placed = api.send(placed).await;
    assert_eq!((placed.status.as_u16(), &placed.body["status"]), (201, &json!("confirmed")), "{placed:?}");
    placed.body["order_id"].as_str().unwrap().to_owned()
}

async fn refund(api: &Api, order: &str, key: &str, asked: Value) -> Answer {
    let mut body = json!({"reason": "one came broken"});
    body.as_object_mut().unwrap().extend(asked.as_object().unwrap().clone());
    let path = format!("/v1/orders/{order}/refund");
    api.send(api.as_admin(Method::POST, &path).header("idempotency-key", key).json(&body)).await
}

/// Of a refund that was given: the order's status, and what was given back of it all in all.
fn given(answer: &Answer) -> (u16, &Value, &Value) {
    (answer.status.as_u16(), &answer.body["status"], &answer.body["refunded"])
}

/// Of a refund that was not: its status and why.
fn refused(answer: &Answer) -> (u16, &Value) {
    (answer.status.as_u16(), &answer.body["detail"])
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_leave_the_order_confirmed_and_the_last_one_cancels_it() {
    let world = World::with(Options { partitions: 1, ..Options::default() }).await;
    let folder = Folder::new();
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    world.product("MUG", "12.50", &[("BER", 20)]).await;
    let sold = "select sum(on_hand)::bigint from stock";

    // Asked for twice under one key, a part is given once.
    let split = order(&api).await;
    for _ in 0..2 {
        let part = refund(&api, &split, "part", json!({"amount": "10.00"})).await;
        assert_eq!(given(&part), (200, &json!("confirmed"), &json!("10.00")), "{part:?}");
    }
    let another = refund(&api, &split, "part", json!({"amount": "9.00"})).await;
    assert_eq!(another.status, 422, "{another:?}");
    assert!(another.body["type"].as_str().unwrap().ends_with("idempotency-key-reused"), "{another:?}");
    assert_eq!(world.number("inventory", sold).await, 18, "the goods of a part stay sold");

    for (asked, reason) in [("15.01", "more_than_left"), ("1.005", "too_many_decimals")] {
        let answer = refund(&api, &split, asked, json!({"amount": asked})).await;
        assert_eq!(refused(&answer), (409, &json!(reason)), "{answer:?}");
    }
    for asked in [json!({"amount": "0"}), json!({"amount": 5}), json!({"currency": "USD"})] {
        assert_eq!(refund(&api, &split, "bad", asked).await.status, 422);
    }

    let rest = refund(&api, &split, "rest", json!({})).await;
    assert_eq!(given(&rest), (200, &json!("cancelled"), &json!("25.00")), "{rest:?}");
    world.await_number("inventory", sold, 20).await;
    let after = refund(&api, &split, "after", json!({"amount": "1.00"})).await;
    assert_eq!(refused(&after), (409, &json!("already_refunded")), "{after:?}");

    // Two at once: each is given or refused, never more than was captured.
    let rushed = order(&api).await;
    let both = [json!({"amount": "20.00"}), json!({"amount": "20.00"})];
    let [one, two] = both;
    let (one, two) = tokio::join!(refund(&api, &rushed, "one", one), refund(&api, &rushed, "two", two));
    let statuses = [one.status.as_u16(), two.status.as_u16()];
    assert!(statuses.contains(&200) && statuses.contains(&409), "{one:?} {two:?}");
    let kept = api.send(api.as_user(Method::GET, &format!("/v1/orders/{rushed}"))).await;
    assert_eq!(given(&kept), (200, &json!("confirmed"), &json!("20.00")), "{kept:?}");

    assert_books_balance(&world).await;

    // The customer keeps the goods.
    let kept = order(&api).await;
    let whole = refund(&api, &kept, "whole", json!({"return_stock": false})).await;
    assert_eq!(given(&whole), (200, &json!("cancelled"), &json!("25.00")), "{whole:?}");
    until("every refund is done", || async {
        let open = world.number("payment", "select count(*) from refunds where not done").await;
        if open == 0 { Ok(()) } else { Err(open) }
    })
    .await;
    assert_eq!(world.number("inventory", sold).await, 16, "two orders' goods are away");
    let beyond = "select count(*) from payments where refunded > amount";
    assert_eq!(world.number("payment", beyond).await, 0);

    for service in services {
        service.stop().await;
    }
    for command in [&["audit", "verify"][..], &["audit", "replay", "shadow"]] {
        let done = tool(&folder, &world, command).await.run().await;
        assert_eq!(done.code, Some(0), "{command:?}: {}{}", done.out, done.err);
    }
    crate::names::is_rebuilt(&world, &folder).await;
}
