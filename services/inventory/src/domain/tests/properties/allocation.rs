//! Whatever lies in whichever warehouse: allocation gives what was asked for, out of as few of them as possible.

use std::collections::BTreeMap;

use minuet_events::inventory::Shortage;
use minuet_events::values::{Quantity, Sku, WarehouseCode};
use proptest::prelude::*;

use super::super::samples::{quantity, sku, warehouse};
use crate::domain::{HeldLine, Level, Stock, allocate};

const SKUS: [&str; 3] = ["ale", "milk", "tea"];
const WAREHOUSES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// So little of everything that orders are often short, and warehouses often equally full.
fn stock() -> impl Strategy<Value = Stock> {
    let level = (0..7_i64, 0..4_i64).prop_map(|(available, reserved)| Level {
        available,
        reserved,
        on_hand: available + reserved,
        version: 1,
    });
    let shelf =
        (proptest::sample::select(&SKUS[..]), proptest::sample::select(&WAREHOUSES[..])).prop_map(shelf);
    proptest::collection::btree_map(shelf, level, 0..12)
}

fn shelf((code, at): (&'static str, &'static str)) -> (Sku, WarehouseCode) {
    (sku(code), warehouse(at))
}

/// A sku stands in one line only: an order with two lines of one sku is never placed.
fn lines() -> impl Strategy<Value = Vec<(Sku, Quantity)>> {
    let asked = proptest::collection::btree_map(proptest::sample::select(&SKUS[..]), 1..16_u32, 1..=3);
    let asked = asked
        .prop_map(|asked| asked.into_iter().map(|(code, n)| (sku(code), quantity(n))).collect::<Vec<_>>());
    asked.prop_shuffle()
}

fn allocated(lines: &[(Sku, Quantity)], stock: &Stock) -> Result<Vec<HeldLine>, Vec<Shortage>> {
    allocate(lines.iter().map(|(sku, quantity)| (sku, *quantity)), stock)
}

fn shelves_of(sku: &Sku, stock: &Stock) -> Vec<i64> {
    stock.iter().filter(|((of, _), _)| of == sku).map(|(_, level)| level.available).collect()
}

/// By trying every set of shelves.
fn fewest(shelves: &[i64], wanted: i64) -> Option<u32> {
    let sets = 0..1_u32 << shelves.len();
    let enough = |set: &u32| {
        let chosen = shelves.iter().enumerate().filter(|(at, _)| set & (1 << at) != 0);
        chosen.map(|(_, available)| available).sum::<i64>() >= wanted
    };
    sets.filter(enough).map(u32::count_ones).min()
}

proptest! {
    #[test]
    fn every_line_whole_or_every_short_one(lines in lines(), stock in stock()) {
        let short: Vec<Shortage> = lines
            .iter()
            .map(|(sku, quantity)| Shortage {
                sku: sku.clone(),
                requested: i64::from(quantity.get()),
                available: shelves_of(sku, &stock).iter().sum(),
            })
            .filter(|line| line.available < line.requested)
            .collect();
        match allocated(&lines, &stock) {
            Err(shortages) => {
                prop_assert!(!shortages.is_empty());
                prop_assert_eq!(shortages, short);
            }
            Ok(held) => {
                prop_assert_eq!(short, vec![]);
                let mut given: BTreeMap<&Sku, i64> = BTreeMap::new();
                for line in &held {
                    *given.entry(&line.sku).or_default() += i64::from(line.quantity.get());
                }
                let asked = lines.iter().map(|(sku, quantity)| (sku, i64::from(quantity.get())));
                prop_assert_eq!(given, asked.collect());
            }
        }
    }

    #[test]
    fn no_shelf_gives_more_than_it_has_and_none_twice(lines in lines(), stock in stock()) {
        let Ok(held) = allocated(&lines, &stock) else { return Ok(()) };
        let mut taken = BTreeMap::new();
        for HeldLine { sku, warehouse_code, quantity } in held {
            let shelf = (sku, warehouse_code);
            prop_assert!(i64::from(quantity.get()) <= stock[&shelf].available);
            prop_assert_eq!(taken.insert(shelf, quantity), None);
        }
    }

    #[test]
    fn as_few_warehouses_as_possible_and_the_fullest(lines in lines(), stock in stock()) {
        let Ok(held) = allocated(&lines, &stock) else { return Ok(()) };
        for (sku, quantity) in &lines {
            let used: Vec<&WarehouseCode> =
                held.iter().filter(|line| line.sku == *sku).map(|line| &line.warehouse_code).collect();
            let fewest = fewest(&shelves_of(sku, &stock), i64::from(quantity.get()));
            prop_assert_eq!(u32::try_from(used.len()).ok(), fewest);
            let (of, beside): (Vec<_>, Vec<_>) =
                stock.iter().filter(|((s, _), _)| s == sku).partition(|((_, at), _)| used.contains(&at));
            let least = of.iter().map(|(_, level)| level.available).min();
            let fullest = beside.iter().map(|(_, level)| level.available).max();
            prop_assert!(fullest <= least || fullest.is_none(), "{fullest:?} was left for {least:?}");
        }
    }

    #[test]
    fn the_order_of_lines_decides_nothing(
        (lines, shuffled) in lines().prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        stock in stock(),
    ) {
        let sorted = |lines: &[(Sku, Quantity)]| {
            allocated(lines, &stock)
                .map(|mut held| {
                    held.sort_by_key(|line| (line.sku.clone(), line.warehouse_code.clone()));
                    held
                })
                .map_err(|mut short| {
                    short.sort_by_key(|line| line.sku.clone());
                    short
                })
        };
        prop_assert_eq!(sorted(&lines), sorted(&shuffled));
    }
}
