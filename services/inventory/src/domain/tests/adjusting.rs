//! Stock that is counted, bought or lost.

use minuet_events::inventory::StockAdjusted;
use minuet_events::values::AdjustmentId;
use uuid::Uuid;

use super::samples::{sku, warehouse};
use super::story::balanced;
use crate::domain::{Adjusted, Level, adjust};

/// An empty shelf, which nobody has ever touched.
const NEW: Option<Level> = None;

fn level(available: i64, reserved: i64, version: i64) -> Level {
    Level { available, reserved, on_hand: available + reserved, version }
}

fn adjusted(level: Option<Level>, delta: i32) -> Adjusted {
    let adjusted = StockAdjusted {
        adjustment_id: AdjustmentId::new(Uuid::nil()),
        sku: sku("tea"),
        warehouse_code: warehouse("north"),
        delta,
        reason: "counted".to_owned(),
    };
    adjust(level, &adjusted)
}

#[track_caller]
fn becomes(before: Option<Level>, delta: i32, after: Level) {
    balanced(&after);
    assert_eq!(adjusted(before, delta), Adjusted::Applied(after));
}

#[track_caller]
fn refused(before: Option<Level>, delta: i32, code: &'static str) {
    assert_eq!(adjusted(before, delta), Adjusted::Refused(code));
}

#[test]
fn a_new_shelf_begins_with_version_one() {
    becomes(NEW, 5, level(5, 0, 1));
    becomes(NEW, i32::MAX, level(i64::from(i32::MAX), 0, 1));
    refused(NEW, -1, "below_reserved");
}

#[test]
fn what_is_reserved_stays() {
    becomes(Some(level(5, 3, 9)), 2, level(7, 3, 10));
    becomes(Some(level(5, 3, 9)), -2, level(3, 3, 10));
    becomes(Some(level(5, 3, 9)), -5, level(0, 3, 10));
    refused(Some(level(5, 3, 9)), -6, "below_reserved");
    refused(Some(level(0, 3, 9)), -1, "below_reserved");
    refused(Some(level(5, 3, 9)), i32::MIN, "below_reserved");
}

#[test]
fn an_adjustment_by_nothing_is_none() {
    refused(NEW, 0, "delta_zero");
    refused(Some(level(5, 3, 9)), 0, "delta_zero");
}

#[test]
fn what_does_not_fit_is_refused() {
    becomes(Some(level(i64::MAX - 4, 3, 9)), 1, level(i64::MAX - 3, 3, 10));
    refused(Some(level(i64::MAX - 3, 3, 9)), 1, "too_large");
    refused(Some(level(i64::MAX, 0, 9)), i32::MAX, "too_large");
}

#[test]
fn a_shelf_that_was_emptied_counts_on() {
    becomes(Some(level(5, 0, 1)), -5, level(0, 0, 2));
    becomes(Some(level(0, 0, 2)), 1, level(1, 0, 3));
}
