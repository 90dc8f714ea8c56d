//! Lists of orders.

use futures::future::join_all;
use minuet_tests::assert_books_balance;
use reqwest::Method;
use serde_json::Value;

use super::{Shop, order};

fn ids(page: &Value) -> Vec<String> {
    let orders = page["orders"].as_array().expect("a page of orders");
    orders.iter().map(|order| order["order_id"].as_str().unwrap().to_owned()).collect()
}

impl Shop {
    async fn place(&self, user: &str, sku: &str) -> String {
        let request = self.api.as_named(user, Method::POST, "/v1/orders").json(&order(&[(sku, 1)]));
        let answer = self.api.send(request.header("prefer", "wait=30")).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.order_id().to_string()
    }

    async fn page(&self, query: &str) -> Value {
        let answer = self.get(&format!("/v1/orders?{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 1_000)]).await;
    // At once, so that some may share the microsecond in which they came in.
    let mut placed = join_all((0..25).map(|_| shop.place("user-1", "CHAIR"))).await;

    let (mut seen, mut sizes, mut cursor) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let after = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let page = shop.page(&format!("limit=10{after}")).await;
        sizes.push(ids(&page).len());
        seen.extend(page["orders"].as_array().unwrap().clone());
        // What comes in meanwhile is newer than every page that is still to come.
        shop.place("user-1", "CHAIR").await;
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            assert!(page.get("next_cursor").is_none(), "the last page names no next one: {page}");
            break;
        }
    }
    assert_eq!(sizes, [10, 10, 5]);
    let times: Vec<_> = seen.iter().map(|order| order["created_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first: {times:?}");
    let mut seen: Vec<_> = seen.iter().map(|order| order["order_id"].as_str().unwrap().to_owned()).collect();
    seen.sort_unstable();
    placed.sort_unstable();
    assert_eq!(seen, placed);

    let [one, all] = [shop.page("limit=1").await, shop.page("limit=100").await];
    assert_eq!((ids(&one).len(), ids(&all).len()), (1, 28));
    assert_eq!(ids(&shop.page("").await).len(), 20, "the usual size of a page");
    assert_books_balance(&shop.world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_see_their_own_orders_and_admins_see_all() {
    let shop = Shop::open().await;
    shop.world.product("CHAIR", "49.90", &[("BER", 10)]).await;
    shop.world.product("SOLD-OUT", "1.00", &[]).await;
    let confirmed = shop.place("user-1", "CHAIR").await;
    let failed = shop.place("user-1", "SOLD-OUT").await;
    let others = shop.place("user-2", "CHAIR").await;

    assert_eq!(ids(&shop.page("").await), [failed.as_str(), &confirmed], "newest first");
    assert_eq!(ids(&shop.page("status=confirmed").await), [confirmed.as_str()]);
    assert_eq!(ids(&shop.page("status=failed").await), [failed.as_str()]);
    assert_eq!(ids(&shop.page("status=cancelled").await), [""; 0]);
    assert_eq!(ids(&shop.page("user_id=user-1&limit=1").await), [failed.as_str()]);
    shop.get("/v1/orders?user_id=user-2").await.problem(403, "insufficient-scope");
    let whole = shop.get(&format!("/v1/orders/{confirmed}")).await.body;
    assert_eq!(shop.page("status=confirmed").await["orders"][0], whole, "a list shows orders whole");

    let seen = async |query: &str| ids(&shop.admin_gets(&format!("/v1/orders?{query}")).await.body);
    assert_eq!(seen("").await, [others.as_str(), &failed, &confirmed]);
    assert_eq!(seen("status=confirmed").await, [others.as_str(), &confirmed]);
    assert_eq!(seen("user_id=user-2").await, [others]);
}
