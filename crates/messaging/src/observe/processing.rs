use minuet_envelope::{Micros, TraceContext};

/// The spans under which an event is processed.
#[derive(Clone, Debug)]
pub(crate) struct Processing {
    pub(crate) context: TraceContext,
    pub(crate) sender: Option<TraceContext>,
    /// The span in which the event was parked, and the time of parking.
    pub(crate) parked: Option<(TraceContext, Micros)>,
}
