//! Today's decisions agree with the record; a planted change does not.

use minuet_audit::record::Record;
use minuet_audit::shadow::{Build, Counts, Differing, Shadow};
use minuet_events::inventory::InventoryConfirmationFailed;
use minuet_events::orders::ExpectedTotal;
use minuet_events::values::{Amount, Currency};
use minuet_events::{Event, EventType};
use minuet_inventory::domain as stock;
use minuet_order::domain as orders;
use serde_json::json;
use time::Duration;

use crate::shop::{Shop, busy, topics};

fn shadow(records: &[Record], build: Build) -> (Vec<Differing>, Counts) {
    shadow_of(records, build, false)
}

fn shadow_of(records: &[Record], build: Build, truncated: bool) -> (Vec<Differing>, Counts) {
    let mut shadow = Shadow::new(build, truncated);
    let mut found: Vec<Differing> = Vec::new();
    for record in records {
        found.extend(shadow.see(record.clone()));
    }
    found.extend(shadow.end());
    (found, shadow.counts())
}

#[track_caller]
fn agrees(records: &[Record]) -> Counts {
    let (found, counts) = shadow(records, Build::PRESENT);
    let shown: Vec<Vec<String>> = found.iter().map(|found| found.difference.show(&topics())).collect();
    assert!(found.is_empty(), "{shown:#?}");
    counts
}

#[test]
fn every_way_an_order_can_go_is_decided_again() {
    let (shop, orders) = busy();
    let records = shop.records();
    let counts = agrees(&records);
    assert_eq!(counts.orders, orders.len() as u64 + 1, "and the one that nobody knows");
    assert_eq!((counts.adjustments, counts.open, counts.cut, counts.unproven), (4, 0, 0, 0));
}

#[test]
fn neither_repetitions_nor_the_order_among_topics_matter() {
    let (shop, orders) = busy();
    let mut records = shop.records();
    let again = records.clone();
    records.extend(again);
    assert_eq!(agrees(&records).orders, orders.len() as u64 + 1);
    records.sort_by_key(|record| (record.head.position.topic, record.head.position.partition));
    agrees(&records);
    records.sort_by_key(|record| {
        (std::cmp::Reverse(record.head.position.topic), record.head.position.partition)
    });
    agrees(&records);
}

/// Before there was a rule for names such requests were taken; today they are parked.
#[test]
fn requests_with_inadmissible_names_are_decided_again_only_if_they_were_taken() {
    let mut shop = Shop::new();
    let odd = "CHAIR\u{202e}";
    shop.product(odd, "10.00", true);
    shop.adjust(odd, "BER", 10);
    shop.submit(&[(odd, 3)]);
    let parked = shop.submission(&[(odd, 1)]);
    shop.intake(parked);
    let counts = agrees(&shop.records());
    assert_eq!((counts.orders, counts.open), (1, 0));
}

/// Rejected since the total had changed: decided again at the price of then, whatever the price is now.
#[test]
fn a_changed_price_is_found_among_the_products_of_then() {
    let mut shop = Shop::new();
    for price in ["10.00", "12.00", "11.00"] {
        shop.product("CHAIR", price, true);
    }
    shop.product("LAMP", "20.00", true);
    shop.adjust("CHAIR", "BER", 10);
    let expecting = |shop: &mut Shop, total: &str| {
        let (amount, currency) = (Amount::parse(total).unwrap(), Currency::parse("EUR").unwrap());
        let mut submitted = shop.submission(&[("CHAIR", 3), ("LAMP", 1)]);
        submitted.expected_total = Some(ExpectedTotal { amount, currency });
        shop.intake(submitted);
        shop.run();
    };
    expecting(&mut shop, "50.00");
    shop.product("CHAIR", "13.00", true);
    shop.product("LAMP", "25.00", true);
    expecting(&mut shop, "53.00");
    let mut records = shop.records();
    let rejected = |record: &Record| record.head.event_type == EventType::OrderRejected;
    let totals: Vec<String> = records
        .iter()
        .filter_map(|record| match &record.event {
            Event::OrderRejected(rejected) => Some(rejected.problems[0].total.unwrap().to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(totals, ["53.00", "64.00"]);
    assert_eq!((agrees(&records).orders, agrees(&records).unproven), (2, 0));

    // Compaction leaves the last price of each.
    let mut last = records.iter().filter(|r| r.head.event_type == EventType::ProductChanged).rev();
    let kept: Vec<_> = [last.next(), last.next()].into_iter().flatten().map(|r| r.head.id).collect();
    records.retain(|r| r.head.event_type != EventType::ProductChanged || kept.contains(&r.head.id));
    assert_eq!((agrees(&records).orders, agrees(&records).unproven), (2, 1));

    // Another total than any prices give is no rejection of ours.
    let wrong = records.iter_mut().find(|record| rejected(record)).unwrap();
    let Event::OrderRejected(event) = &mut wrong.event else { panic!() };
    event.problems[0].total = event.problems[0].expected_total.map(|expected| expected.amount);
    let (differing, _) = shadow(&records, Build::PRESENT);
    assert_eq!(differing.len(), 1, "{differing:#?}");
}

/// A service that is away sees its inputs in another order than they were written.
#[test]
fn a_record_that_ends_in_the_middle_agrees_as_far_as_it_goes() {
    let (shop, _) = busy();
    let records = shop.records();
    for end in 0..records.len() {
        agrees(&records[..end]);
    }
}

#[test]
fn history_may_begin_in_the_middle() {
    let (shop, _) = busy();
    let records = shop.records();
    for begin in 0..records.len() {
        let (found, counts) = shadow_of(&records[begin..], Build::PRESENT, true);
        let shown: Vec<Vec<String>> = found.iter().map(|found| found.difference.show(&topics())).collect();
        assert!(found.is_empty(), "from {begin} on: {shown:#?} {counts:?}");
    }
}

fn two_warehouses() -> Vec<Record> {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 5);
    shop.adjust("CHAIR", "MUC", 9);
    // What happens within seconds may have happened in another order.
    shop.pass(Duration::minutes(1));
    shop.submit(&[("CHAIR", 3)]);
    shop.records()
}

fn dearer(order: &orders::Order, input: orders::Input<'_>) -> Result<orders::Decision, orders::Illegal> {
    let mut decision = orders::decide(order, input)?;
    if let Some(Event::OrderPlaced(placed)) = &mut decision.emit {
        placed.total = placed.total.checked_add(Amount::parse("0.01").unwrap()).unwrap();
    }
    Ok(decision)
}

#[test]
fn a_change_of_the_prices_is_found_field_by_field() {
    let (found, counts) = shadow(&two_warehouses(), Build { order: dearer, ..Build::PRESENT });
    assert_eq!((found.len(), counts.differing, counts.orders), (1, 1, 0));
    let difference = &found[0].difference;
    assert_eq!(difference.what, "OrderPlaced differs");
    assert!(difference.position.is_some());
    let fields: Vec<_> =
        difference.fields.iter().map(|f| (f.path.as_str(), &f.recorded, &f.decided)).collect();
    assert_eq!(fields, [("total", &json!("30.00"), &json!("30.01"))]);
}

/// From the emptiest shelf that has enough, instead of the fullest.
fn from_the_emptiest(
    reservation: &stock::Reservation,
    input: stock::Input<'_>,
    levels: &stock::Stock,
) -> Result<stock::Decision, stock::Illegal> {
    let stock::Input::Placed { placed, .. } = input else {
        return stock::decide(reservation, input, levels);
    };
    let wanted = i64::from(placed.lines[0].quantity.get());
    let enough = levels.iter().filter(|(_, level)| level.available >= wanted);
    let emptiest = enough.min_by_key(|(_, level)| level.available);
    let levels = emptiest.map(|(shelf, level)| (shelf.clone(), *level)).into_iter().collect();
    stock::decide(reservation, input, &levels)
}

#[test]
fn a_change_of_the_allocation_is_found_field_by_field() {
    let build = Build { inventory: from_the_emptiest, ..Build::PRESENT };
    let (found, _) = shadow(&two_warehouses(), build);
    assert_eq!(found.len(), 1);
    let difference = &found[0].difference;
    assert_eq!(difference.what, "InventoryReserved differs");
    let fields: Vec<_> =
        difference.fields.iter().map(|f| (f.path.as_str(), &f.recorded, &f.decided)).collect();
    assert_eq!(fields, [("allocations[0].warehouse_code", &json!("MUC"), &json!("BER"))]);
}

#[test]
fn a_step_that_is_left_out_is_found() {
    fn never_confirms(
        order: &orders::Order,
        input: orders::Input<'_>,
    ) -> Result<orders::Decision, orders::Illegal> {
        match input {
            orders::Input::InventoryConfirmed(_) => Ok(orders::Decision::default()),
            other => orders::decide(order, other),
        }
    }
    let (found, _) = shadow(&two_warehouses(), Build { order: never_confirms, ..Build::PRESENT });
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].difference.what, "OrderConfirmed was recorded, and nothing would be emitted now");
}

#[test]
fn what_was_not_recorded_yet_may_still_come() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    let order = shop.submit(&[("CHAIR", 1)]);
    shop.cancel(order, "user-1");
    let mut unanswered = shop.records();
    unanswered.retain(|r| r.head.event_type != EventType::OrderCancellationRejected);
    let (found, counts) = shadow(&unanswered, Build::PRESENT);
    assert_eq!((found.len(), counts.open), (0, 1));
}

#[test]
fn an_adjustment_that_would_be_decided_otherwise_is_found() {
    fn takes_anything(
        level: Option<stock::Level>,
        adjusted: &minuet_events::inventory::StockAdjusted,
    ) -> stock::Adjusted {
        let level = level.unwrap_or_default();
        let delta = i64::from(adjusted.delta);
        stock::Adjusted::Applied(stock::Level {
            available: level.available + delta,
            on_hand: level.on_hand + delta,
            version: level.version + 1,
            ..level
        })
    }
    let (shop, _) = busy();
    let (found, _) = shadow(&shop.records(), Build { adjust: takes_anything, ..Build::PRESENT });
    assert_eq!(found.len(), 1);
    let what = "StockAdjustmentRejected was recorded, StockLevelChanged would be emitted now";
    assert_eq!(found[0].difference.what, what);
}

#[test]
fn a_price_whose_source_is_gone_proves_nothing() {
    let mut records = two_warehouses();
    records.retain(|record| record.head.event_type != EventType::ProductChanged);
    let counts = agrees(&records);
    assert_eq!((counts.orders, counts.unproven), (1, 1));
}

/// A second end of an order finds nothing left to undo, whichever of the two came first.
#[test]
fn a_step_that_is_new_is_found() {
    fn undoes_again(
        reservation: &stock::Reservation,
        input: stock::Input<'_>,
        levels: &stock::Stock,
    ) -> Result<stock::Decision, stock::Illegal> {
        let mut decision = stock::decide(reservation, input, levels)?;
        let (stock::Input::OrderCancelled { order_id, .. } | stock::Input::PaymentRefunded { order_id, .. }) =
            input
        else {
            return Ok(decision);
        };
        if *reservation == stock::Reservation::Released {
            let reason = "released before".to_owned();
            decision.emit = Some(InventoryConfirmationFailed { order_id, reason }.into());
        }
        Ok(decision)
    }
    let (shop, _) = busy();
    let (found, _) = shadow(&shop.records(), Build { inventory: undoes_again, ..Build::PRESENT });
    let what: Vec<&str> = found.iter().map(|found| found.difference.what.as_str()).collect();
    assert!(!what.is_empty());
    for what in what {
        assert_eq!(what, "InventoryConfirmationFailed would be emitted now, and nothing was recorded");
    }
}

/// Somebody asks again and again: more arrival orders than anybody can try.
#[test]
fn an_order_with_too_many_ways_is_given_up_and_counted() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 5);
    let order = shop.submit(&[("CHAIR", 1)]);
    for _ in 0..400 {
        shop.cancel(order, "user-1");
    }
    let quiet = shop.submit(&[("CHAIR", 1)]);
    let counts = agrees(&shop.records());
    assert_eq!((counts.orders, counts.gave_up), (1, 1), "only {quiet} is searched");
}
