use serde::{Deserialize, Serialize};

/// What was read, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub events: u64,
    /// Same id, same payload.
    pub repetitions: u64,
    /// Another submission of a known order.
    pub resubmissions: u64,
    pub orders: u64,
    pub confirmed: u64,
    pub cancelled: u64,
    pub failed: u64,
    pub parked: u64,
    /// Orders whose beginning is not in what was read.
    pub cut: u64,
}
