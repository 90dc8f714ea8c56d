//! `minuet produce`: what comes in is on its topic, whole, in order; what is wrong is named, and is not.

use minuet_events::{Event, EventType};
use minuet_tests::{Folder, World, submission, until};
use serde_json::json;

use super::tool;

fn product(sku: &str, price: &str) -> String {
    let product = json!({"sku": sku, "name": "Tea", "currency": "EUR", "unit_price": price, "active": true});
    format!("{product}\n")
}

/// What is on the product topic, per partition in order: the key and the price.
async fn products(world: &World) -> Vec<(String, String)> {
    let consumed = world.topics.read("catalog.products").await;
    let mut products: Vec<_> = consumed
        .into_iter()
        .map(|consumed| match consumed.event {
            Event::ProductChanged(product) => (consumed.key, product.unit_price.to_string()),
            other => panic!("another event: {other:?}"),
        })
        .collect();
    products.sort();
    products
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(sku, price)| (sku.to_owned(), price.to_owned())).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_events_with_every_header_of_the_contract() {
    let (world, folder) = (World::new().await, Folder::new());
    let given = "0190a0a0-0000-7000-8000-0000000000aa";
    let value =
        json!({"sku": "TEA-2", "name": "Tea", "currency": "EUR", "unit_price": "2.00", "active": true});
    let headers = json!({"ce_id": given, "ce_source": "/shop/import"});
    let described = json!({"value": value, "key": "TEA-2", "headers": headers});
    folder.write("products.jsonl", &format!("{}\n{described}\n", product("TEA-1", "1.00")));

    let done = tool(&folder, &world, &["produce", "ProductChanged", "--file", "products.jsonl"]).await;
    let done = done.run().await.well();
    assert_eq!((done.out.as_str(), done.err.trim()), ("", "2 ProductChanged sent; wrong lines: 0"));

    assert_eq!(products(&world).await, pairs([("TEA-1", "1.00"), ("TEA-2", "2.00")]));
    for consumed in world.topics.read("catalog.products").await {
        let header = |name: &str| consumed.headers.get(name).map_or("", String::as_str);
        let fixed = [
            ("ce_specversion", "1.0"),
            ("ce_type", EventType::ProductChanged.ce_type()),
            ("ce_subject", &consumed.key),
            ("ce_correlationid", &consumed.key),
            ("content-type", "application/avro"),
        ];
        for (name, value) in fixed {
            assert_eq!(header(name), value, "{name} of {consumed:#?}");
        }
        let (id, source) = (header("ce_id"), header("ce_source"));
        match consumed.key.as_str() {
            "TEA-1" => {
                assert_eq!(source, "/minuet/produce");
                assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
            }
            _ => assert_eq!((id, source), (given, "/shop/import")),
        }
        assert!(header("ce_time").ends_with('Z'), "{consumed:#?}");
        assert_eq!(header("traceparent").len(), 55, "{consumed:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_after_a_wrong_line_is_sent_unless_asked_for() {
    let (world, folder) = (World::new().await, Folder::new());
    let lines = [
        product("TEA-1", "1.00"),
        "\n".to_owned(),
        product("TEA-2", "-2.00"),
        product("TEA-3", "3.00"),
        "{\"sku\": }\n".to_owned(),
        product("TEA-4", "4.00"),
    ]
    .concat();

    let done = tool(&folder, &world, &["produce", "ProductChanged"]).await.input(&lines).run().await;
    assert_eq!(done.code, Some(1), "{done:#?}");
    assert!(done.err.contains("line 3: unit_price: an amount takes 0"), "{}", done.err);
    assert!(done.err.contains("1 ProductChanged sent; wrong lines: 1"), "{}", done.err);
    assert_eq!(products(&world).await, pairs([("TEA-1", "1.00")]));

    let going = tool(&folder, &world, &["produce", "ProductChanged", "--keep-going"]).await.input(&lines);
    let done = going.run().await;
    assert_eq!(done.code, Some(1), "wrong lines are no success: {done:#?}");
    for said in ["line 3: unit_price: ", "line 5: no JSON: ", "3 ProductChanged sent; wrong lines: 2"] {
        assert!(done.err.contains(said), "{said:?} in {}", done.err);
    }
    let all = pairs([("TEA-1", "1.00"), ("TEA-1", "1.00"), ("TEA-3", "3.00"), ("TEA-4", "4.00")]);
    assert_eq!(products(&world).await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_the_records_own_must_be_forced() {
    let (world, folder) = (World::new().await, Folder::new());
    let line = product("TEA-1", "1.00");
    let under = ["produce", "ProductChanged", "--key", "TEA-2"];
    let done = tool(&folder, &world, &under).await.input(&line).run().await;
    assert_eq!(done.code, Some(1), "{done:#?}");
    assert!(done.err.contains("line 1: key: `TEA-2` is not the record's own, `TEA-1`"), "{}", done.err);
    assert_eq!(products(&world).await, []);

    let forced = [under.as_slice(), &["--force-key"]].concat();
    tool(&folder, &world, &forced).await.input(&line).run().await.well();
    assert_eq!(products(&world).await, pairs([("TEA-2", "1.00")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_no_gateway_takes_part() {
    let (world, folder) = (World::new().await, Folder::new());
    let _services = world.services().await;
    let shop = product("TEA-1", "1.00");
    tool(&folder, &world, &["produce", "ProductChanged"]).await.input(&shop).run().await.well();
    let stock = minuet_tests::adjustment("TEA-1", "BER", 5);
    let stock = serde_json::to_string(&stock).unwrap();
    tool(&folder, &world, &["produce", "StockAdjusted"]).await.input(&stock).run().await.well();
    world.await_product("TEA-1").await;
    world.await_number("inventory", "select coalesce(sum(on_hand), 0)::bigint from stock", 5).await;

    let submitted = submission(&[("TEA-1", 2)]);
    let line = serde_json::to_string(&submitted).unwrap();
    tool(&folder, &world, &["produce", "OrderSubmitted"]).await.input(&line).run().await.well();
    world.await_status(submitted.order_id, "confirmed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_value_takes_a_product_out_of_the_shop() {
    let (world, folder) = (World::new().await, Folder::new());
    let _order = world.order().await;
    let gone = "{\"key\": \"TEA-1\", \"value\": null}\n";
    let lines = [product("TEA-1", "1.00"), product("TEA-2", "1.00"), gone.to_owned()].concat();
    let produce = tool(&folder, &world, &["produce", "ProductChanged"]).await.input(&lines);
    let done = produce.run().await.well();
    assert!(done.err.contains("3 ProductChanged sent"), "{}", done.err);

    until("the product is inactive, the other is not", || async {
        let shop: Vec<(String, bool)> = sqlx::query_as("select sku, active from products order by sku")
            .fetch_all(world.pool("order"))
            .await
            .unwrap();
        let wanted = [("TEA-1".to_owned(), false), ("TEA-2".to_owned(), true)];
        if shop == wanted { Ok(()) } else { Err(shop) }
    })
    .await;
    let rejected = world.submit(&[("TEA-1", 1)]).await;
    world.await_status(rejected, "failed").await;
    assert_eq!(world.number("order", "select count(*) from dead_letters").await, 0);

    // Events that are no state of a product have no such thing as a null value.
    let wrong = "{\"key\": \"TEA-1\", \"value\": null}\n";
    let done = tool(&folder, &world, &["produce", "StockAdjusted"]).await.input(wrong).run().await;
    assert_eq!(done.code, Some(1), "{done:#?}");
    assert!(done.err.contains("line 1: value: takes an object"), "{}", done.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_stands_twice_is_named_and_its_line_not_sent() {
    let (world, folder) = (World::new().await, Folder::new());
    let twice = r#"{"sku":"TEA-1","name":"Tea","currency":"EUR","unit_price":"9.00","unit_price":"0.01","active":true}"#;
    let beside =
        format!(r#"{{"value":{},"headers":{{"ce_id":"a","ce_id":"b"}}}}"#, product("TEA-2", "1.00").trim());
    let lines = [twice, "\n", &beside, "\n", &product("TEA-3", "3.00")].concat();
    let going = tool(&folder, &world, &["produce", "ProductChanged", "--keep-going"]).await.input(&lines);
    let done = going.run().await;
    assert_eq!(done.code, Some(1), "{done:#?}");
    for said in ["line 1: unit_price: stands twice", "line 2: headers.ce_id: stands twice"] {
        assert!(done.err.contains(said), "{said:?} in {}", done.err);
    }
    assert_eq!(products(&world).await, pairs([("TEA-3", "3.00")]));

    // So does a recorded one.
    let order = submission(&[("TEA-1", 1)]).order_id;
    let recorded = format!(
        r#"{{"topic":"orders.intake","ts":1,"type":"OrderSubmitted","key":"{order}","headers":{{}},"value":{{
            "order_id":"{order}","user_id":"u","payment_method":"paypal","lines":[{{"sku":"A","quantity":1,"quantity":2}}]}}}}"#
    )
    .replace('\n', "");
    let done = tool(&folder, &world, &["produce"]).await.input(&recorded).run().await;
    assert!(done.err.contains("line 1: value.lines[0].quantity: stands twice"), "{done:#?}");
}
