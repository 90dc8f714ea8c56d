//! Customers. Each remembers the order that was acknowledged to it; each asks again until it is.

use std::time::{Duration, Instant};

use minuet_events::Event;
use minuet_events::orders::OrderCancellationRequested;
use minuet_events::payments::RefundRequested;
use minuet_events::values::{OrderId, UserId};
use minuet_tests::submission;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::random::Random;
use super::shop::{DECLINED, HANGING, PLENTY, SCARCE, Shop};

/// Requests at the same time.
const CUSTOMERS: usize = 8;
const AGAIN: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(240);

#[derive(Clone, Copy, Debug)]
enum Story {
    Plain,
    TwoLines,
    Scarce,
    Declined,
    UnknownProduct,
    /// The provider never answers, and the reservation expires.
    Expires,
    /// Cancelled while the provider is asked.
    Stopped,
    CancelledAtOnce,
    /// As an event of another program, after its own cancellation.
    CancelledBefore,
    RefundedAtOnce,
    RefundedLater,
}

/// Of every twenty orders.
const STORIES: [Story; 20] = {
    use Story::{
        CancelledAtOnce, CancelledBefore, Declined, Expires, Plain, RefundedAtOnce, RefundedLater, Scarce,
        Stopped, TwoLines, UnknownProduct,
    };
    [
        Plain,
        TwoLines,
        Stopped,
        Expires,
        Scarce,
        RefundedLater,
        Declined,
        CancelledAtOnce,
        CancelledBefore,
        RefundedAtOnce,
        UnknownProduct,
        Plain,
        TwoLines,
        Plain,
        Scarce,
        Plain,
        CancelledAtOnce,
        Plain,
        RefundedLater,
        Plain,
    ]
};

/// Answers with every order that was acknowledged, which is every order. Their beginnings are spread over `over`.
pub(super) async fn load(shop: &Shop, orders: usize, seed: u64, over: Duration) -> Vec<OrderId> {
    let mut stories: Vec<Story> = STORIES.into_iter().cycle().take(orders).collect();
    Random::new(seed).shuffle(&mut stories);
    let room = Semaphore::new(CUSTOMERS);
    let step = over / u32::try_from(orders).unwrap();
    let customers = stories.into_iter().zip(0..).map(|(story, number)| {
        let room = &room;
        async move {
            sleep(step * number).await;
            customer(shop, story, number, room).await
        }
    });
    futures::future::join_all(customers).await
}

async fn customer(shop: &Shop, story: Story, number: u32, room: &Semaphore) -> OrderId {
    let plenty = PLENTY[number as usize % 2];
    let lines: Vec<(&str, u32)> = match story {
        Story::TwoLines => PLENTY.map(|sku| (sku, 1 + number % 4)).to_vec(),
        Story::Scarce => vec![(SCARCE, 1), (plenty, 1)],
        Story::Declined => vec![(DECLINED, 1)],
        Story::UnknownProduct => vec![("NOWHERE", 1), (plenty, 1)],
        Story::Expires | Story::Stopped => vec![(HANGING, 1)],
        _ => vec![(plenty, 1 + number % 3)],
    };
    let seat = room.acquire().await.unwrap();
    let order = match story {
        Story::CancelledBefore => {
            let submitted = submission(&lines);
            let order = submitted.order_id;
            publish(shop, cancellation(order)).await;
            publish(shop, submitted).await;
            order
        }
        _ => submit(shop, number, &lines).await,
    };
    drop(seat);
    match story {
        Story::CancelledAtOnce => publish(shop, cancellation(order)).await,
        Story::RefundedAtOnce => publish(shop, refund(order)).await,
        Story::Stopped => {
            status(shop, "payment", "select status::text from payments where order_id = $1", order, |_| true)
                .await;
            publish(shop, cancellation(order)).await;
        }
        Story::RefundedLater => {
            let at_end = |status: &str| ["confirmed", "cancelled", "failed"].contains(&status);
            status(shop, "order", "select status::text from orders where id = $1", order, at_end).await;
            publish(shop, refund(order)).await;
        }
        Story::Plain
        | Story::TwoLines
        | Story::Scarce
        | Story::Declined
        | Story::UnknownProduct
        | Story::Expires
        | Story::CancelledBefore => {}
    }
    order
}

/// Asked again under the same key until somebody says yes: whatever was said before, it is one order.
async fn submit(shop: &Shop, number: u32, lines: &[(&str, u32)]) -> OrderId {
    let lines: Vec<Value> = lines.iter().map(|(sku, n)| json!({"sku": sku, "quantity": n})).collect();
    let order = json!({"payment_method": "credit_card", "lines": lines});
    let key = uuid::Uuid::from_u128(0x6b69_7400_0000_4000_8000_0000_0000_0000 + u128::from(number));
    let (begun, mut seen) = (Instant::now(), String::new());
    while begun.elapsed() < PATIENCE {
        let request = shop
            .api
            .as_user(Method::POST, "/v1/orders")
            .header("idempotency-key", key.to_string())
            .header("prefer", "respond-async")
            .json(&order)
            .timeout(Duration::from_secs(30));
        match request.send().await {
            Ok(answer) if answer.status().is_success() => {
                let location = answer.headers()["location"].to_str().unwrap();
                return OrderId::parse(location.rsplit('/').next().unwrap()).unwrap();
            }
            // Asked again after its answer was lost, what is to be rejected may be so by now: it is known, and at its end.
            Ok(answer) if answer.status().as_u16() == 422 => {
                let problem: Value = answer.json().await.unwrap();
                let instance = problem["instance"].as_str().unwrap_or_else(|| panic!("{problem:#}"));
                return OrderId::parse(instance.rsplit('/').next().unwrap()).unwrap();
            }
            Ok(answer) => seen = format!("{answer:?}"),
            Err(error) => seen = format!("{error:?}"),
        }
        sleep(AGAIN).await;
    }
    panic!("order {number} is not acknowledged: {seen}")
}

fn cancellation(order_id: OrderId) -> Event {
    let requested_by = UserId::parse("user-1").unwrap();
    OrderCancellationRequested { order_id, requested_by, reason: "changed my mind".to_owned() }.into()
}

fn refund(order_id: OrderId) -> Event {
    let requested_by = UserId::parse("admin:boss").unwrap();
    RefundRequested { order_id, requested_by, reason: "broken".to_owned(), amount: None, return_stock: None }
        .into()
}

/// Under one id until the broker has it.
async fn publish(shop: &Shop, event: impl Into<Event>) {
    let event = event.into();
    let envelope = shop.world.envelope(&event);
    let begun = Instant::now();
    while let Err(error) = shop.world.publisher.publish(envelope.clone(), event.clone()).await {
        assert!(begun.elapsed() < PATIENCE, "{event:?} is not taken: {error:?}");
        sleep(AGAIN).await;
    }
}

/// Waits until the order's row says what is wanted. A database that is away is asked again.
async fn status(shop: &Shop, service: &str, sql: &'static str, order: OrderId, is_it: impl Fn(&str) -> bool) {
    let begun = Instant::now();
    loop {
        let found: Result<Option<String>, sqlx::Error> =
            sqlx::query_scalar(sql).bind(order.as_uuid()).fetch_optional(shop.world.pool(service)).await;
        if matches!(&found, Ok(Some(status)) if is_it(status)) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{service} has {found:?} of {order}");
        sleep(AGAIN).await;
    }
}
