//! A gateway that is told to stop finishes what is open.

use minuet_tests::{assert_books_balance, until};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Shop, order};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_is_answered() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    let Shop { world, order: _order, inventory: _inventory, payment, gateway, api } = shop;
    payment.stop().await;

    let request = api.as_user(Method::POST, "/v1/orders").json(&order(&[("CHAIR", 1)]));
    let open = tokio::spawn(async move { api.send(request.header("prefer", "wait=30")).await });
    world.await_number("order", "select count(*) from orders where status = 'pending'", 1).await;
    gateway.stop().await;
    let answer = open.await.unwrap();
    assert_eq!(answer.status, 202, "taken in, the rest is still to come: {answer:?}");
    assert_eq!(answer.header("location"), Some(format!("/v1/orders/{}", answer.order_id()).as_str()));

    let _payment = world.payment().await;
    world.await_status(answer.order_id().into(), "confirmed").await;
    assert_books_balance(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_body_is_still_to_come_is_taken_in_and_no_new_one_is() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    let Shop { world, order: _order, inventory: _inventory, payment: _payment, gateway, api } = shop;

    let address = gateway.address;
    let mut client = TcpStream::connect(address).await.unwrap();
    let (token, body) = (api.token("user-1", false), order(&[("CHAIR", 1)]).to_string());
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nhost: minuet\r\nauthorization: Bearer {token}\r\nexpect: 100-continue\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body: the request is open.
    let mut go_on = [0; 25];
    client.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    let stopped = tokio::spawn(gateway.stop());
    until("no new connection is taken", || async {
        if TcpStream::connect(address).await.is_err() { Ok(()) } else { Err("still listening") }
    })
    .await;
    // Long enough for a gateway that does not wait to be gone.
    let meanwhile = world.submit(&[("CHAIR", 1)]).await;
    world.await_status(meanwhile, "confirmed").await;
    assert!(!stopped.is_finished(), "it waits for what is open");
    client.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    stopped.await.unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_default();
    assert!(["201", "202"].contains(&status), "{answer}");

    world.await_number("order", "select count(*) from orders where status = 'confirmed'", 2).await;
    assert_books_balance(&world).await;
}
