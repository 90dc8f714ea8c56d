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
    /// Where the hosted pages are: an address that customers reach. None: a charge that needs a page is declined.
    pub listen: Option<SocketAddr>,
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
            // No number is in no range.
            ("provider.success_rate", (0.0..=1.0).contains(&self.success_rate), "takes a number from 0 to 1"),
        ]);
        if self.kind == ProviderKind::Stripe {
            wrong.extend(self.stripe.out_of_range());
        }
        wrong
    }
}
