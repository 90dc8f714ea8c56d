mod hosted_page;
mod webhooks;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use minuet_events::values::{DisputeStatus, PaymentId};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::ledger::{BookedRefund, BookedStanding, RefundAnswer};
use super::{
    Created, Entry, Ledger, LedgerError, ListedDispute, ListedRefund, NoAnswer, PaymentGateway,
    ProviderReference, ProviderSettings, RefundRequest, RefundStanding, Standing,
};
use crate::domain::{Answer, Charge};
use hosted_page::{CustomerChoice, HostedPages};
use webhooks::{Notice, Webhooks};

/// A payment provider as a sandbox has it.
pub struct Simulated {
    settings: ProviderSettings,
    ledger: Ledger,
    pages: HostedPages,
    /// Charges that are under way, and until when, in milliseconds of Unix time. After a restart they were never begun.
    processing: Mutex<HashMap<PaymentId, i64>>,
    webhooks: Option<Webhooks>,
}

#[derive(Debug, thiserror::Error)]
pub enum SimulatedError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Webhooks(#[from] webhooks::WebhookSetupError),
}

/// Why a charge that was called off is declined.
const STOPPED: &str = "stopped";

impl Simulated {
    pub fn open(settings: ProviderSettings) -> Result<Self, SimulatedError> {
        let ledger = Ledger::open(settings.ledger.as_deref())?;
        let webhooks = Webhooks::open(&settings.webhooks, settings.seed)?;
        let pages = HostedPages::default();
        Ok(Simulated { settings, ledger, pages, processing: Mutex::default(), webhooks })
    }

    /// Sends the webhooks until `shutdown`; without them it returns at once.
    pub async fn send_webhooks(&self, shutdown: CancellationToken) {
        if let Some(webhooks) = &self.webhooks {
            webhooks.run(shutdown).await;
        }
    }

    /// The hosted pages, to be served at this address. Before they are, a payment that needs one is declined.
    pub fn hosted_pages(self: &Arc<Self>, address: SocketAddr) -> Router {
        self.pages.set_address(address);
        hosted_page::routes(Arc::clone(self))
    }

    /// Without latency, as the provider itself sees it.
    fn standing(&self, payment: PaymentId) -> Result<Standing, LedgerError> {
        self.ledger.charge(payment, || None).map(standing)
    }

    /// The customer's choice on the hosted page. False: the payment does not wait (any more).
    fn choose(&self, payment: PaymentId, choice: CustomerChoice) -> Result<bool, LedgerError> {
        let Some(charge) = self.pages.charge(payment) else { return Ok(false) };
        let decide = || match choice {
            CustomerChoice::Pay => captured(&charge),
            CustomerChoice::Decline => {
                Entry::Declined { payment_id: payment, reason: "declined_by_customer".to_owned() }
            }
        };
        let (_, is_entered) = self.enter(&charge, decide)?;
        self.pages.end(payment);
        Ok(is_entered)
    }

    /// What stands under the payment's id, or else what `decide` says; and whether that was entered now. What is entered is told.
    fn enter(
        &self,
        charge: &Charge,
        decide: impl FnOnce() -> Entry,
    ) -> Result<(Option<Entry>, bool), LedgerError> {
        let mut is_entered = false;
        let decide = || {
            is_entered = true;
            Some(decide())
        };
        let entry = self.ledger.charge(charge.payment_id, decide)?;
        if is_entered {
            self.processing.lock().remove(&charge.payment_id);
            match &entry {
                Some(Entry::Captured { .. }) => {
                    self.tell(charge, "payment_intent.succeeded", None, 0);
                    self.dispute(charge)?;
                }
                Some(Entry::Declined { reason, .. }) if reason == STOPPED => {
                    self.tell(charge, "payment_intent.canceled", None, 0);
                }
                _ => self.tell(charge, "payment_intent.payment_failed", None, 0),
            }
        }
        Ok((entry, is_entered))
    }

    /// `times` tells after how many times `settle_ms`.
    fn tell(&self, charge: &Charge, kind: &str, part: Option<&str>, times: u32) {
        if let Some(webhooks) = &self.webhooks {
            let after = Duration::from_millis(self.settings.settle_ms) * times;
            webhooks.tell(Notice::about(charge, &reference(charge.payment_id), kind, part, after));
        }
    }

    fn settled_at(&self, now: i64, times: i64) -> i64 {
        now.saturating_add(i64::try_from(self.settings.settle_ms).unwrap_or(i64::MAX).saturating_mul(times))
    }

    /// A captured charge of certain amounts will be disputed.
    fn dispute(&self, charge: &Charge) -> Result<(), LedgerError> {
        let is_lost = self.settings.lost_dispute_amounts.contains(&charge.amount);
        if !is_lost && !self.settings.won_dispute_amounts.contains(&charge.amount) {
            return Ok(());
        }
        let Charge { payment_id, currency, amount, .. } = *charge;
        let dispute_id = format!("dp_sim_{}", payment_id.as_uuid().simple());
        let now = now();
        let (opens, closes) = (self.settled_at(now, 1), self.settled_at(now, 2));
        let id = Some(dispute_id.as_str());
        self.tell(charge, "charge.dispute.created", id, 1);
        self.tell(charge, "charge.dispute.closed", id, 2);
        self.ledger.dispute(Entry::Disputed {
            payment_id,
            dispute_id,
            currency,
            amount,
            opens,
            closes,
            is_lost,
        })
    }

    /// A charge of certain amounts is captured only after a while.
    fn begin_slowly(&self, charge: &Charge) -> Result<Standing, LedgerError> {
        match self.standing(charge.payment_id)? {
            Standing::Unconfirmed => {}
            ended => return Ok(ended),
        }
        let now = now();
        let due = *self.processing.lock().entry(charge.payment_id).or_insert_with(|| {
            // It is captured when somebody asks from then on.
            self.tell(charge, "payment_intent.processing", None, 0);
            self.tell(charge, "payment_intent.succeeded", None, 1);
            self.settled_at(now, 1)
        });
        if now < due {
            Ok(Standing::Processing)
        } else {
            self.enter(charge, || captured(charge)).map(|(e, _)| standing(e))
        }
    }

    fn refund_now(&self, charge: &Charge, request: &RefundRequest) -> Result<RefundStanding, NoAnswer> {
        let now = now();
        let RefundRequest { refund_id, amount } = *request;
        let fails = self.settings.failed_refund_amounts.contains(&amount);
        let standing = if fails || self.settings.pending_refund_amounts.contains(&amount) {
            BookedStanding::Pending { due: self.settled_at(now, 1), fails }
        } else {
            BookedStanding::Given
        };
        let refund = BookedRefund { refund_id, amount, standing };
        let refused = |reason: &str| Ok(RefundStanding::Failed { reason: reason.to_owned() });
        match self.ledger.refund(charge.payment_id, refund, now).map_err(|e| unreadable(&e))? {
            RefundAnswer::Booked(booked) => {
                let id = refund_id.to_string();
                self.tell(charge, "refund.created", Some(&id), 0);
                if let BookedStanding::Pending { fails, .. } = booked {
                    self.tell(charge, if fails { "refund.failed" } else { "refund.updated" }, Some(&id), 1);
                }
                Ok(refund_standing(booked))
            }
            RefundAnswer::Exceeds => refused("amount_exceeds_what_is_left"),
            RefundAnswer::Disputed => refused("charge_disputed"),
            RefundAnswer::NothingCaptured => {
                Err(NoAnswer { detail: "nothing was captured under this key".to_owned() })
            }
        }
    }

    fn begin_with_customer(&self, charge: &Charge) -> Result<Standing, LedgerError> {
        let standing = match self.pages.wait(charge) {
            Some(action) => match self.standing(charge.payment_id)? {
                Standing::Unconfirmed => {
                    self.tell(charge, "payment_intent.requires_action", None, 0);
                    return Ok(Standing::MustAct(action));
                }
                ended => ended,
            },
            None => {
                let payment_id = charge.payment_id;
                let reason = "hosted_page_missing".to_owned();
                standing(self.enter(charge, || Entry::Declined { payment_id, reason })?.0)
            }
        };
        self.pages.end(charge.payment_id);
        Ok(standing)
    }

    fn needs_customer(&self, charge: &Charge) -> bool {
        self.settings.action_methods.contains(&charge.payment_method)
            || self.settings.action_amounts.contains(&charge.amount)
    }

    async fn latency(&self) {
        if self.settings.latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.settings.latency_ms)).await;
        }
    }

    /// A function of (seed, payment id, amount), so that a repeated run gives the same outcomes.
    fn outcome(&self, charge: &Charge) -> Entry {
        let payment_id = charge.payment_id;
        if self.settings.declined_amounts.contains(&charge.amount) {
            return Entry::Declined { payment_id, reason: "card_declined".to_owned() };
        }
        let draw = draw(self.settings.seed, &[payment_id.as_uuid().as_bytes()]);
        if draw < self.settings.success_rate {
            captured(charge)
        } else {
            Entry::Declined { payment_id, reason: "insufficient_funds".to_owned() }
        }
    }
}

/// From 0 to below 1: a function of its arguments.
fn draw(seed: u64, parts: &[&[u8]]) -> f64 {
    let mut hash = Sha256::new().chain_update(seed.to_be_bytes());
    for part in parts {
        hash = hash.chain_update(part);
    }
    let mut word = [0; 8];
    word.copy_from_slice(&hash.finalize()[..8]);
    // 53 bits: a float holds them exactly, so that the draw stays below 1.
    (u64::from_be_bytes(word) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Milliseconds of Unix time.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn refund_standing(booked: BookedStanding) -> RefundStanding {
    match booked {
        BookedStanding::Given => RefundStanding::Given,
        BookedStanding::Pending { .. } => RefundStanding::Pending,
        BookedStanding::Failed => RefundStanding::Failed { reason: "refund_failed".to_owned() },
    }
}

fn captured(charge: &Charge) -> Entry {
    let Charge { payment_id, currency, amount, .. } = *charge;
    let ProviderReference(transaction_id) = reference(payment_id);
    Entry::Captured { payment_id, transaction_id, currency, amount }
}

fn reference(payment: PaymentId) -> ProviderReference {
    ProviderReference(format!("sim_{}", payment.as_uuid().simple()))
}

fn standing(entry: Option<Entry>) -> Standing {
    entry.map_or(Standing::Unconfirmed, |entry| Standing::Answered(answer(entry)))
}

fn answer(entry: Entry) -> Answer {
    match entry {
        Entry::Captured { transaction_id, .. } => Answer::Captured {
            response: format!(r#"{{"result":"captured","transaction":"{transaction_id}"}}"#),
            transaction_id,
        },
        Entry::Declined { reason, .. } => {
            Answer::Declined { response: format!(r#"{{"result":"declined","reason":"{reason}"}}"#), reason }
        }
        // None of these stands under a charge.
        Entry::RefundPending { .. }
        | Entry::Refunded { .. }
        | Entry::RefundFailed { .. }
        | Entry::Disputed { .. } => Answer::Declined {
            response: r#"{"result":"refunded"}"#.to_owned(),
            reason: "refunded".to_owned(),
        },
    }
}

fn unreadable(error: &LedgerError) -> NoAnswer {
    NoAnswer { detail: error.to_string() }
}

impl PaymentGateway for Simulated {
    fn own_reference(&self, payment: PaymentId) -> Option<ProviderReference> {
        Some(reference(payment))
    }

    async fn create(&self, charge: &Charge) -> Result<Created, NoAnswer> {
        Ok(Created::Unconfirmed(reference(charge.payment_id)))
    }

    async fn begin(&self, charge: &Charge, _: &ProviderReference) -> Result<Standing, NoAnswer> {
        self.latency().await;
        if self.settings.hanging_amounts.contains(&charge.amount) {
            std::future::pending::<()>().await;
        }
        if self.needs_customer(charge) {
            return self.begin_with_customer(charge).map_err(|e| unreadable(&e));
        }
        if self.settings.processing_amounts.contains(&charge.amount) {
            return self.begin_slowly(charge).map_err(|e| unreadable(&e));
        }
        let entered = self.enter(charge, || self.outcome(charge));
        Ok(standing(entered.map_err(|e| unreadable(&e))?.0))
    }

    async fn ask(&self, charge: &Charge, _: &ProviderReference) -> Result<Standing, NoAnswer> {
        self.latency().await;
        if self.processing.lock().contains_key(&charge.payment_id) {
            return self.begin_slowly(charge).map_err(|e| unreadable(&e));
        }
        let standing = self.standing(charge.payment_id).map_err(|e| unreadable(&e))?;
        Ok(match (standing, self.pages.action(charge)) {
            (Standing::Unconfirmed, Some(action)) => Standing::MustAct(action),
            (standing, _) => standing,
        })
    }

    async fn cancel(&self, charge: &Charge, _: &ProviderReference) -> Result<Standing, NoAnswer> {
        self.latency().await;
        let payment_id = charge.payment_id;
        let entered = self.enter(charge, || Entry::Declined { payment_id, reason: STOPPED.to_owned() });
        self.pages.end(payment_id);
        Ok(standing(entered.map_err(|e| unreadable(&e))?.0))
    }

    async fn refund(
        &self,
        charge: &Charge,
        _: &ProviderReference,
        request: &RefundRequest,
    ) -> Result<RefundStanding, NoAnswer> {
        self.latency().await;
        self.refund_now(charge, request)
    }

    async fn refunds(&self, charge: &Charge, _: &ProviderReference) -> Result<Vec<ListedRefund>, NoAnswer> {
        self.latency().await;
        let booked = self.ledger.refunds(charge.payment_id, now()).map_err(|e| unreadable(&e))?;
        let listed = |BookedRefund { refund_id, amount, standing }| ListedRefund {
            refund_id: Some(refund_id),
            reference: refund_id.to_string(),
            amount,
            standing: refund_standing(standing),
        };
        Ok(booked.into_iter().map(listed).collect())
    }

    async fn disputes(&self, charge: &Charge, _: &ProviderReference) -> Result<Vec<ListedDispute>, NoAnswer> {
        self.latency().await;
        let disputed = self.ledger.disputed(charge.payment_id).map_err(|e| unreadable(&e))?;
        let Some(Entry::Disputed { dispute_id, currency, amount, opens, closes, is_lost, .. }) = disputed
        else {
            return Ok(Vec::new());
        };
        let now = now();
        let status = match is_lost {
            _ if now < opens => return Ok(Vec::new()),
            _ if now < closes => DisputeStatus::Opened,
            true => DisputeStatus::Lost,
            false => DisputeStatus::Won,
        };
        Ok(vec![ListedDispute { dispute_id, status, reason: "fraudulent".to_owned(), currency, amount }])
    }
}
