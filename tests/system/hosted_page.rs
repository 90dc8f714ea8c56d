//! Orders whose customers have to act at the payment provider: on the hosted page of the simulated one, by HTTP.

use std::net::{SocketAddr, TcpListener};

use minuet_events::ids;
use minuet_events::orders::OrderCancellationRequested;
use minuet_events::values::{OrderId, PaymentMethod, UserId};
use minuet_payment::provider::ProviderSettings;
use minuet_tests::{Options, World, assert_books_balance, until};
use reqwest::{Client, StatusCode, redirect};

struct Provider {
    address: SocketAddr,
    http: Client,
}

impl Provider {
    fn page(&self, order: OrderId) -> String {
        format!("http://{}/pay/{}", self.address, ids::payment_id(order))
    }

    async fn await_page(&self, order: OrderId) {
        until("the payment waits for its customer", || async {
            match self.http.get(self.page(order)).send().await {
                Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    async fn choose(&self, order: OrderId, choice: &str) -> StatusCode {
        self.http.post(format!("{}/{choice}", self.page(order))).send().await.unwrap().status()
    }
}

/// Every payment waits.
async fn world() -> (World, Provider) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = Options::default();
    let provider = ProviderSettings {
        action_methods: PaymentMethod::ALL.to_vec(),
        listen: Some(address),
        ..options.provider.clone()
    };
    let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
    (World::with(Options { provider, ..options }).await, Provider { address, http })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_for_its_customer_and_ends_as_the_customer_chooses() {
    let (world, provider) = world().await;
    let _services = world.services().await;
    world.product("TEA-1", "12.50", &[("BER", 10)]).await;
    let [paid, declined, cancelled] = [
        world.submit(&[("TEA-1", 2)]).await,
        world.submit(&[("TEA-1", 1)]).await,
        world.submit(&[("TEA-1", 1)]).await,
    ];
    for order in [paid, declined, cancelled] {
        provider.await_page(order).await;
        assert_eq!(world.status(order).await.as_deref(), Some("pending"));
    }
    assert_eq!(provider.choose(paid, "pay").await, StatusCode::SEE_OTHER);
    world.await_status(paid, "confirmed").await;
    assert_eq!(provider.choose(declined, "decline").await, StatusCode::SEE_OTHER);
    world.await_status(declined, "cancelled").await;
    world
        .publish(OrderCancellationRequested {
            order_id: cancelled,
            requested_by: UserId::parse("user-1").unwrap(),
            reason: "too slow".to_owned(),
        })
        .await;
    world.await_status(cancelled, "cancelled").await;
    until("the payment is called off at the provider", || async {
        let status: Option<String> =
            sqlx::query_scalar("select status::text from payments where order_id = $1")
                .bind(cancelled.as_uuid())
                .fetch_optional(world.pool("payment"))
                .await
                .unwrap();
        if status.as_deref() == Some("failed") { Ok(()) } else { Err(status) }
    })
    .await;
    assert_eq!(provider.choose(cancelled, "pay").await, StatusCode::CONFLICT, "the customer comes too late");
    assert_books_balance(&world).await;
}
