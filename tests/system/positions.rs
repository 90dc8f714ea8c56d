//! What a service remembers of positions: a database, a topic or a cluster that was put back is noticed.

use minuet_messaging::{Accepted, Positions};
use minuet_tests::{Running, World, assert_books_balance, until};

const CONFIRMED: &str = "select count(*) from orders where status = 'confirmed'";

async fn confirm(world: &World, orders: usize) {
    let before = world.number("order", CONFIRMED).await;
    futures::future::join_all((0..orders).map(|_| world.submit(&[("VASE", 1)]))).await;
    world.await_number("order", CONFIRMED, before + orders as i64).await;
}

async fn stop(services: [Running; 3]) {
    let [order, inventory, payment] = services;
    tokio::join!(order.stop(), inventory.stop(), payment.stop());
}

/// Waits until the service says that it is not ready because of its positions, and returns its words.
async fn refusal(service: &Running) -> String {
    until("the positions are refused", || async {
        let answer = reqwest::get(format!("{}/readyz", service.url())).await.map_err(|e| e.to_string())?;
        let (ready, text) = (answer.status().is_success(), answer.text().await.unwrap_or_default());
        if !ready && text.contains("put back") { Ok(text) } else { Err(text) }
    })
    .await
}

/// Five orders, a backup, five more orders, and the order service gets the backup.
async fn put_back() -> (World, Running) {
    let mut world = World::new().await;
    let services = world.services().await;
    world.product("VASE", "30.00", &[("BER", 100)]).await;
    confirm(&world, 5).await;
    stop(services).await;
    let backup = world.copy_database("order").await;
    let services = world.services().await;
    confirm(&world, 5).await;
    stop(services).await;
    world.put_back("order", backup);
    let order = world.order_begun().await;
    let words = refusal(&order).await;
    assert!(
        words.contains("the database consumed up to") && words.contains("the group committed"),
        "{words}"
    );
    let submitted = world.submit(&[("VASE", 1)]).await;
    assert_eq!(world.number("order", CONFIRMED).await, 5, "nothing is read");
    assert_eq!(world.status(submitted).await, None);
    (world, order)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_put_back_reads_again_what_it_lost() {
    let (world, order) = put_back().await;
    let desk = Positions::open(&world.settings("order").database_url).unwrap();
    assert!(!desk.refused().await.unwrap().is_empty());
    desk.accept(Accepted::Database).await.unwrap();
    order.ready().await;
    assert_eq!(desk.refused().await.unwrap(), []);
    let _others = tokio::join!(world.inventory(), world.payment());
    // Topics are not ordered among each other: an answer may have come before the order that it answers, and is parked.
    until("all orders are confirmed", || async {
        sqlx::query("update dead_letters set redrive = true").execute(world.pool("order")).await.unwrap();
        let confirmed = world.number("order", CONFIRMED).await;
        if confirmed == 11 { Ok(()) } else { Err(confirmed) }
    })
    .await;
    assert_books_balance(&world).await;
    order.stop().await;
    world.order().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_put_back_may_leave_what_it_lost() {
    let (world, order) = put_back().await;
    let desk = Positions::open(&world.settings("order").database_url).unwrap();
    desk.accept(Accepted::Group).await.unwrap();
    order.ready().await;
    let _others = tokio::join!(world.inventory(), world.payment());
    world.await_number("order", CONFIRMED, 6).await;
}

/// An empty database under a group that has read before.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_is_noticed() {
    let mut world = World::new().await;
    let empty = world.copy_database("order").await;
    let services = world.services().await;
    world.product("VASE", "30.00", &[("BER", 100)]).await;
    confirm(&world, 1).await;
    stop(services).await;
    world.put_back("order", empty);
    let order = world.order_begun().await;
    let words = refusal(&order).await;
    assert!(words.contains("the database consumed up to 0"), "{words}");
}
