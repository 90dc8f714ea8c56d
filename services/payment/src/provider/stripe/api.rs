//! One request of Stripe's API, and what comes back.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;

use super::error::{StripeError, refused};
use super::form::Form;
use super::pace::Pace;
use super::retry::{MAX_ATTEMPTS, back_off, is_retried, pause};
use super::secret_key::{KeyError, SecretKey};
use super::settings::StripeSettings;

/// The version of the API whose answers are read here. Without it, Stripe answers as the account is set.
pub const API_VERSION: &str = "2026-08-26.dahlia";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Far beyond what an object or a page of a hundred takes.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

#[derive(Debug, thiserror::Error)]
pub enum StripeSetupError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("payment.provider.stripe.url: takes an https:// address")]
    Url,
    #[error("the HTTP client for Stripe cannot be set up")]
    Client(#[source] reqwest::Error),
}

pub(super) struct Api {
    http: Client,
    base: Url,
    key: SecretKey,
    pace: Pace,
}

/// With `key`, a POST that may be sent again under that idempotency key; without, a GET.
struct Request<'a> {
    url: Url,
    body: String,
    key: Option<&'a str>,
}

/// One attempt without success.
enum Failure {
    Final(StripeError),
    Again {
        error: StripeError,
        pause: Option<Duration>,
    },
    /// The key of the request is no longer taken, and has been replaced.
    NewKey(StripeError),
}

impl Api {
    pub(super) fn open(settings: &StripeSettings) -> Result<Self, StripeSetupError> {
        let base = Url::parse(&settings.url).ok().filter(|url| !url.cannot_be_a_base());
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(Duration::from_millis(settings.timeout_ms))
            .redirect(redirect::Policy::none())
            .build()
            .map_err(StripeSetupError::Client)?;
        Ok(Api {
            http,
            base: base.ok_or(StripeSetupError::Url)?,
            key: SecretKey::open(settings)?,
            pace: Pace::new(settings.requests_per_second),
        })
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &Form,
    ) -> Result<T, StripeError> {
        let mut url = self.url(path);
        query.append_to(&mut url);
        self.send(&Request { url, body: String::new(), key: None }).await
    }

    /// Sent again under the same key, the request is carried out once, for as long as Stripe remembers the key: 24 hours or more.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        form: &Form,
        key: &str,
    ) -> Result<T, StripeError> {
        let url = self.url(path);
        let body = form.body(&url);
        self.send(&Request { url, body, key: Some(key) }).await
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }

    async fn send<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, StripeError> {
        let (mut attempt, mut may_renew) = (0, true);
        loop {
            self.pace.turn().await;
            let failure = match self.attempt(request).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            attempt += 1;
            match failure {
                Failure::NewKey(_) if may_renew => may_renew = false,
                Failure::Final(error) | Failure::NewKey(error) => return Err(error),
                Failure::Again { error, pause } => {
                    if let Some(pause) = pause {
                        self.pace.pause(pause);
                    }
                    if attempt >= MAX_ATTEMPTS {
                        return Err(error);
                    }
                    tokio::time::sleep(back_off(attempt - 1)).await;
                }
            }
        }
    }

    async fn attempt<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, Failure> {
        let authorization = self.key.header();
        let to_send = match request.key {
            Some(key) => self
                .http
                .post(request.url.clone())
                .header("idempotency-key", key)
                .header(CONTENT_TYPE, FORM)
                .body(request.body.clone()),
            None => self.http.get(request.url.clone()),
        };
        let to_send =
            to_send.header(AUTHORIZATION, authorization.clone()).header("stripe-version", API_VERSION);
        let response = to_send.send().await.map_err(connection)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let request_id = text(&headers, "request-id");
        if is_retried(status, &headers) {
            let is_replayed = headers.get("idempotent-replayed").is_some_and(|value| value == "true");
            let error = StripeError::Unavailable { status, request_id, is_replayed };
            if is_replayed {
                return Err(Failure::Final(error));
            }
            return Err(Failure::Again { error, pause: pause(&headers) });
        }
        let body = read(response).await?;
        if status.is_success() {
            // Asked again, a request that was carried out is answered by what became of it.
            return serde_json::from_slice(&body)
                .map_err(|_| Failure::Again { error: StripeError::Unreadable { status }, pause: None });
        }
        let error = refused(status, request_id, &body);
        if status == StatusCode::UNAUTHORIZED && self.key.renew(&authorization) {
            return Err(Failure::NewKey(error));
        }
        Err(Failure::Final(error))
    }
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
    let (status, mut body) = (response.status(), Vec::new());
    while let Some(chunk) = response.chunk().await.map_err(connection)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(Failure::Final(StripeError::Unreadable { status }));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The URL goes from the error: the log has the order, and a base may hold a password.
fn connection(error: reqwest::Error) -> Failure {
    Failure::Again { error: StripeError::Connection(error.without_url()), pause: None }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
