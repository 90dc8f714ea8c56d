use minuet_events::inventory::Shortage;
use minuet_events::values::{Quantity, Sku};

use super::state::{HeldLine, Stock};

/// Every line or none. Of each sku from as few warehouses as possible, the fullest first; of equally full ones the one
/// whose code comes first: so the same stock gives the same allocation.
pub fn allocate<'a>(
    lines: impl IntoIterator<Item = (&'a Sku, Quantity)>,
    stock: &Stock,
) -> Result<Vec<HeldLine>, Vec<Shortage>> {
    let (mut held, mut shortages) = (Vec::new(), Vec::new());
    for (sku, quantity) in lines {
        let mut shelves: Vec<_> =
            stock.iter().filter(|((s, _), level)| s == sku && level.available > 0).collect();
        shelves.sort_by_key(|((_, warehouse), level)| (-level.available, warehouse.clone()));
        let available: i64 = shelves.iter().map(|(_, level)| level.available).sum();
        let requested = i64::from(quantity.get());
        if available < requested {
            shortages.push(Shortage { sku: sku.clone(), requested, available });
            continue;
        }
        let mut open = requested;
        for ((_, warehouse), level) in shelves {
            let taken = open.min(level.available);
            let Some(quantity) = u32::try_from(taken).ok().and_then(|n| Quantity::new(n).ok()) else { break };
            held.push(HeldLine { sku: sku.clone(), warehouse_code: warehouse.clone(), quantity });
            open -= taken;
        }
    }
    if shortages.is_empty() { Ok(held) } else { Err(shortages) }
}
