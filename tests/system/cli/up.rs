//! `minuet up`, as a user has it: from an empty folder, through Ctrl-C and kill -9, with the data kept. A start takes
//! seconds, so one installation serves every question.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use minuet_tests::{Folder, Server, until};
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::installation::{Installation, Recorded};
use super::load::Load;

/// Any free port, four times.
const ANY: [&str; 8] =
    ["--gateway-port", "0", "--kafka-port", "0", "--registry-port", "0", "--postgres-port", "0"];
const SKU: &str = "LOAD-1";
/// How long the end may take after Ctrl-C.
const STOP: Duration = Duration::from_secs(60);
/// How long a second start may take.
const START: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_lives_through_ctrl_c_and_kill() {
    let folder = Folder::new();

    // From nothing. One of the preferred ports is taken, the other three are left open.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let first =
        Installation::start(&folder, 0, &[&["--gateway-port", &port.to_string()], &ANY[2..]].concat()).await;
    assert_ne!(first.port("gateway"), port, "a taken port is replaced");
    every_name_is_in_endpoints_json(&first.endpoints);
    the_demo_ends_in_four_ways(&first).await;
    a_demo_order_waits_for_its_customer(&first).await;
    each_demo_order_is_printed_with_a_page_of_its_trace(&first).await;
    the_printed_curl_works(&first).await;
    tools_need_no_configuration(&first).await;
    let old = first.recorded().await;
    let ids = first.tool(&["schemas", "register"]).await.out;

    // Ctrl-C, while orders come in.
    let user = first.token(&["--user", "anna", "--ttl", "1h"]).await;
    let load = Load::start(first.endpoint("gateway"), &user, SKU);
    load.reached(200).await;
    first.close_pools().await;
    let told = Instant::now();
    first.process.signal("INT");
    let done = first.process.ended().await.well();
    assert!(told.elapsed() < STOP, "{:?}: {done:#?}", told.elapsed());
    assert!(done.err.contains("services stopped") && done.err.contains("servers stopped"), "{}", done.err);
    let left = folder.servers(0);
    assert!(left.is_empty(), "{left:#?}");
    assert!(!folder.path().join(".minuet/endpoints.json").exists(), "nothing listens there any more");
    let mut acknowledged = load.acknowledged().await;

    // Again: fast, without the demo, with all the data, and payments that take their time.
    let second = Installation::start(&folder, 1_000, &ANY).await;
    assert!(second.took < START, "{:?}", second.took);
    assert!(!second.process.out().contains("demo shop"), "{}", second.process.out());
    second.all_confirmed(&acknowledged).await;
    assert_eq!(second.tool(&["schemas", "register"]).await.out, ids, "a schema keeps its id");
    are_still_read(&old, &second.recorded().await);
    a_schema_grows(&second).await;
    are_still_read(&old, &second.recorded().await);
    second.tool(&["schemas", "check"]).await;

    // Killed, while orders are under way.
    let load = Load::start(second.endpoint("gateway"), &user, SKU);
    load.reached(100).await;
    until("orders are under way", || async {
        let open = second.open().await;
        if open >= 20 { Ok(()) } else { Err(open) }
    })
    .await;
    let servers = second.servers();
    second.close_pools().await;
    second.process.kill();

    // At once: the servers of the second are still stopping.
    let third = Installation::start(&folder, 0, &ANY).await;
    let left: Vec<&Server> = servers.iter().filter(|server| server.lives()).collect();
    assert!(left.is_empty(), "{left:#?}");
    acknowledged.extend(load.acknowledged().await);
    third.all_confirmed(&acknowledged).await;
    are_still_read(&old, &third.recorded().await);
    third.close_pools().await;
    third.process.signal("TERM");
    third.process.ended().await.well();
    let left = folder.servers(0);
    assert!(left.is_empty(), "{left:#?}");
}

fn every_name_is_in_endpoints_json(endpoints: &Value) {
    let text = |value: &Value, begin: &str| {
        let text = value.as_str().unwrap_or_default();
        assert!(text.starts_with(begin) && !text.ends_with(":0"), "{text:?} in {endpoints:#}");
    };
    text(&endpoints["gateway"], "http://127.0.0.1:");
    text(&endpoints["kafka"], "127.0.0.1:");
    text(&endpoints["registry"], "http://127.0.0.1:");
    for service in minuet_tests::SERVICES {
        text(&endpoints["databases"][service], "postgres://");
        text(&endpoints["services"][service], "http://127.0.0.1:");
    }
    assert!(endpoints.as_object().unwrap().contains_key("telemetry"), "{endpoints:#}");
}

async fn the_demo_ends_in_four_ways(up: &Installation<'_>) {
    let out = up.process.out();
    for (end, last_event) in [
        ("confirmed", "OrderConfirmed"),
        ("failed", "OrderFailed"),
        ("cancelled", "OrderCancelled"),
        ("rejected", "OrderRejected"),
    ] {
        assert!(out.lines().any(|line| line.starts_with(&format!("{end} "))), "{end} in {out}");
        assert!(out.contains(last_event), "{last_event} in {out}");
    }
    let page = up.get(&up.token(&["--user", "demo"]).await, "/v1/orders").await;
    let mut ends = BTreeMap::new();
    for order in page["orders"].as_array().unwrap() {
        assert!(out.contains(order["order_id"].as_str().unwrap()), "{order:#} in {out}");
        *ends.entry(order["status"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    // A rejected order is kept as failed.
    let wanted = [("cancelled", 1), ("confirmed", 1), ("failed", 2), ("pending", 1)];
    assert_eq!(ends, wanted.map(|(end, orders)| (end.to_owned(), orders)).into());
}

/// Its link is printed, and it goes on once it is paid there.
async fn a_demo_order_waits_for_its_customer(up: &Installation<'_>) {
    let out = up.process.out();
    let page = out.lines().find_map(|line| line.trim().strip_prefix("pay ")).expect(&out).trim().to_owned();
    assert!(page.starts_with(up.endpoint("provider")), "{page}");
    let paid = reqwest::Client::new().post(format!("{page}/pay")).send().await.unwrap();
    assert_eq!(paid.status().as_u16(), 200, "the customer sees the page again: {paid:?}");
    until("the order that waited is confirmed", || async {
        let out = up.process.out();
        let is_told =
            |line: &str| line.starts_with("confirmed  order ") && line.contains("waited for its customer");
        if out.lines().any(is_told) { Ok(()) } else { Err(out) }
    })
    .await;
}

/// Without Docker, and without anything being set.
async fn each_demo_order_is_printed_with_a_page_of_its_trace(up: &Installation<'_>) {
    let (out, viewer) = (up.process.out(), up.endpoint("telemetry"));
    assert!(out.lines().any(|line| line.split_whitespace().eq(["traces", viewer])), "{viewer} in {out}");
    let links: Vec<&str> = out.lines().filter_map(|line| line.trim().strip_prefix("trace ")).collect();
    let spans: [&[&str]; 4] = [
        &["inventory.reserve", "payment.process", "payment.gateway.call", "inventory.confirm"],
        &["inventory.reserve", "CLOCK-GRANDFATHER"],
        &["payment.process", "card_declined", "inventory.release"],
        &["order.create", "inactive_product"],
    ];
    assert_eq!(links.len(), spans.len(), "{out}");
    for (link, spans) in links.iter().zip(spans) {
        assert!(link.starts_with(viewer), "{link} at {viewer}");
        until(&format!("{link} shows the tree"), || async {
            let page = reqwest::get(*link).await.unwrap().error_for_status().unwrap().text().await.unwrap();
            let usual = ["POST /v1/orders", "send orders.intake", "process orders.intake", "order.create"];
            let missing: Vec<_> = usual.iter().chain(spans).filter(|name| !page.contains(**name)).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} in {page}")) }
        })
        .await;
    }
    let list = reqwest::get(viewer).await.unwrap().text().await.unwrap();
    for link in links {
        let order = link.rsplit('/').next().unwrap();
        assert!(list.contains(order), "{order} in {list}");
    }
}

/// Sends what a user would paste, piece by piece.
async fn the_printed_curl_works(up: &Installation<'_>) {
    let out = up.process.out();
    let (_, pasted) = out.split_once("curl -i ").unwrap();
    let (pasted, _) = pasted.split_once("\n\n").unwrap();
    let pieces: Vec<&str> = pasted.split('\'').collect();
    // Outside and inside of quotes by turns: an option stands before what is quoted.
    let quoted = |option: &str| {
        let pairs = pieces.chunks_exact(2).filter(|pair| pair[0].trim_end().ends_with(option));
        pairs.map(|pair| pair[1].to_owned()).collect::<Vec<_>>()
    };
    let header = |line: &String| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
    };
    let headers: HeaderMap = quoted("-H").iter().map(header).collect();
    let url = pieces[0].split_whitespace().next().unwrap();
    let body = quoted("-d").remove(0);

    let answer = reqwest::Client::new().post(url).headers(headers).body(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let order: Value = answer.json().await.unwrap();
    let id = order["order_id"].as_str().unwrap().parse().unwrap();
    up.all_confirmed(&[id]).await;
}

/// Each from the installation's folder, where `minuet up` has left what they need to know.
async fn tools_need_no_configuration(up: &Installation<'_>) {
    let plan = up.tool(&["topics", "plan"]).await;
    assert_eq!((plan.out.as_str(), plan.err.trim()), ("", "nothing to apply"));
    let check = up.tool(&["schemas", "check"]).await;
    assert!(check.err.contains("every schema is compatible"), "{}", check.err);

    let product =
        json!({"sku": SKU, "name": "Load", "currency": "EUR", "unit_price": "1.00", "active": true});
    let product = up.folder.minuet(["produce", "ProductChanged"]).input(&product.to_string());
    product.run().await.well();
    let stock = serde_json::to_string(&minuet_tests::adjustment(SKU, "BER", 1_000_000)).unwrap();
    up.folder.minuet(["produce", "StockAdjusted"]).input(&stock).run().await.well();
    let admin = up.token(&["--user", "boss", "--scope", "admin"]).await;
    until("the product and its stock are known", || async {
        let client = reqwest::Client::new();
        for kind in ["products", "stock"] {
            let request = client.get(format!("{}/v1/{kind}/{SKU}", up.endpoint("gateway")));
            let answer = request.bearer_auth(&admin).send().await.unwrap();
            if answer.status() != 200 {
                return Err(answer);
            }
        }
        Ok(())
    })
    .await;
}

/// What was on the topics reads as it did.
fn are_still_read(old: &Recorded, now: &Recorded) {
    assert!(old.len() > 100, "the demo alone is more than {} events", old.len());
    for (place, event) in old {
        assert_eq!(now.get(place), Some(event), "{place:?}");
    }
}

/// Another build registers a record with one field more.
async fn a_schema_grows(up: &Installation<'_>) {
    let versions = format!("{}/subjects/minuet.catalog.ProductChanged/versions", up.endpoint("registry"));
    let client = reqwest::Client::new();
    let latest: Value = client.get(format!("{versions}/latest")).send().await.unwrap().json().await.unwrap();
    let mut schema: Value = serde_json::from_str(latest["schema"].as_str().unwrap()).unwrap();
    let colour = json!({"name": "colour", "type": ["null", "string"], "default": null});
    schema["fields"].as_array_mut().unwrap().push(colour);
    let request = client.post(&versions).json(&json!({"schemaType": "AVRO", "schema": schema.to_string()}));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    let registered: Value = answer.json().await.unwrap();
    assert_ne!(registered["id"], latest["id"], "it is a new one");
}
