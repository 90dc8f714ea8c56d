use minuet_events::TraceContext;
use minuet_events::trace::{ORDER_ID, with_order};
use uuid::Uuid;

use crate::samples;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const V4: Uuid = Uuid::from_u128(0x6f1b2a3c_4d5e_4f60_8718_293a4b5c6d7e);

fn parsed(traceparent: &str) -> Option<String> {
    TraceContext::parse(traceparent, None, None).map(|trace| trace.traceparent)
}

#[test]
fn a_valid_traceparent_is_kept() {
    assert_eq!(parsed(PARENT).as_deref(), Some(PARENT));
    let unsampled = PARENT.replace("-01", "-00");
    assert_eq!(parsed(&unsampled), Some(unsampled));
}

#[test]
fn of_a_higher_version_only_what_version_00_knows_is_kept() {
    assert_eq!(parsed(&PARENT.replacen("00", "cc", 1)).as_deref(), Some(PARENT));
    let longer = format!("{}-what-the-future-holds", PARENT.replacen("00", "cc", 1)).replace("-01-", "-09-");
    assert_eq!(parsed(&longer).as_deref(), Some(PARENT));
    assert_eq!(parsed(&format!("{}x", PARENT.replacen("00", "cc", 1))), None);
}

#[test]
fn an_invalid_traceparent_is_refused() {
    let zero_trace = format!("00-{}-b7ad6b7169203331-01", "0".repeat(32));
    let zero_span = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", "0".repeat(16));
    let no_ascii = format!("0é{}", &PARENT[3..]);
    let cases = [
        "",
        "00",
        &PARENT[..54],
        &format!("{PARENT}-"),
        &format!("{PARENT}-more"),
        &PARENT.replacen("00", "ff", 1),
        &PARENT.to_uppercase(),
        &PARENT.replace('-', "_"),
        &PARENT.replace('b', "g"),
        &zero_trace,
        &zero_span,
        &no_ascii,
    ];
    for case in cases {
        assert_eq!(parsed(case), None, "{case}");
    }
}

#[test]
fn state_and_baggage_that_break_a_limit_are_left_out_and_the_trace_goes_on() {
    let keeps = |state: &str, baggage: &str| {
        let trace = TraceContext::parse(PARENT, Some(state), Some(baggage)).unwrap();
        (trace.tracestate.is_some(), trace.baggage.is_some())
    };
    assert_eq!(keeps(&"s".repeat(512), &"b".repeat(8_192)), (true, true));
    assert_eq!(keeps(&"s".repeat(513), &"b".repeat(8_193)), (false, false));
    assert_eq!(keeps("a=\0", "a=\n"), (false, false));
    assert_eq!(keeps("", " "), (false, false));
}

#[test]
fn a_new_trace_is_a_function_of_the_event_that_begins_it() {
    let trace = TraceContext::derived("/shop", samples::EVENT);
    assert_eq!(trace.traceparent, "00-85d395518c7505eb6d268ec483238cb1-9b72ce8b68d937fe-01");
    assert_eq!(parsed(&trace.traceparent), Some(trace.traceparent.clone()));
    assert_ne!(trace, TraceContext::derived("/other", samples::EVENT));
}

#[test]
fn a_child_stays_in_the_trace() {
    let parent = TraceContext::parse(&PARENT.replace("-01", "-00"), Some("a=1"), Some("b=2")).unwrap();
    let child = parent.child(V4);
    assert_eq!(child.traceparent, "00-0af7651916cd43dd8448eb211c80319c-ddd22908ffdd1b4a-00");
    assert_eq!(child.trace_id(), parent.trace_id());
    assert_eq!(child.span_id(), "ddd22908ffdd1b4a");
    assert_eq!((child.tracestate, child.baggage), (parent.tracestate, parent.baggage));
}

#[test]
fn the_order_is_in_the_baggage_once_and_the_rest_stays() {
    let with = |baggage: Option<&str>| {
        let trace = TraceContext::parse(PARENT, None, baggage).unwrap();
        with_order(&with_order(&trace, "7"), "7").baggage.unwrap()
    };
    assert_eq!(with(None), "order.id=7");
    assert_eq!(with(Some("a=1;p, b=2")), "order.id=7,a=1;p,b=2");
    assert_eq!(with(Some("a=1,order.id=6")), "order.id=7,a=1");
    let full = format!("a=1,b={}", "x".repeat(8_192 - 6));
    assert_eq!(with(Some(&full)), "order.id=7,a=1");
}

#[test]
fn a_root_and_what_is_under_it_keep_trace_and_decision() {
    let root = TraceContext::root(0xab, 0xcd, true);
    assert_eq!(root.traceparent, "00-000000000000000000000000000000ab-00000000000000cd-01");
    assert_eq!(parsed(&root.traceparent), Some(root.traceparent.clone()));
    let under = with_order(&root, "7").under(0xef);
    assert_eq!((under.trace_id(), under.span_id()), (root.trace_id(), "00000000000000ef"));
    assert_eq!((under.sampled(), under.with_sampled(false).sampled()), (true, false));
    assert_eq!((under.baggage_entry(ORDER_ID), root.baggage_entry(ORDER_ID)), (Some("7"), None));
    assert!(parsed(&TraceContext::root(0, 0, false).traceparent).is_some(), "zero ids are invalid");
}
