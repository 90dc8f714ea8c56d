//! What is for sale, and what is ordered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use minuet_events::catalog::ProductChanged;
use minuet_events::inventory::StockAdjusted;
use minuet_events::orders::SubmittedLine;
use minuet_events::values::{Amount, Currency, Micros, PaymentMethod, Quantity, Sku, UserId, WarehouseCode};
use minuet_events::{Envelope, Event, TraceContext};
use minuet_messaging::Publisher;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::args::Variant;
use crate::random::Random;
use crate::servers::Servers;
use crate::{Args, BenchError};

const PRODUCTS: u32 = 1_000;
const HOT: u32 = 10;
const USERS: usize = 10_000;
/// Pieces of each product: no order fails for lack of stock.
const AMPLE: i32 = 1_000_000_000;
const KNOWN: Duration = Duration::from_secs(60);
const EACH_KNOWN: Duration = Duration::from_millis(1);
const LOOK: Duration = Duration::from_millis(50);
const SEED: u64 = 20_261_101;
const METHODS: [PaymentMethod; 5] = [
    PaymentMethod::CreditCard,
    PaymentMethod::DebitCard,
    PaymentMethod::Paypal,
    PaymentMethod::Alipay,
    PaymentMethod::Wechat,
];

/// What orders are drawn from.
#[derive(Clone)]
pub(crate) struct Shop {
    products: Vec<Sku>,
    pub(crate) users: Vec<UserId>,
    random: Random,
}

pub(crate) struct Order {
    /// Which of the users.
    pub(crate) user: usize,
    pub(crate) payment_method: PaymentMethod,
    pub(crate) lines: Vec<SubmittedLine>,
}

impl Shop {
    fn new(variant: Variant, products: Option<u32>) -> Result<Self, BenchError> {
        let usual = match variant {
            Variant::Standard | Variant::Provider => PRODUCTS,
            Variant::Hot => HOT,
        };
        let products = products.unwrap_or(usual);
        let products =
            (1..=products).map(|n| Sku::parse(&format!("BENCH-{n:04}"))).collect::<Result<_, _>>()?;
        let users = (1..=USERS).map(|n| UserId::parse(&format!("user-{n:05}"))).collect::<Result<_, _>>()?;
        Ok(Shop { products, users, random: Random::new(SEED) })
    }

    /// 1 to 3 lines of different products, 1 to 3 pieces of each.
    pub(crate) fn order(&mut self) -> Result<Order, BenchError> {
        let user = self.random.below(self.users.len());
        let payment_method = METHODS[self.random.below(METHODS.len())];
        let wanted = 1 + self.random.below(3);
        let mut lines: Vec<SubmittedLine> = Vec::with_capacity(wanted);
        while lines.len() < wanted {
            let sku = &self.products[self.random.below(self.products.len())];
            if lines.iter().all(|line| line.sku != *sku) {
                let quantity = Quantity::new(1 + u32::try_from(self.random.below(3)).unwrap_or(0))?;
                lines.push(SubmittedLine { sku: sku.clone(), quantity });
            }
        }
        Ok(Order { user, payment_method, lines })
    }
}

/// Publishes the products and their stock; answers once the services know them.
pub(crate) async fn open(args: &Args, servers: &Servers) -> Result<Shop, BenchError> {
    let shop = Shop::new(args.variant, args.size.products)?;
    let publisher = publisher(servers)?;
    let (currency, warehouse) = (Currency::parse("EUR")?, WarehouseCode::parse("MAIN")?);
    let mut random = shop.random.clone();
    let mut sending = Vec::new();
    let mut adjustments = Vec::new();
    for sku in &shop.products {
        let cents = 100 + random.below(49_901);
        let unit_price = Amount::parse(&format!("{}.{:02}", cents / 100, cents % 100))?;
        let (name, sku) = (format!("Product {sku}"), sku.clone());
        let product = ProductChanged { sku: sku.clone(), name, currency, unit_price, active: true };
        let (adjustment_id, reason) = (Uuid::now_v7(), "stock of the benchmark".to_owned());
        let warehouse_code = warehouse.clone();
        adjustments.push(adjustment_id);
        let stock =
            StockAdjusted { adjustment_id: adjustment_id.into(), sku, warehouse_code, delta: AMPLE, reason };
        for event in [Event::from(product), Event::from(stock)] {
            sending.push(publisher.publish(envelope(&event), event));
        }
    }
    try_join_all(sending).await?;
    known(servers, &shop.products, &adjustments).await?;
    Ok(shop)
}

pub(crate) fn publisher(servers: &Servers) -> Result<Publisher<minuet_events::Codec>, BenchError> {
    let (codec, catalogue) = (servers.codec.clone(), Arc::clone(&servers.catalogue));
    Ok(Publisher::new(&servers.kafka, "minuet-bench", "tool", codec, catalogue, &servers.prefix)?)
}

pub(crate) fn envelope(event: &Event) -> Envelope {
    const SOURCE: &str = "/minuet/bench";
    let id = Uuid::now_v7();
    let key: Arc<str> = event.key().into();
    Envelope {
        id,
        event_type: event.event_type(),
        source: SOURCE.into(),
        subject: Arc::clone(&key),
        time: Micros::from_datetime(OffsetDateTime::now_utc()),
        correlation_id: key,
        causation_id: None,
        sequence: None,
        // Whoever submits an order decides whether it is recorded.
        trace: TraceContext::derived(SOURCE, id).with_sampled(false),
    }
}

async fn known(servers: &Servers, products: &[Sku], adjustments: &[Uuid]) -> Result<(), BenchError> {
    let skus: Vec<&str> = products.iter().map(Sku::as_str).collect();
    let wanted = i64::try_from(products.len()).unwrap_or(i64::MAX);
    let for_each = EACH_KNOWN * u32::try_from(products.len()).unwrap_or(u32::MAX);
    let (begun, patience) = (Instant::now(), KNOWN + for_each);
    loop {
        let priced: i64 = sqlx::query_scalar("select count(*) from products where sku = any($1)")
            .bind(&skus)
            .fetch_one(servers.pool("order")?)
            .await?;
        let stocked: i64 = sqlx::query_scalar("select count(*) from adjustments where id = any($1)")
            .bind(adjustments)
            .fetch_one(servers.pool("inventory")?)
            .await?;
        if priced == wanted && stocked == wanted {
            return Ok(());
        }
        if begun.elapsed() > patience {
            let detail = format!(": {priced} products and {stocked} stock levels of {wanted} are known");
            return Err(BenchError::Late { what: "the catalogue", seconds: patience.as_secs(), detail });
        }
        tokio::time::sleep(LOOK.max(for_each / 100)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn orders_are_as_the_workload_says() {
        let mut shop = Shop::new(Variant::Hot, None).unwrap();
        let mut lines = 0;
        for _ in 0..1_000 {
            let order = shop.order().unwrap();
            let skus: HashSet<_> = order.lines.iter().map(|line| &line.sku).collect();
            assert_eq!(skus.len(), order.lines.len());
            assert!((1..=3).contains(&order.lines.len()));
            assert!(order.lines.iter().all(|line| (1..=3).contains(&line.quantity.get())));
            lines += order.lines.len();
        }
        assert!((1_900..2_100).contains(&lines), "{lines}");
    }
}
