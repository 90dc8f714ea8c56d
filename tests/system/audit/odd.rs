//! What may lie on a topic, or be odd about a whole one: it is told, counted, and stops nothing unless `--strict`.

use minuet_events::Event;
use minuet_events::values::OrderId;
use minuet_tests::{Folder, Options, Raw, World, adjustment, product, submission};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::{Offset, TopicPartitionList};

use super::audit;

/// The codes of what [`damaged`] puts onto `orders.intake`, under the key of its order.
const CODES: [&str; 6] = ["undecodable", "unknown_schema", "wrong_record", "headers", "empty_body", "key"];

async fn one_partition() -> World {
    World::with(Options { partitions: 1, ..Options::default() }).await
}

/// A good submission, and then one of each kind of damage: offsets 1 to 6.
async fn damaged(world: &World) -> OrderId {
    let submitted = submission(&[("MUG", 1)]);
    let (order, event) = (submitted.order_id, Event::from(submitted));
    let good = Raw::of(&world.envelope(&event), &order.to_string(), world.codec.encode(&event).unwrap());
    let mut unknown = good.clone();
    unknown.payload.as_mut().unwrap()[1..5].copy_from_slice(&99_999_999_u32.to_be_bytes());
    let other = world.codec.encode(&Event::from(adjustment("MUG", "BER", 1))).unwrap();
    for raw in [
        good.clone(),
        Raw { payload: Some(b"{\"not\": \"avro\"}".to_vec()), ..good.clone() },
        unknown,
        Raw { payload: Some(other), ..good.clone() },
        good.clone().without("ce_id"),
        Raw { payload: None, ..good.clone() },
        Raw { key: None, ..good.without("ce_subject") },
    ] {
        world.topics.send("orders.intake", &raw).await;
    }
    order
}

fn admin(world: &World) -> AdminClient<DefaultClientContext> {
    let config: ClientConfig = world.kafka().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    config.create().unwrap()
}

/// As retention does it.
async fn cut_off(world: &World, topic: &str, before: i64) {
    let mut offsets = TopicPartitionList::new();
    let topic = format!("{}{topic}", world.prefix);
    offsets.add_partition_offset(&topic, 0, Offset::Offset(before)).unwrap();
    let cut = admin(world).delete_records(&offsets, &AdminOptions::new()).await.unwrap();
    assert_eq!(cut.elements()[0].offset(), Offset::Offset(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_messages_are_told_with_their_places() {
    let (world, folder) = (one_partition().await, Folder::new());
    let order = damaged(&world).await;

    let tail = audit(&folder, &world, &["tail", "-e", "-t", "orders.intake"]).await.well();
    assert_eq!(tail.out.lines().count(), 7, "{}", tail.out);
    for (at, code) in (1..).zip(CODES) {
        let line = tail.out.lines().nth(at).unwrap();
        let told = line.contains(&format!("! {code} ")) && line.ends_with(&format!("orders.intake[0]@{at}"));
        assert!(told, "{code} in {line}");
    }
    assert!(tail.err.contains("7 messages shown, 6 of them odd"), "{}", tail.err);
    let lines = audit(&folder, &world, &["tail", "-e", "-t", "orders.intake", "-J"]).await.well();
    let lines: Vec<serde_json::Value> =
        lines.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["odd"]["code"], "undecodable");
    let hex = hex::encode(b"{\"not\": \"avro\"}");
    assert_eq!(lines[1]["value"], hex);
    assert_eq!(
        (lines[1]["key"].as_str(), &lines[6]["key"]),
        (Some(&*order.to_string()), &serde_json::Value::Null)
    );

    // What has its key is part of its story.
    let order = order.to_string();
    let timeline = audit(&folder, &world, &["timeline", &order]).await.well();
    let odd: Vec<&str> = timeline.out.lines().filter_map(|line| line.strip_prefix("  odd: ")).collect();
    assert_eq!(odd.len(), 5, "{}", timeline.out);
    for (line, code) in odd.iter().zip(CODES) {
        assert!(line.starts_with(&format!("{code}: ")), "{code} in {line}");
    }
    assert!(timeline.out.contains("awaited: OrderPlaced"), "{}", timeline.out);

    let verified = audit(&folder, &world, &["verify"]).await.well();
    for code in CODES {
        assert!(verified.out.contains(&format!("odd           {code}: 1 messages")), "{}", verified.out);
    }
    assert!(verified.out.contains("open in time: 1;"), "{}", verified.out);

    for command in [&["tail", "-e"][..], &["timeline", &order], &["verify"], &["replay", "shadow"]] {
        let strict = audit(&folder, &world, &[command, &["--strict"]].concat()).await;
        assert_eq!(strict.code, Some(1), "{command:?}: {strict:#?}");
        let said = "orders.intake[0]@1: undecodable: ";
        assert!(strict.err.contains(said) && strict.err.contains("(--strict ends here)"), "{}", strict.err);
    }
}

/// Services and audit hold messages to one rule: a submission that the order service parks owes its customer nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_parked_submission_is_not_an_open_order() {
    let (world, folder) = (one_partition().await, Folder::new());
    let _order = world.order().await;
    let wrong = [
        ("ce_source", format!("/{}", "s".repeat(256))),
        ("ce_source", "/shop\nfront".to_owned()),
        ("ce_correlationid", "c".repeat(257)),
        ("ce_correlationid", "a\u{7f}b".to_owned()),
        ("ce_time", "yesterday".to_owned()),
        ("ce_sequence", "0".to_owned()),
        ("ce_causationid", "{00000000-0000-0000-0000-000000000000}".to_owned()),
        ("content-type", "text/plain".to_owned()),
    ];
    for (header, value) in &wrong {
        let event = Event::from(submission(&[("MUG", 1)]));
        let raw = Raw::of(&world.envelope(&event), &event.key(), world.codec.encode(&event).unwrap());
        world.topics.send("orders.intake", &raw.with(header, value)).await;
    }
    world.await_number("order", "select count(*) from dead_letters where reason = 'headers'", 8).await;
    world.await_number("order", "select count(*) from outbox", 0).await;

    let verified = audit(&folder, &world, &["verify", "--deadline", "0s"]).await.well();
    assert!(verified.out.contains("odd           headers: 8 messages"), "{}", verified.out);
    assert!(verified.out.contains("0 orders:") && verified.out.contains("parked: 8"), "{}", verified.out);

    // In the same words.
    let details: Vec<String> = sqlx::query_scalar("select detail from dead_letters order by \"offset\"")
        .fetch_all(world.pool("order"))
        .await
        .unwrap();
    let tail = audit(&folder, &world, &["tail", "-e", "-t", "orders.intake", "-J"]).await.well();
    let told = tail.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let told: Vec<String> = told.map(|line| line["odd"]["detail"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, details);
}

/// A parked message may have any key, or none: its `EventParked` is an event like any other.
#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_of_a_parked_message_is_not_odd() {
    let (world, folder) = (one_partition().await, Folder::new());
    let _order = world.order().await;
    let keys = [None, Some(vec![0xff, 0xfe]), Some(vec![b'k'; 300]), Some(b"a\nb".to_vec())];
    for key in keys {
        let raw = Raw { key, payload: Some(b"buy milk".to_vec()), headers: Vec::new() };
        world.topics.send("orders.intake", &raw).await;
    }
    world.await_number("order", "select count(*) from dead_letters", 4).await;
    world.await_number("order", "select count(*) from outbox", 0).await;
    let tail = audit(&folder, &world, &["tail", "-e", "-t", "order.dead-letters"]).await.well();
    assert_eq!(tail.out.matches("  EventParked  ").count(), 4, "{}", tail.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_empty_and_truncated_topics_are_told() {
    let (world, folder) = (one_partition().await, Folder::new());
    world.publish(product("MUG", "1.00", "EUR", true)).await;
    let cut = submission(&[("MUG", 1)]);
    let envelope = world.publish(cut.clone()).await;
    for _ in 0..3 {
        world.publish(submission(&[("MUG", 1)])).await;
    }
    let order = cut.order_id.to_string();
    let commands: [&[&str]; 4] = [&["tail", "-e"], &["timeline", &order], &["verify"], &["replay", "shadow"]];

    // Nothing is wrong with a topic that is empty.
    for command in commands {
        let done = audit(&folder, &world, &[command, &["--strict"]].concat()).await.well();
        let said = format!("{}{}", done.out, done.err).replace(": ", " ");
        let empty =
            said.lines().find_map(|line| line.strip_prefix("empty ")).unwrap_or_else(|| panic!("{said}"));
        assert!(empty.contains("orders.events") && !empty.contains("orders.intake"), "{command:?}: {empty}");
    }

    let notes = format!("{}notes", world.prefix);
    let new = NewTopic::new(&notes, 1, TopicReplication::Fixed(1));
    admin(&world).create_topics([&new], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
    let note = Raw { key: Some(b"k".to_vec()), payload: Some(b"buy milk".to_vec()), headers: Vec::new() };
    world.topics.send("notes", &note).await;
    told(&folder, &world, &commands, "foreign", "notes").await;
    // Whoever asks for it sees it.
    let tail = audit(&folder, &world, &["tail", "-e", "-t", "notes"]).await.well();
    assert!(tail.out.contains("! headers") && tail.out.trim().ends_with("notes[0]@0"), "{}", tail.out);
    admin(&world).delete_topics(&[&notes], &AdminOptions::new()).await.unwrap().remove(0).unwrap();

    cut_off(&world, "orders.intake", 1).await;
    world.publisher.publish(envelope, cut.into()).await.unwrap();
    told(&folder, &world, &commands, "truncated", "orders.intake").await;
    let verified = audit(&folder, &world, &["verify"]).await.well();
    assert!(verified.out.contains("4 orders:"), "{}", verified.out);
    let tail = audit(&folder, &world, &["tail", "-e", "-t", "orders.intake", "-f", "%o "]).await.well();
    assert_eq!(tail.out, "1 2 3 4 ");
}

/// Every command says so, and does what it does all the same; not under `--strict`.
async fn told(folder: &Folder, world: &World, commands: &[&[&str]], label: &str, topic: &str) {
    for command in commands {
        let done = audit(folder, world, command).await.well();
        let said = format!("{}{}", done.out, done.err);
        let told = said.lines().any(|line| line.starts_with(label) && line.ends_with(topic));
        assert!(told, "{command:?}: {said}");
        let strict = audit(folder, world, &[command, &["--strict"][..]].concat()).await;
        assert_eq!(strict.code, Some(1), "{command:?}: {strict:#?}");
        let said = format!("topics: {label}: {topic} (--strict ends here)");
        assert!(strict.err.contains(&said), "{command:?}: {}", strict.err);
    }
}

/// Somebody writes all the while: each command ends where the topics ended when it began.
#[tokio::test(flavor = "multi_thread")]
async fn topics_that_grow_meanwhile_are_read_to_where_they_ended() {
    let (world, folder) = (World::new().await, Folder::new());
    for _ in 0..100 {
        world.submit(&[("MUG", 1)]).await;
    }
    let writing = async {
        loop {
            world.submit(&[("MUG", 1)]).await;
        }
    };
    let reading = async {
        let mut before = 100;
        for _ in 0..3 {
            let tail = audit(&folder, &world, &["tail", "-e", "-f", "%e\n"]).await.well();
            let shown = tail.out.lines().filter(|line| *line == "OrderSubmitted").count();
            assert!(shown >= before, "{shown} of {before}");
            before = shown;
            let verified = audit(&folder, &world, &["verify", "--json"]).await.well();
            let report: serde_json::Value = serde_json::from_str(&verified.out).unwrap();
            let counted = report["counts"]["orders"].as_u64().unwrap() as usize;
            assert!(counted >= before && report["holds"] == true, "{report:#}");
            before = counted;
            if report["written_meanwhile"].as_i64().unwrap() > 0 {
                return true;
            }
        }
        false
    };
    tokio::select! {
        () = writing => {}
        grew = reading => assert!(grew, "nothing came while the topics were read"),
    }
}
