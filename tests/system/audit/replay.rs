//! `audit verify` and `audit replay` agree with what really happened.

use std::collections::BTreeMap;

use minuet_tests::{Folder, Raw, SERVICES, World, stack};

use super::audit;
use super::day::day;
use super::timeline;
use crate::cli::tool;

const TOPICS: [&str; 8] = [
    "orders.intake",
    "orders.events",
    "catalog.products",
    "inventory.intake",
    "inventory.events",
    "inventory.stock",
    "payments.intake",
    "payments.events",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_real_day_balances_and_is_decided_again_and_given_out() {
    let (world, folder) = (day().await, Folder::new());
    equals_the_databases(&folder, &world).await;
    is_decided_again(&folder, &world).await;
    is_rebuilt(&folder, &world, &["order", "payment"]).await;
    timeline::is_told(&folder, &world).await;
    goes_on_from_a_snapshot(&folder, &world).await;
    counts_what_is_odd(&folder, &world).await;
    is_given_out_and_taken_back(&folder, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shelves_are_rebuilt() {
    let (world, folder) = (day().await, Folder::new());
    is_rebuilt(&folder, &world, &["inventory"]).await;
}

async fn equals_the_databases(folder: &Folder, world: &World) {
    let urls =
        SERVICES.map(|service| format!("{service}.database_url={}", world.settings(service).database_url));
    let mut arguments = vec!["verify", "--against-databases"];
    arguments.extend(urls.iter().flat_map(|url| ["--set", url]));
    let verified = audit(folder, world, &arguments).await.well();
    assert!(verified.out.contains("everything holds"), "{}", verified.out);
    assert!(
        verified.out.contains("databases compared: 41 orders at rest, 4 stock levels; on their way: 0"),
        "{}",
        verified.out
    );
    // The same with most orders forgotten meanwhile.
    let forgetful = [&arguments[..], &["--remember", "3"]].concat();
    audit(folder, world, &forgetful).await.well();

    let unknown = audit(folder, world, &["verify", "--against-databases"]).await;
    assert!(
        unknown.err.contains("the database of order is not known: set order.database_url"),
        "{}",
        unknown.err
    );

    // Each table says something else.
    for (service, broken, mended, said) in BROKEN {
        sqlx::query(*broken).execute(world.pool(service)).await.unwrap();
        let verified = audit(folder, world, &arguments).await;
        assert_eq!(verified.code, Some(1), "{broken}: {verified:#?}");
        assert!(verified.out.contains("violations: 1"), "{broken}: {}", verified.out);
        assert!(verified.out.contains(said), "{said:?} in {}", verified.out);
        sqlx::query(*mended).execute(world.pool(service)).await.unwrap();
    }
    audit(folder, world, &arguments).await.well();
}

/// A change of a service's table, how it is undone, and what is said of it.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    (
        "order",
        "update orders set status = 'failed' where id = (select min(id::text)::uuid from orders where status = 'confirmed')",
        "update orders set status = 'confirmed' where status = 'failed' and total is not null and payment_id is not null",
        "orders says failed, EUR",
    ),
    (
        "payment",
        "update payments set amount = amount + 1 where order_id = (select min(order_id::text)::uuid from payments where status = 'refunded')",
        "update payments set amount = amount - 1 where status = 'refunded'",
        "payments says refunded, EUR 13.50, the topics say refunded, EUR 12.50",
    ),
    (
        "inventory",
        "update order_reservations set quantities[1] = 7 where order_id = (select order_id from order_reservations where cardinality(skus) = 2)",
        "update order_reservations set quantities[1] = 18 - quantities[2] where cardinality(skus) = 2",
        "order_reservations says confirmed, 7 MUG in",
    ),
    (
        "inventory",
        "update stock set version = version + 1 where sku = 'SLOW'",
        "update stock set version = version - 1 where sku = 'SLOW'",
        "SLOW in BER: stock says 9 available and 0 reserved of 9 in version",
    ),
    (
        "inventory",
        "insert into stock select 'GHOST', warehouse_code, 1, 0, 1, 1 from stock where sku = 'SLOW'",
        "delete from stock where sku = 'GHOST'",
        "GHOST in BER: stock has a level that the topics know nothing of",
    ),
    (
        "order",
        "update products set sku = 'GONE', active = true where sku = 'OLD'",
        "update products set sku = 'OLD', active = false where sku = 'GONE'",
        "GONE: products has it on sale, and ",
    ),
    (
        "payment",
        "insert into skipped_offsets (topic, \"partition\", topic_id, from_offset, end_offset) values ('orders.events', 1, gen_random_uuid(), 7, 12)",
        "update skipped_offsets set accepted_at = now()",
        "payment: 5 messages of orders.events[1] from offset 7 on were deleted before it read them",
    ),
];

/// The books up to a time, and from there to the end, are those of the whole.
async fn goes_on_from_a_snapshot(folder: &Folder, world: &World) {
    let at = audit(folder, world, &["tail", "-e", "--type", "RefundRequested", "-c", "1", "-f", "%T"])
        .await
        .well();
    let at = i128::from(at.out.parse::<i64>().unwrap()) * 1_000_000;
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(at).unwrap();
    let at = at.format(&time::format_description::well_known::Rfc3339).unwrap();
    let report = async |flags: &[&str]| {
        let report = audit(folder, world, &[&["verify", "--json"], flags].concat()).await.well();
        serde_json::from_str::<serde_json::Value>(&report.out).unwrap()
    };
    let first = report(&["--to", &at, "--save-snapshot", "half.json"]).await;
    let (second, whole) = (report(&["--snapshot", "half.json"]).await, report(&[]).await);
    let events = |report: &serde_json::Value| report["counts"]["events"].as_u64().unwrap();
    assert!(0 < events(&first) && events(&first) < events(&whole), "{first:#}");
    assert_eq!((&second["counts"], &second["money"]), (&whole["counts"], &whole["money"]));

    std::fs::write(folder.path().join("wrong.json"), "{}").unwrap();
    let wrong = audit(folder, world, &["verify", "--snapshot", "wrong.json"]).await;
    assert!(wrong.code == Some(1) && wrong.err.contains("wrong.json cannot be used"), "{wrong:#?}");
}

async fn is_decided_again(folder: &Folder, world: &World) {
    let shadow = audit(folder, world, &["replay", "shadow"]).await;
    assert_eq!(shadow.code, Some(0), "{}{}", shadow.out, shadow.err);
    for said in [" 0 differ", "decided from what the record does not tell: 0", "odd messages: 0"] {
        assert!(shadow.out.contains(said), "{said:?} in {}", shadow.out);
    }
}

/// Into an empty database each, by the services' own code.
async fn is_rebuilt(folder: &Folder, world: &World, services: &[&str]) {
    for &service in services {
        let name = format!("{}_{service}_again", world.prefix.trim_end_matches('.'));
        stack().await.create_database(&name).await.unwrap();
        let (empty, live) = (stack().await.database_url(&name), world.settings(service).database_url);
        match service {
            "order" => minuet_order::migrate(&empty).await.unwrap(),
            "inventory" => minuet_inventory::migrate(&empty).await.unwrap(),
            _ => minuet_payment::migrate(&empty).await.unwrap(),
        }
        let arguments = ["replay", "rebuild", "--service", service, "--database", &empty, "--against", &live];
        let rebuilt = audit(folder, world, &arguments).await;
        assert_eq!(rebuilt.code, Some(0), "{service}: {}{}", rebuilt.out, rebuilt.err);
        assert!(rebuilt.out.contains(" rows compared, 0 differ"), "{service}: {}", rebuilt.out);
        assert!(
            rebuilt.out.contains("orders not rebuilt: 0; emitted otherwise: 0;"),
            "{service}: {}",
            rebuilt.out
        );

        let again = audit(folder, world, &arguments).await;
        assert_eq!(again.code, Some(1), "{again:#?}");
        assert!(again.err.contains("the database is not empty"), "{}", again.err);
    }
}

/// What is no event is counted, and stops nothing unless asked.
async fn counts_what_is_odd(folder: &Folder, world: &World) {
    let garbage = Raw { payload: Some(vec![0, 1, 2]), ..Raw::default() };
    world.topics.send("orders.intake", &garbage).await;
    let odd = audit(folder, world, &["verify"]).await.well();
    assert!(odd.out.contains("odd           key: 1 messages"), "{}", odd.out);
    let shadow = audit(folder, world, &["replay", "shadow", "--json"]).await.well();
    assert!(shadow.out.contains("\"odd\":1"), "{}", shadow.out);
    for command in [&["verify"][..], &["replay", "shadow"], &["replay", "export"]] {
        let strict = audit(folder, world, &[command, &["--strict"]].concat()).await;
        assert_eq!(strict.code, Some(1), "{command:?}: {strict:#?}");
        assert!(
            strict.err.contains("the message has no key; it takes the event's subject (--strict ends here)"),
            "{}",
            strict.err
        );
    }
}

async fn is_given_out_and_taken_back(folder: &Folder, world: &World) {
    let export = audit(folder, world, &["replay", "export", "--output", "day.jsonl"]).await.well();
    assert!(export.err.contains("events given out, 1 of them odd"), "{}", export.err);
    let copy = World::new().await;
    let produce = ["produce", "--file", "day.jsonl", "--speed", "1000"];
    let produced = tool(folder, &copy, &produce).await.run().await.well();
    assert!(produced.err.contains("recorded events sent; wrong lines: 0"), "{}", produced.err);
    for topic in TOPICS {
        let (events, copied) = (events(world, topic).await, events(&copy, topic).await);
        assert!(!events.is_empty(), "{topic}");
        assert_eq!(events, copied, "{topic}");
    }
    let verified = audit(folder, &copy, &["verify"]).await.well();
    assert!(verified.out.contains("odd           key: 1 messages"), "{}", verified.out);
    assert!(verified.out.contains("everything holds"), "{}", verified.out);

    // As a table, of a part.
    let table = audit(folder, &copy, &["replay", "export", "--csv", "--type", "OrderConfirmed"]).await.well();
    let all = events(world, "orders.events").await;
    let is_confirmed = |(_, headers, _): &&Event| headers["ce_type"].contains("OrderConfirmed");
    let confirmed = all.values().flatten().filter(is_confirmed).count();
    assert_eq!(table.out.lines().count(), 1 + confirmed, "{}", table.out);
    assert!(table.out.starts_with("topic,partition,offset,timestamp,type,key,ce_id,"), "{}", table.out);
}

type Event = (String, BTreeMap<String, String>, Vec<u8>);

/// Key, headers and payload of everything on a topic, per partition in order.
async fn events(world: &World, topic: &str) -> BTreeMap<i32, Vec<Event>> {
    let mut events: BTreeMap<i32, Vec<Event>> = BTreeMap::new();
    for consumed in world.topics.read(topic).await {
        let event = (consumed.key, consumed.headers, consumed.payload);
        events.entry(consumed.partition).or_default().push(event);
    }
    events
}
