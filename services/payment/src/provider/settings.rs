use std::net::SocketAddr;
use std::path::PathBuf;

use minuet_events::values::{Amount, PaymentMethod};
use minuet_messaging::{OutOfRange, out_of};
use serde::Deserialize;

use super::stripe::StripeSettings;

/// The section `[payment.provider]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderSettings {
    pub kind: ProviderKind,
    pub stripe: StripeSettings,

    // The simulated provider's.
    /// How long a call takes, in milliseconds.
    pub latency_ms: u64,
    /// Which part of the charges is captured, from 0 to 1.
    pub success_rate: f64,
    /// What becomes of a charge is a function of this and of the payment's id.
    pub seed: u64,
    /// The file of the provider's ledger. None: in memory.
    pub ledger: Option<PathBuf>,
    /// Charges of just these amounts are always declined, as the test cards of a sandbox are.
    pub declined_amounts: Vec<Amount>,
    /// Charges of just these amounts are never answered.
    pub hanging_amounts: Vec<Amount>,
    /// Charges of just these amounts wait until the customer has chosen on the hosted page, by whatever method they are paid.
    pub action_amounts: Vec<Amount>,
    /// Charges by these methods wait for the customer, whatever their amount.
    pub action_methods: Vec<PaymentMethod>,
    /// Charges of just these amounts are under way until `settle_ms` have passed; then they are captured.
    pub processing_amounts: Vec<Amount>,
    /// Refunds of just these amounts are pending until `settle_ms` have passed; then the money is given back.
    pub pending_refund_amounts: Vec<Amount>,
    /// As those, but then the refund fails.
    pub failed_refund_amounts: Vec<Amount>,
    /// Captured charges of just these amounts are disputed after `settle_ms`; after twice that the shop has won.
    pub won_dispute_amounts: Vec<Amount>,
    /// As those, but the shop has lost.
    pub lost_dispute_amounts: Vec<Amount>,
    /// How long what does not end at once takes, in milliseconds.
    pub settle_ms: u64,
    pub webhooks: WebhookSettings,
    /// Where the hosted pages are: an address that customers reach. None: a charge that needs a page is declined.
    pub listen: Option<SocketAddr>,
}

/// The section `[payment.provider.webhooks]`: what the simulated provider tells by itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookSettings {
    /// The gateway's `/v1/providers/simulated/webhook`. None: no webhooks.
    pub url: Option<String>,
    /// The secret that signs them; of several lines the first counts.
    pub secret_file: Option<PathBuf>,
    /// Each webhook is sent after up to so many milliseconds, drawn for each: they come out of order.
    pub delay_ms: u64,
    /// Which part of the webhooks is never sent, from 0 to 1.
    pub loss_rate: f64,
    /// Which part of the webhooks is sent twice, from 0 to 1.
    pub repeat_rate: f64,
}

/// Who moves the money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Nobody: no money moves.
    #[default]
    Simulated,
    Stripe,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        let amount = |text| Amount::parse(text).ok();
        ProviderSettings {
            kind: ProviderKind::Simulated,
            stripe: StripeSettings::default(),
            latency_ms: 100,
            success_rate: 0.95,
            seed: 1,
            ledger: None,
            declined_amounts: amount("9999.02").into_iter().collect(),
            hanging_amounts: amount("9999.08").into_iter().collect(),
            action_amounts: amount("9999.10").into_iter().collect(),
            action_methods: Vec::new(),
            processing_amounts: amount("9999.11").into_iter().collect(),
            pending_refund_amounts: amount("9999.21").into_iter().collect(),
            failed_refund_amounts: amount("9999.22").into_iter().collect(),
            won_dispute_amounts: amount("9999.31").into_iter().collect(),
            lost_dispute_amounts: amount("9999.32").into_iter().collect(),
            settle_ms: 2_000,
            webhooks: WebhookSettings::default(),
            listen: None,
        }
    }
}

impl ProviderSettings {
    pub(crate) fn out_of_range(&self) -> Vec<OutOfRange> {
        let mut wrong = out_of(&[
            (
                "provider.latency_ms",
                (0..=600_000).contains(&self.latency_ms),
                "takes 0 to 600000 (ten minutes)",
            ),
            ("provider.settle_ms", (0..=86_400_000).contains(&self.settle_ms), "takes 0 to 86400000 (a day)"),
            (
                "provider.webhooks.delay_ms",
                (0..=600_000).contains(&self.webhooks.delay_ms),
                "takes 0 to 600000 (ten minutes)",
            ),
            (
                "provider.webhooks.loss_rate",
                (0.0..=1.0).contains(&self.webhooks.loss_rate),
                "takes a number from 0 to 1",
            ),
            (
                "provider.webhooks.repeat_rate",
                (0.0..=1.0).contains(&self.webhooks.repeat_rate),
                "takes a number from 0 to 1",
            ),
            (
                "provider.webhooks.secret_file",
                self.webhooks.url.is_none() || self.webhooks.secret_file.is_some(),
                "takes the file of the secret that the gateway knows, where webhooks.url is set",
            ),
            // No number is in no range.
            ("provider.success_rate", (0.0..=1.0).contains(&self.success_rate), "takes a number from 0 to 1"),
        ]);
        if self.kind == ProviderKind::Stripe {
            wrong.extend(self.stripe.out_of_range());
        }
        wrong
    }
}
