//! The query APIs behind the gateway. What they answer is read into types and written from them, so that a field that they grow
//! for themselves does not leave the house.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use minuet_events::orders::ExpectedTotal;
use minuet_events::trace::with_order;
use minuet_events::values::{Amount, OrderId, OrderStatus, UserId};
use minuet_http::{Problem, ProblemType};
use minuet_telemetry::error_chain;
use minuet_telemetry::{Kind, Span, Tracer};
use reqwest::{StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::bodies;
use crate::local_orders::{LocalOrders, Until};

/// A service may wait as long as it was asked to; this much later its silence is an error.
const ANSWER_MARGIN: Duration = Duration::from_secs(1);
const CONNECT: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub(crate) enum DownstreamError {
    #[error("the {service} service does not answer")]
    Unreachable { service: &'static str, source: reqwest::Error },
    #[error("the {service} service took too long to answer")]
    TimedOut { service: &'static str, source: reqwest::Error },
    #[error("the {service} service answered {status}")]
    Status { service: &'static str, status: StatusCode },
    #[error("the {service} service's answer cannot be read")]
    Unreadable { service: &'static str, source: reqwest::Error },
}

impl From<DownstreamError> for Problem {
    /// The cause is logged, not told: it names addresses and parts of the house.
    fn from(error: DownstreamError) -> Self {
        tracing::warn!(error = error_chain(&error), "query of a service failed");
        match error {
            DownstreamError::TimedOut { .. } => {
                Problem::new(ProblemType::TIMEOUT, "this took too long; try again")
            }
            DownstreamError::Unreachable { .. }
            | DownstreamError::Status { .. }
            | DownstreamError::Unreadable { .. } => {
                Problem::new(ProblemType::UNAVAILABLE, "this cannot be answered at the moment; try again")
            }
        }
    }
}

/// An order as clients read it. Money is a decimal string.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) user_id: String,
    #[schema(value_type = bodies::OrderStatus)]
    pub(crate) status: OrderStatus,
    /// Null as long as nothing but a cancellation of this order has arrived.
    pub(crate) payment_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_id: Option<String>,
    /// Null, as the total, for an order that was rejected: it never had a price.
    pub(crate) currency: Option<String>,
    pub(crate) total: Option<String>,
    /// What of it was given back. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refunded: Option<String>,
    /// As it was submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected_total: Option<Money>,
    pub(crate) lines: Vec<OrderLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problems: Option<Vec<OrderProblem>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

impl Order {
    /// Whether its submission has arrived: only then are there a method and lines to speak of.
    pub(crate) fn is_submitted(&self) -> bool {
        self.payment_method.is_some()
    }

    /// Refused before it had a price, unlike an order that failed for lack of stock.
    pub(crate) fn is_rejected(&self) -> bool {
        self.status == OrderStatus::Failed && self.total.is_none()
    }
}

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct OrderLine {
    pub(crate) sku: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit_price: Option<String>,
    pub(crate) quantity: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subtotal: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct OrderProblem {
    pub(crate) code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sku: Option<String>,
    pub(crate) detail: String,
    /// Of `price_changed`: the total that was expected, and the total that there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected_total: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<Money>,
}

/// An amount with its currency's decimals.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub(crate) struct Money {
    pub(crate) amount: String,
    pub(crate) currency: String,
}

impl From<ExpectedTotal> for Money {
    fn from(expected: ExpectedTotal) -> Self {
        let ExpectedTotal { amount, currency } = expected;
        Money { amount: amount.shown_in(currency), currency: currency.to_string() }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct OrderPage {
    pub(crate) orders: Vec<Order>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Product {
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) unit_price: String,
    pub(crate) currency: String,
    pub(crate) active: bool,
    /// The event that the view holds: tells whether a change has arrived.
    #[serde(skip_serializing)]
    #[schema(ignore)]
    pub(crate) event_id: Option<Uuid>,
}

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Stock {
    pub(crate) sku: String,
    pub(crate) levels: Vec<Level>,
}

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct Level {
    pub(crate) warehouse_code: String,
    pub(crate) available: i64,
    pub(crate) reserved: i64,
    pub(crate) on_hand: i64,
    pub(crate) version: i64,
}

/// What became of a stock adjustment.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Adjustment {
    pub(crate) sku: String,
    pub(crate) warehouse_code: String,
    /// Where the inventory service tells it: a key that comes back with another delta is then found out.
    #[serde(default)]
    pub(crate) delta: Option<i64>,
    #[serde(flatten)]
    pub(crate) outcome: AdjustmentOutcome,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub(crate) enum AdjustmentOutcome {
    Applied { level: Level },
    Rejected { reason: String },
}

/// What became of a cancellation or a refund.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub(crate) enum RequestOutcome {
    /// The order is cancelled: by the request, or since nothing of its payment is left.
    Cancelled {
        #[serde(flatten)]
        refund: Option<GivenRefund>,
    },
    /// Money was given back, and the order stands.
    Refunded {
        #[serde(flatten)]
        refund: Option<GivenRefund>,
    },
    Rejected {
        reason: String,
    },
}

/// What a request for a refund has led to.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GivenRefund {
    pub(crate) amount: Option<Amount>,
    pub(crate) return_stock: Option<bool>,
}

/// Which orders a list holds. The cursor is the order service's own.
#[derive(Debug, Default)]
pub(crate) struct OrderQuery {
    pub(crate) user_id: Option<String>,
    pub(crate) status: Option<OrderStatus>,
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<String>,
}

/// A client of the query APIs.
pub(crate) struct Downstream {
    http: reqwest::Client,
    order: Url,
    inventory: Url,
    local_orders: Option<Arc<dyn LocalOrders>>,
    tracer: Tracer,
}

const ORDER: &str = "order";
const INVENTORY: &str = "inventory";

impl Downstream {
    pub(crate) fn new(
        order: Url,
        inventory: Url,
        local_orders: Option<Arc<dyn LocalOrders>>,
        tracer: Tracer,
    ) -> Result<Self, reqwest::Error> {
        // A proxy from the environment is for the outside world, never for the services of one house.
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .build()?;
        Ok(Downstream { http, order, inventory, local_orders, tracer })
    }

    /// None if the order is unknown, also after the wait.
    pub(crate) async fn order(
        &self,
        id: &str,
        until: Until,
        mut wait: Duration,
    ) -> Result<Option<Order>, DownstreamError> {
        if let (Some(orders), Ok(id)) = (&self.local_orders, OrderId::parse(id)) {
            match local(&**orders, id, until, wait).await {
                Ok(order) => return Ok(order),
                // The request has waited already.
                Err(LocalError::TimedOut) => wait = Duration::ZERO,
                Err(error) => {
                    tracing::debug!(error = error_chain(&error), "order is asked for over HTTP");
                }
            }
        }
        let mut url = under(&self.order, &["orders", id]);
        let until = match until {
            Until::Known => "known",
            Until::Final => "final",
        };
        url.query_pairs_mut().append_pair("wait", until).append_pair("timeout_ms", &millis(wait));
        self.get(ORDER, url, wait).await
    }

    /// None if the order service does not take the query: a cursor that it did not hand out.
    pub(crate) async fn orders(&self, query: &OrderQuery) -> Result<Option<OrderPage>, DownstreamError> {
        let mut url = under(&self.order, &["orders"]);
        let limit = query.limit.map(|limit| limit.to_string());
        let status = query.status.map(|status| status.to_string());
        let pairs =
            [("user_id", &query.user_id), ("status", &status), ("limit", &limit), ("cursor", &query.cursor)];
        for (name, value) in pairs {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        match self.get(ORDER, url, Duration::ZERO).await {
            Err(DownstreamError::Status { status: StatusCode::BAD_REQUEST, .. }) => Ok(None),
            other => other,
        }
    }

    /// With `event`, waits until the view holds that event; what comes back may still be older.
    pub(crate) async fn product(
        &self,
        sku: &str,
        event: Option<(Uuid, Duration)>,
    ) -> Result<Option<Product>, DownstreamError> {
        let mut url = under(&self.order, &["products", sku]);
        if let Some((id, wait)) = event {
            url.query_pairs_mut()
                .append_pair("event_id", &id.to_string())
                .append_pair("timeout_ms", &millis(wait));
        }
        self.get(ORDER, url, event.map_or(Duration::ZERO, |(_, wait)| wait)).await
    }

    pub(crate) async fn stock(&self, sku: &str) -> Result<Option<Stock>, DownstreamError> {
        self.get(INVENTORY, under(&self.inventory, &["stock", sku]), Duration::ZERO).await
    }

    /// None if the adjustment has no outcome, also after the wait.
    pub(crate) async fn adjustment(
        &self,
        id: &str,
        wait: Duration,
    ) -> Result<Option<Adjustment>, DownstreamError> {
        let mut url = under(&self.inventory, &["adjustments", id]);
        url.query_pairs_mut().append_pair("timeout_ms", &millis(wait));
        self.get(INVENTORY, url, wait).await
    }

    /// What became of a request about an order; None while nothing has.
    pub(crate) async fn request(
        &self,
        order: &str,
        request: Uuid,
        wait: Duration,
    ) -> Result<Option<RequestOutcome>, DownstreamError> {
        let mut url = under(&self.order, &["orders", order, "requests", &request.to_string()]);
        url.query_pairs_mut().append_pair("timeout_ms", &millis(wait));
        self.get(ORDER, url, wait).await
    }

    /// How many orders the user has cancelled that are not known, counted up to `limit`.
    pub(crate) async fn early_cancellations(
        &self,
        requested_by: &UserId,
        limit: u32,
    ) -> Result<u32, DownstreamError> {
        #[derive(Deserialize)]
        struct Counted {
            count: u32,
        }
        let mut url = under(&self.order, &["early-cancellations"]);
        url.query_pairs_mut()
            .append_pair("requested_by", requested_by.as_str())
            .append_pair("limit", &limit.to_string());
        let counted: Option<Counted> = self.get(ORDER, url, Duration::ZERO).await?;
        Ok(counted.map_or(0, |counted| counted.count))
    }

    /// Whether the order service answers at all. Its own readiness is its own matter.
    pub(crate) async fn order_service_answers(&self) -> Result<(), DownstreamError> {
        let url = under(&self.order, &["healthz"]);
        let sent = self.http.get(url).timeout(ANSWER_MARGIN).send().await;
        sent.map(|_| ()).map_err(|source| failed(ORDER, source))
    }

    async fn get<T: DeserializeOwned>(
        &self,
        service: &'static str,
        url: Url,
        wait: Duration,
    ) -> Result<Option<T>, DownstreamError> {
        let response = self.ask(service, url, wait).await?;
        match response.status() {
            StatusCode::OK => response.json().await.map(Some).map_err(|source| {
                if source.is_decode() {
                    DownstreamError::Unreadable { service, source }
                } else {
                    failed(service, source)
                }
            }),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(DownstreamError::Status { service, status }),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum LocalError {
    #[error("the order service of this process took too long to answer")]
    TimedOut,
    #[error("the order service of this process does not answer")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer of the order service of this process cannot be read")]
    Unreadable(#[from] serde_json::Error),
}

/// Asks the order service of this process.
async fn local(
    orders: &dyn LocalOrders,
    id: OrderId,
    until: Until,
    wait: Duration,
) -> Result<Option<Order>, LocalError> {
    let asked = tokio::time::timeout(wait + ANSWER_MARGIN, orders.order(id, until, wait));
    let found = asked.await.map_err(|_| LocalError::TimedOut)?.map_err(LocalError::Failed)?;
    Ok(found.map(serde_json::from_value).transpose()?)
}

impl Downstream {
    /// Sends the request on in its trace.
    async fn ask(
        &self,
        service: &'static str,
        url: Url,
        wait: Duration,
    ) -> Result<reqwest::Response, DownstreamError> {
        let request = self.http.get(url.clone()).timeout(wait + ANSWER_MARGIN);
        let Some(above) = minuet_telemetry::current() else {
            return request.send().await.map_err(|source| failed(service, source));
        };
        let (own, begun) = (self.tracer.child(&above), SystemTime::now());
        let order = minuet_telemetry::subject();
        let passed = order.as_ref().map_or_else(|| own.clone(), |order| with_order(&own, order));
        let headers = [("tracestate", passed.tracestate), ("baggage", passed.baggage)];
        let request = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .fold(request.header("traceparent", passed.traceparent), |request, (name, value)| {
                request.header(name, value)
            });
        let answer = request.send().await.map_err(|source| failed(service, source));
        if self.tracer.records(&own) {
            let mut span = Span::new("GET", Kind::Client, &own, begun)
                .until(SystemTime::now())
                .under(&above)
                .with("http.request.method", "GET")
                .with("url.full", without_user(url.clone()).to_string())
                .with("server.address", url.host_str().unwrap_or_default().to_owned())
                .with("server.port", i64::from(url.port_or_known_default().unwrap_or_default()));
            if let Some(order) = order {
                span.set_subject(order);
            }
            self.tracer.record(match &answer {
                Ok(response) => {
                    let status = response.status();
                    let span = span.with("http.response.status_code", i64::from(status.as_u16()));
                    // To a client every refusal is one; what is not known (yet) is an answer here.
                    if status.is_success() || status == StatusCode::NOT_FOUND {
                        span
                    } else {
                        span.failed_with(status.as_str().to_owned(), status.to_string())
                    }
                }
                Err(error) => span.failed("http", error),
            });
        }
        answer
    }
}

/// The settings may have user and password in an address, and refuse a query, where keys would be.
fn without_user(mut url: Url) -> Url {
    // Refused only by addresses without a host, and the settings take none.
    let _has_host = url.set_username("").and_then(|()| url.set_password(None));
    url
}

fn failed(service: &'static str, source: reqwest::Error) -> DownstreamError {
    if source.is_timeout() && !source.is_connect() {
        DownstreamError::TimedOut { service, source }
    } else {
        DownstreamError::Unreachable { service, source }
    }
}

fn millis(wait: Duration) -> String {
    wait.as_millis().to_string()
}

/// The address of something below a base; each segment is escaped. The segments `.` and `..` are dropped, so that nothing is
/// found under them, and nothing above the base is reached.
fn under(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    // Refused only by addresses without a host, and the settings take none.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}
