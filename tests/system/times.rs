//! Times from clocks that are wrong: a producer's, an instance's.

use minuet_events::Event;
use minuet_events::values::Micros;
use minuet_tests::{Raw, World};
use time::{Duration, OffsetDateTime};

const PRICE: &str = "select coalesce(max(unit_price * 10000), 0)::bigint from products";
const ABSURD: &str = "select count(*) from dead_letters where reason = 'absurd_time'";

fn from_now(duration: Duration) -> String {
    Micros::from_datetime(OffsetDateTime::now_utc() + duration).to_string()
}

/// A price, by a producer whose clock says that.
fn price(world: &World, price: &str, time: &str) -> Raw {
    let event = Event::from(minuet_tests::product("TEA", price, "EUR", true));
    Raw::of(&world.envelope(&event), "TEA", world.codec.encode(&event).unwrap()).with("ce_time", time)
}

/// A producer's clock decides nothing between partitions: the broker received the one message after the other.
#[tokio::test(flavor = "multi_thread")]
async fn the_price_that_the_broker_received_last_is_the_price_whatever_clocks_say() {
    let world = World::new().await;
    let _order = world.order().await;
    let send =
        async |partition: i32, raw: Raw| world.topics.send_to("catalog.products", &raw, partition).await;
    let shown = async |wanted: i64| world.await_number("order", PRICE, wanted).await;

    send(0, price(&world, "1", &from_now(Duration::ZERO))).await;
    shown(10_000).await;
    // A clock that is years ahead, and one that was never set: both are told apart from prices.
    send(1, price(&world, "2", "2099-01-01T00:00:00Z")).await;
    send(2, price(&world, "3", "1970-01-01T00:00:00Z")).await;
    world.await_number("order", ABSURD, 2).await;
    send(3, price(&world, "4", &from_now(Duration::ZERO))).await;
    shown(40_000).await;
    // A clock that is possible, and wrong.
    send(1, price(&world, "5", &from_now(Duration::minutes(50)))).await;
    shown(50_000).await;
    send(0, price(&world, "6", &from_now(Duration::ZERO))).await;
    shown(60_000).await;
    send(2, price(&world, "7", &from_now(-Duration::days(1_000)))).await;
    shown(70_000).await;
    // Gone, and back: a tombstone has no other time than the broker's.
    send(3, Raw { key: Some(b"TEA".to_vec()), ..Raw::default() }).await;
    world.await_number("order", "select count(*) from products where not active", 1).await;
    send(0, price(&world, "8", &from_now(-Duration::days(1)))).await;
    world.await_number("order", "select count(*) from products where active", 1).await;
    shown(80_000).await;
    assert_eq!(world.number("order", "select count(*) from dead_letters").await, 2);
}
