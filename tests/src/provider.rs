use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use minuet_events::values::{Amount, PaymentId, RefundId};
use minuet_payment::domain::{Answer, Charge};
use minuet_payment::provider::{NoAnswer, PaymentGateway, ProviderSettings, Simulated};
use parking_lot::Mutex;
use tokio::sync::watch;

/// A provider that does what the test says, and notes what it was asked.
pub struct Provider {
    inner: Simulated,
    /// While true, charges are not answered, but may be cancelled.
    held: watch::Sender<bool>,
    /// A charge that is held is captured all the same, before its answer is held back.
    capture_first: bool,
    refunds_to_refuse: AtomicU32,
    /// A refund that is refused is given all the same: only its answer is lost.
    refund_first: bool,
    /// Nothing about charges of this amount is answered.
    deaf_to: Mutex<Option<Amount>>,
    unheard: Mutex<BTreeSet<PaymentId>>,
    refunds: Mutex<BTreeSet<RefundId>>,
    calls: Mutex<Vec<&'static str>>,
}

impl Provider {
    pub fn new() -> Self {
        let settings = ProviderSettings { latency_ms: 0, success_rate: 1.0, ..ProviderSettings::default() };
        Provider {
            inner: Simulated::open(settings).unwrap(),
            held: watch::Sender::new(false),
            capture_first: false,
            refunds_to_refuse: AtomicU32::new(0),
            refund_first: false,
            deaf_to: Mutex::default(),
            unheard: Mutex::default(),
            refunds: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    /// Charges hang until [`Provider::let_go`].
    pub fn holding() -> Self {
        let provider = Provider::new();
        provider.held.send_replace(true);
        provider
    }

    /// The money is taken at once, only the answer hangs.
    pub fn holding_answers() -> Self {
        Provider { capture_first: true, ..Provider::holding() }
    }

    pub fn refusing_refunds(times: u32) -> Self {
        let provider = Provider::new();
        provider.refunds_to_refuse.store(times, Ordering::SeqCst);
        provider
    }

    /// The money is given back at once; so many times only the answer is lost.
    pub fn losing_refunds(times: u32) -> Self {
        Provider { refund_first: true, ..Provider::refusing_refunds(times) }
    }

    /// Down, but only for charges of this amount, until [`Provider::hear`].
    pub fn deaf_to(amount: &str) -> Self {
        let provider = Provider::new();
        *provider.deaf_to.lock() = Some(Amount::parse(amount).unwrap());
        provider
    }

    pub fn hear(&self) {
        *self.deaf_to.lock() = None;
    }

    /// The keys under which refunds were asked for.
    pub fn refunds(&self) -> Vec<RefundId> {
        self.refunds.lock().iter().copied().collect()
    }

    fn hears(&self, payment: PaymentId) -> Result<(), NoAnswer> {
        let is_deaf = self.deaf_to.lock().is_some();
        if is_deaf && self.unheard.lock().contains(&payment) {
            return Err(NoAnswer { detail: "not listening".to_owned() });
        }
        Ok(())
    }

    pub fn let_go(&self) {
        self.held.send_replace(false);
    }

    /// What was asked, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().clone()
    }

    pub fn count(&self, call: &str) -> usize {
        self.calls().iter().filter(|asked| **asked == call).count()
    }

    fn note(&self, call: &'static str) {
        self.calls.lock().push(call);
    }
}

impl Default for Provider {
    fn default() -> Self {
        Self::new()
    }
}

impl PaymentGateway for Provider {
    async fn charge(&self, charge: &Charge) -> Result<Answer, NoAnswer> {
        self.note("charge");
        if *self.deaf_to.lock() == Some(charge.amount) {
            self.unheard.lock().insert(charge.payment_id);
        }
        self.hears(charge.payment_id)?;
        if self.capture_first {
            self.inner.charge(charge).await?;
        }
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.map_err(|e| NoAnswer { detail: e.to_string() })?;
        self.inner.charge(charge).await
    }

    async fn cancel(&self, payment: PaymentId) -> Result<Answer, NoAnswer> {
        self.note("cancel");
        self.hears(payment)?;
        self.inner.cancel(payment).await
    }

    async fn refund(&self, charge: &Charge, refund: RefundId) -> Result<(), NoAnswer> {
        self.note("refund");
        self.refunds.lock().insert(refund);
        let left = self.refunds_to_refuse.load(Ordering::SeqCst);
        if left > 0 {
            self.refunds_to_refuse.store(left - 1, Ordering::SeqCst);
            if self.refund_first {
                self.inner.refund(charge, refund).await?;
            }
            return Err(NoAnswer { detail: "not now".to_owned() });
        }
        self.inner.refund(charge, refund).await
    }

    async fn look_up(&self, payment: PaymentId) -> Result<Option<Answer>, NoAnswer> {
        self.note("look_up");
        self.hears(payment)?;
        self.inner.look_up(payment).await
    }
}
