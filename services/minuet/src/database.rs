use clap::ValueEnum;

/// The services that have a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    Order,
    Inventory,
    Payment,
}

impl Database {
    pub(crate) const ALL: [Database; 3] = [Database::Order, Database::Inventory, Database::Payment];

    /// The service's name, and the setting that says where its database is.
    pub(crate) fn service(self) -> (&'static str, &'static str) {
        match self {
            Database::Order => ("order", "order.database_url"),
            Database::Inventory => ("inventory", "inventory.database_url"),
            Database::Payment => ("payment", "payment.database_url"),
        }
    }
}
