use std::collections::BTreeMap;

use minuet_events::Event;
use minuet_events::inventory::{StockAdjusted, StockAdjustmentRejected, StockLevelChanged};
use minuet_events::orders::{OrderCancelled, OrderPlaced, PlacedLine};
use minuet_events::payments::{PaymentFailed, PaymentRefunded, PaymentSucceeded};
use minuet_events::values::{
    AdjustmentId, Amount, Currency, Micros, OrderId, PaymentMethod, Quantity, Sku, UserId, WarehouseCode,
};
use minuet_inventory::Settings;
use minuet_inventory::domain::{
    Adjusted, Change, Decision, Held, Input, Level, Reservation, Stock, adjust, decide, shift,
};
use minuet_messaging::{ByHand, Cause, Reactor};
use minuet_tests::World;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bench::{Bench, Ledger, Sent, Told, counted, order_id, parts, tries};

const SKUS: [&str; 2] = ["milk", "tea"];
const WAREHOUSES: [&str; 3] = ["a", "b", "c"];
const ORDERS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Send(What),
    /// Something that was sent before, message for message.
    Again(proptest::sample::Index),
    /// What was sent so far is one batch; then time passes.
    Cut {
        minutes: i64,
    },
    /// The same, and then the sweeper comes by.
    Sweep {
        minutes: i64,
    },
}

#[derive(Clone, Debug)]
enum What {
    Adjusted { id: u128, sku: &'static str, warehouse: &'static str, delta: i32 },
    Placed { order: usize, milk: u32, tea: u32 },
    PaymentSucceeded(usize),
    PaymentFailed(usize),
    PaymentRefunded(usize),
    OrderCancelled(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let order = || 0..ORDERS;
    let adjusted = (0..30_u128, select(&SKUS[..]), select(&WAREHOUSES[..]), -9..15_i32)
        .prop_map(|(id, sku, warehouse, delta)| What::Adjusted { id, sku, warehouse, delta });
    let placed =
        (order(), 1..6_u32, 0..6_u32).prop_map(|(order, milk, tea)| What::Placed { order, milk, tea });
    let what = prop_oneof![
        5 => adjusted,
        4 => placed,
        2 => order().prop_map(What::PaymentSucceeded),
        1 => order().prop_map(What::PaymentFailed),
        1 => order().prop_map(What::PaymentRefunded),
        1 => order().prop_map(What::OrderCancelled),
    ];
    let step = prop_oneof![
        10 => what.prop_map(Step::Send),
        2 => any::<proptest::sample::Index>().prop_map(Step::Again),
        3 => (0..5_i64).prop_map(|minutes| Step::Cut { minutes }),
        1 => (0..20_i64).prop_map(|minutes| Step::Sweep { minutes }),
    ];
    proptest::collection::vec(step, 1..50)
}

fn event(what: &What) -> Event {
    let (reason, currency) = ("a reason".to_owned(), Currency::parse("EUR").unwrap());
    let (user_id, payment_method) = (UserId::parse("anna").unwrap(), PaymentMethod::Paypal);
    let total = Amount::parse("25").unwrap();
    let payment = |order: usize| minuet_events::ids::payment_id(order_id(order));
    match *what {
        What::Adjusted { id, sku, warehouse, delta } => Event::from(StockAdjusted {
            adjustment_id: Uuid::from_u128(id).into(),
            sku: Sku::parse(sku).unwrap(),
            warehouse_code: WarehouseCode::parse(warehouse).unwrap(),
            delta,
            reason,
        }),
        What::Placed { order, milk, tea } => {
            let line = |(code, pieces): (&str, u32)| PlacedLine {
                sku: Sku::parse(code).unwrap(),
                name: code.to_owned(),
                unit_price: Amount::parse("1").unwrap(),
                quantity: Quantity::new(pieces).unwrap(),
                subtotal: Amount::parse("1").unwrap(),
                product_event: Uuid::nil(),
            };
            let lines = [("milk", milk), ("tea", tea)].into_iter().filter(|(_, pieces)| *pieces > 0);
            let (order_id, lines) = (order_id(order), lines.map(line).collect());
            Event::from(OrderPlaced { order_id, user_id, payment_method, currency, total, lines })
        }
        What::PaymentSucceeded(order) => Event::from(PaymentSucceeded {
            order_id: order_id(order),
            payment_id: payment(order),
            transaction_id: "t-1".to_owned(),
            payment_method,
            currency,
            amount: total,
        }),
        What::PaymentFailed(order) => Event::from(PaymentFailed {
            order_id: order_id(order),
            payment_id: payment(order),
            reason,
            detail: None,
            currency: None,
            amount: None,
        }),
        What::PaymentRefunded(order) => Event::from(PaymentRefunded {
            order_id: order_id(order),
            payment_id: payment(order),
            refund_id: minuet_events::ids::refund_id(payment(order)),
            reason,
            currency,
            amount: total,
        }),
        What::OrderCancelled(order) => {
            Event::from(OrderCancelled { order_id: order_id(order), user_id, reason, detail: None })
        }
    }
}

/// A reservation's row.
struct Row {
    reservation: Reservation,
    held: Option<Held>,
    placed: Cause,
    sequence: i64,
    version: i64,
}

/// The service in memory: one event after the other.
#[derive(Default)]
struct Model {
    ledger: Ledger,
    rows: BTreeMap<OrderId, Row>,
    stock: Stock,
    /// Of each sku, the last `ce_sequence`.
    skus: BTreeMap<Sku, i64>,
    adjustments: BTreeMap<AdjustmentId, Adjusted>,
}

impl Model {
    fn take(&mut self, Sent { envelope, event, .. }: &Sent, now: Micros) {
        if !self.ledger.claim(envelope) {
            return;
        }
        let cause = Cause::from(envelope);
        if let Event::StockAdjusted(adjusted) = event {
            return self.adjust(adjusted, cause, now);
        }
        let id = OrderId::parse(&event.key()).unwrap();
        let reservation = self.rows.get(&id).map_or(Reservation::Unknown, |row| row.reservation.clone());
        let expires_at = now.plus(time::Duration::minutes(15));
        let input = match event {
            Event::OrderPlaced(placed) => Input::Placed { placed, expires_at },
            Event::PaymentSucceeded(_) => Input::PaymentSucceeded { order_id: id },
            Event::PaymentFailed(_) => Input::PaymentFailed { order_id: id },
            Event::PaymentRefunded(_) => Input::PaymentRefunded { order_id: id },
            Event::OrderCancelled(_) => Input::OrderCancelled { order_id: id },
            other => panic!("{other:?}"),
        };
        match decide(&reservation, input, &self.stock) {
            Err(_) => self.ledger.parked += 1,
            Ok(decision) if decision.is_no_op() => self.ledger.no_ops += 1,
            Ok(decision) => self.settle(id, decision, cause, now),
        }
    }

    fn settle(&mut self, id: OrderId, Decision { change, moves, emit }: Decision, cause: Cause, now: Micros) {
        shift(&mut self.stock, &moves);
        let new =
            || Row { reservation: Reservation::Unknown, held: None, placed: cause, sequence: 0, version: 0 };
        let row = self.rows.entry(id).or_insert_with(new);
        if let Some(change) = change {
            row.reservation = row.reservation.after(&change);
            row.version += 1;
            if let Change::Reserved(held) = change {
                row.held = Some(held);
            }
        }
        if let Some(event) = emit {
            row.sequence += 1;
            self.ledger.told.push(Told::new(cause, event, Some(row.sequence), now));
        }
    }

    fn adjust(&mut self, adjusted: &StockAdjusted, cause: Cause, now: Micros) {
        let StockAdjusted { adjustment_id, sku, warehouse_code, delta, .. } = adjusted.clone();
        if self.adjustments.contains_key(&adjustment_id) {
            self.ledger.no_ops += 1;
            // The row in which its sequence would be drawn is there all the same.
            self.skus.entry(sku).or_default();
            return;
        }
        let shelf = (sku.clone(), warehouse_code.clone());
        let outcome = adjust(self.stock.get(&shelf).copied(), adjusted);
        let event = match &outcome {
            Adjusted::Applied(level) => {
                self.stock.insert(shelf, *level);
                let Level { available, reserved, on_hand, version } = *level;
                let sku = sku.clone();
                Event::from(StockLevelChanged {
                    sku,
                    warehouse_code,
                    available,
                    reserved,
                    on_hand,
                    version,
                    adjustment_id,
                })
            }
            Adjusted::Refused(reason) => {
                let (sku, reason) = (sku.clone(), (*reason).to_owned());
                Event::from(StockAdjustmentRejected { adjustment_id, sku, warehouse_code, delta, reason })
            }
        };
        let sequence = self.skus.entry(sku).or_default();
        *sequence += 1;
        self.ledger.told.push(Told::new(cause, event, Some(*sequence), now));
        self.adjustments.insert(adjustment_id, outcome);
    }

    fn sweep(&mut self, now: Micros) {
        let ids: Vec<OrderId> = self.rows.keys().copied().collect();
        for order_id in ids {
            let row = &self.rows[&order_id];
            let decision = decide(&row.reservation, Input::Due { order_id, now }, &self.stock).unwrap();
            let placed = row.placed;
            if !decision.is_no_op() {
                self.settle(order_id, decision, placed, now);
            }
        }
    }

    fn reservations(&self) -> Vec<Value> {
        let row = |(id, row): (&OrderId, &Row)| {
            let lines = row.held.iter().flat_map(|held| &held.lines);
            let lines: Vec<Value> =
                lines.map(|line| json!([line.sku, line.warehouse_code, line.quantity.get()])).collect();
            let status = match row.reservation {
                Reservation::Reserved(_) => "reserved",
                Reservation::Confirmed(_) => "confirmed",
                Reservation::Unknown | Reservation::Released | Reservation::Rejected => "released",
            };
            json!({
                "order_id": id.as_uuid(),
                "status": status,
                "lines": lines,
                "placed_id": row.placed.id,
                "sequence": row.sequence,
                "version": row.version,
                "expires_at": row.held.as_ref().map(|held| held.expires_at.0),
            })
        };
        self.rows.iter().map(row).collect()
    }

    fn levels(&self) -> Vec<Value> {
        let level = |((sku, warehouse), level): (&(Sku, WarehouseCode), &Level)| {
            json!([sku, warehouse, level.available, level.reserved, level.on_hand, level.version])
        };
        self.stock.iter().map(level).collect()
    }
}

const RESERVATIONS: &str = "select order_id, status::text as status, placed_id, event_sequence as sequence, version,
    case when cardinality(skus) > 0 then (extract(epoch from expires_at) * 1000000)::bigint end as expires_at,
    coalesce((select json_agg(json_build_array(l.sku, l.warehouse_code, l.quantity) order by l.at)
        from unnest(skus, warehouse_codes, quantities) with ordinality as l (sku, warehouse_code, quantity, at)), '[]') as lines
    from order_reservations order by order_id";

async fn holds<R: Reactor>(bench: &Bench<R>, model: &mut Model, no_ops: u64) {
    bench.holds(&mut model.ledger, no_ops).await;
    assert_eq!(bench.rows(RESERVATIONS).await, model.reservations());

    let levels: Vec<Value> = sqlx::query_scalar(
        "select json_build_array(sku, warehouse_code, available, reserved, on_hand, version) from stock order by sku, warehouse_code",
    )
    .fetch_all(bench.pool())
    .await
    .unwrap();
    assert_eq!(levels, model.levels());

    let skus: Vec<(String, i64)> = sqlx::query_as("select sku, event_sequence from skus order by sku")
        .fetch_all(bench.pool())
        .await
        .unwrap();
    let expected = model.skus.iter().map(|(sku, sequence)| (sku.to_string(), *sequence));
    assert_eq!(skus, expected.collect::<Vec<_>>());

    let adjustments: Vec<(Uuid, bool, Option<String>, Option<i64>)> =
        sqlx::query_as("select id, applied, reason, version from adjustments order by id")
            .fetch_all(bench.pool())
            .await
            .unwrap();
    let expected = model.adjustments.iter().map(|(id, outcome)| match outcome {
        Adjusted::Applied(level) => (id.as_uuid(), true, None, Some(level.version)),
        Adjusted::Refused(reason) => (id.as_uuid(), false, Some((*reason).to_owned()), None),
    });
    assert_eq!(adjustments, expected.collect::<Vec<_>>());
}

pub(super) fn by_hand(world: &World) -> ByHand<impl Reactor + use<>> {
    let (messaging, codec, catalogue, clock) = parts(world, "inventory");
    minuet_inventory::by_hand(Settings::default(), messaging, codec, catalogue, clock).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stock_of_any_batches_is_that_of_its_decisions() {
    let bench = Bench::new("inventory", by_hand).await;
    tries(40, steps(), async |steps| {
        bench.clear("stock, skus, adjustments, order_reservations").await;
        let (mut model, mut sent, mut batch) = (Model::default(), Vec::new(), Vec::new());
        let (no_ops, _) = counted(bench.hand.counts());
        for step in steps.into_iter().chain([Step::Sweep { minutes: 0 }]) {
            match step {
                Step::Send(what) => batch.push(bench.send(event(&what))),
                Step::Again(index) if !sent.is_empty() => batch.push(index.get::<Sent>(&sent).clone()),
                Step::Again(_) => {}
                Step::Cut { minutes } | Step::Sweep { minutes } => {
                    bench.batch(&batch).await;
                    batch.iter().for_each(|one| model.take(one, bench.now()));
                    holds(&bench, &mut model, no_ops).await;
                    sent.append(&mut batch);
                    bench.pass(minutes);
                    if matches!(step, Step::Sweep { .. }) {
                        bench.hand.sweep().await.unwrap();
                        model.sweep(bench.now());
                        holds(&bench, &mut model, no_ops).await;
                    }
                }
            }
        }
    });
}
