use minuet_events::inventory::StockAdjusted;

use super::state::Level;

/// How an adjustment ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adjusted {
    Applied(Level),
    /// With a stable code.
    Refused(&'static str),
}

/// Stock may come and go, but what is reserved stays: available never falls below 0.
pub fn adjust(level: Option<Level>, adjusted: &StockAdjusted) -> Adjusted {
    let level = level.unwrap_or_default();
    let delta = i64::from(adjusted.delta);
    if delta == 0 {
        return Adjusted::Refused("delta_zero");
    }
    let (Some(available), Some(on_hand)) =
        (level.available.checked_add(delta), level.on_hand.checked_add(delta))
    else {
        return Adjusted::Refused("too_large");
    };
    if available < 0 {
        return Adjusted::Refused("below_reserved");
    }
    Adjusted::Applied(Level { available, reserved: level.reserved, on_hand, version: level.version + 1 })
}
