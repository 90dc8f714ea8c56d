use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A client of the gateway.
#[derive(Clone)]
pub struct Api {
    base: String,
    client: reqwest::Client,
    secret: &'static str,
}

/// What the gateway said.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Holds a refusal to what every refusal promises, and gives each of its errors as (field, code).
    #[track_caller]
    pub fn problem(&self, status: u16, slug: &str) -> Vec<(&str, &str)> {
        let body = &self.body;
        assert_eq!(
            (self.status.as_u16(), &body["type"]),
            (status, &json!(format!("/problems/{slug}"))),
            "{body:#}"
        );
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(body["status"], status, "{body:#}");
        for text in ["title", "detail"] {
            assert!(body[text].as_str().is_some_and(|text| !text.is_empty()), "{text} is missing: {body:#}");
        }
        let errors = body["errors"].as_array().map_or(&[][..], Vec::as_slice);
        errors.iter().map(|e| (e["field"].as_str().unwrap(), e["code"].as_str().unwrap())).collect()
    }

    pub fn order_id(&self) -> uuid::Uuid {
        self.body["order_id"].as_str().expect("an order_id").parse().unwrap()
    }
}

impl Api {
    pub fn new(address: SocketAddr, secret: &'static str) -> Api {
        Api { base: format!("http://{address}"), client: reqwest::Client::new(), secret }
    }

    /// The same client in front of another server that believes these tokens: a service's private address.
    pub fn at(&self, address: SocketAddr) -> Api {
        Api { base: format!("http://{address}"), ..self.clone() }
    }

    pub fn token(&self, user: &str, admin: bool) -> String {
        minuet_identity::development_token(self.secret, user, admin, Duration::from_secs(600)).unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub fn as_user(&self, method: Method, path: &str) -> RequestBuilder {
        self.as_named("user-1", method, path)
    }

    pub fn as_named(&self, user: &str, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(self.token(user, false))
    }

    pub fn as_admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(self.token("boss", true))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().await.expect("the gateway answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }
}
