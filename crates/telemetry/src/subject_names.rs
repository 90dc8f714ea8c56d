use std::sync::OnceLock;

/// How the subject of work is named: the business key that logs, spans and baggage carry, such as the id of an order.
///
/// Set once, by [`crate::init`]. Without names a subject is known to the program, and written nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectNames {
    /// The field of log lines, such as `order_id`.
    pub field: &'static str,
    /// The attribute of spans and log records, and the entry of the W3C baggage, such as `order.id`.
    pub attribute: &'static str,
}

static NAMES: OnceLock<SubjectNames> = OnceLock::new();

/// The first names stay.
pub(crate) fn set(names: SubjectNames) {
    NAMES.get_or_init(|| names);
}

pub(crate) fn names() -> Option<SubjectNames> {
    NAMES.get().copied()
}
