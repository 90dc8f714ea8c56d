//! Out of which warehouses the lines of an order come.

use super::samples::*;
use crate::domain::{Stock, allocate};

/// `pieces of sku from warehouse`, in the order in which they are held; or `n of sku for m` where too little is there.
fn allocated(lines: &[(&str, u32)], stock: &Stock) -> Result<Vec<String>, Vec<String>> {
    let lines: Vec<_> = lines.iter().map(|&(code, pieces)| (sku(code), quantity(pieces))).collect();
    let held = allocate(lines.iter().map(|(sku, pieces)| (sku, *pieces)), stock);
    held.map(|held| {
        held.iter()
            .map(|line| format!("{} {} from {}", line.quantity, line.sku, line.warehouse_code))
            .collect()
    })
    .map_err(|short| short.iter().map(|s| format!("{} {} for {}", s.available, s.sku, s.requested)).collect())
}

#[track_caller]
fn comes<const N: usize>(lines: &[(&str, u32)], stock: &Stock, from: [&str; N]) {
    assert_eq!(allocated(lines, stock).unwrap(), from);
}

#[track_caller]
fn short<const N: usize>(lines: &[(&str, u32)], stock: &Stock, of: [&str; N]) {
    assert_eq!(allocated(lines, stock).unwrap_err(), of);
}

#[test]
fn one_warehouse_is_enough_where_one_has_it_all() {
    let stock = stock_of([("tea", "a", 2, 0), ("tea", "b", 5, 0), ("tea", "c", 3, 0)]);
    comes(&[("tea", 1)], &stock, ["1 tea from b"]);
    comes(&[("tea", 5)], &stock, ["5 tea from b"]);
}

#[test]
fn else_as_few_as_possible_the_fullest_first() {
    let stock = stock_of([("tea", "a", 2, 0), ("tea", "b", 5, 0), ("tea", "c", 3, 0)]);
    comes(&[("tea", 6)], &stock, ["5 tea from b", "1 tea from c"]);
    comes(&[("tea", 8)], &stock, ["5 tea from b", "3 tea from c"]);
    comes(&[("tea", 9)], &stock, ["5 tea from b", "3 tea from c", "1 tea from a"]);
    comes(&[("tea", 10)], &stock, ["5 tea from b", "3 tea from c", "2 tea from a"]);
}

#[test]
fn of_equally_full_ones_the_code_decides() {
    let stock = stock_of([("tea", "z", 4, 0), ("tea", "m", 4, 0), ("tea", "a", 1, 0), ("tea", "n", 4, 0)]);
    comes(&[("tea", 1)], &stock, ["1 tea from m"]);
    comes(&[("tea", 9)], &stock, ["4 tea from m", "4 tea from n", "1 tea from z"]);
}

#[test]
fn full_is_what_is_available_not_what_lies_there() {
    let stock = stock_of([("tea", "a", 1, 99), ("tea", "b", 2, 0)]);
    comes(&[("tea", 2)], &stock, ["2 tea from b"]);
    short(&[("tea", 4)], &stock, ["3 tea for 4"]);
}

#[test]
fn an_empty_shelf_gives_nothing() {
    let stock = stock_of([("tea", "a", 0, 9), ("tea", "b", 3, 0)]);
    comes(&[("tea", 3)], &stock, ["3 tea from b"]);
}

#[test]
fn lines_do_not_share_shelves() {
    let stock = stock_of([("tea", "a", 3, 0), ("tea", "b", 1, 0), ("milk", "b", 9, 0), ("milk", "a", 1, 0)]);
    comes(&[("milk", 9), ("tea", 4)], &stock, ["9 milk from b", "3 tea from a", "1 tea from b"]);
}

#[test]
fn every_line_or_none_and_every_short_one_is_listed() {
    let stock = stock_of([("tea", "a", 1, 0), ("tea", "b", 1, 5), ("milk", "a", 9, 0), ("ale", "a", 0, 3)]);
    short(&[("milk", 1), ("tea", 3)], &stock, ["2 tea for 3"]);
    let lines = [("tea", 3), ("milk", 10), ("ale", 1), ("milk", 9), ("snow", 2)];
    short(&lines, &stock, ["2 tea for 3", "9 milk for 10", "0 ale for 1", "0 snow for 2"]);
}

#[test]
fn the_last_piece_can_be_had_and_no_further_one() {
    let stock = stock_of([("tea", "a", 1, 0)]);
    comes(&[("tea", 1)], &stock, ["1 tea from a"]);
    short(&[("tea", 2)], &stock, ["1 tea for 2"]);
}

#[test]
fn the_largest_order_comes_out_of_the_largest_warehouse() {
    let stock = stock_of([("tea", "a", 1_000_000_000_000, 0)]);
    comes(&[("tea", 10_000)], &stock, ["10000 tea from a"]);
}
