//! What a person does with parked events: by the command, on the database alone; and over the service's HTTP.

use minuet_events::Event;
use minuet_events::orders::OrderCancellationRequested;
use minuet_events::payments::PaymentSucceeded;
use minuet_events::values::{Amount, Currency, OrderId, PaymentMethod, UserId};
use minuet_tests::{Api, Done, Folder, Raw, World, assert_books_balance, submission, until};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// Whatever this user orders, the database refuses.
const POISON: &str = "create function refuse() returns trigger language plpgsql as
         $$ begin raise exception 'poison' using errcode = '23514'; end $$;
     create trigger refuse before insert on orders for each row when (new.user_id = 'poison') execute function refuse()";
const CURE: &str = "drop trigger refuse on orders";

async fn execute(world: &World, sql: &'static str) {
    sqlx::raw_sql(sql).execute(world.pool("order")).await.unwrap();
}

async fn await_parked(world: &World, wanted: i64) {
    let parked = "select count(*) from dead_letters where discarded_at is null";
    world.await_number("order", parked, wanted).await;
}

/// Inventory reads `payments.events` too, and has parked the same.
async fn at_rest(world: &World) {
    world.await_number("inventory", "select count(*) from dead_letters", 2).await;
    sqlx::query("delete from dead_letters").execute(world.pool("inventory")).await.unwrap();
    assert_books_balance(world).await;
}

/// An order that is parked as long as the database is poisoned.
async fn poison(world: &World) -> OrderId {
    let mut submitted = submission(&[("LAMP", 1)]);
    submitted.user_id = UserId::parse("poison").unwrap();
    let order = submitted.order_id;
    world.publish(submitted).await;
    order
}

/// On `payments.events`: what cannot be read, and behind it what can, of an order that is cancelled already.
async fn garbage_and_what_waits(world: &World) -> OrderId {
    let submitted = submission(&[("LAMP", 1)]);
    let (order_id, requested_by) = (submitted.order_id, submitted.user_id.clone());
    world.publish(OrderCancellationRequested { order_id, requested_by, reason: "a test".to_owned() }).await;
    world.publish(submitted).await;
    world.await_status(order_id, "cancelled").await;
    let paid = Event::from(PaymentSucceeded {
        order_id,
        payment_id: Uuid::now_v7().into(),
        transaction_id: "t".to_owned(),
        payment_method: PaymentMethod::Paypal,
        currency: Currency::parse("EUR").unwrap(),
        amount: Amount::parse("20.00").unwrap(),
    });
    let key = order_id.to_string();
    let good = Raw::of(&world.envelope(&paid), &key, world.codec.encode(&paid).unwrap());
    let garbage = Raw { payload: Some(b"\x1b[2J no avro".to_vec()), ..good.clone() };
    for raw in [garbage, good] {
        world.topics.send("payments.events", &raw).await;
    }
    order_id
}

/// The command on the order service's database. The registry and Kafka are not told to it, unless it is to show.
struct Command<'a>(&'a Folder, &'a World);

impl Command<'_> {
    async fn run(&self, arguments: &[&str]) -> Done {
        let arguments: Vec<&str> = ["dead-letters"].iter().chain(arguments).copied().collect();
        self.1.minuet(self.0, &arguments).env("USER", "olga").run().await
    }

    async fn list(&self, more: &[&str]) -> Vec<Value> {
        let arguments: Vec<&str> = ["list", "--service", "order", "-J"].iter().chain(more).copied().collect();
        let done = self.run(&arguments).await.well();
        done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn one(&self, reason: &str) -> String {
        let letters = self.list(&["--reason", reason]).await;
        let [letter] = letters.as_slice() else { panic!("one is expected: {letters:#?}") };
        letter["id"].to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_lists_shows_redrives_and_discards() {
    let (world, folder) = (World::new().await, Folder::new());
    let command = Command(&folder, &world);
    assert_eq!(command.run(&["list"]).await.well().out, "nothing is parked\n");
    let [order, _inventory, _payment] = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    execute(&world, POISON).await;
    let poisoned = poison(&world).await;
    let cancelled = garbage_and_what_waits(&world).await;
    await_parked(&world, 3).await;

    // A table, and JSON lines.
    let table = command.run(&["list", "--service", "order"]).await.well().out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[0].starts_with("SERVICE  ID  PARKED"), "{table}");
    for (key, reason, state) in [
        (poisoned, "constraint", "parked"),
        (cancelled, "undecodable", "parked"),
        (cancelled, "waits_behind", "waits"),
    ] {
        let line = lines.iter().find(|line| line.contains(reason)).unwrap();
        assert!(
            line.starts_with("order ") && line.contains(&key.to_string()) && line.ends_with(state),
            "{line}"
        );
    }
    let of_key = command.list(&["--key", &cancelled.to_string()]).await;
    assert_eq!(of_key.len(), 2, "{of_key:#?}");
    let first = command.run(&["list", "--service", "order", "--limit", "2"]).await.well();
    assert!(first.err.contains("order has more: --service order --after "), "{first:#?}");

    // One with all that is known of it.
    let constraint = command.one("constraint").await;
    let shown = command.run(&["show", "--service", "order", &constraint]).await.well().out;
    for part in [
        "constraint: ",
        "remedy    Read the constraint's name",
        "poison",
        "ce_source = /test",
        "payload   OrderSubmitted",
        "\"LAMP\"",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let undecodable = command.one("undecodable").await;
    let shown = command.run(&["show", "--service", "order", &undecodable]).await.well().out;
    assert!(shown.contains("12 bytes, no record: ") && shown.contains("1b5b324a206e6f206176726f"), "{shown}");
    let line = command.run(&["show", "--service", "order", &constraint, "-J"]).await.well().out;
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["type"], &line["value"]["user_id"]), (&json!("OrderSubmitted"), &json!("poison")));
    let typo = command.run(&["list", "--service", "order", "--reason", "constrain"]).await;
    assert!(typo.code == Some(2) && typo.err.contains("takes one of key, headers, "), "{typo:#?}");

    // Not mended yet: it stays, tried once more.
    let redrive = ["redrive", "--service", "order", &constraint];
    let again = command.run(&redrive).await;
    assert_eq!(again.code, Some(1), "{again:#?}");
    assert!(again.out.contains("stays parked, tried 4 times: constraint: "), "{again:#?}");
    assert!(again.err.contains("1 of 1 events are still parked"), "{again:#?}");

    // What cannot be read is given up, with who and why; what waits behind it is told, and goes on.
    let no_reason = command.run(&["discard", "--service", "order", &undecodable]).await;
    assert_eq!(no_reason.code, Some(2), "{no_reason:#?}");
    let discard = ["discard", "--service", "order", &undecodable, "--reason", "nobody can read it"];
    let done = command.run(&discard).await.well();
    assert!(done.err.contains("1 events of its key still wait"), "{done:#?}");
    let twice = command.run(&discard).await;
    assert!(twice.code == Some(1) && twice.err.contains("was discarded before"), "{twice:#?}");
    let kept: Vec<Value> = command.list(&["--discarded"]).await;
    let kept = kept.iter().find(|letter| letter["state"] == "discarded").unwrap();
    assert_eq!(
        (&kept["discarded_by"], &kept["discard_reason"]),
        (&json!("olga"), &json!("nobody can read it"))
    );
    let waits = command.one("waits_behind").await;
    command.run(&["redrive", "--service", "order", &waits]).await.well();
    assert_eq!(command.list(&[]).await.len(), 1);

    // The service is away: it stays asked for, and is done when it comes back.
    execute(&world, CURE).await;
    order.stop().await;
    let pending =
        command.run(&["redrive", "--service", "order", "--reason", "constraint", "--wait", "1s"]).await;
    assert_eq!(pending.code, Some(1), "{pending:#?}");
    assert!(pending.out.contains("not tried yet") && pending.err.contains("once it runs"), "{pending:#?}");
    let _order = world.order().await;
    world.await_status(poisoned, "confirmed").await;
    assert_eq!(command.list(&[]).await, Vec::<Value>::new());
    let gone = command.run(&redrive).await;
    assert!(gone.code == Some(1) && gone.err.contains("no parked event"), "{gone:#?}");
    at_rest(&world).await;
}

/// Without a registry, and while the service is down, it can be seen what is parked.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_needs_nothing_but_the_database() {
    let (world, folder) = (World::new().await, Folder::new());
    let order = world.order().await;
    let submitted = Event::from(submission(&[("LAMP", 1)]));
    let good = Raw::of(&world.envelope(&submitted), "no id", world.codec.encode(&submitted).unwrap());
    world.topics.send("orders.intake", &good).await;
    await_parked(&world, 1).await;
    order.stop().await;
    let show = folder.minuet(["dead-letters", "show", "--service", "order", "1"]);
    let shown =
        show.env("MINUET_ORDER__DATABASE_URL", world.settings("order").database_url).run().await.well();
    assert!(shown.out.contains("no record: the registry was not asked"), "{shown:#?}");
    assert!(shown.err.contains("registry.url is missing"), "{shown:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_settle_parked_events_over_http() {
    let world = World::new().await;
    let [order, _inventory, _payment] = world.services().await;
    let api = Api::new(order.address, world.secret());
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    execute(&world, POISON).await;
    let poisoned = poison(&world).await;
    garbage_and_what_waits(&world).await;
    await_parked(&world, 3).await;
    let get = async |path: &str| api.send(api.as_admin(Method::GET, path)).await;
    let post = async |path: &str, body: Value| api.send(api.as_admin(Method::POST, path).json(&body)).await;

    // Admins only, and nothing but what is known.
    let all = "/v1/dead-letters";
    api.send(api.request(Method::GET, all)).await.problem(401, "unauthenticated");
    api.send(api.as_user(Method::GET, all)).await.problem(403, "insufficient-scope");
    api.send(api.as_user(Method::POST, "/v1/dead-letters/1/redrive"))
        .await
        .problem(403, "insufficient-scope");
    api.send(api.as_user(Method::POST, "/v1/dead-letters/1/discard"))
        .await
        .problem(403, "insufficient-scope");
    api.send(api.as_user(Method::GET, "/v1/dead-letters/1")).await.problem(403, "insufficient-scope");
    api.send(api.as_admin(Method::DELETE, all)).await.problem(405, "method-not-allowed");
    let wrong = get("/v1/dead-letters?limit=101&colour=red").await;
    assert_eq!(
        wrong.problem(400, "invalid-query"),
        [("limit", "invalid_limit"), ("colour", "unknown_parameter")]
    );
    get("/v1/dead-letters/x").await.problem(400, "invalid-query");
    get("/v1/dead-letters/999").await.problem(404, "not-found");
    post("/v1/dead-letters/999/redrive", json!({})).await.problem(404, "not-found");
    post("/v1/dead-letters/999/discard", json!({"reason": "x"})).await.problem(404, "not-found");

    // Page by page.
    let (mut seen, mut path) = (Vec::new(), format!("{all}?limit=2"));
    loop {
        let page = get(&path).await.body;
        let letters = page["dead_letters"].as_array().unwrap().clone();
        assert!((1..=2).contains(&letters.len()), "{page:#}");
        seen.extend(letters);
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{all}?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 3, "{seen:#?}");
    let id = |reason: &str| seen.iter().find(|letter| letter["reason"] == reason).unwrap()["id"].clone();
    let (constraint, undecodable, waits) = (id("constraint"), id("undecodable"), id("waits_behind"));
    let shown = get(&format!("{all}/{constraint}")).await.body;
    assert_eq!((&shown["type"], &shown["headers"]["ce_source"]), (&json!("OrderSubmitted"), &json!("/test")));
    assert_eq!(shown["value"]["order_id"], json!(poisoned));
    let remedy = shown["remedy"].as_str().unwrap();
    assert!(remedy.starts_with("Read the constraint's name"), "{remedy}");

    // Redriven in vain, and with those that wait; discarded; redriven.
    let undecoded = post(&format!("{all}/{waits}/redrive"), json!({})).await;
    assert_eq!(undecoded.status, 200, "{undecoded:?}");
    let outcomes: Vec<&Value> =
        undecoded.body["letters"].as_array().unwrap().iter().map(|letter| &letter["outcome"]).collect();
    assert_eq!(outcomes, ["parked", "waits"], "the first of the key fails again");
    let discard = format!("{all}/{undecodable}/discard");
    let nothing = post(&discard, json!({})).await;
    assert_eq!(nothing.problem(422, "invalid-request"), [("reason", "required")]);
    let blank = post(&discard, json!({"reason": " "})).await;
    assert_eq!(blank.problem(422, "invalid-request"), [("reason", "invalid_reason")]);
    api.send(api.as_admin(Method::POST, &discard).body("{")).await.problem(400, "malformed-json");
    let large = api.as_admin(Method::POST, &discard).body(" ".repeat(5_000));
    api.send(large).await.problem(413, "body-too-large");
    let done = post(&discard, json!({"reason": "nobody can read it"})).await;
    let expected = json!({"id": undecodable, "discarded_by": "admin:boss", "discard_reason": "nobody can read it", "waiting": 1});
    assert_eq!((done.status.as_u16(), &done.body), (200, &expected));
    post(&discard, json!({"reason": "again"})).await.problem(409, "already-discarded");
    post(&format!("{all}/{undecodable}/redrive"), json!({})).await.problem(409, "already-discarded");
    execute(&world, CURE).await;
    for letter in [waits, constraint] {
        let done = post(&format!("{all}/{letter}/redrive?timeout_ms=30000"), json!({})).await;
        assert_eq!(done.body, json!({"letters": [{"id": letter, "outcome": "redriven"}]}));
    }
    world.await_status(poisoned, "confirmed").await;
    let kept = get(&format!("{all}?discarded=true")).await.body;
    assert_eq!(kept["dead_letters"].as_array().unwrap().len(), 1, "{kept:#}");

    // The database is away: a problem too.
    until("the database is away", || async {
        let pool = world.pool("order");
        let closed = sqlx::query("alter table dead_letters rename to away").execute(pool).await;
        closed.map(drop).map_err(|error| error.to_string())
    })
    .await;
    get(all).await.problem(503, "unavailable");
    execute(&world, "alter table away rename to dead_letters").await;
    at_rest(&world).await;
}

/// The service takes a second before it says that a redrive is answered.
const SLOW_ANSWER: &str = "create function slow() returns trigger language plpgsql as $$ begin
         if current_setting('application_name') = 'minuet-order' then perform pg_sleep(1); end if; return null; end $$;
     create trigger slow before update of redrive on dead_letters for each statement execute function slow()";

/// Whoever sees that a redrive was in vain, mends the cause and asks again is heard, however soon that is.
#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_that_is_asked_for_right_after_one_in_vain_is_done() {
    const REDRIVE: &str = "update dead_letters set redrive = true";
    let world = World::new().await;
    let [_order, _inventory, _payment] = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    execute(&world, POISON).await;
    execute(&world, SLOW_ANSWER).await;
    let order = poison(&world).await;
    await_parked(&world, 1).await;
    execute(&world, REDRIVE).await;
    world.await_number("order", "select count(*) from dead_letters where attempts > 3", 1).await;
    execute(&world, CURE).await;
    execute(&world, REDRIVE).await;
    world.await_status(order, "confirmed").await;
}
