//! Stock per sku and warehouse, folded in the order of `stock_version`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use minuet_events::inventory::StockLevelChanged;
use minuet_events::values::{AdjustmentId, Micros, Sku, WarehouseCode};
use serde::{Deserialize, Serialize};

use super::findings::{Check, Findings};
use super::ids::ById;
use crate::record::{Head, Position};

/// Changes of one level that wait for an earlier one. The topics are read in the order of time, so few are read too early;
/// when this many wait, the earlier one is missing.
const AHEAD: usize = 20_000;

/// Pieces of one order on one shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) shelf: u32,
    pub(super) quantity: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Move {
    Reserve(u32),
    Confirm(u32),
    Release(u32),
    Return(u32),
    /// With the level that it claims to lead to.
    Adjust {
        adjustment: AdjustmentId,
        available: i64,
        reserved: i64,
        on_hand: i64,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    pub available: i64,
    pub reserved: i64,
    pub on_hand: i64,
    pub version: i64,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Level { available, reserved, on_hand, version } = self;
        write!(f, "{available} available and {reserved} reserved of {on_hand} in version {version}")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shelf {
    name: (Sku, WarehouseCode),
    level: Level,
    /// Whether the level is known: where history begins in the middle, it is not until somebody tells it.
    known: bool,
    last: Option<Position>,
    ahead: BTreeMap<i64, (Move, Position)>,
    /// Since when something is ahead, while it is.
    #[serde(default)]
    waits_since: Micros,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StockLevels {
    shelves: Vec<Shelf>,
    #[serde(skip)]
    index: HashMap<Sku, Vec<(WarehouseCode, u32)>, ById>,
    /// History may begin in the middle.
    truncated: bool,
    /// What adjustments have changed, since [`StockLevels::changed`] was asked.
    #[serde(skip)]
    changed: Vec<(AdjustmentId, i64)>,
}

impl StockLevels {
    pub(super) fn new(truncated: bool) -> Self {
        StockLevels { truncated, ..StockLevels::default() }
    }

    /// After a snapshot was read.
    pub(super) fn indexed(mut self) -> Self {
        for (number, shelf) in (0..).zip(&self.shelves) {
            let (sku, warehouse) = shelf.name.clone();
            self.index.entry(sku).or_default().push((warehouse, number));
        }
        self
    }

    pub(super) fn number(&mut self, sku: &Sku, warehouse: &WarehouseCode) -> u32 {
        if let Some(of_sku) = self.index.get(sku)
            && let Some((_, number)) = of_sku.iter().find(|(code, _)| code == warehouse)
        {
            return *number;
        }
        let number = u32::try_from(self.shelves.len()).unwrap_or(u32::MAX);
        self.shelves.push(Shelf {
            name: (sku.clone(), warehouse.clone()),
            level: Level::default(),
            known: !self.truncated,
            last: None,
            ahead: BTreeMap::new(),
            waits_since: Micros::default(),
        });
        self.index.entry(sku.clone()).or_default().push((warehouse.clone(), number));
        number
    }

    pub(super) fn adjusted(&mut self, told: &StockLevelChanged, head: &Head, findings: &mut Findings) {
        let StockLevelChanged { available, reserved, on_hand, adjustment_id: adjustment, .. } = *told;
        let shelf = self.number(&told.sku, &told.warehouse_code);
        let change = Move::Adjust { adjustment, available, reserved, on_hand };
        self.moved(shelf, told.version, change, head, findings);
    }

    pub(super) fn moved(
        &mut self,
        number: u32,
        version: i64,
        change: Move,
        head: &Head,
        findings: &mut Findings,
    ) {
        let position = head.position;
        let (changed, truncated) = (&mut self.changed, self.truncated);
        let Some(shelf) = self.shelves.get_mut(number as usize) else { return };
        if shelf.last.is_none() && !shelf.known && shelf.ahead.is_empty() {
            // The first one that is left: what was before is gone.
            shelf.level.version = version - 1;
        }
        if version == shelf.level.version + 1 {
            changed.extend(shelf.apply(version, change, position, findings));
        } else if version <= shelf.level.version {
            let before_the_beginning = truncated && !shelf.known;
            if !before_the_beginning {
                findings.add(Check::StockGap, shelf.show(), format!("version {version} twice"), [position]);
            }
        } else {
            if shelf.ahead.is_empty() {
                shelf.waits_since = head.recorded;
            }
            if let Some((_, first)) = shelf.ahead.insert(version, (change, position)) {
                let twice = format!("version {version} twice");
                findings.add(Check::StockGap, shelf.show(), twice, [first, position]);
            }
        }
        if !shelf.ahead.is_empty() {
            changed.extend(shelf.catch_up(findings));
        }
        if shelf.ahead.len() > AHEAD {
            changed.extend(shelf.jump(findings));
        }
    }

    /// How many pieces each adjustment has brought or taken, as far as the levels before it are known.
    pub(super) fn changed(&mut self) -> Vec<(AdjustmentId, i64)> {
        std::mem::take(&mut self.changed)
    }

    /// Nothing more will come of what is waited for since before then.
    pub(super) fn end(&mut self, before: Option<Micros>, findings: &mut Findings) {
        for shelf in &mut self.shelves {
            if before.is_some_and(|before| shelf.waits_since >= before) {
                continue;
            }
            while !shelf.ahead.is_empty() {
                self.changed.extend(shelf.jump(findings));
            }
        }
    }

    /// The levels as they are now, as far as they are known.
    pub(super) fn levels(&self) -> impl Iterator<Item = (&Sku, &WarehouseCode, Level)> {
        self.shelves
            .iter()
            .filter(|shelf| shelf.known)
            .map(|shelf| (&shelf.name.0, &shelf.name.1, shelf.level))
    }

    pub(super) fn name(&self, number: u32) -> Option<(&Sku, &WarehouseCode)> {
        let shelf = self.shelves.get(number as usize)?;
        Some((&shelf.name.0, &shelf.name.1))
    }

    pub(super) fn len(&self) -> usize {
        self.shelves.len()
    }
}

impl Shelf {
    fn show(&self) -> String {
        format!("{} in {}", self.name.0, self.name.1)
    }

    fn catch_up(&mut self, findings: &mut Findings) -> Vec<(AdjustmentId, i64)> {
        let mut changed = Vec::new();
        while let Some(entry) = self.ahead.first_entry()
            && *entry.key() == self.level.version + 1
        {
            let (version, (change, position)) = entry.remove_entry();
            changed.extend(self.apply(version, change, position, findings));
        }
        changed
    }

    /// Over what is missing. The level that follows is not known any more, until it is told.
    fn jump(&mut self, findings: &mut Findings) -> Vec<(AdjustmentId, i64)> {
        let Some((&next, &(_, position))) = self.ahead.first_key_value() else { return Vec::new() };
        let missing = match next - self.level.version - 1 {
            1 => format!("version {} is missing", next - 1),
            _ => format!("versions {} to {} are missing", self.level.version + 1, next - 1),
        };
        let evidence: Vec<Position> = self.last.into_iter().chain([position]).collect();
        findings.add(Check::StockGap, self.show(), missing, evidence);
        self.level.version = next - 1;
        self.known = false;
        self.catch_up(findings)
    }

    fn apply(
        &mut self,
        version: i64,
        change: Move,
        position: Position,
        findings: &mut Findings,
    ) -> Option<(AdjustmentId, i64)> {
        let (before, was_known, mut changed) = (self.level, self.known, None);
        let level = &mut self.level;
        level.version = version;
        match change {
            Move::Reserve(n) => {
                level.available -= i64::from(n);
                level.reserved += i64::from(n);
            }
            Move::Confirm(n) => {
                level.reserved -= i64::from(n);
                level.on_hand -= i64::from(n);
            }
            Move::Release(n) => {
                level.available += i64::from(n);
                level.reserved -= i64::from(n);
            }
            Move::Return(n) => {
                level.available += i64::from(n);
                level.on_hand += i64::from(n);
            }
            Move::Adjust { adjustment, available, reserved, on_hand } => {
                let told = Level { available, reserved, on_hand, version };
                let delta = on_hand - before.on_hand;
                let follows = Level {
                    available: before.available + delta,
                    reserved: before.reserved,
                    on_hand: before.on_hand + delta,
                    version,
                };
                *level = told;
                changed = was_known.then_some((adjustment, delta));
                if was_known && told != follows {
                    let detail = format!(
                        "version {version} tells {available} available and {reserved} reserved of {on_hand} on hand; before it were {} and {} of {}",
                        before.available, before.reserved, before.on_hand
                    );
                    findings.add(Check::StockLevel, self.show(), detail, [position]);
                }
                if available + reserved != on_hand {
                    let detail = format!("{available} available and {reserved} reserved are not {on_hand}");
                    findings.add(Check::StockLevel, self.show(), detail, [position]);
                }
                self.known = true;
            }
        }
        self.last = Some(position);
        let level = self.level;
        if self.known {
            for (what, now, was) in [
                ("available", level.available, before.available),
                ("reserved", level.reserved, before.reserved),
                ("on hand", level.on_hand, before.on_hand),
            ] {
                // Once where it becomes so, not at every step after it.
                if now < 0 && now < was {
                    let detail = format!("version {version} leaves {now} {what}");
                    findings.add(Check::Oversell, self.show(), detail, [position]);
                }
            }
        }
        changed
    }
}
