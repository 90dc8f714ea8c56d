//! The order service is away, or slow: orders are taken all the same.

use std::net::SocketAddr;

use minuet_tests::{Running, World, assert_books_balance, until};
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpSocket;

use super::order;

async fn order_service(world: &World, listen: SocketAddr) -> Running {
    let settings = minuet_order::Settings { listen, ..Default::default() };
    let parts = world.parts("order");
    Running::start("order", move |bound, shutdown| async move {
        minuet_order::run(settings, parts, bound, shutdown).await.map_err(|error| format!("{error:?}"))
    })
    .await
}

/// At the same address after it was away, as a service has it that is started again.
#[tokio::test(flavor = "multi_thread")]
async fn orders_are_taken_while_the_order_service_is_away() {
    let world = World::new().await;
    // Bound here too, so that nobody else is given the port while the service is away.
    let held = TcpSocket::new_v4().unwrap();
    held.set_reuseaddr(true).unwrap();
    held.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = held.local_addr().unwrap();
    let services = [order_service(&world, address).await, world.inventory().await, world.payment().await];
    let (_gateway, api) = world.gateway(&services).await;
    world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    let [order_one, _inventory, _payment] = services;
    let get = async |path: &str| api.send(api.as_user(Method::GET, path)).await;
    let health = get("/healthz").await;
    assert_eq!((health.status.as_u16(), &health.body["ok"]), (200, &json!(true)));
    let ready = get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.body["ready"]), (200, &json!(true)));

    order_one.stop().await;
    let not_ready = until("the gateway is not ready", || async {
        let answer = get("/readyz").await;
        if answer.status == 503 { Ok(answer) } else { Err(answer) }
    })
    .await;
    let dependencies = &not_ready.body["dependencies"];
    assert_eq!((&not_ready.body["ready"], &dependencies["order"]["ok"]), (&json!(false), &json!(false)));
    assert_eq!(dependencies["kafka"]["ok"], true);
    assert!(dependencies["order"]["since"].is_string(), "{dependencies}");
    assert_eq!(get("/healthz").await.status, 200, "it lives, it only misses somebody");

    let post = |key: &str| {
        let request = api.as_user(Method::POST, "/v1/orders").json(&order(&[("CHAIR", 1)]));
        request.header("idempotency-key", key).header("prefer", "wait=30")
    };
    let accepted = api.send(post("a")).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let location = accepted.header("location").unwrap();
    assert_eq!(location, format!("/v1/orders/{}", accepted.order_id()));
    let again = api.send(post("a")).await;
    assert_eq!((again.status.as_u16(), again.order_id()), (202, accepted.order_id()));
    for path in [location, "/v1/orders"] {
        let answer = get(path).await;
        answer.problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }

    let _order = order_service(&world, address).await;
    until("the gateway is ready again", || async {
        let answer = get("/readyz").await;
        if answer.status == 200 { Ok(()) } else { Err(answer) }
    })
    .await;
    world.await_status(accepted.order_id().into(), "confirmed").await;
    assert_eq!(get(location).await.body["status"], "confirmed");
    assert_books_balance(&world).await;
    assert_eq!(world.number("order", "select count(*) from orders").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_not_priced_in_time_is_accepted() {
    let world = World::new().await;
    let services = world.services().await;
    let (_gateway, api) = world.gateway(&services).await;
    world.product("CHAIR", "49.90", &[("BER", 10)]).await;

    // Nobody can look up a price.
    let mut lock = world.pool("order").begin().await.unwrap();
    sqlx::query("lock table products in access exclusive mode").execute(&mut *lock).await.unwrap();
    let request = api.as_user(Method::POST, "/v1/orders").json(&order(&[("CHAIR", 1)]));
    let answer = api.send(request).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.body, json!({"order_id": answer.order_id()}), "nothing more is known");
    assert_eq!(answer.header("location"), Some(format!("/v1/orders/{}", answer.order_id()).as_str()));

    lock.rollback().await.unwrap();
    world.await_status(answer.order_id().into(), "confirmed").await;
    assert_books_balance(&world).await;
}
