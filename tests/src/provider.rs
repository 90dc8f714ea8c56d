use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use minuet_events::values::{Amount, PaymentId, RefundId};
use minuet_payment::domain::Charge;
use minuet_payment::provider::{
    Created, ListedDispute, ListedRefund, NoAnswer, PaymentGateway, ProviderReference, ProviderSettings,
    RefundRequest, RefundStanding, Simulated, Standing,
};
use parking_lot::Mutex;
use tokio::sync::watch;

/// A provider that does what the test says, and notes what it was asked.
pub struct Provider {
    inner: Simulated,
    /// While true, charges are not answered, but may be cancelled.
    held: watch::Sender<bool>,
    /// A payment's id is the provider's own, as a real one's is: the payment is created before it is begun.
    names_payments: bool,
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
            names_payments: false,
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

    /// A payment has to be created before it is begun.
    #[must_use]
    pub fn naming_payments(self) -> Self {
        Provider { names_payments: true, ..self }
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

    /// The money is given back at once; so many answers about refunds are lost.
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

    /// One request about refunds less is refused after this one.
    fn refuses_refunds(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.refunds_to_refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
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
    fn own_reference(&self, payment: PaymentId) -> Option<ProviderReference> {
        self.inner.own_reference(payment).filter(|_| !self.names_payments)
    }

    async fn create(&self, charge: &Charge) -> Result<Created, NoAnswer> {
        self.note("create");
        self.inner.create(charge).await
    }

    async fn begin(&self, charge: &Charge, reference: &ProviderReference) -> Result<Standing, NoAnswer> {
        self.note("charge");
        if *self.deaf_to.lock() == Some(charge.amount) {
            self.unheard.lock().insert(charge.payment_id);
        }
        self.hears(charge.payment_id)?;
        if self.capture_first {
            self.inner.begin(charge, reference).await?;
        }
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.map_err(|e| NoAnswer { detail: e.to_string() })?;
        self.inner.begin(charge, reference).await
    }

    async fn ask(&self, charge: &Charge, reference: &ProviderReference) -> Result<Standing, NoAnswer> {
        self.note("look_up");
        self.hears(charge.payment_id)?;
        self.inner.ask(charge, reference).await
    }

    async fn cancel(&self, charge: &Charge, reference: &ProviderReference) -> Result<Standing, NoAnswer> {
        self.note("cancel");
        self.hears(charge.payment_id)?;
        self.inner.cancel(charge, reference).await
    }

    async fn refund(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
        refund: &RefundRequest,
    ) -> Result<RefundStanding, NoAnswer> {
        self.note("refund");
        self.refunds.lock().insert(refund.refund_id);
        if self.refuses_refunds() {
            if self.refund_first {
                self.inner.refund(charge, reference, refund).await?;
            }
            return Err(NoAnswer { detail: "not now".to_owned() });
        }
        self.inner.refund(charge, reference, refund).await
    }

    async fn refunds(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
    ) -> Result<Vec<ListedRefund>, NoAnswer> {
        self.note("refunds");
        if self.refuses_refunds() {
            return Err(NoAnswer { detail: "not now".to_owned() });
        }
        self.inner.refunds(charge, reference).await
    }

    async fn disputes(
        &self,
        charge: &Charge,
        reference: &ProviderReference,
    ) -> Result<Vec<ListedDispute>, NoAnswer> {
        self.note("disputes");
        self.inner.disputes(charge, reference).await
    }
}
