use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use ipnet::IpNet;
use minuet_identity::Secret;
use reqwest::Url;
use serde::Deserialize;
use tokio::sync::Semaphore;

/// What comes before a wait: the look at what is known already, and Kafka's acknowledgement.
const PUBLISHING_MS: u64 = 12_000;

/// Where the gateway listens, whom it asks, and whose tokens it believes. Times are in milliseconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default = "defaults::listen")]
    pub listen: SocketAddr,
    /// Base of the order service's query API, for example `http://127.0.0.1:8091`.
    pub order_url: String,
    /// Base of the inventory service's query API.
    pub inventory_url: String,

    /// Exactly one of this and the next two is set: see [`minuet_identity::Settings`].
    pub jwt_secret: Option<Secret>,
    pub jwt_public_key_file: Option<PathBuf>,
    pub jwks_file: Option<PathBuf>,
    pub jwt_issuer: Option<String>,
    pub jwt_audience: Option<String>,

    /// How long a request waits for what it set off: an order's price, a product in the view, an adjustment's answer.
    #[serde(default = "defaults::answer_wait_ms")]
    pub answer_wait_ms: u64,
    /// The most that `Prefer: wait=N` is granted.
    #[serde(default = "defaults::longest_wait_ms")]
    pub longest_wait_ms: u64,
    /// From the request's headers to the answer's. Exceeds both waits by what publishing may take.
    #[serde(default = "defaults::request_timeout_ms")]
    pub request_timeout_ms: u64,
    /// How long a client may take to send the headers of a request. Slower ones lose their connection.
    #[serde(default = "defaults::header_timeout_ms")]
    pub header_timeout_ms: u64,
    /// How long a connection stays open between two requests.
    #[serde(default = "defaults::idle_timeout_ms")]
    pub idle_timeout_ms: u64,
    /// How long a body may take to arrive.
    #[serde(default = "defaults::body_timeout_ms")]
    pub body_timeout_ms: u64,
    /// How long requests under way may still take once the shutdown has begun.
    #[serde(default = "defaults::shutdown_ms")]
    pub shutdown_ms: u64,
    /// For how long events may be refused acknowledgement before the gateway is not ready.
    #[serde(default = "defaults::stall_seconds")]
    pub stall_seconds: u32,
    /// Requests open at once; the next one is answered 503.
    #[serde(default = "defaults::concurrent_requests")]
    pub concurrent_requests: usize,
    /// Requests that one user may send in a minute; the next one is answered 429. Absent: any number.
    pub user_requests_per_minute: Option<NonZeroU32>,
    /// As that, from one address; an IPv6 address counts by its first 64 bits.
    pub address_requests_per_minute: Option<NonZeroU32>,
    /// Networks, such as `10.0.0.0/8`, of proxies that name the client's address in `X-Forwarded-For`.
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
    /// Whether a product that is there is changed only with `If-Match` (or `If-None-Match`); otherwise the answer is 428.
    #[serde(default)]
    pub require_if_match: bool,
    /// Origins, such as `https://shop.example`, whose pages may send requests from a browser (CORS). Empty: none.
    #[serde(default)]
    pub cors_origins: Vec<String>,
    /// The secrets of Stripe's webhooks (`whsec_...`), one a line: several while one replaces another. The file is read again when it
    /// changes. Absent: webhooks of Stripe are answered 404.
    pub stripe_webhook_secrets_file: Option<PathBuf>,
    /// As that, of the simulated provider.
    pub simulated_webhook_secrets_file: Option<PathBuf>,
}

mod defaults {
    use super::{Ipv4Addr, SocketAddr};

    pub(super) fn listen() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 8080).into()
    }
    pub(super) fn answer_wait_ms() -> u64 {
        2_000
    }
    pub(super) fn longest_wait_ms() -> u64 {
        30_000
    }
    pub(super) fn request_timeout_ms() -> u64 {
        45_000
    }
    pub(super) fn header_timeout_ms() -> u64 {
        10_000
    }
    pub(super) fn idle_timeout_ms() -> u64 {
        120_000
    }
    pub(super) fn body_timeout_ms() -> u64 {
        10_000
    }
    pub(super) fn shutdown_ms() -> u64 {
        8_000
    }
    pub(super) fn stall_seconds() -> u32 {
        30
    }
    pub(super) fn concurrent_requests() -> usize {
        10_000
    }
}

/// A setting that must not be used as it stands. Names the key and what it takes.
#[derive(Debug, thiserror::Error)]
#[error("gateway.{key}: {takes}")]
pub struct SettingsError {
    pub key: &'static str,
    pub takes: &'static str,
}

impl Settings {
    /// Whose tokens are believed.
    pub fn identity(&self) -> minuet_identity::Settings {
        minuet_identity::Settings {
            jwt_secret: self.jwt_secret.clone(),
            jwt_public_key_file: self.jwt_public_key_file.clone(),
            jwks_file: self.jwks_file.clone(),
            jwt_issuer: self.jwt_issuer.clone(),
            jwt_audience: self.jwt_audience.clone(),
        }
    }

    /// What a type cannot say: which settings exclude each other, and which bound which. Gives the bases of the order and the
    /// inventory service.
    pub fn check(&self) -> Result<(Url, Url), SettingsError> {
        let wrong = |key, takes| Err(SettingsError { key, takes });
        if let Err(minuet_identity::SettingsError { key, takes }) = self.identity().check() {
            return wrong(key, takes);
        }
        if self.request_timeout_ms
            < self.longest_wait_ms.max(self.answer_wait_ms).saturating_add(PUBLISHING_MS)
        {
            return wrong(
                "request_timeout_ms",
                "exceeds longest_wait_ms and answer_wait_ms by at least 12000",
            );
        }
        if !(1..=3_600).contains(&self.stall_seconds) {
            return wrong("stall_seconds", "takes 1 to 3600 (an hour)");
        }
        if !(1..=Semaphore::MAX_PERMITS).contains(&self.concurrent_requests) {
            return wrong("concurrent_requests", "takes a number above 0");
        }
        let is_origin = |origin: &String| {
            Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin)
        };
        if !self.cors_origins.iter().all(is_origin) {
            return wrong(
                "cors_origins",
                "takes origins such as https://shop.example: no path, no slash at the end, no *",
            );
        }
        Ok((base("order_url", &self.order_url)?, base("inventory_url", &self.inventory_url)?))
    }
}

fn base(key: &'static str, url: &str) -> Result<Url, SettingsError> {
    let is_base = |url: &Url| {
        url.scheme() == "http" && url.has_host() && url.query().is_none() && url.fragment().is_none()
    };
    let parsed = Url::parse(url).ok().filter(is_base);
    parsed.ok_or(SettingsError { key, takes: "takes an http:// address without a query" })
}
