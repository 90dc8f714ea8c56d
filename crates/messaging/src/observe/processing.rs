use minuet_envelope::{Micros, TraceContext};

/// Under which spans an event is processed.
#[derive(Clone, Debug)]
pub(crate) struct Processing {
    pub(crate) context: TraceContext,
    pub(crate) sender: Option<TraceContext>,
    /// Under which span it was parked, and when.
    pub(crate) parked: Option<(TraceContext, Micros)>,
}
