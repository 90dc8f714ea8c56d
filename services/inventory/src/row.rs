//! A reservation's row while a batch is decided: its state, and the columns beside it.

use minuet_events::TraceContext;
use minuet_events::values::{Micros, OrderId};
use minuet_messaging::{Cause, ReactError, Versioned};

use crate::domain::{Change, Held, Reservation};

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) order_id: OrderId,
    pub(crate) reservation: Reservation,
    /// What it holds or held: the row keeps it after the release.
    pub(crate) held: Held,
    /// The OrderPlaced.
    pub(crate) placed: Cause,
    pub(crate) versioned: Versioned,
}

impl Row {
    /// First seen through the event of this cause and trace.
    pub(crate) fn unknown(order_id: OrderId, cause: Cause, trace: &TraceContext, now: Micros) -> Self {
        Row {
            order_id,
            reservation: Reservation::Unknown,
            held: Held { lines: Vec::new(), expires_at: now },
            placed: cause,
            versioned: Versioned { trace: Some(trace.without_baggage()), ..Versioned::new(now) },
        }
    }

    pub(crate) fn apply(&mut self, change: Change, now: Micros) -> Result<(), ReactError> {
        let invalid = |error| ReactError::Bug(format!("reservation of order {}: {error}", self.order_id));
        self.reservation = self.reservation.after(&change).map_err(invalid)?;
        if let Change::Reserved(held) = change {
            self.held = held;
        }
        self.versioned.advance(now);
        Ok(())
    }
}
