//! The webhooks of the simulated provider: signed as Stripe signs, sent late, twice, out of order or not at all, by a seeded chance.
//!
//! They lie in memory: what was not sent when the process ends is lost, as webhooks may be.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use minuet_identity::{Secret, sign_webhook};
use minuet_telemetry::error_chain;
use parking_lot::Mutex;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::draw;
use crate::domain::{Charge, ProviderReference};
use crate::provider::settings::WebhookSettings;

/// More are lost.
const MAX_WAITING: usize = 10_000;
const MAX_ATTEMPTS: u32 = 6;
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum WebhookSetupError {
    #[error("payment.provider.webhooks.secret_file: {path} cannot be read")]
    Secret { path: PathBuf, source: std::io::Error },
    #[error("payment.provider.webhooks.url: takes an http:// or https:// address")]
    Url,
    #[error("the HTTP client of the simulated provider's webhooks cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// One thing to tell.
pub(super) struct Notice {
    id: String,
    body: String,
    after: Duration,
}

impl Notice {
    /// About the payment itself, or about its refund or dispute with this id. `kind` is one of Stripe's words.
    pub(super) fn about(
        charge: &Charge,
        reference: &ProviderReference,
        kind: &str,
        part: Option<&str>,
        after: Duration,
    ) -> Notice {
        let mut hash = Sha256::new().chain_update(reference.as_str()).chain_update(kind);
        hash = hash.chain_update(part.unwrap_or_default());
        let id =
            hash.finalize()[..12].iter().fold("evt_sim_".to_owned(), |id, byte| id + &format!("{byte:02x}"));
        let metadata = json!({"order_id": charge.order_id, "payment_id": charge.payment_id});
        let object: Value = match part {
            Some(part) => json!({"id": part, "payment_intent": reference.as_str(), "metadata": metadata}),
            None => json!({"id": reference.as_str(), "object": "payment_intent", "metadata": metadata}),
        };
        let body = json!({"id": id, "object": "event", "type": kind, "data": {"object": object}}).to_string();
        Notice { id, body, after }
    }
}

/// Where notices wait to be sent.
pub(super) struct Webhooks {
    queue: mpsc::Sender<Notice>,
    sender: Mutex<Option<Sender>>,
}

struct Sender {
    waiting: mpsc::Receiver<Notice>,
    target: Arc<Target>,
}

struct Target {
    settings: WebhookSettings,
    seed: u64,
    url: Url,
    secret: Secret,
    http: Client,
}

impl Webhooks {
    /// None: there are none.
    pub(super) fn open(settings: &WebhookSettings, seed: u64) -> Result<Option<Webhooks>, WebhookSetupError> {
        let (Some(url), Some(path)) = (&settings.url, &settings.secret_file) else { return Ok(None) };
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let text = std::fs::read_to_string(path)
            .map_err(|source| WebhookSetupError::Secret { path: path.clone(), source })?;
        let secret = Secret::new(text.lines().next().unwrap_or_default().trim());
        let http =
            Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(WebhookSetupError::Client)?;
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        let url = url.ok_or(WebhookSetupError::Url)?;
        let target = Arc::new(Target { settings: settings.clone(), seed, url, secret, http });
        Ok(Some(Webhooks { queue, sender: Mutex::new(Some(Sender { waiting, target })) }))
    }

    pub(super) fn tell(&self, notice: Notice) {
        if self.queue.try_send(notice).is_err() {
            tracing::debug!("simulated webhook is lost: too many wait");
        }
    }

    /// Sends until `shutdown`. Called again, it does nothing.
    pub(super) async fn run(&self, shutdown: CancellationToken) {
        let Some(Sender { mut waiting, target }) = self.sender.lock().take() else { return };
        let mut sending = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                Some(_) = sending.join_next() => {}
                notice = waiting.recv(), if sending.len() < MAX_WAITING => {
                    let Some(notice) = notice else { return };
                    sending.spawn(send(Arc::clone(&target), notice));
                }
            }
        }
    }
}

async fn send(target: Arc<Target>, notice: Notice) {
    let Target { settings, seed, .. } = &*target;
    let draw = |what: &str| draw(*seed, &[what.as_bytes(), notice.id.as_bytes()]);
    if draw("lost") < settings.loss_rate {
        return;
    }
    let delay = |what: &str| notice.after + Duration::from_millis(settings.delay_ms).mul_f64(draw(what));
    let again = draw("repeated") < settings.repeat_rate;
    let first = deliver(&target, &notice, delay("first"));
    if again {
        tokio::join!(first, deliver(&target, &notice, delay("second")));
    } else {
        first.await;
    }
}

/// Until it is answered 2xx, a few times.
async fn deliver(target: &Target, notice: &Notice, delay: Duration) {
    tokio::time::sleep(delay).await;
    for attempt in 0..MAX_ATTEMPTS {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let request = target
            .http
            .post(target.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("minuet-signature", sign_webhook(&target.secret, now, notice.body.as_bytes()))
            .body(notice.body.clone());
        match request.send().await.and_then(reqwest::Response::error_for_status) {
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(error = error_chain(&error), attempt, "simulated webhook was not taken");
            }
        }
        tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
    }
}
