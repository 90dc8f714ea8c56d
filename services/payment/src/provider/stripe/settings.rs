use std::path::PathBuf;

use minuet_identity::Secret;
use minuet_messaging::{OutOfRange, out_of};
use reqwest::Url;
use serde::Deserialize;

/// The section `[payment.provider.stripe]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StripeSettings {
    /// The secret key, or a restricted one. Better in a file.
    pub secret_key: Option<Secret>,
    /// A file that holds only the secret key. Read again when Stripe no longer takes the key.
    pub secret_key_file: Option<PathBuf>,
    /// The base of Stripe's API.
    pub url: String,
    /// The shop's page to which a customer comes back from PayPal, Alipay or a bank.
    pub return_url: Option<String>,
    /// Most requests in one second, of this process. Stripe takes 25 of a sandbox, and 100 of a live account.
    pub requests_per_second: u32,
    /// How long one attempt of a request may take, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for StripeSettings {
    fn default() -> Self {
        StripeSettings {
            secret_key: None,
            secret_key_file: None,
            url: "https://api.stripe.com".to_owned(),
            return_url: None,
            requests_per_second: 20,
            timeout_ms: 20_000,
        }
    }
}

impl StripeSettings {
    /// What is wrong, where Stripe is the provider.
    pub(crate) fn out_of_range(&self) -> Vec<OutOfRange> {
        let is_web = |url: &str| {
            Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        };
        let has_key = self.secret_key.is_some() != self.secret_key_file.is_some();
        let is_key = self.secret_key.as_ref().is_none_or(|key| is_key(key.expose()));
        out_of(&[
            (
                "provider.stripe.secret_key_file",
                has_key,
                "takes a file with Stripe's secret key where kind is stripe; secret_key may stand in its place",
            ),
            ("provider.stripe.secret_key", is_key, "takes a secret key: it begins with sk_ or rk_"),
            ("provider.stripe.url", is_web(&self.url), "takes an https:// address"),
            (
                "provider.stripe.return_url",
                self.return_url.as_deref().is_some_and(is_web),
                "takes the address of the shop's page to which customers come back, where kind is stripe",
            ),
            (
                "provider.stripe.requests_per_second",
                (1..=1_000).contains(&self.requests_per_second),
                "takes 1 to 1000",
            ),
            (
                "provider.stripe.timeout_ms",
                (1_000..=600_000).contains(&self.timeout_ms),
                "takes 1000 to 600000 (ten minutes)",
            ),
        ])
    }
}

/// A publishable key (`pk_...`) is none.
pub(super) fn is_key(key: &str) -> bool {
    key.starts_with("sk_") || key.starts_with("rk_")
}
