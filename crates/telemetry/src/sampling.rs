//! Which traces are recorded.

use minuet_envelope::TraceContext;

/// The lowest 56 bits of a trace id are random: <https://www.w3.org/TR/trace-context-2/#random-trace-id-flag>
const RANDOM_IDS: u64 = 1 << 56;

/// Decides by the id of a trace, so that all processes decide alike. A parent-based sampling keeps the decision of the process
/// that began the trace.
///
/// ```
/// use minuet_telemetry::{Sampling, TraceContext};
///
/// let half = Sampling::new(0.5, true);
/// assert!(half.takes(0) && !half.takes(u128::MAX));
/// // The sender has decided.
/// assert!(half.goes_on(&TraceContext::root(u128::MAX, 7, true)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    ratio: f64,
    parent_based: bool,
}

impl Sampling {
    /// Records this part of the traces, 0 to 1.
    pub fn new(ratio: f64, parent_based: bool) -> Self {
        Sampling { ratio: if ratio.is_nan() { 0.0 } else { ratio.clamp(0.0, 1.0) }, parent_based }
    }

    /// Whether a trace that begins here is recorded.
    pub fn takes(&self, trace_id: u128) -> bool {
        // Exact for 0 and 1; in between the rounding of a float does not matter.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2^56")]
        let bound = (self.ratio * RANDOM_IDS as f64) as u64;
        (trace_id as u64 % RANDOM_IDS) < bound
    }

    /// Whether a trace that another process began is recorded.
    pub fn goes_on(&self, trace: &TraceContext) -> bool {
        if self.parent_based {
            return trace.sampled();
        }
        u128::from_str_radix(trace.trace_id(), 16).is_ok_and(|id| self.takes(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_takes_its_part_and_a_higher_ratio_takes_the_same_traces_and_more() {
        let ids = || (0..10_000).map(|_| uuid::Uuid::new_v4().as_u128());
        let taken = |ratio| ids().filter(|id| Sampling::new(ratio, true).takes(*id)).count();
        assert_eq!((taken(0.0), taken(1.0)), (0, 10_000));
        assert!((300..700).contains(&taken(0.05)), "{}", taken(0.05));
        for id in ids().take(100) {
            assert!(!Sampling::new(0.05, true).takes(id) || Sampling::new(0.5, true).takes(id));
        }
    }

    #[test]
    fn a_parent_decides_if_the_sampling_is_parent_based() {
        let (yes, no) = (TraceContext::root(7, 7, true), TraceContext::root(u128::MAX, 7, false));
        assert!(Sampling::new(0.0, true).goes_on(&yes) && !Sampling::new(1.0, true).goes_on(&no));
        assert!(!Sampling::new(0.0, false).goes_on(&yes) && Sampling::new(1.0, false).goes_on(&no));
    }
}
