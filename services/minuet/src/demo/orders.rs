use std::time::Duration;

use minuet_events::inventory::StockAdjusted;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::DemoError;
use crate::error::CliError;

/// An order and how it is meant to end.
pub(super) struct DemoOrder {
    pub(super) what: &'static str,
    /// The Idempotency-Key, and so the order's id: with it, the simulated provider's answer is always the same.
    pub(super) key: &'static str,
    ends: &'static str,
    payment_method: &'static str,
    lines: &'static [(&'static str, u32)],
}

pub(super) const ORDERS: &[DemoOrder] = &[
    DemoOrder {
        what: "a dining table and four chairs",
        key: "demo-confirmed",
        ends: "confirmed",
        payment_method: "credit_card",
        lines: &[("TABLE-DINING", 1), ("CHAIR-OAK", 4)],
    },
    DemoOrder {
        what: "five grandfather clocks, of which there are three",
        key: "demo-failed",
        ends: "failed",
        payment_method: "paypal",
        lines: &[("CLOCK-GRANDFATHER", 5), ("BULB-E27", 2)],
    },
    DemoOrder {
        what: "a grand piano, which the provider declines",
        key: "demo-cancelled",
        ends: "cancelled",
        payment_method: "debit_card",
        lines: &[("PIANO-GRAND", 1)],
    },
    DemoOrder {
        what: "a wicker chair, which is no longer sold",
        key: "demo-rejected",
        ends: "rejected",
        payment_method: "alipay",
        lines: &[("CHAIR-WICKER", 1)],
    },
];

/// Its price is one at which the simulated provider waits for the customer.
pub(super) const WAITING: DemoOrder = DemoOrder {
    what: "a corner sofa, which its customer pays on a page",
    key: "demo-waiting",
    ends: "pending",
    payment_method: "paypal",
    lines: &[("SOFA-CORNER", 1)],
};

/// How an order ended.
pub(super) struct Ended {
    pub(super) status: String,
    /// Otherwise than it was meant to: settings of one's own (a provider that declines more), or a shop that was played in.
    pub(super) odd: Option<String>,
}

/// How long the services may take to know the catalogue, and an order to reach its end.
const SHOP_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A client of the gateway.
pub(super) struct Shop {
    gateway: String,
    token: String,
    client: reqwest::Client,
}

impl Shop {
    pub(super) fn new(gateway: &str, token: String) -> Result<Self, DemoError> {
        let gateway = gateway.trim_end_matches('/').to_owned();
        let client = reqwest::Client::builder().timeout(2 * SHOP_TIMEOUT).build();
        let client = client.map_err(|source| DemoError::Gateway { gateway: gateway.clone(), source })?;
        Ok(Shop { gateway, token, client })
    }

    fn away(&self, source: reqwest::Error) -> DemoError {
        DemoError::Gateway { gateway: self.gateway.clone(), source }
    }

    async fn get(&self, path: &str) -> Result<Response, DemoError> {
        let request = self.client.get(format!("{}{path}", self.gateway)).bearer_auth(&self.token);
        request.send().await.map_err(|e| self.away(e))
    }

    /// Waits until the services know every product and every level that was published.
    pub(super) async fn opened(&self, products: usize, stock: &str) -> Result<(), CliError> {
        let mut waits_for: Vec<String> = Vec::with_capacity(products);
        for line in stock.lines() {
            let adjusted: StockAdjusted =
                serde_json::from_str(line).map_err(|e| DemoError::Data { detail: e.to_string() })?;
            for path in [format!("/v1/products/{}", adjusted.sku), format!("/v1/stock/{}", adjusted.sku)] {
                if waits_for.last() != Some(&path) && !waits_for.contains(&path) {
                    waits_for.push(path);
                }
            }
        }
        let until = tokio::time::Instant::now() + SHOP_TIMEOUT;
        for path in waits_for {
            while self.get(&path).await?.status() != StatusCode::OK {
                if tokio::time::Instant::now() > until {
                    return Err(
                        DemoError::NotOpened { seconds: SHOP_TIMEOUT.as_secs(), waits_for: path }.into()
                    );
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
        Ok(())
    }

    /// Places the order and waits for its end.
    pub(super) async fn place(&self, order: &DemoOrder) -> Result<Ended, CliError> {
        let wait = format!("wait={}", SHOP_TIMEOUT.as_secs());
        let answer = self.submit(order, &wait).await?;
        let code = answer.status();
        let body: Value = answer.json().await.map_err(|e| self.away(e))?;
        let ended = if code == StatusCode::UNPROCESSABLE_ENTITY {
            "rejected"
        } else {
            body["status"].as_str().unwrap_or("?")
        };
        let odd = (ended != order.ends)
            .then(|| format!("it was meant to end {}, and the gateway said: {code} {body}", order.ends));
        Ok(Ended { status: ended.to_owned(), odd })
    }

    async fn submit(&self, order: &DemoOrder, prefer: &str) -> Result<Response, DemoError> {
        let lines: Vec<Value> =
            order.lines.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
        let request = self
            .client
            .post(format!("{}/v1/orders", self.gateway))
            .bearer_auth(&self.token)
            .header("Idempotency-Key", order.key)
            .header("Prefer", prefer)
            .json(&json!({"payment_method": order.payment_method, "lines": lines}));
        request.send().await.map_err(|e| self.away(e))
    }

    /// Places the order, and waits until its payment waits for the customer on this page. False: it does not, by settings of one's own.
    pub(super) async fn place_waiting(&self, order: &DemoOrder, page: &str) -> Result<bool, CliError> {
        self.submit(order, "respond-async").await?;
        let until = tokio::time::Instant::now() + SHOP_TIMEOUT;
        loop {
            let shown = self.client.get(page).send().await;
            if shown.is_ok_and(|shown| shown.status() == StatusCode::OK) {
                return Ok(true);
            }
            if tokio::time::Instant::now() > until {
                return Ok(false);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The order's status at its end. None: the gateway answers no more.
    pub(super) async fn ended(&self, order_id: &str) -> Option<String> {
        loop {
            let answer = self.get(&format!("/v1/orders/{order_id}")).await.ok()?;
            let body: Value = answer.json().await.ok()?;
            match body["status"].as_str() {
                Some("pending" | "paid") => tokio::time::sleep(POLL_INTERVAL * 5).await,
                status => return status.map(str::to_owned),
            }
        }
    }
}
