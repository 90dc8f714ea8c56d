use minuet_envelope::{Micros, TraceContext};

/// The columns that every row of an aggregate has beside its state, while a batch is decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned {
    /// The last `ce_sequence` that the aggregate gave to an event.
    pub event_sequence: i64,
    /// Grows by one with each change of the state.
    pub version: i32,
    /// The version that was read: the row is written only if the database still has that one.
    pub read_version: i32,
    /// The `ce_sequence` that was read. It grows without the version if an event changes no state, so it is compared, too.
    pub read_sequence: i64,
    /// The aggregate's own trace, without baggage.
    pub trace: Option<TraceContext>,
    /// When the row was created.
    pub created_at: Micros,
    /// When the row was last changed.
    pub updated_at: Micros,
    /// The database has the row.
    pub stored: bool,
    /// The row was changed since it was read.
    pub changed: bool,
}

impl Versioned {
    /// A row that is not in the database yet.
    pub fn new(now: Micros) -> Self {
        Versioned {
            event_sequence: 0,
            version: 0,
            read_version: 0,
            read_sequence: 0,
            trace: None,
            created_at: now,
            updated_at: now,
            stored: false,
            changed: false,
        }
    }

    /// A row read from the database.
    pub fn read(event_sequence: i64, version: i32, trace: Option<TraceContext>, created_at: Micros) -> Self {
        let read = Versioned::new(created_at);
        Versioned {
            event_sequence,
            version,
            read_version: version,
            read_sequence: event_sequence,
            trace,
            stored: true,
            ..read
        }
    }

    /// The state was changed.
    pub fn advance(&mut self, now: Micros) {
        self.version += 1;
        self.touch(now);
    }

    /// The `ce_sequence` of the aggregate's next event.
    pub fn next_sequence(&mut self, now: Micros) -> i64 {
        self.event_sequence += 1;
        self.touch(now);
        self.event_sequence
    }

    fn touch(&mut self, now: Micros) {
        self.changed = true;
        self.updated_at = now;
    }
}
