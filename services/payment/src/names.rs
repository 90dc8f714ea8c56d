//! The names of the service's meters and spans. Dashboards, alerts and queries rely on them.

/// The meters: see [`minuet_telemetry::names::meter`] for the conventions.
pub(crate) mod meter {
    use minuet_telemetry::names::meter::{Definition, SECONDS};

    const MONEY: &[f64] =
        &[1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 5_000.0, 10_000.0, 100_000.0];

    pub(crate) const PAYMENT_PROCESS_COUNT: Definition =
        Definition::counter("payment.process.count", "{payment}", "Payments that came into this status.");
    pub(crate) const PAYMENT_AMOUNT: Definition = Definition::histogram(
        "payment.amount",
        "",
        MONEY,
        "Captured amounts, in units of the currency (a float: for books, ask audit verify).",
    );
    pub(crate) const PAYMENT_REFUND_AMOUNT: Definition = Definition::histogram(
        "payment.refund.amount",
        "",
        MONEY,
        "Refunded amounts, in units of the currency (a float).",
    );
    pub(crate) const PAYMENT_SUCCESS_RATE: Definition = Definition::gauge(
        "payment.success.rate",
        "%",
        "Captured of the last 500 charges that this instance saw answered.",
    );
    pub(crate) const PAYMENT_OPEN: Definition = Definition::gauge(
        "payment.open",
        "{payment}",
        "Charges without the provider's answer, and refunds not given yet; counted up to 100,000.",
    );
    pub(crate) const PAYMENT_REFUND_PARKED: Definition = Definition::gauge(
        "payment.refund.parked",
        "{refund}",
        "Refunds that the provider kept refusing: a person has to look.",
    );
    pub(crate) const PAYMENT_GATEWAY_DURATION: Definition =
        Definition::histogram("payment.gateway.duration", "s", SECONDS, "Requests to the payment provider.");

    /// Keys of attributes.
    pub(crate) mod attribute {
        pub(crate) const STATUS: &str = "status";
        pub(crate) const METHOD: &str = "method";
        pub(crate) const CURRENCY: &str = "currency";
        pub(crate) const KIND: &str = "kind";
        pub(crate) const OPERATION: &str = "operation";
        pub(crate) const OUTCOME: &str = "outcome";
    }
}

/// The service's own spans.
pub(crate) mod span {
    pub(crate) const PAYMENT_PROCESS: &str = "payment.process";
    pub(crate) const PAYMENT_CALL: &str = "payment.gateway.call";
    pub(crate) const PAYMENT_REFUND: &str = "payment.refund";
}
