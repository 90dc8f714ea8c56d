use std::net::SocketAddr;
use std::time::Duration;

use minuet_events::values::UserId;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

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

    pub fn order_id(&self) -> uuid::Uuid {
        self.body["order_id"].as_str().expect("an order_id").parse().unwrap()
    }
}

impl Api {
    pub fn new(address: SocketAddr, secret: &'static str) -> Api {
        Api { base: format!("http://{address}"), client: reqwest::Client::new(), secret }
    }

    pub fn token(&self, user: &str, admin: bool) -> String {
        let user = UserId::parse(user).unwrap();
        minuet_gateway::development_token(self.secret, &user, admin, Duration::from_secs(600)).unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub fn as_user(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(self.token("user-1", false))
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
