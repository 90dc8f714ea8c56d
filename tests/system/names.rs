//! Names that look like another, or that cannot be seen: refused at the edge and on intake, and never shown as they are.

use minuet_events::Event;
use minuet_events::catalog::ProductChanged;
use minuet_events::inventory::StockAdjusted;
use minuet_events::orders::OrderCancellationRequested;
use minuet_events::payments::RefundRequested;
use minuet_events::values::{Sku, UserId, WarehouseCode};
use minuet_tests::{Api, Folder, World, adjustment, assert_books_balance, product, stack, submission};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::tool;

/// A zero width space, a right-to-left override, a soft hyphen, a line separator, private use, a filler that is a letter, a
/// space that is none.
const UNSEEN: [char; 7] = ['\u{200b}', '\u{202e}', '\u{ad}', '\u{2028}', '\u{e000}', '\u{3164}', '\u{a0}'];
const COMPOSED: &str = "CAF\u{c9}";
const DECOMPOSED: &str = "CAFE\u{301}";

/// As one segment of a path.
fn segment(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn order(sku: &str) -> Value {
    json!({"payment_method": "paypal", "lines": [{"sku": sku, "quantity": 1}]})
}

fn tea(price: &str) -> Value {
    json!({"name": "Tea", "unit_price": price, "currency": "EUR", "active": true})
}

/// What a user's token says, and nothing checks before it is sent.
fn token_of(secret: &str, user: &str) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let claims = json!({"sub": user, "exp": jsonwebtoken::get_current_timestamp() + 600});
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_name_has_one_form_at_the_edge() {
    let world = World::new().await;
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    let put = api.as_admin(Method::PUT, &format!("/v1/products/{}", segment(DECOMPOSED))).json(&tea("2.00"));
    let put = api.send(put).await;
    assert_eq!((put.status.as_u16(), &put.body["sku"]), (200, &json!(COMPOSED)), "{put:?}");
    assert_eq!(put.header("location"), Some("/v1/products/CAF%C3%89"));
    let stock = format!("/v1/stock/{}/{}/adjustments", segment(DECOMPOSED), segment("BE\u{308}R"));
    let adjust = api.as_admin(Method::POST, &stock).json(&json!({"delta": 5, "reason": "delivery"}));
    let adjusted = api.send(adjust).await;
    assert_eq!(
        (adjusted.status.as_u16(), &adjusted.body["sku"], &adjusted.body["warehouse_code"]),
        (200, &json!(COMPOSED), &json!("B\u{cb}R")),
        "{adjusted:?}"
    );
    for sku in [COMPOSED, DECOMPOSED] {
        for what in ["products", "stock"] {
            let shown = api.send(api.as_admin(Method::GET, &format!("/v1/{what}/{}", segment(sku)))).await;
            assert_eq!(shown.body["sku"], COMPOSED, "{sku:?} {shown:?}");
        }
        let ordered = api.as_user(Method::POST, "/v1/orders").header("prefer", "wait=30").json(&order(sku));
        let ordered = api.send(ordered).await;
        assert_eq!(ordered.status, 201, "{ordered:?}");
        assert_eq!(
            (&ordered.body["status"], &ordered.body["lines"][0]["sku"]),
            (&json!("confirmed"), &json!(COMPOSED))
        );
    }
    let both = json!({"payment_method": "paypal", "lines": [
        {"sku": COMPOSED, "quantity": 1}, {"sku": DECOMPOSED, "quantity": 1}]});
    let both = api.send(api.as_user(Method::POST, "/v1/orders").json(&both)).await;
    assert_eq!(both.problem(422, "invalid-request"), [("lines[1].sku", "duplicate_sku")]);
    assert_eq!(world.number("order", "select count(*) from products").await, 1);
    assert_eq!(world.number("inventory", "select count(*) from stock").await, 1);
    assert_books_balance(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_seen_is_refused_at_the_edge() {
    let world = World::new().await;
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    for unseen in UNSEEN {
        let name = format!("TEA{unseen}1");
        let ordered = api.send(api.as_user(Method::POST, "/v1/orders").json(&order(&name))).await;
        assert_eq!(ordered.problem(422, "invalid-request"), [("lines[0].sku", "invalid_sku")], "{unseen:?}");
        assert!(!ordered.body.to_string().contains(unseen), "it is shown escaped: {:?}", ordered.body);
        let product = format!("/v1/products/{}", segment(&name));
        let put = api.send(api.as_admin(Method::PUT, &product).json(&tea("1.00"))).await;
        assert_eq!(put.problem(422, "invalid-request"), [("sku", "invalid_sku")], "{unseen:?}");
        api.send(api.as_admin(Method::GET, &product)).await.problem(404, "not-found");
        let stock = format!("/v1/stock/{0}/{0}/adjustments", segment(&name));
        let adjust = api.as_admin(Method::POST, &stock).json(&json!({"delta": 5, "reason": "delivery"}));
        let adjusted = api.send(adjust).await;
        let both = [("sku", "invalid_sku"), ("warehouse_code", "invalid_warehouse_code")];
        assert_eq!(adjusted.problem(422, "invalid-request"), both, "{unseen:?}");
        as_user(&api, &world, &format!("ann{unseen}a")).await;
    }
    // A name of nothing, and the other form: of two users one would be made.
    for user in [" ", "\u{3000}", " anna", "anna ", "rene\u{301}"] {
        as_user(&api, &world, user).await;
    }
    // Prices that are no plain decimals, and names that show nothing.
    for price in ["1.", ".5", ".", "1..5", " 1", "1 ", "\u{ff11}"] {
        let put = api.send(api.as_admin(Method::PUT, "/v1/products/TEA-1").json(&tea(price))).await;
        assert_eq!(put.problem(422, "invalid-request"), [("unit_price", "invalid_amount")], "{price:?}");
    }
    for name in [" ", "\u{200b}", "\u{3164}\u{3000}"] {
        let body = json!({"name": name, "unit_price": "1.00", "currency": "EUR", "active": true});
        let put = api.send(api.as_admin(Method::PUT, "/v1/products/TEA-1").json(&body)).await;
        assert_eq!(put.problem(422, "invalid-request"), [("name", "invalid_name")], "{name:?}");
    }
    for topic in ["orders.intake", "catalog.products", "inventory.intake"] {
        assert!(world.topics.read(topic).await.is_empty(), "{topic}");
    }
}

async fn as_user(api: &Api, world: &World, user: &str) {
    let request = api.request(Method::POST, "/v1/orders").bearer_auth(token_of(world.secret(), user));
    api.send(request.json(&order("TEA-1"))).await.problem(401, "unauthenticated");
}

/// Requests with odd names, as a program that knows nothing of this rule writes them.
fn requests() -> Vec<(&'static str, Event)> {
    let odd = |name: &str| format!("{name}\u{202e}");
    let mut by_sku = submission(&[("LAMP", 1)]);
    by_sku.lines[0].sku = Sku::parse(DECOMPOSED).unwrap();
    let by_user = |user: &str| {
        let mut submitted = submission(&[("LAMP", 1)]);
        submitted.user_id = UserId::parse(user).unwrap();
        Event::from(submitted)
    };
    let (order_id, reason) = (Uuid::now_v7().into(), "a reason".to_owned());
    let requested_by = UserId::parse(&odd("anna")).unwrap();
    let cancelled =
        OrderCancellationRequested { order_id, requested_by: requested_by.clone(), reason: reason.clone() };
    let warehouse = WarehouseCode::parse(&odd("BER")).unwrap();
    vec![
        ("order", by_sku.into()),
        ("order", by_user(" ")),
        ("order", by_user(&odd("anna"))),
        ("order", cancelled.into()),
        (
            "order",
            ProductChanged { sku: Sku::parse(&odd("LAMP")).unwrap(), ..product("LAMP", "0.01", "EUR", true) }
                .into(),
        ),
        (
            "inventory",
            StockAdjusted { sku: Sku::parse(&odd("LAMP")).unwrap(), ..adjustment("LAMP", "BER", 100) }.into(),
        ),
        ("inventory", StockAdjusted { warehouse_code: warehouse, ..adjustment("LAMP", "BER", 100) }.into()),
        (
            "payment",
            RefundRequested { order_id, requested_by, reason, amount: None, return_stock: None }.into(),
        ),
    ]
}

/// Everything that a command has to say.
async fn told(folder: &Folder, world: &World, arguments: &[&str]) -> String {
    let urls: Vec<String> = ["order", "inventory", "payment"]
        .iter()
        .map(|service| format!("{service}.database_url={}", world.settings(service).database_url))
        .collect();
    let mut all = arguments.to_vec();
    all.extend(urls.iter().flat_map(|url| ["--set", url.as_str()]));
    let done = tool(folder, world, &all).await.run().await;
    assert!(!done.out.is_empty(), "{arguments:?}: {}", done.err);
    format!("{}{}", done.out, done.err)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_intake_they_are_parked_with_their_reason_and_shown_escaped() {
    let (world, folder) = (World::new().await, Folder::new());
    let services = world.services().await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;
    for (_, event) in requests() {
        world.publish(event).await;
    }
    // Text that is no name may hold anything: an order is refunded for this reason, and a product is called so.
    let reason = format!("it came \u{202e}nekorb\u{200b}\nparked: 9 \u{1b}[31m {}", '\u{e000}');
    let order = world.submit(&[("LAMP", 1)]).await;
    world.await_status(order, "confirmed").await;
    let requested_by = UserId::parse("admin:boss").unwrap();
    world
        .publish(RefundRequested {
            order_id: order,
            requested_by,
            reason: reason.replace('\u{1b}', ""),
            amount: None,
            return_stock: None,
        })
        .await;
    world.await_status(order, "cancelled").await;

    for service in ["order", "inventory", "payment"] {
        let wanted = requests().iter().filter(|(by, _)| *by == service).count();
        let sql = "select count(*) from dead_letters where reason = 'inadmissible'";
        world.await_number(service, sql, i64::try_from(wanted).unwrap()).await;
        let detail: Vec<String> = sqlx::query_scalar("select detail from dead_letters")
            .fetch_all(world.pool(service))
            .await
            .unwrap();
        for detail in &detail {
            assert!(detail.contains(" visible characters in Unicode's normal form C"), "{detail}");
            assert!(!detail.contains(UNSEEN), "{detail:?}");
        }
    }
    let orders = world.number("order", "select count(*) from orders").await;
    assert_eq!(orders, 1, "and nobody's order was changed");

    for arguments in [
        &["audit", "tail", "-e"][..],
        &["audit", "tail", "-e", "-J"],
        &["audit", "verify"],
        &["audit", "verify", "--json"],
        &["audit", "replay", "shadow"],
        &["audit", "replay", "export"],
        &["audit", "timeline", &order.to_string()],
        &["audit", "timeline", &order.to_string(), "-f", "mermaid"],
        &["audit", "timeline", &order.to_string(), "-f", "json"],
        &["dead-letters", "list"],
        &["dead-letters", "list", "-J"],
        &["dead-letters", "show", "--service", "order", "1"],
        &["dead-letters", "show", "--service", "order", "1", "-J"],
    ] {
        let text = told(&folder, &world, arguments).await;
        for c in text.chars().filter(|c| !matches!(c, '\n' | '\t')) {
            assert!(!c.is_control() && !UNSEEN.contains(&c), "{c:?} of {arguments:?} in {text}");
        }
        assert!(
            !text.lines().any(|line| line.starts_with("parked: 9")),
            "a line of the reason's own: {text}"
        );
    }
    let wrong = format!(
        "{}\n",
        json!({"sku": "TEA\u{202e}", "name": "Tea", "currency": "EUR", "unit_price": "1.00", "active": true})
    );
    let refused = tool(&folder, &world, &["produce", "ProductChanged"]).await.input(&wrong).run().await;
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.err.contains("sku takes 1 to 64 visible characters"), "{}", refused.err);

    // What was parked is owed nothing, and the past is read as it was.
    for service in services {
        service.stop().await;
    }
    let verified = told(&folder, &world, &["audit", "verify"]).await;
    assert!(verified.contains("everything holds") && verified.contains("inadmissible: "), "{verified}");
    is_rebuilt(&world, &folder).await;
}

pub(crate) async fn is_rebuilt(world: &World, folder: &Folder) {
    for service in ["order", "inventory", "payment"] {
        let name = format!("{}_{service}_again", world.prefix.trim_end_matches('.'));
        stack().await.create_database(&name).await.unwrap();
        let (empty, live) = (stack().await.database_url(&name), world.settings(service).database_url);
        match service {
            "order" => minuet_order::migrate(&empty).await.unwrap(),
            "inventory" => minuet_inventory::migrate(&empty).await.unwrap(),
            _ => minuet_payment::migrate(&empty).await.unwrap(),
        }
        let rebuild =
            ["audit", "replay", "rebuild", "--service", service, "--database", &empty, "--against", &live];
        let rebuilt = tool(folder, world, &rebuild).await.run().await;
        assert_eq!(rebuilt.code, Some(0), "{service}: {}{}", rebuilt.out, rebuilt.err);
        assert!(rebuilt.out.contains(" rows compared, 0 differ"), "{service}: {}", rebuilt.out);
    }
}
