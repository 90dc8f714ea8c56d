//! The names of the service's meters and spans. Dashboards, alerts and queries rely on them.

/// The meters: see [`minuet_telemetry::names::meter`] for the conventions.
pub(crate) mod meter {
    use minuet_telemetry::names::meter::Definition;

    /// From an order that nothing held up to one that ran into its deadline.
    const PROCESS_MS: &[f64] = &[
        10.0,
        25.0,
        50.0,
        100.0,
        200.0,
        300.0,
        500.0,
        1_000.0,
        2_500.0,
        5_000.0,
        10_000.0,
        30_000.0,
        60_000.0,
        300_000.0,
        900_000.0,
        1_800_000.0,
    ];

    pub(crate) const ORDER_CREATE_COUNT: Definition = Definition::counter(
        "order.create.count",
        "{order}",
        "Orders that were submitted and answered: placed, or rejected.",
    );
    pub(crate) const ORDER_STATUS_COUNT: Definition =
        Definition::counter("order.status.count", "{order}", "Orders that came into this status.");
    pub(crate) const ORDER_CANCEL_COUNT: Definition =
        Definition::counter("order.cancel.count", "{order}", "Orders that were cancelled, by cause.");
    pub(crate) const ORDER_PROCESS_DURATION: Definition = Definition::histogram(
        "order.process.duration",
        "ms",
        PROCESS_MS,
        "From OrderSubmitted to the order's end, by the status that it ended in.",
    );
    pub(crate) const ORDER_OPEN: Definition = Definition::gauge(
        "order.open",
        "{order}",
        "Orders that are neither confirmed nor cancelled nor failed.",
    );
    pub(crate) const ORDER_OPEN_AGE: Definition =
        Definition::gauge("order.open.age", "s", "Age of the oldest open order.");

    /// Keys of attributes.
    pub(crate) mod attribute {
        pub(crate) const STATUS: &str = "status";
        pub(crate) const CAUSE: &str = "cause";
    }
}

/// The service's own spans.
pub(crate) mod span {
    pub(crate) const ORDER_CREATE: &str = "order.create";
    pub(crate) const ORDER_GET: &str = "order.get_by_id";
    pub(crate) const ORDER_UPDATE: &str = "order.update_status";
}
