//! A reservation's row while a batch is decided: its state, and the columns beside it.

use minuet_events::TraceContext;
use minuet_events::values::{Micros, OrderId};
use minuet_messaging::{Cause, ReactError};

use crate::domain::{Change, Held, Reservation};

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) order_id: OrderId,
    pub(crate) reservation: Reservation,
    /// What it holds or held: the row keeps it after the release.
    pub(crate) held: Held,
    /// The OrderPlaced.
    pub(crate) placed: Cause,
    pub(crate) event_sequence: i64,
    pub(crate) version: i32,
    /// The version that was read: only that one is changed.
    pub(crate) read_version: i32,
    /// The order's own trace.
    pub(crate) trace: Option<TraceContext>,
    pub(crate) created_at: Micros,
    pub(crate) updated_at: Micros,
    /// Whether the database has it, and whether it knows what changed.
    pub(crate) stored: bool,
    pub(crate) changed: bool,
}

impl Row {
    /// First seen through the event of this cause and trace.
    pub(crate) fn unknown(order_id: OrderId, cause: Cause, trace: &TraceContext, now: Micros) -> Self {
        Row {
            order_id,
            reservation: Reservation::Unknown,
            held: Held { lines: Vec::new(), expires_at: now },
            placed: cause,
            event_sequence: 0,
            version: 0,
            read_version: 0,
            trace: Some(trace.without_baggage()),
            created_at: now,
            updated_at: now,
            stored: false,
            changed: false,
        }
    }

    /// The next `ce_sequence` of this order.
    pub(crate) fn next_sequence(&mut self, now: Micros) -> i64 {
        self.event_sequence += 1;
        self.touch(now);
        self.event_sequence
    }

    pub(crate) fn apply(&mut self, change: Change, now: Micros) -> Result<(), ReactError> {
        let invalid = |error| ReactError::Bug(format!("reservation of order {}: {error}", self.order_id));
        self.reservation = self.reservation.after(&change).map_err(invalid)?;
        if let Change::Reserved(held) = change {
            self.held = held;
        }
        self.version += 1;
        self.touch(now);
        Ok(())
    }

    fn touch(&mut self, now: Micros) {
        self.changed = true;
        self.updated_at = now;
    }
}
