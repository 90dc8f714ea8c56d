//! Each check has a log in which exactly that is broken, and one that passes.

use minuet_audit::record::{Record, Service, Source};
use minuet_audit::verify::{Books, Check, Rules};
use minuet_events::values::{Amount, Micros, Quantity};
use minuet_events::{Event, EventType};
use time::Duration;
use uuid::Uuid;

use crate::shop::{Provider, Shop, busy, topics};

fn kept(records: &[Record]) -> Books {
    kept_by(records, Rules::default(), Duration::hours(2))
}

fn kept_by(records: &[Record], rules: Rules, later: Duration) -> Books {
    let mut books = Books::new(rules);
    for record in records {
        books.see(record);
    }
    let last = records.iter().map(|record| record.head.time).max().unwrap_or(Micros(0));
    books.end(last.plus(later));
    books
}

fn checks(books: &Books) -> Vec<Check> {
    let mut checks: Vec<Check> = books.findings.kept.iter().map(|violation| violation.check).collect();
    checks.sort_unstable();
    checks.dedup();
    checks
}

/// Exactly these checks fail, and each violation names its evidence or its subject.
#[track_caller]
fn fails(records: &[Record], wanted: &[Check]) -> Books {
    let books = kept(records);
    let shown: Vec<String> = books.findings.kept.iter().map(|v| v.show(&topics())).collect();
    assert_eq!(checks(&books), wanted, "{shown:#?}");
    books
}

/// One confirmed order of 3 chairs in an otherwise quiet shop.
fn one() -> Vec<Record> {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 10);
    shop.submit(&[("CHAIR", 3)]);
    shop.records()
}

fn at(records: &[Record], event_type: EventType) -> usize {
    records.iter().position(|record| record.head.event_type == event_type).expect("an event of that type")
}

#[test]
fn every_way_an_order_can_go_balances() {
    let (shop, orders) = busy();
    let books = fails(&shop.records(), &[]);
    assert_eq!(books.counts.orders, orders.len() as u64 + 1, "and the one that nobody knows");
    assert_eq!(books.counts.resubmissions, 2);
    assert_eq!(books.open(Micros(i64::MAX)), []);
    let levels: Vec<(String, i64, i64)> = books
        .levels()
        .map(|(sku, at, level)| (format!("{sku} {at}"), level.on_hand, level.reserved))
        .collect();
    assert!(levels.iter().all(|(_, on_hand, reserved)| *on_hand >= 0 && *reserved == 0), "{levels:?}");
}

/// Topics are not ordered among each other: one after the other is the worst that can be.
#[test]
fn the_order_among_topics_does_not_matter() {
    let (shop, _) = busy();
    let mut records = shop.records();
    records.sort_by_key(|record| (record.head.position.topic, record.head.position.partition));
    fails(&records, &[]);
    records.sort_by_key(|record| {
        (std::cmp::Reverse(record.head.position.topic), record.head.position.partition)
    });
    fails(&records, &[]);
}

#[test]
fn every_event_may_come_again() {
    let (shop, _) = busy();
    let records = shop.records();
    let mut twice = records.clone();
    twice.extend(records.iter().cloned());
    let books = fails(&twice, &[]);
    let products = records.iter().filter(|r| r.head.event_type == EventType::ProductChanged).count();
    assert_eq!(books.counts.repetitions, (records.len() - products) as u64);
}

#[test]
fn a_missing_event_is_lost() {
    let mut records = one();
    records.remove(at(&records, EventType::InventoryReserved));
    let books = kept(&records);
    assert_eq!(books.findings.count(Check::Loss), 1, "{:#?}", books.findings.kept);
    let lost = books.findings.kept.iter().find(|v| v.check == Check::Loss).unwrap();
    assert!(lost.detail.contains("ce_sequence 1 from inventory is missing"), "{lost:?}");
    // Its traces are everywhere.
    assert_eq!(
        checks(&books),
        [Check::Stuck, Check::Loss, Check::Cause, Check::Compensation, Check::StockGap]
    );
}

#[test]
fn an_event_that_is_overtaken_is_an_inversion() {
    let mut records = one();
    let (first, second) = (at(&records, EventType::OrderPlaced), at(&records, EventType::OrderConfirmed));
    let (a, b) = (records[first].head.position, records[second].head.position);
    records[first].head.position = b;
    records[second].head.position = a;
    records.swap(first, second);
    fails(&records, &[Check::Inversion]);
}

#[test]
fn a_number_is_drawn_once() {
    let mut records = one();
    let at = at(&records, EventType::OrderConfirmed);
    records[at].head.sequence = Some(1);
    fails(&records, &[Check::Sequence]);
    records[at].head.sequence = None;
    fails(&records, &[Check::Sequence]);
}

#[test]
fn what_comes_again_is_the_same() {
    let mut records = one();
    let mut again = records[at(&records, EventType::PaymentSucceeded)].clone();
    again.head.payload ^= 1;
    records.push(again);
    fails(&records, &[Check::Repetition]);

    let mut records = one();
    let mut again = records[at(&records, EventType::StockAdjusted)].clone();
    again.head.payload ^= 1;
    records.push(again);
    fails(&records, &[Check::Repetition]);
}

#[test]
fn every_effect_has_a_cause_that_exists() {
    let mut records = one();
    let confirmed = at(&records, EventType::OrderConfirmed);
    records[confirmed].head.cause = Some(Uuid::new_v4());
    fails(&records, &[Check::Cause]);
    records[confirmed].head.cause = None;
    fails(&records, &[Check::Cause]);

    let mut records = one();
    records.remove(at(&records, EventType::StockAdjusted));
    fails(&records, &[Check::Cause]);
}

#[test]
fn nothing_is_undone_that_was_not_done() {
    // Other goods go back than were taken.
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 10);
    shop.provider = Provider::Declines;
    shop.submit(&[("CHAIR", 3)]);
    let mut records = shop.records();
    let released = at(&records, EventType::InventoryReleased);
    let Event::InventoryReleased(event) = &mut records[released].event else { panic!() };
    event.allocations[0].quantity = Quantity::new(2).unwrap();
    fails(&records, &[Check::Compensation]);
    // They had never left.
    let Event::InventoryReleased(event) = &mut records[released].event else { panic!() };
    event.allocations[0].quantity = Quantity::new(3).unwrap();
    event.returned = true;
    fails(&records, &[Check::Compensation]);
}

#[test]
fn a_refund_without_a_capture_is_found() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 10);
    let order = shop.submit(&[("CHAIR", 3)]);
    shop.refund(order);
    let mut records = shop.records();
    let succeeded = records.remove(at(&records, EventType::PaymentSucceeded));
    let refunded = at(&records, EventType::PaymentRefunded);
    records[refunded].head.sequence = succeeded.head.sequence;
    let books = kept(&records);
    assert!(books.findings.count(Check::Compensation) == 1, "{:#?}", books.findings.kept);
    assert!(books.findings.count(Check::Money) >= 1, "{:#?}", books.findings.kept);
}

/// The same event under another id: as if its service had decided twice.
fn again(records: &mut Vec<Record>, event_type: EventType, change: impl Fn(&mut Event)) {
    let mut again = records[at(records, event_type)].clone();
    let source = again.head.source;
    let numbers = records.iter().filter(|r| r.head.source == source && r.event.key() == again.event.key());
    again.head.sequence = Some(numbers.filter_map(|r| r.head.sequence).max().unwrap_or(0) + 1);
    again.head.id = Uuid::new_v4();
    again.head.time = records.last().unwrap().head.time;
    change(&mut again.event);
    records.push(again);
}

#[test]
fn a_refund_twice_is_found() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 10);
    let order = shop.submit(&[("CHAIR", 3)]);
    shop.refund(order);
    let mut records = shop.records();
    again(&mut records, EventType::PaymentRefunded, |_| {});
    fails(&records, &[Check::Twice, Check::Money]);
}

#[test]
fn a_capture_twice_is_found() {
    let mut records = one();
    again(&mut records, EventType::PaymentSucceeded, |_| {});
    fails(&records, &[Check::Twice, Check::Money]);
}

#[test]
fn goods_leave_and_come_back_once() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 10);
    shop.provider = Provider::Declines;
    shop.submit(&[("CHAIR", 3)]);
    shop.provider = Provider::Captures;
    shop.submit(&[("CHAIR", 3)]);
    let mut records = shop.records();
    again(&mut records, EventType::InventoryReleased, |event| {
        let Event::InventoryReleased(event) = event else { panic!() };
        event.allocations[0].stock_version = 6;
    });
    // Three pieces more are available than the shop has.
    fails(&records, &[Check::Twice, Check::Oversell]);
}

#[test]
fn an_end_is_an_end() {
    let mut records = one();
    let order = records[at(&records, EventType::OrderConfirmed)].clone();
    let mut failed = order.clone();
    let Event::OrderConfirmed(confirmed) = &order.event else { panic!() };
    failed.event = Event::from(minuet_events::orders::OrderFailed {
        order_id: confirmed.order_id,
        user_id: confirmed.user_id.clone(),
        problems: Vec::new(),
    });
    failed.head.event_type = EventType::OrderFailed;
    failed.head.id = Uuid::new_v4();
    failed.head.sequence = Some(3);
    records.push(failed);
    fails(&records, &[Check::Contradiction]);

    let mut records = one();
    again(&mut records, EventType::OrderConfirmed, |_| {});
    let books = kept(&records);
    assert_eq!(books.findings.count(Check::Twice), 1, "{:#?}", books.findings.kept);
}

#[test]
fn money_kept_is_that_of_confirmed_orders() {
    let mut records = one();
    let paid = at(&records, EventType::PaymentSucceeded);
    let Event::PaymentSucceeded(event) = &mut records[paid].event else { panic!() };
    event.amount = Amount::parse("29.99").unwrap();
    let books = fails(&records, &[Check::Money]);
    let subjects: Vec<&str> = books.findings.kept.iter().map(|v| v.subject.as_str()).collect();
    assert!(subjects.contains(&"EUR"), "the currency's sums, too: {subjects:?}");
}

/// Charged by a release that did not look.
#[test]
fn an_amount_that_does_not_fit_its_currency_is_told() {
    for event_type in [EventType::OrderPlaced, EventType::PaymentSucceeded] {
        let mut records = one();
        let told = at(&records, event_type);
        match &mut records[told].event {
            Event::OrderPlaced(event) => event.lines[0].unit_price = Amount::parse("0.005").unwrap(),
            Event::PaymentSucceeded(event) => event.amount = Amount::parse("30.005").unwrap(),
            other => panic!("{other:?}"),
        }
        let books = fails(&records, &[Check::Money]);
        let details: Vec<&str> = books.findings.kept.iter().map(|found| found.detail.as_str()).collect();
        let said = "takes at most 2 decimals in this currency";
        assert!(details.iter().any(|detail| detail.contains(said)), "{details:?}");
    }
}

#[test]
fn an_order_that_is_stuck_names_the_step_it_waits_for() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 10);
    shop.provider = Provider::Hangs;
    let order = shop.submit(&[("CHAIR", 3)]);
    let records = shop.records();
    let books = fails(&records, &[Check::Stuck]);
    let stuck = &books.findings.kept[0];
    assert_eq!(stuck.subject, order.to_string());
    assert!(stuck.detail.contains("PaymentSucceeded or PaymentFailed from payment"), "{stuck:?}");
    assert!(!stuck.evidence.is_empty());

    let in_time = kept_by(&records, Rules::default(), Duration::minutes(5));
    assert_eq!(in_time.findings.total(), 0);
    let open = in_time.open(records.last().unwrap().head.time);
    assert_eq!((open.len(), open[0].late, open[0].stage.as_str()), (1, false, "pending"));
}

#[test]
fn a_compensation_that_never_came_is_stuck_too() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 10);
    shop.provider = Provider::Declines;
    shop.submit(&[("CHAIR", 3)]);
    let mut records = shop.records();
    records.remove(at(&records, EventType::InventoryReleased));
    let books = fails(&records, &[Check::Stuck]);
    assert!(books.findings.kept[0].detail.contains("InventoryReleased from inventory"));
}

#[test]
fn an_adjustment_without_an_answer_is_stuck() {
    let mut records = one();
    records.truncate(at(&records, EventType::StockLevelChanged));
    fails(&records, &[Check::Stuck]);
}

#[test]
fn an_oversell_in_the_middle_is_found() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 5);
    shop.submit(&[("CHAIR", 5)]);
    shop.adjust("CHAIR", "BER", 5);
    let mut records = shop.records();
    // Seven were sold of five; the level that is told afterwards hides it again.
    for record in &mut records {
        let allocations = match &mut record.event {
            Event::InventoryReserved(e) => &mut e.allocations,
            Event::InventoryConfirmed(e) => &mut e.allocations,
            _ => continue,
        };
        allocations[0].quantity = Quantity::new(7).unwrap();
    }
    let books = kept(&records);
    let oversold = books.findings.kept.iter().find(|v| v.check == Check::Oversell).unwrap();
    assert!(oversold.detail.contains("leaves -2 available"), "{oversold:?}");
    assert!(books.findings.count(Check::StockLevel) > 0, "and the level is not what follows");
}

#[test]
fn levels_are_what_follows_from_what_happened() {
    let mut records = one();
    let told = at(&records, EventType::StockLevelChanged);
    let Event::StockLevelChanged(event) = &mut records[told].event else { panic!() };
    (event.available, event.on_hand) = (11, 11);
    fails(&records, &[Check::StockLevel]);
}

#[test]
fn versions_of_a_level_are_dense() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 10);
    shop.submit(&[("CHAIR", 3)]);
    shop.submit(&[("CHAIR", 3)]);
    let mut records = shop.records();
    let last = records.iter().rposition(|r| r.head.event_type == EventType::InventoryConfirmed).unwrap();
    for (version, detail) in [(7, "versions 5 to 6 are missing"), (3, "version 3 twice")] {
        let Event::InventoryConfirmed(event) = &mut records[last].event else { panic!() };
        event.allocations[0].stock_version = version;
        let books = fails(&records, &[Check::StockGap]);
        assert_eq!(books.findings.kept[0].detail, detail);
    }
}

/// What was published together on several partitions is not all there while it is being read.
#[test]
fn a_version_is_on_its_way_for_a_minute_where_topics_are_written_to() {
    let mut records = one();
    let last = at(&records, EventType::InventoryConfirmed);
    let Event::InventoryConfirmed(event) = &mut records[last].event else { panic!() };
    event.allocations[0].stock_version += 1;
    let mut books = Books::new(Rules::default());
    records.iter().for_each(|record| books.see(record));
    let end = records.iter().map(|record| record.head.time).max().unwrap();
    let ended = |end: &dyn Fn(&mut Books)| {
        let mut books = books.clone();
        end(&mut books);
        checks(&books)
    };
    let (soon, later) = (end.plus(Duration::seconds(30)), end.plus(Duration::minutes(2)));
    assert_eq!(ended(&|books| books.end_midway(soon)), []);
    assert_eq!(ended(&|books| books.end_midway(later)), [Check::StockGap]);
    assert_eq!(ended(&|books| books.end(soon)), [Check::StockGap], "nothing more comes");
}

#[test]
fn parked_events_are_counted() {
    use minuet_events::parking::EventParked;
    let mut records = one();
    let mut parked = records[0].clone();
    parked.head.event_type = EventType::EventParked;
    parked.head.source = Source::Service(Service::Order);
    parked.event = Event::from(EventParked {
        topic: "orders.intake".to_owned(),
        partition: 0,
        offset: 7,
        key: None,
        headers: Vec::new(),
        payload: None,
        reason: "no key".to_owned(),
        attempts: 1,
        original_bytes: None,
        original_hash: None,
    });
    records.push(parked);
    assert_eq!(fails(&records, &[]).counts.parked, 1);
}

/// Retention has cut off the beginning: what is left is no violation, and what breaks in it still is.
#[test]
fn history_may_begin_in_the_middle() {
    let (shop, _) = busy();
    let records = shop.records();
    let rules = Rules { truncated: true, ..Rules::default() };
    for cut in 0..records.len() {
        let books = kept_by(&records[cut..], rules, Duration::hours(2));
        let shown: Vec<String> = books.findings.kept.iter().map(|v| v.show(&topics())).collect();
        assert_eq!(shown, [""; 0], "from {cut} on");
    }
    let mut broken = records[40..].to_vec();
    let last = broken.len() - 2;
    broken.remove(last);
    assert!(kept_by(&broken, rules, Duration::hours(2)).findings.total() > 0);
}

/// What is remembered is bounded, whatever the history.
#[test]
fn orders_at_rest_are_forgotten() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 10_000);
    let first = shop.submit(&[("CHAIR", 1)]);
    for _ in 0..200 {
        shop.submit(&[("CHAIR", 1)]);
    }
    shop.refund(first);
    let rules = Rules { remember: 10, ..Rules::default() };
    let books = kept_by(&shop.records(), rules, Duration::hours(2));
    assert_eq!(books.findings.kept, [], "the refund of a forgotten order balances by itself");
    assert!(books.sizes().0 <= 11, "{:?}", books.sizes());
    assert_eq!((books.counts.confirmed, books.counts.cancelled), (201, 1));
}

/// A right-to-left override, and the two forms of one name.
const ODD: &str = "CHAIR\u{202e}e\u{301}";

/// The services park a request with such names: nobody owes it an answer.
#[test]
fn a_request_with_inadmissible_names_is_owed_nothing() {
    let mut shop = Shop::new();
    shop.product("CHAIR", "10.00", true);
    shop.adjust("CHAIR", "BER", 10);
    shop.submit(&[("CHAIR", 3)]);
    let submitted = shop.submission(&[(ODD, 1)]);
    shop.intake(submitted);
    let books = fails(&shop.records(), &[]);
    assert_eq!(books.malformed.get("inadmissible"), Some(&1));
    assert_eq!((books.counts.orders, books.open(Micros(i64::MAX)).len()), (1, 0));
}

/// Before there was such a rule they were taken: what followed is as good as ever.
#[test]
fn what_followed_from_inadmissible_names_in_the_past_balances() {
    let mut shop = Shop::new();
    shop.product(ODD, "10.00", true);
    shop.adjust(ODD, "BER", 10);
    shop.submit(&[(ODD, 3)]);
    let mut records = shop.records();
    fails(&records, &[]);
    records.sort_by_key(|record| std::cmp::Reverse(record.head.position.topic));
    fails(&records, &[]);
    // A cause that does not exist is still found.
    let placed = at(&records, EventType::OrderPlaced);
    records[placed].head.cause = Some(Uuid::from_u128(7));
    fails(&records, &[Check::Cause]);
}
