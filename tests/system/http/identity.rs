//! Who may ask, and what they may see.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Shop, order};

/// `{"alg":"none","typ":"JWT"}` and `{"alg":"RS256","typ":"JWT"}`
const NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9";

fn token(secret: &str, algorithm: Algorithm, claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    now.as_secs().cast_signed() + seconds
}

/// Tokens that must not open anything, each with why.
fn bad_tokens(secret: &str) -> Vec<(&'static str, String)> {
    let claims = json!({"sub": "user-1", "exp": in_seconds(600), "scope": "admin"});
    let good = token(secret, Algorithm::HS256, &claims);
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let somebody = token(secret, Algorithm::HS256, &json!({"sub": "somebody", "exp": in_seconds(600)}));
    let other_payload = somebody.split('.').nth(1).unwrap();
    let claiming = |claims: Value| token(secret, Algorithm::HS256, &claims);
    vec![
        ("no token at all", "nonsense".to_owned()),
        ("expired", claiming(json!({"sub": "user-1", "exp": in_seconds(-60)}))),
        ("never expires", claiming(json!({"sub": "user-1"}))),
        ("not valid yet", claiming(json!({"sub": "user-1", "exp": in_seconds(600), "nbf": in_seconds(300)}))),
        ("of nobody", claiming(json!({"exp": in_seconds(600)}))),
        ("of a user with a control character", claiming(json!({"sub": "a\u{7}", "exp": in_seconds(600)}))),
        ("HS384 with the right secret", token(secret, Algorithm::HS384, &claims)),
        ("HS512 with the right secret", token(secret, Algorithm::HS512, &claims)),
        ("says RS256", format!("{RS256}.{payload}.{signature}")),
        ("none, unsigned", format!("{NONE}.{payload}.")),
        ("none, with a signature", format!("{NONE}.{payload}.{signature}")),
        ("the signature cut off", format!("{header}.{payload}.")),
        ("another secret", token("another secret, long enough for HS256", Algorithm::HS256, &claims)),
        ("another's claims under this signature", format!("{header}.{other_payload}.{signature}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_token_nothing_opens_and_nothing_is_produced() {
    let shop = Shop::open().await;
    let api = &shop.api;
    let doors = [
        (Method::POST, "/v1/orders", order(&[("CHAIR", 1)])),
        (Method::GET, "/v1/orders", Value::Null),
        (Method::GET, "/v1/orders/00000000-0000-0000-0000-000000000017", Value::Null),
        (
            Method::PUT,
            "/v1/products/TEA",
            json!({"name": "Tea", "unit_price": "4.50", "currency": "EUR", "active": true}),
        ),
        (Method::GET, "/v1/products/TEA", Value::Null),
        (Method::POST, "/v1/stock/TEA/BER/adjustments", json!({"delta": 5, "reason": "delivery"})),
        (Method::GET, "/v1/stock/TEA", Value::Null),
    ];
    for (method, path, body) in &doors {
        let knock = || api.request(method.clone(), path).json(body);
        let answer = api.send(knock()).await;
        answer.problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="minuet""#), "{method} {path}");
        api.send(knock().basic_auth("user-1", Some("secret"))).await.problem(401, "unauthenticated");
        for (why, token) in bad_tokens(shop.world.secret()) {
            let answer = api.send(knock().bearer_auth(token)).await;
            assert_eq!(answer.status, 401, "{method} {path}: {why}: {answer:?}");
            answer.problem(401, "unauthenticated");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.contains("invalid_token"), "{why}: {challenge}");
        }
    }
    // A good token without the scope opens no admin's door.
    for (method, path, body) in &doors[3..] {
        let answer = api.send(api.as_user(method.clone(), path).json(body)).await;
        answer.problem(403, "insufficient-scope");
        assert!(answer.header("www-authenticate").unwrap().contains("insufficient_scope"), "{answer:?}");
    }
    for topic in ["orders.intake", "catalog.products", "inventory.intake"] {
        assert_eq!(shop.world.topics.read(topic).await.len(), 0, "nothing was produced on {topic}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_order_looks_as_if_it_were_not_there() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    let placed = shop.api.send(shop.order(&[("CHAIR", 1)]).header("prefer", "wait=30")).await;
    let path = placed.header("location").unwrap();

    let own = shop.get(path).await;
    assert_eq!((own.status.as_u16(), &own.body), (200, &placed.body));
    let others = shop.api.send(shop.api.as_named("user-2", Method::GET, path)).await;
    others.problem(404, "not-found");
    let nobodys = shop.get("/v1/orders/00000000-0000-0000-0000-000000000017").await;
    assert_eq!(others.body, nobodys.body, "the two cannot be told apart");
    let admins = shop.admin_gets(path).await;
    assert_eq!((admins.status.as_u16(), &admins.body), (200, &placed.body));
}
