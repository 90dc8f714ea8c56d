//! The levels as they were, version by version.

use std::collections::{BTreeMap, HashMap};

use minuet_events::inventory::{Allocation, InventoryRejected};
use minuet_events::orders::{OrderPlaced, PlacedLine};
use minuet_events::values::{Micros, Sku, WarehouseCode};
use minuet_inventory::domain::{Level, Move, Stock};
use time::Duration;

/// A batch's time is that of its beginning, and not of its turn: what changed so shortly before or after it may have come
/// before it or after it.
const NEAR: Duration = Duration::seconds(10);

#[derive(Debug, Default)]
struct Shelf {
    /// The first one is that of `first`: what was before is gone.
    levels: Vec<(Micros, Level)>,
    first: i64,
    ahead: BTreeMap<i64, (Micros, Change)>,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Move(Move),
    Told(Level),
}

#[derive(Debug, Default)]
pub(super) struct LevelHistory {
    shelves: HashMap<Sku, BTreeMap<WarehouseCode, Shelf>>,
    /// Versions before what is read may be gone.
    truncated: bool,
}

impl LevelHistory {
    pub(super) fn new(truncated: bool) -> Self {
        LevelHistory { truncated, ..LevelHistory::default() }
    }

    pub(super) fn moved(&mut self, allocation: &Allocation, change: fn(i64) -> Move, at: Micros) {
        let quantity = i64::from(allocation.quantity.get());
        let shelf = (&allocation.sku, &allocation.warehouse_code);
        self.change(shelf, allocation.stock_version, Change::Move(change(quantity)), at);
    }

    pub(super) fn told(&mut self, shelf: (&Sku, &WarehouseCode), level: Level, at: Micros) {
        self.change(shelf, level.version, Change::Told(level), at);
    }

    fn change(&mut self, (sku, warehouse): (&Sku, &WarehouseCode), version: i64, change: Change, at: Micros) {
        let truncated = self.truncated;
        let of_sku = match self.shelves.get_mut(sku) {
            Some(of_sku) => of_sku,
            None => self.shelves.entry(sku.clone()).or_default(),
        };
        if !of_sku.contains_key(warehouse) {
            let mut shelf = Shelf::default();
            if !truncated {
                shelf.levels.push((Micros(i64::MIN), Level::default()));
            }
            of_sku.insert(warehouse.clone(), shelf);
        }
        if let Some(shelf) = of_sku.get_mut(warehouse) {
            shelf.ahead.insert(version, (at, change));
            shelf.catch_up();
        }
    }

    fn shelf(&self, sku: &Sku, warehouse: &WarehouseCode) -> Option<&Shelf> {
        self.shelves.get(sku)?.get(warehouse)
    }

    /// The level of a version, if it is known.
    pub(super) fn at(&self, sku: &Sku, warehouse: &WarehouseCode, version: i64) -> Option<Level> {
        let shelf = self.shelf(sku, warehouse)?;
        let at = usize::try_from(version - shelf.first).ok()?;
        shelf.levels.get(at).map(|(_, level)| *level)
    }

    /// The levels that a shelf may have had then.
    pub(super) fn near(&self, sku: &Sku, warehouse: &WarehouseCode, at: Micros) -> Vec<Level> {
        self.shelf(sku, warehouse).map(|shelf| shelf.near(at)).unwrap_or_default()
    }

    /// The stock that a reservation was taken from: allocated levels by their version; of the others of the same product
    /// the emptiest that they may have been, since none of it was taken. None: history does not reach back that far.
    pub(super) fn before_reserved(
        &self,
        placed: &OrderPlaced,
        allocations: &[Allocation],
        at: Micros,
    ) -> Option<Stock> {
        let mut stock = Stock::new();
        for line in &placed.lines {
            for (warehouse, shelf) in self.shelves.get(&line.sku)? {
                let allocated =
                    allocations.iter().find(|a| a.sku == line.sku && a.warehouse_code == *warehouse);
                let level = match allocated {
                    Some(allocated) => Some(self.at(&line.sku, warehouse, allocated.stock_version - 1)?),
                    None => shelf.near(at).into_iter().min_by_key(|level| level.available),
                };
                stock.extend(level.map(|level| ((line.sku.clone(), warehouse.clone()), level)));
            }
        }
        Some(stock)
    }

    /// The stock that was too little: levels of that time whose sum is what the rejection says. Where history does not reach
    /// back that far, what it says is all there is: `unproven` counts those.
    pub(super) fn before_rejected(
        &self,
        placed: &OrderPlaced,
        rejected: &InventoryRejected,
        at: Micros,
        unproven: &mut u64,
    ) -> Stock {
        let (mut stock, none) = (Stock::new(), BTreeMap::new());
        for PlacedLine { sku, quantity, .. } in &placed.lines {
            let shelves = self.shelves.get(sku).unwrap_or(&none);
            let candidates: Vec<Vec<Level>> = shelves.values().map(|shelf| shelf.near(at)).collect();
            let short = rejected.shortages.iter().find(|shortage| shortage.sku == *sku);
            let wanted = short.map_or(i64::from(quantity.get()), |shortage| shortage.available);
            let chosen = match short {
                Some(_) => sums_to(&candidates, wanted),
                None => Some(fullest(&candidates)).filter(|levels| available(levels) >= wanted),
            };
            let levels = match chosen {
                Some(levels) => levels,
                None if self.truncated => {
                    *unproven += 1;
                    let level = Level { available: wanted, on_hand: wanted, ..Level::default() };
                    let somewhere = shelves.keys().next().cloned().or_else(|| WarehouseCode::parse("X").ok());
                    stock.extend(somewhere.map(|warehouse| ((sku.clone(), warehouse), level)));
                    continue;
                }
                None => fullest(&candidates),
            };
            for (warehouse, level) in shelves.keys().zip(levels) {
                stock.insert((sku.clone(), warehouse.clone()), level);
            }
        }
        stock
    }
}

fn fullest(candidates: &[Vec<Level>]) -> Vec<Level> {
    let of = |levels: &Vec<Level>| levels.iter().max_by_key(|level| level.available).copied();
    candidates.iter().map(|levels| of(levels).unwrap_or_default()).collect()
}

fn available(levels: &[Level]) -> i64 {
    levels.iter().map(|level| level.available).sum()
}

impl Shelf {
    fn catch_up(&mut self) {
        loop {
            let next = match self.levels.last() {
                Some((_, last)) => last.version + 1,
                // Nothing is known before somebody tells a level.
                None => match self.ahead.iter().find(|(_, (_, change))| matches!(change, Change::Told(_))) {
                    Some((version, _)) => *version,
                    None => return,
                },
            };
            let Some((at, change)) = self.ahead.remove(&next) else { return };
            let before = self.levels.last().map(|(_, level)| *level);
            let level = match (change, before) {
                (Change::Move(change), Some(before)) => before.after(change),
                (Change::Told(level), _) => level,
                (Change::Move(_), None) => continue,
            };
            if self.levels.is_empty() {
                self.first = level.version;
            }
            self.levels.push((at, level));
        }
    }

    fn near(&self, at: Micros) -> Vec<Level> {
        // Nearly sorted by time: from the last one that is surely before.
        let (early, late) = (at.plus(-NEAR), at.plus(NEAR));
        let from = self.levels.partition_point(|(time, _)| *time < early).saturating_sub(1);
        self.levels[from..].iter().take_while(|(time, _)| *time <= late).map(|(_, level)| *level).collect()
    }
}

/// One level of each shelf, so that what is available of them together is that sum.
fn sums_to(candidates: &[Vec<Level>], sum: i64) -> Option<Vec<Level>> {
    let Some((first, rest)) = candidates.split_first() else { return (sum == 0).then(Vec::new) };
    let empty = [Level::default()];
    let of = if first.is_empty() { &empty[..] } else { first };
    let mut tried = Vec::new();
    for level in of {
        // Many versions, few different levels.
        if tried.contains(&level.available) {
            continue;
        }
        tried.push(level.available);
        if let Some(mut others) = sums_to(rest, sum - level.available) {
            others.insert(0, *level);
            return Some(others);
        }
    }
    None
}
