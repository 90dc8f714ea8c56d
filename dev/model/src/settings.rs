//! The worlds that are checked.

use crate::world::{Allowed, Setting};

/// One order of two pieces that lie on two shelves, or are not all there; everything that can go wrong.
pub const ONE: Setting = Setting {
    name: "one order, all faults",
    orders: &[2],
    shelves: &[[1, 1], [1, 0]],
    allowed: Allowed { price_changes: false, adjustments: 0, ..Allowed::EVERYTHING },
};

/// One order, and the price changes between the user's look at it and the order, or not.
pub const PRICE: Setting = Setting {
    name: "one order, the price changes",
    orders: &[2],
    shelves: &[[1, 1]],
    allowed: Allowed { submissions: 1, stranger: false, refunds: 1, adjustments: 0, ..Allowed::EVERYTHING },
};

/// Two orders want three pieces of the two that there are; and there are any two of what time and people do.
pub const TWO: Setting = Setting {
    name: "two orders on one sku, few faults",
    orders: &[1, 2],
    shelves: &[[1, 1]],
    allowed: Allowed {
        submissions: 1,
        price_changes: false,
        stranger: false,
        refunds: 1,
        late_clocks: false,
        chances: Some(2),
        ..Allowed::EVERYTHING
    },
};

/// The same, and everything that time does to either at any moment.
pub const LARGE: Setting = Setting {
    name: "two orders on one sku, at any time",
    allowed: Allowed {
        cancellation: false,
        refunds: 0,
        adjustments: 0,
        late_clocks: true,
        chances: None,
        ..TWO.allowed
    },
    ..TWO
};

/// For planted bugs: as small as a world that shows them can be, so that counterexamples are short.
pub const PLANTED: Setting = Setting {
    name: "one order, few faults",
    orders: &[2],
    shelves: &[[1, 1]],
    allowed: Allowed {
        submissions: 1,
        price_changes: false,
        stranger: false,
        refunds: 1,
        adjustments: 0,
        crashes: false,
        repetitions: false,
        silence: false,
        ..Allowed::EVERYTHING
    },
};
