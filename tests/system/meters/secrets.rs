use minuet_tests::World;
use reqwest::Method;
use serde_json::json;

/// Whatever a user types, and whatever the program is trusted with, is in no meter: planted here, looked for everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_meter() {
    let world = World::new().await;
    let services = world.services().await;
    let (gateway, api) = world.gateway(&services).await;
    world.product("LAMP", "20.00", &[("BER", 100)]).await;

    const CARD: &str = "4111111111111111";
    let token = api.token("alice", false);
    let post = async |path: &str, body: serde_json::Value| {
        api.send(api.request(Method::POST, path).bearer_auth(&token).json(&body)).await
    };
    let get = async |path: &str| api.send(api.request(Method::GET, path).bearer_auth(&token)).await;
    let line = |sku: &str| json!([{"sku": sku, "quantity": 1}]);
    let placed = post("/v1/orders", json!({"payment_method": "paypal", "lines": line("LAMP")})).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    // Where a card number might be typed: a method, a sku, a path, a query, a reason.
    post("/v1/orders", json!({"payment_method": CARD, "lines": line(CARD)})).await;
    post("/v1/orders", json!({"payment_method": "paypal", "lines": line(CARD)})).await;
    for path in [format!("/v1/orders/{CARD}"), format!("/{CARD}"), format!("/v1/orders?status={CARD}")] {
        get(&path).await;
    }
    let cancellation = format!("/v1/orders/{}/cancellation", placed.order_id());
    post(&cancellation, json!({"reason": CARD})).await;
    api.send(api.request(Method::from_bytes(CARD.as_bytes()).unwrap(), "/v1/orders")).await;

    let stack = minuet_tests::stack().await;
    let url = stack.database_url("x");
    let password = url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split_once('@'))
        .and_then(|(user, _)| user.split_once(':').map(|(_, password)| password.to_owned()));
    let signature = token.rsplit('.').next().unwrap().to_owned();
    let mut secrets = vec![
        CARD.to_owned(),
        world.secret().to_owned(),
        signature,
        "Bearer".to_owned(),
        "postgres://".to_owned(),
    ];
    secrets.extend(password.filter(|password| password.len() > 5));
    for service in services.iter().chain([&gateway]) {
        let text = service.metrics().await.text;
        assert!(text.len() > 1_000, "{}: {text}", service.name);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{}: {secret} in\n{text}", service.name);
        }
    }
}
