use std::time::Duration;

use minuet_events::ids;
use minuet_events::values::PaymentId;
use sha2::{Digest, Sha256};

use super::{
    Created, Entry, Ledger, LedgerError, ListedDispute, ListedRefund, NoAnswer, PaymentGateway,
    ProviderReference, ProviderSettings, RefundRequest, RefundStanding, Standing,
};
use crate::domain::{Answer, Charge};

/// A payment provider as a sandbox has it.
pub struct Simulated {
    settings: ProviderSettings,
    ledger: Ledger,
}

impl Simulated {
    pub fn open(settings: ProviderSettings) -> Result<Self, LedgerError> {
        let ledger = Ledger::open(settings.ledger.as_deref())?;
        Ok(Simulated { settings, ledger })
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
            let ProviderReference(transaction_id) = reference(payment_id);
            Entry::Captured { payment_id, transaction_id, currency: charge.currency, amount: charge.amount }
        } else {
            Entry::Declined { payment_id, reason: "insufficient_funds".to_owned() }
        }
    }
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
        let entry = self.ledger.charge(charge.payment_id, || Some(self.outcome(charge)));
        Ok(standing(entry.map_err(|e| unreadable(&e))?))
    }

    async fn ask(&self, charge: &Charge, _: &ProviderReference) -> Result<Standing, NoAnswer> {
        self.latency().await;
        let entry = self.ledger.charge(charge.payment_id, || None);
        Ok(standing(entry.map_err(|e| unreadable(&e))?))
    }

    async fn cancel(&self, charge: &Charge, _: &ProviderReference) -> Result<Standing, NoAnswer> {
        self.latency().await;
        let payment_id = charge.payment_id;
        let stopped = || Some(Entry::Declined { payment_id, reason: "stopped".to_owned() });
        let entry = self.ledger.charge(payment_id, stopped);
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
