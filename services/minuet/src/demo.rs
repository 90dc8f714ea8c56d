//! A small furniture shop, so that a first look shows something: its catalogue and stock as events, and four orders over
//! HTTP that end in each of the four ways.

mod error;
mod orders;
pub(crate) mod recorded;
mod timeline;

use std::time::Duration;

use minuet_events::values::{Micros, UserId};
use minuet_events::{Envelope, Event, EventType, TraceContext, ids};
use minuet_messaging::Publisher;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::CliError;
use crate::output;
use crate::services::Shared;
use crate::settings::Settings;

pub(crate) use error::DemoError;

const PRODUCTS: &str = include_str!("../demo/products.jsonl");
const STOCK: &str = include_str!("../demo/stock.jsonl");
const SOURCE: &str = "/minuet/demo";
/// Who buys.
const USER: &str = "demo";

/// `minuet demo`: on an installation that runs.
pub(crate) async fn run(settings: &Settings, gateway: &str) -> Result<(), CliError> {
    let secret = settings.text("gateway.jwt_secret")?;
    let Some(shared) = Shared::connect(settings, &tokio_util::sync::CancellationToken::new()).await? else {
        return Ok(());
    };
    play(&shared, gateway, secret, None, None).await.map(drop)
}

/// The order that waits for its customer.
pub(crate) struct Waiting {
    shop: orders::Shop,
    order_id: String,
}

impl Waiting {
    /// Prints how the order ends, once it does.
    pub(crate) async fn tell_end(self) {
        if let Some(status) = self.shop.ended(&self.order_id).await {
            output::print(format!("{status:<10} order {}, which waited for its customer", self.order_id));
        }
    }
}

/// Publishes the catalogue and the stock, places the orders, and prints what happened to each. Played again, it changes
/// nothing: the adjustments and the orders are the same ones. `traces`: where a trace is looked at. `provider`: where the simulated
/// provider's hosted pages are; with it, one more order waits for its customer.
pub(crate) async fn play(
    shared: &Shared,
    gateway: &str,
    secret: &str,
    traces: Option<&str>,
    provider: Option<&str>,
) -> Result<Option<Waiting>, CliError> {
    let since = now();
    let publisher = shared.publisher("minuet-demo", "tool")?;
    let products = publish(&publisher, EventType::ProductChanged, PRODUCTS).await?;
    let levels = publish(&publisher, EventType::StockAdjusted, STOCK).await?;
    output::print(format!("demo shop: {products} products, {levels} stock levels"));

    let user = UserId::parse(USER).map_err(|e| DemoError::Data { detail: e.to_string() })?;
    let token = minuet_identity::development_token(secret, USER, true, Duration::from_secs(600))?;
    let shop = orders::Shop::new(gateway, token)?;
    shop.opened(PRODUCTS.lines().count(), STOCK).await?;
    for order in orders::ORDERS {
        let orders::Ended { status, odd } = shop.place(order).await?;
        let order_id = ids::order_id_for_key(&user, order.key);
        output::print("");
        output::print(format!("{:<10} {}", status, order.what));
        output::print(format!("           order {order_id}"));
        if let Some(odd) = odd {
            output::note(format!("{}: {odd}", order.what));
        }
        if let Some(traces) = traces {
            output::print(format!("           trace {traces}/order/{order_id}"));
        }
        timeline::print(shared, &order_id.to_string(), since).await?;
    }
    let Some(provider) = provider else { return Ok(None) };
    let order_id = ids::order_id_for_key(&user, orders::WAITING.key);
    let page = format!("{provider}/pay/{}", ids::payment_id(order_id));
    if !shop.place_waiting(&orders::WAITING, &page).await? {
        output::note(format!("{}: it does not wait, by the settings of the provider", orders::WAITING.what));
        return Ok(None);
    }
    output::print("");
    output::print(format!("pending    {}", orders::WAITING.what));
    output::print(format!("           order {order_id}"));
    output::print(format!("           pay   {page}"));
    Ok(Some(Waiting { shop, order_id: order_id.to_string() }))
}

fn now() -> Micros {
    Micros::from_datetime(OffsetDateTime::now_utc())
}

/// One event per line.
async fn publish(
    publisher: &Publisher<minuet_events::Codec>,
    event_type: EventType,
    lines: &str,
) -> Result<usize, CliError> {
    let mut sending = Vec::new();
    for line in lines.lines() {
        let mut json = serde_json::Deserializer::from_str(line);
        let event =
            event_type.deserialize(&mut json).map_err(|e| DemoError::Data { detail: e.to_string() })?;
        sending.push(publisher.publish(envelope(&event), event));
    }
    let sent = futures::future::try_join_all(sending).await?;
    Ok(sent.len())
}

fn envelope(event: &Event) -> Envelope {
    let id = Uuid::now_v7();
    let key: std::sync::Arc<str> = event.key().into();
    Envelope {
        id,
        event_type: event.event_type(),
        source: SOURCE.into(),
        subject: std::sync::Arc::clone(&key),
        time: now(),
        correlation_id: key,
        causation_id: None,
        sequence: None,
        trace: TraceContext::derived(SOURCE, id),
    }
}
