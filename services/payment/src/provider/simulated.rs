mod hosted_page;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use minuet_events::ids;
use minuet_events::values::PaymentId;
use sha2::{Digest, Sha256};

use super::{
    Created, Entry, Ledger, LedgerError, ListedDispute, ListedRefund, NoAnswer, PaymentGateway,
    ProviderReference, ProviderSettings, RefundRequest, RefundStanding, Standing,
};
use crate::domain::{Answer, Charge};
use hosted_page::{CustomerChoice, HostedPages};

/// A payment provider as a sandbox has it.
pub struct Simulated {
    settings: ProviderSettings,
    ledger: Ledger,
    pages: HostedPages,
}

impl Simulated {
    pub fn open(settings: ProviderSettings) -> Result<Self, LedgerError> {
        let ledger = Ledger::open(settings.ledger.as_deref())?;
        Ok(Simulated { settings, ledger, pages: HostedPages::default() })
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
        let mut is_entered = false;
        let decide = || {
            is_entered = true;
            Some(match choice {
                CustomerChoice::Pay => captured(&charge),
                CustomerChoice::Decline => {
                    Entry::Declined { payment_id: payment, reason: "declined_by_customer".to_owned() }
                }
            })
        };
        self.ledger.charge(payment, decide)?;
        self.pages.end(payment);
        Ok(is_entered)
    }

    fn begin_with_customer(&self, charge: &Charge) -> Result<Standing, LedgerError> {
        let standing = match self.pages.wait(charge) {
            Some(action) => match self.standing(charge.payment_id)? {
                Standing::Unconfirmed => return Ok(Standing::MustAct(action)),
                ended => ended,
            },
            None => {
                let payment_id = charge.payment_id;
                let reason = "hosted_page_missing".to_owned();
                standing(self.ledger.charge(payment_id, || Some(Entry::Declined { payment_id, reason }))?)
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
        let digest = Sha256::new()
            .chain_update(self.settings.seed.to_be_bytes())
            .chain_update(payment_id.as_uuid())
            .finalize();
        let mut word = [0; 8];
        word.copy_from_slice(&digest[..8]);
        // 53 bits: a float holds them exactly, so that the draw stays below 1.
        let draw = (u64::from_be_bytes(word) >> 11) as f64 / (1_u64 << 53) as f64;
        if draw < self.settings.success_rate {
            captured(charge)
        } else {
            Entry::Declined { payment_id, reason: "insufficient_funds".to_owned() }
        }
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
        Entry::Refunded { .. } => Answer::Declined {
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
        let entry = self.ledger.charge(charge.payment_id, || Some(self.outcome(charge)));
        Ok(standing(entry.map_err(|e| unreadable(&e))?))
    }

    async fn ask(&self, charge: &Charge, _: &ProviderReference) -> Result<Standing, NoAnswer> {
        self.latency().await;
        let standing = self.standing(charge.payment_id).map_err(|e| unreadable(&e))?;
        Ok(match (standing, self.pages.action(charge)) {
            (Standing::Unconfirmed, Some(action)) => Standing::MustAct(action),
            (standing, _) => standing,
        })
    }

    async fn cancel(&self, charge: &Charge, _: &ProviderReference) -> Result<Standing, NoAnswer> {
        self.latency().await;
        let payment_id = charge.payment_id;
        let stopped = || Some(Entry::Declined { payment_id, reason: "stopped".to_owned() });
        let entry = self.ledger.charge(payment_id, stopped);
        self.pages.end(payment_id);
        Ok(standing(entry.map_err(|e| unreadable(&e))?))
    }

    async fn refund(
        &self,
        charge: &Charge,
        _: &ProviderReference,
        _: &RefundRequest,
    ) -> Result<RefundStanding, NoAnswer> {
        self.latency().await;
        match self.ledger.refund(charge.payment_id).map_err(|e| unreadable(&e))? {
            true => Ok(RefundStanding::Given),
            false => Err(NoAnswer { detail: "nothing was captured under this key".to_owned() }),
        }
    }

    async fn refunds(&self, charge: &Charge, _: &ProviderReference) -> Result<Vec<ListedRefund>, NoAnswer> {
        self.latency().await;
        let given = self.ledger.given_back(charge.payment_id).map_err(|e| unreadable(&e))?;
        let listed = given.map(|amount| ListedRefund {
            refund_id: Some(ids::refund_id(charge.payment_id)),
            reference: ids::refund_id(charge.payment_id).to_string(),
            amount,
            standing: RefundStanding::Given,
        });
        Ok(listed.into_iter().collect())
    }

    /// Nobody disputes yet.
    async fn disputes(&self, _: &Charge, _: &ProviderReference) -> Result<Vec<ListedDispute>, NoAnswer> {
        Ok(Vec::new())
    }
}
