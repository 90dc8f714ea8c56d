//! The names of the service's meters and spans. Dashboards, alerts and queries rely on them.

/// The meters: see [`minuet_telemetry::names::meter`] for the conventions.
pub(crate) mod meter {
    use minuet_telemetry::names::meter::Definition;

    pub(crate) const INVENTORY_RESERVE_COUNT: Definition = Definition::counter(
        "inventory.reserve.count",
        "{order}",
        "Orders whose lines were all reserved, or of which none was.",
    );
    pub(crate) const INVENTORY_CONFIRM_COUNT: Definition = Definition::counter(
        "inventory.confirm.count",
        "{order}",
        "Reservations that were confirmed, or could not be.",
    );
    pub(crate) const INVENTORY_RELEASE_COUNT: Definition = Definition::counter(
        "inventory.release.count",
        "{order}",
        "Reservations that were released, by cause.",
    );
    pub(crate) const INVENTORY_STOCK_LEVEL: Definition =
        Definition::gauge("inventory.stock.level", "{item}", "Items per warehouse, available or reserved.");
    pub(crate) const INVENTORY_STOCK_LOW: Definition = Definition::gauge(
        "inventory.stock.low",
        "{item}",
        "Available items of the skus that are low: at most 20, the lowest.",
    );

    /// Keys of attributes.
    pub(crate) mod attribute {
        pub(crate) const STATUS: &str = "status";
        pub(crate) const CAUSE: &str = "cause";
        pub(crate) const TYPE: &str = "type";
        pub(crate) const SKU: &str = "sku";
        pub(crate) const WAREHOUSE: &str = "warehouse_code";
    }
}

/// The service's own spans.
pub(crate) mod span {
    pub(crate) const INVENTORY_RESERVE: &str = "inventory.reserve";
    pub(crate) const INVENTORY_CONFIRM: &str = "inventory.confirm";
    pub(crate) const INVENTORY_RELEASE: &str = "inventory.release";
    pub(crate) const INVENTORY_ADJUST: &str = "inventory.adjust";
}
