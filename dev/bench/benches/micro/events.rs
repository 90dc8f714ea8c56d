//! What every event costs, whatever it says: the codec per record, the headers, the ids.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use minuet_events::trace::with_order;
use minuet_events::{Codec, Envelope, EventType, TraceContext, ids, partition};
use uuid::Uuid;

use crate::samples;

/// The first sample of each record.
pub(crate) fn codec(criterion: &mut Criterion) {
    let codec = Codec::local();
    for event_type in EventType::ALL {
        let event = samples::all().into_iter().find(|event| event.event_type() == *event_type).unwrap();
        let bytes = codec.encode(&event).unwrap();
        let mut group = criterion.benchmark_group("codec");
        group.bench_function(BenchmarkId::new("encode", event_type), |bencher| {
            bencher.iter(|| codec.encode(black_box(&event)).unwrap());
        });
        group.bench_function(BenchmarkId::new("decode", event_type), |bencher| {
            bencher.iter(|| codec.decode(black_box(&bytes)).unwrap());
        });
        group.finish();
    }
}

fn envelope() -> Envelope {
    let event = samples::all().remove(0);
    Envelope {
        id: samples::EVENT,
        event_type: event.event_type(),
        source: "/minuet/order".into(),
        subject: event.key().into(),
        time: minuet_events::values::Micros(1_764_000_000_000_001),
        correlation_id: event.key().into(),
        causation_id: Some(samples::EVENT),
        sequence: Some(3),
        trace: with_order(&TraceContext::derived("/minuet/order", samples::EVENT), event.key()),
    }
}

pub(crate) fn headers(criterion: &mut Criterion) {
    let envelope = envelope();
    let lines = envelope.to_headers();
    let mut group = criterion.benchmark_group("headers");
    group.bench_function("write", |bencher| bencher.iter(|| black_box(&envelope).to_headers()));
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            let of = |name: &str| lines.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_bytes());
            Envelope::from_headers(of, Some("key"), envelope.time).unwrap()
        });
    });
    group.bench_function("continue a trace", |bencher| {
        bencher.iter(|| black_box(&envelope.trace).child(samples::EVENT));
    });
    group.finish();
}

pub(crate) fn derived(criterion: &mut Criterion) {
    let (id, time, order) = (samples::EVENT, minuet_events::values::Micros(0), samples::order_id());
    let key = order.to_string();
    let mut group = criterion.benchmark_group("ids");
    group.bench_function("of an event", |bencher| {
        bencher.iter(|| ids::derive(black_box(id), time, EventType::OrderPlaced, 0));
    });
    group.bench_function("of an inbox row", |bencher| {
        bencher.iter(|| ids::inbox_id(black_box("/minuet/order"), id));
    });
    group.bench_function("of a payment", |bencher| bencher.iter(|| ids::payment_id(black_box(order))));
    group.bench_function("a new v7, to compare", |bencher| bencher.iter(Uuid::now_v7));
    group.bench_function("the shard of a key", |bencher| {
        bencher.iter(|| partition::shard(black_box(key.as_bytes()), 8));
    });
    group.finish();
}
