//! What deciding costs: each step of the dance, for a batch of 500 orders.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use minuet_inventory::domain::{self as inventory, Reservation, shift};
use minuet_order::domain::{self as order, Change, Order};
use minuet_payment::domain::{self as payment, Payment};

use crate::story::{self, BATCH, EXPIRES, NOW, Story};

pub(crate) fn orders(criterion: &mut Criterion) {
    let (batch, products) = (story::batch(), story::products());
    let mut group = criterion.benchmark_group("decide, order");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("OrderSubmitted", |bencher| {
        bencher.iter(|| {
            let decide = |story: &Story| {
                let input = order::Input::Submitted { submitted: &story.submitted, products: &products };
                black_box(order::decide(&Order::Unknown, input).unwrap());
            };
            batch.iter().for_each(decide);
        });
    });
    let pending: Vec<Order> = batch
        .iter()
        .map(|story| Order::Unknown.after(&Change::Placed(story.placed.clone())).unwrap())
        .collect();
    group.bench_function("PaymentSucceeded", |bencher| {
        bencher.iter(|| {
            for (story, pending) in batch.iter().zip(&pending) {
                black_box(order::decide(pending, order::Input::PaymentSucceeded(&story.paid)).unwrap());
            }
        });
    });
    group.bench_function("InventoryConfirmed", |bencher| {
        bencher.iter(|| {
            for (story, pending) in batch.iter().zip(&pending) {
                black_box(
                    order::decide(pending, order::Input::InventoryConfirmed(&story.confirmed)).unwrap(),
                );
            }
        });
    });
    group.finish();
}

/// With the moves of stock that follow.
pub(crate) fn reservations(criterion: &mut Criterion) {
    let batch = story::batch();
    let mut stock = story::stock();
    let mut group = criterion.benchmark_group("decide, inventory");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("OrderPlaced", |bencher| {
        bencher.iter(|| {
            for story in &batch {
                let input = inventory::Input::Placed { placed: &story.placed, expires_at: EXPIRES };
                let decision = inventory::decide(&Reservation::Unknown, input, &stock).unwrap();
                shift(&mut stock, &black_box(decision).moves);
            }
            // Ample again, however often this runs.
            stock = story::stock();
        });
    });
    group.bench_function("PaymentSucceeded", |bencher| {
        bencher.iter(|| {
            for story in &batch {
                let input = inventory::Input::PaymentSucceeded { order_id: story.order_id };
                let decision = inventory::decide(&story.reservation, input, &stock).unwrap();
                shift(&mut stock, &black_box(decision).moves);
            }
            stock = story::stock();
        });
    });
    group.bench_function("(of both: stock afresh)", |bencher| bencher.iter(story::stock));
    group.finish();
}

pub(crate) fn payments(criterion: &mut Criterion) {
    let (batch, answer) = (story::batch(), story::answer());
    let mut group = criterion.benchmark_group("decide, payment");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("InventoryReserved", |bencher| {
        bencher.iter(|| {
            for story in &batch {
                let input = payment::Input::Reserved { reserved: &story.reserved, now: NOW };
                black_box(payment::decide(&Payment::Unknown, input).unwrap());
            }
        });
    });
    group.bench_function("captured", |bencher| {
        bencher.iter(|| {
            for story in &batch {
                black_box(payment::decide(&story.processing, payment::Input::Answered(&answer)).unwrap());
            }
        });
    });
    group.finish();
}
