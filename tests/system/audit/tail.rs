//! `audit tail`: the flags are kcat's.

use std::collections::BTreeSet;

use minuet_events::Event;
use minuet_tests::{Folder, Options, Raw, World, product, submission, until};
use serde_json::Value;

use super::audit;
use crate::cli::tool;

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Six submissions, offsets 0 to 5, of three orders each of two users, no two in the same millisecond.
async fn six(world: &World) -> Vec<String> {
    let mut orders = Vec::new();
    for number in 0..6 {
        let mut submitted = submission(&[("MUG", 1 + number)]);
        submitted.user_id = format!("user-{}", number % 2).parse().unwrap();
        orders.push(submitted.order_id.to_string());
        world.publish(submitted).await;
        let now = || time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        let sent = now();
        until("the millisecond is over", || async { if now() > sent + 1 { Ok(()) } else { Err(()) } }).await;
    }
    orders
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_counts_and_ends_are_kcats() {
    let (world, folder) = (World::with(Options { partitions: 1, ..Options::default() }).await, Folder::new());
    let orders = six(&world).await;
    let shown = async |flags: &[&str]| {
        let all = [&["tail", "-t", "orders.intake", "-f", "%o "], flags].concat();
        audit(&folder, &world, &all).await.well().out
    };
    let ts: Vec<i64> =
        lines(&audit(&folder, &world, &["tail", "-e", "-J", "-t", "orders.intake"]).await.well().out)
            .iter()
            .map(|line| line["ts"].as_i64().unwrap())
            .collect();
    assert_eq!(ts.len(), 6);
    let (from, until) = (format!("s@{}", ts[2]), format!("e@{}", ts[4]));
    let rfc = |ms: i64| {
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap();
        time.format(&time::format_description::well_known::Rfc3339).unwrap()
    };
    let (from_time, to_time) = (rfc(ts[2]), rfc(ts[4]));
    for (flags, wanted) in [
        (&["-e"][..], "0 1 2 3 4 5 "),
        (&["-e", "-o", "beginning"], "0 1 2 3 4 5 "),
        (&["-e", "-o", "end"], ""),
        (&["-e", "-o", "4"], "4 5 "),
        (&["-e", "-o", "100"], ""),
        (&["-e", "-o", "-2"], "4 5 "),
        (&["-e", "-o", "-100"], "0 1 2 3 4 5 "),
        (&["-e", "-o", &from], "2 3 4 5 "),
        // An end in time is an end: nobody waits behind it.
        (&["-o", &until], "0 1 2 3 "),
        (&["-o", &from, "-o", &until], "2 3 "),
        (&["-e", "--from", &from_time], "2 3 4 5 "),
        (&["--from", &from_time, "--to", &to_time], "2 3 "),
        (&["-e", "--from", "-15m"], "0 1 2 3 4 5 "),
        // So is a count.
        (&["-c", "2", "-o", "beginning"], "0 1 "),
        (&["-c", "1", "-o", "-1"], "5 "),
        (&["-c", "0"], ""),
        (&["-e", "-p", "0", "-o", "5"], "5 "),
        (&["-e", "-p", "7"], ""),
        (&["-e", "--user", "user-1"], "1 3 5 "),
        (&["-e", "--order", &orders[3]], "3 "),
        (&["-e", "--type", "OrderSubmitted", "-o", "5"], "5 "),
        (&["-e", "--type", "OrderPlaced"], ""),
    ] {
        assert_eq!(shown(flags).await, wanted, "{flags:?}");
    }
    let wrong = audit(&folder, &world, &["tail", "-o", "middle"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
    let unknown = audit(&folder, &world, &["tail", "-e", "-t", "nothing"]).await;
    assert!(unknown.code == Some(1) && unknown.err.contains("there is no topic nothing"), "{}", unknown.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_tell_what_came_with_an_event() {
    let (world, folder) = (World::with(Options { partitions: 1, ..Options::default() }).await, Folder::new());
    let submitted = submission(&[("MUG", 2)]);
    let order = submitted.order_id.to_string();
    let event = Event::from(submitted);
    let envelope = world.envelope(&event);
    let raw = Raw::of(&envelope, &order, world.codec.encode(&event).unwrap()).with("shop", "a");
    let raw = Raw {
        headers: [raw.headers, vec![("shop".into(), Some(b"b".into())), ("none".into(), None)]].concat(),
        ..raw
    };
    world.topics.send("orders.intake", &raw).await;

    let json = &lines(&audit(&folder, &world, &["tail", "-e", "-J"]).await.well().out)[0];
    let place = (json["topic"].as_str(), json["partition"].as_i64(), json["offset"].as_i64());
    assert_eq!(place, (Some("orders.intake"), Some(0), Some(0)));
    assert_eq!((json["key"].as_str(), json["type"].as_str()), (Some(&*order), Some("OrderSubmitted")));
    assert_eq!(json["value"]["lines"][0], serde_json::json!({"sku": "MUG", "quantity": 2}));
    // All headers, also those that no contract knows.
    let headers = json["headers"].as_object().unwrap();
    let wanted: BTreeSet<&str> = raw.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(headers.keys().map(String::as_str).collect::<BTreeSet<_>>(), wanted);
    assert_eq!(headers["ce_id"], envelope.id.to_string());
    assert_eq!((&headers["shop"], &headers["none"]), (&serde_json::json!(["a", "b"]), &Value::Null));

    let template = "%t|%p|%o|%k|%K|%S|%e|%i|%%|%q\\t|%T\\n";
    let text = audit(&folder, &world, &["tail", "-e", "-f", template]).await.well().out;
    let payload = raw.payload.unwrap().len();
    let wanted = format!(
        "orders.intake|0|0|{order}|36|{payload}|OrderSubmitted|{}|%|%q\t|{}\n",
        envelope.id, json["ts"]
    );
    assert_eq!(text, wanted);
    let text = audit(&folder, &world, &["tail", "-e", "-f", "%h|%s"]).await.well().out;
    assert!(text.contains(&format!("ce_id={},", envelope.id)) && text.contains("shop=a,"), "{text}");
    assert_eq!(serde_json::from_str::<Value>(text.rsplit_once('|').unwrap().1).unwrap(), json["value"]);

    let line = audit(&folder, &world, &["tail", "-e"]).await.well().out;
    let told = ["OrderSubmitted", &order, "1 lines, credit_card, by user-1", "orders.intake[0]@0"];
    assert!(told.iter().all(|told| line.contains(told)), "{line}");
}

/// From the end on, until there is enough of it; what comes is shown as it comes.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_is_shown_as_it_comes() {
    let (world, folder) = (World::new().await, Folder::new());
    world.submit(&[("MUG", 1)]).await;
    let following =
        tool(&folder, &world, &["audit", "tail", "-o", "beginning", "-c", "3", "-f", "%e\\n"]).await.start();
    following.prints("OrderSubmitted\n").await;
    world.publish(product("MUG", "1.00", "EUR", true)).await;
    following.prints("ProductChanged\n").await;
    world.submit(&[("MUG", 1)]).await;
    let done = following.ended().await.well();
    assert_eq!(done.out, "OrderSubmitted\nProductChanged\nOrderSubmitted\n");
}
