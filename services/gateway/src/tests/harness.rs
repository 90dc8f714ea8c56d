//! A gateway on a port of its own, with a broker inside the Kafka client (librdkafka's mock: it acknowledges, and that is all
//! that is asked of it here) and services that answer what the test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, Uri};
use futures::future::BoxFuture;
use minuet_events::Codec;
use minuet_identity::{Secret, development_token};
use minuet_messaging::Publisher;
use minuet_messaging::topics::Catalogue;
use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::documented::assert_documented;
use crate::{GatewayError, LocalOrders, Settings, run_with};

pub(super) const SECRET: &str = "a secret that is only used in tests";
/// Nobody listens there: a port below 1024 that no service has.
const NOBODY: &str = "http://127.0.0.1:1";

pub(super) fn settings() -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        order_url: NOBODY.to_owned(),
        inventory_url: NOBODY.to_owned(),
        jwt_secret: Some(Secret::new(SECRET)),
        jwt_public_key_file: None,
        jwks_file: None,
        jwt_issuer: None,
        jwt_audience: None,
        answer_wait_ms: 300,
        longest_wait_ms: 5_000,
        request_timeout_ms: 20_000,
        header_timeout_ms: 10_000,
        idle_timeout_ms: 120_000,
        body_timeout_ms: 2_000,
        shutdown_ms: 5_000,
        stall_seconds: 30,
        concurrent_requests: 64,
        user_requests_per_minute: None,
        address_requests_per_minute: None,
        trusted_proxies: vec![],
        require_if_match: false,
        cors_origins: vec![],
        stripe_webhook_secrets_file: None,
        simulated_webhook_secrets_file: None,
    }
}

/// What the services behind the gateway answer, to which path and query.
pub(super) type Reply = Arc<dyn Fn(Uri) -> BoxFuture<'static, (u16, Value)> + Send + Sync>;

pub(super) fn reply(answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> Reply {
    Arc::new(move |uri| {
        let answer = answer(&uri.to_string());
        Box::pin(async move { answer })
    })
}

pub(super) struct TestGateway {
    pub(super) address: SocketAddr,
    pub(super) shutdown: CancellationToken,
    pub(super) running: JoinHandle<Result<(), GatewayError>>,
    asked: Arc<Mutex<Vec<String>>>,
    http: reqwest::Client,
    // The services end with the test.
    _services: tokio_util::sync::DropGuard,
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// With a broker that acknowledges.
pub(super) async fn gateway(answers: Reply) -> TestGateway {
    start(settings(), &[("test.mock.num.brokers", "1")], Some(answers)).await
}

pub(super) const NO_KAFKA: &[(&str, &str)] =
    &[("bootstrap.servers", "127.0.0.1:1"), ("message.timeout.ms", "300")];

pub(super) async fn start(settings: Settings, kafka: &[(&str, &str)], answers: Option<Reply>) -> TestGateway {
    start_with(settings, kafka, answers, None).await
}

/// With an order service in the same process.
pub(super) async fn start_with(
    settings: Settings,
    kafka: &[(&str, &str)],
    answers: Option<Reply>,
    orders: Option<Arc<dyn LocalOrders>>,
) -> TestGateway {
    let publisher = publisher(kafka);
    let asked = Arc::default();
    let services = CancellationToken::new();
    let mut settings = settings;
    if let Some(answers) = answers {
        let url = serve(answers, Arc::clone(&asked), services.clone()).await;
        settings = Settings { order_url: url.clone(), inventory_url: url, ..settings };
    }
    let shutdown = CancellationToken::new();
    let (tell, told) = oneshot::channel();
    let running = tokio::spawn(run_with(settings, publisher, orders, shutdown.clone(), |address| {
        tell.send(address).unwrap()
    }));
    let address = told.await.unwrap();
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
    TestGateway { address, shutdown, running, asked, http, _services: services.drop_guard() }
}

pub(super) fn publisher(kafka: &[(&str, &str)]) -> Publisher<minuet_events::Codec> {
    let kafka: BTreeMap<_, _> =
        kafka.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // librdkafka's mock gives each topic four.
    let catalogue = Catalogue::parse(minuet_events::TOPICS).unwrap().with_partitions(4).unwrap();
    let catalogue = Arc::new(catalogue);
    Publisher::new(&kafka, "gateway-test", "tool", Codec::local(), catalogue, "").unwrap()
}

async fn serve(answers: Reply, asked: Arc<Mutex<Vec<String>>>, stop: CancellationToken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(async move |uri: Uri| {
        asked.lock().push(uri.to_string());
        let (status, body) = answers(uri).await;
        (StatusCode::from_u16(status).unwrap(), axum::Json(body))
    });
    tokio::spawn(async move {
        tokio::select! {
            served = axum::serve(listener, router) => served.unwrap(),
            () = stop.cancelled() => {}
        }
    });
    format!("http://{address}")
}

impl TestGateway {
    /// What the services were asked, path and query, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }

    pub(super) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    pub(super) fn as_user(&self, user: &str, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(token(user, false))
    }

    pub(super) fn as_admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(token("root", true))
    }

    pub(super) async fn order(&self, headers: &[(&str, &str)], body: &Value) -> Answer {
        let request = self.as_user("anna", Method::POST, "/v1/orders").json(body);
        send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }
}

pub(super) fn token(user: &str, admin: bool) -> String {
    development_token(SECRET, user, admin, Duration::from_secs(60)).unwrap()
}

/// A response, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks what every problem document has in common, and gives the pairs of `errors`.
    pub(super) fn problem(&self, status: u16, slug: &str) -> Vec<(&str, &str)> {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["type"], format!("/problems/{slug}"));
        assert_eq!(self.body["status"], status);
        for text in ["title", "detail"] {
            assert!(self.body[text].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        }
        let errors = self.body["errors"].as_array().into_iter().flatten();
        errors.map(|error| (error["field"].as_str().unwrap(), error["code"].as_str().unwrap())).collect()
    }
}

pub(super) async fn send(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response: Response = client.execute(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let answer = Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) };
    assert_documented(&method, &path, &answer);
    answer
}

pub(super) fn order_body() -> Value {
    json!({ "payment_method": "paypal", "lines": [{ "sku": "TEA-1", "quantity": 2 }, { "sku": "CUP-9", "quantity": 1 }] })
}

/// An order as the order service tells it: `order_body`, placed by anna.
pub(super) fn order_json(id: &str, status: &str) -> Value {
    json!({
        "order_id": id, "user_id": "anna", "status": status, "payment_method": "paypal",
        "currency": "EUR", "total": "19.00",
        "lines": [
            { "sku": "CUP-9", "name": "Cup", "unit_price": "10.00", "quantity": 1, "subtotal": "10.00" },
            { "sku": "TEA-1", "name": "Tea", "unit_price": "4.50", "quantity": 2, "subtotal": "9.00" },
        ],
        "created_at": "2026-11-23T08:00:00.000000Z", "updated_at": "2026-11-23T08:00:00.000000Z",
        "shard": 3,
    })
}

/// The id in a path such as `/orders/{id}?wait=known`.
pub(super) fn id_in(uri: &str) -> &str {
    uri.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap()
}

pub(super) fn nothing_known() -> Reply {
    reply(|_| (404, Value::Null))
}
