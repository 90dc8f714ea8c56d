use std::time::Duration;

use minuet_events::values::{PaymentId, RefundId};
use sha2::{Digest, Sha256};

use super::{Entry, Ledger, LedgerError, NoAnswer, PaymentGateway, ProviderSettings};
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
            let transaction_id = format!("sim_{}", payment_id.as_uuid().simple());
            Entry::Captured { payment_id, transaction_id, currency: charge.currency, amount: charge.amount }
        } else {
            Entry::Declined { payment_id, reason: "insufficient_funds".to_owned() }
        }
    }
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
    async fn charge(&self, charge: &Charge) -> Result<Answer, NoAnswer> {
        self.latency().await;
        if self.settings.hanging_amounts.contains(&charge.amount) {
            std::future::pending::<()>().await;
        }
        let entry = self
            .ledger
            .charge(charge.payment_id, || Some(self.outcome(charge)))
            .map_err(|e| unreadable(&e))?;
        entry.map(answer).ok_or_else(|| NoAnswer { detail: "the ledger took no entry".to_owned() })
    }

    async fn cancel(&self, payment: PaymentId) -> Result<Answer, NoAnswer> {
        self.latency().await;
        let stopped = || Some(Entry::Declined { payment_id: payment, reason: "stopped".to_owned() });
        let entry = self.ledger.charge(payment, stopped).map_err(|e| unreadable(&e))?;
        entry.map(answer).ok_or_else(|| NoAnswer { detail: "the ledger took no entry".to_owned() })
    }

    async fn refund(&self, charge: &Charge, _: RefundId) -> Result<(), NoAnswer> {
        self.latency().await;
        match self.ledger.refund(charge.payment_id).map_err(|e| unreadable(&e))? {
            true => Ok(()),
            false => Err(NoAnswer { detail: "nothing was captured under this key".to_owned() }),
        }
    }

    async fn look_up(&self, payment: PaymentId) -> Result<Option<Answer>, NoAnswer> {
        self.latency().await;
        Ok(self.ledger.charge(payment, || None).map_err(|e| unreadable(&e))?.map(answer))
    }
}
