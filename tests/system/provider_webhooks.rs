//! Orders whose payments end while nobody asks: the simulated provider's webhooks come, come oddly, or never.

use std::net::{SocketAddr, TcpListener};

use minuet_events::ids;
use minuet_events::values::{OrderId, PaymentMethod};
use minuet_payment::provider::{ProviderSettings, WebhookSettings};
use minuet_tests::{Folder, Options, Running, World, assert_books_balance, until};
use reqwest::{Client, StatusCode, redirect};

const SECRET: &str = "whsec_a_secret_of_the_system_tests";

/// A shop whose customers pay on hosted pages, and whose provider tells of it.
struct Shop {
    world: World,
    pages: SocketAddr,
    http: Client,
    _services: [Running; 3],
    _gateway: Running,
    _folder: Folder,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Shop {
    async fn with(webhooks: WebhookSettings) -> Shop {
        let (pages, gateway, folder) = (free(), free(), Folder::new());
        folder.write("webhooks", SECRET);
        let secrets = Some(folder.path().join("webhooks"));
        let url = Some(format!("http://{gateway}/v1/providers/simulated/webhook"));
        let options = Options::default();
        let provider = ProviderSettings {
            action_methods: PaymentMethod::ALL.to_vec(),
            listen: Some(pages),
            webhooks: WebhookSettings { url, secret_file: secrets.clone(), ..webhooks },
            ..options.provider.clone()
        };
        let world = World::with(Options { provider, ..options }).await;
        let services = world.services().await;
        let settings = minuet_gateway::Settings {
            listen: gateway,
            simulated_webhook_secrets_file: secrets,
            ..world.gateway_settings(&services)
        };
        let publisher = world.publisher.clone();
        let gateway = Running::start("gateway", move |bound, shutdown| async move {
            minuet_gateway::run(settings, publisher, shutdown, bound).await.map_err(|e| format!("{e:?}"))
        })
        .await;
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        world.product("TEA-1", "12.50", &[("BER", 100)]).await;
        Shop { world, pages, http, _services: services, _gateway: gateway, _folder: folder }
    }

    /// Ordered, and paid or declined by its customer.
    async fn order(&self, choice: &str) -> OrderId {
        let order = self.world.submit(&[("TEA-1", 1)]).await;
        let page = format!("http://{}/pay/{}", self.pages, ids::payment_id(order));
        until("the payment waits for its customer", || async {
            match self.http.get(&page).send().await {
                Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        let chosen = self.http.post(format!("{page}/{choice}")).send().await.unwrap();
        assert_eq!(chosen.status(), StatusCode::SEE_OTHER);
        order
    }

    async fn each_order_ends(&self) {
        let mut orders = Vec::new();
        for _ in 0..5 {
            orders.push((self.order("pay").await, "confirmed"));
            orders.push((self.order("decline").await, "cancelled"));
        }
        for (order, end) in orders {
            self.world.await_status(order, end).await;
        }
        assert_books_balance(&self.world).await;
    }

    /// Of so many orders the payment service was notified.
    async fn notified(&self) -> usize {
        self.world.topics.read("payments.intake").await.len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_webhooks_do_no_harm() {
    let shop = Shop::with(WebhookSettings { loss_rate: 1.0, ..WebhookSettings::default() }).await;
    shop.each_order_ends().await;
    assert_eq!(shop.notified().await, 0, "each webhook was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_come_twice_late_and_out_of_order_do_no_harm() {
    let odd =
        WebhookSettings { delay_ms: 1_500, repeat_rate: 0.5, loss_rate: 0.2, ..WebhookSettings::default() };
    let shop = Shop::with(odd).await;
    shop.each_order_ends().await;
    until("webhooks have come", || async {
        let notified = shop.notified().await;
        if notified >= 10 { Ok(()) } else { Err(notified) }
    })
    .await;
    assert_books_balance(&shop.world).await;
}
