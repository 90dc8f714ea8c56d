//! The simulated provider, asked without latency: every call is at its end at once, or hangs.

mod hosted_page;
mod ledger;
mod outcome;
mod shared;
mod test_amounts;
mod webhooks;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use futures::FutureExt;
use minuet_events::ids;
use minuet_events::values::{Amount, Currency, OrderId, PaymentId, PaymentMethod, RefundId};
use uuid::Uuid;

use super::{
    Entry, NoAnswer, PaymentGateway, ProviderReference, ProviderSettings, RefundRequest, RefundStanding,
    Simulated, Standing,
};
use crate::domain::{Answer, Charge};

/// The charge of the order with this number.
fn charge(number: u32) -> Charge {
    charge_of(number, "25.00")
}

fn charge_of(number: u32, amount: &str) -> Charge {
    let order_id = OrderId::new(Uuid::from_u128(u128::from(number)));
    Charge {
        order_id,
        payment_id: ids::payment_id(order_id),
        payment_method: PaymentMethod::CreditCard,
        currency: Currency::parse("EUR").unwrap(),
        amount: Amount::parse(amount).unwrap(),
        payment_token: None,
    }
}

fn settings(success_rate: f64) -> ProviderSettings {
    ProviderSettings { latency_ms: 0, success_rate, ..ProviderSettings::default() }
}

fn provider(settings: ProviderSettings) -> Simulated {
    Simulated::open(settings).unwrap()
}

/// A handle on the ledger, as one process has it.
fn process(ledger: &Path, success_rate: f64) -> Simulated {
    provider(ProviderSettings { ledger: Some(ledger.to_owned()), ..settings(success_rate) })
}

fn answered(standing: Standing) -> Answer {
    match standing {
        Standing::Answered(answer) => answer,
        other => panic!("no final answer: {other:?}"),
    }
}

fn reference(payment: PaymentId) -> ProviderReference {
    ProviderReference(format!("sim_{}", payment.as_uuid().simple()))
}

fn captures(provider: &Simulated, charge: &Charge) -> Answer {
    let begun = provider.begin(charge, &reference(charge.payment_id)).now_or_never();
    answered(begun.expect("an answer at once").unwrap())
}

fn cancels(provider: &Simulated, charge: &Charge) -> Answer {
    let cancelled = provider.cancel(charge, &reference(charge.payment_id)).now_or_never();
    answered(cancelled.expect("an answer at once").unwrap())
}

fn looks_up(provider: &Simulated, charge: &Charge) -> Option<Answer> {
    let asked = provider.ask(charge, &reference(charge.payment_id)).now_or_never();
    match asked.expect("an answer at once").unwrap() {
        Standing::Unconfirmed => None,
        standing => Some(answered(standing)),
    }
}

fn refunds(provider: &Simulated, charge: &Charge) -> Result<RefundStanding, NoAnswer> {
    let refund = RefundRequest { refund_id: ids::refund_id(charge.payment_id), amount: charge.amount };
    let refunded = provider.refund(charge, &reference(charge.payment_id), &refund).now_or_never();
    refunded.expect("an answer at once")
}

/// A part of the payment, under an id of its own.
fn refunds_part(provider: &Simulated, charge: &Charge, request: u128, amount: &str) -> RefundStanding {
    let refund_id = ids::partial_refund_id(charge.payment_id, Uuid::from_u128(request));
    let refund = RefundRequest { refund_id, amount: Amount::parse(amount).unwrap() };
    let refunded = provider.refund(charge, &reference(charge.payment_id), &refund).now_or_never();
    refunded.expect("an answer at once").unwrap()
}

fn lists(provider: &Simulated, charge: &Charge) -> Vec<(RefundId, RefundStanding)> {
    let listed = provider.refunds(charge, &reference(charge.payment_id)).now_or_never();
    let listed = listed.expect("an answer at once").unwrap();
    listed.into_iter().map(|refund| (refund.refund_id.unwrap(), refund.standing)).collect()
}

fn is_captured(answer: &Answer) -> bool {
    matches!(answer, Answer::Captured { .. })
}

/// Why it was not captured.
fn reason(answer: &Answer) -> Option<&str> {
    match answer {
        Answer::Captured { .. } => None,
        Answer::Declined { reason, .. } => Some(reason),
    }
}

/// A file of this test's own, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("minuet-ledger-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let scratch = Scratch(std::env::temp_dir().join(name));
        std::fs::write(&scratch.0, "").unwrap();
        scratch
    }

    fn lines(&self) -> Vec<String> {
        std::fs::read_to_string(&self.0).unwrap().lines().map(str::to_owned).collect()
    }

    /// What anybody reads who opens the file now.
    fn entries(&self) -> Vec<Entry> {
        self.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}
