//! Refunds and disputes, as far as they are read here.

use std::collections::BTreeMap;

use minuet_events::values::{Amount, Currency};
use serde::Deserialize;

use super::amount::from_units;

#[derive(Clone, Debug, Deserialize)]
pub struct Refund {
    pub id: String,
    /// In Stripe's units.
    pub amount: u64,
    pub currency: String,
    #[serde(default)]
    pub status: Option<RefundStatus>,
    #[serde(default)]
    pub payment_intent: Option<String>,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub failure_reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Dispute {
    pub id: String,
    /// In Stripe's units.
    pub amount: u64,
    pub currency: String,
    pub status: String,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub payment_intent: Option<String>,
}

impl Refund {
    /// None: the answer names no amount of a known currency.
    pub fn money(&self) -> Option<(Amount, Currency)> {
        money(self.amount, &self.currency)
    }
}

fn money(units: u64, currency: &str) -> Option<(Amount, Currency)> {
    let currency = Currency::parse(&currency.to_ascii_uppercase()).ok()?;
    Some((from_units(units, currency)?, currency))
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeStanding {
    Opened,
    Won,
    Lost,
}

impl Dispute {
    /// None: the answer names no amount of a known currency.
    pub fn money(&self) -> Option<(Amount, Currency)> {
        money(self.amount, &self.currency)
    }

    /// An inquiry (`warning_...`) takes no money: closed, it is won. A status of a later version counts as open.
    pub fn standing(&self) -> DisputeStanding {
        match self.status.as_str() {
            "won" | "warning_closed" | "prevented" => DisputeStanding::Won,
            "lost" => DisputeStanding::Lost,
            _ => DisputeStanding::Opened,
        }
    }
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}
