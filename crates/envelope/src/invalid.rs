//! What is wrong with a message that breaks the contract.

use crate::{ParkReason, ValueError};

/// A message that breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Invalid {
    /// Under which reason it is parked.
    pub reason: ParkReason,
    /// What is wrong, for a person.
    pub detail: String,
}

impl Invalid {
    /// An amount with more decimals than its currency.
    pub fn decimals(error: &ValueError) -> Self {
        invalid(ParkReason::TooManyDecimals, error.to_string())
    }
}

/// A name that is not taken today.
impl From<ValueError> for Invalid {
    fn from(error: ValueError) -> Self {
        invalid(ParkReason::Inadmissible, error.to_string())
    }
}

pub(crate) fn invalid(reason: ParkReason, detail: impl Into<String>) -> Invalid {
    Invalid { reason, detail: detail.into() }
}
