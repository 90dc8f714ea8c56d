use std::collections::BTreeMap;

use minuet_events::Event;
use minuet_events::inventory::{StockAdjusted, StockAdjustmentRejected, StockLevelChanged};
use minuet_events::values::{AdjustmentId, Micros, OrderId, Sku, WarehouseCode};
use minuet_inventory::Settings;
use minuet_inventory::domain::{
    Adjusted, Change, Decision, Held, Input, Level, Reservation, Stock, adjust, decide, shift,
};
use minuet_messaging::{Cause, SteppedService};
use minuet_tests::World;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use uuid::Uuid;

use super::events::{order_cancelled, payment_failed, payment_refunded, payment_succeeded, placed, sku};
use super::harness::{Bench, Ledger, Sent, ShopService, Told};
use super::script::{Model, scripts, try_scripts};

const SKUS: [&str; 2] = ["milk", "tea"];
const WAREHOUSES: [&str; 3] = ["a", "b", "c"];
const ORDERS: usize = 4;

#[derive(Clone, Debug)]
enum What {
    Adjusted { id: u128, sku: &'static str, warehouse: &'static str, delta: i32 },
    Placed { order: usize, milk: u32, tea: u32 },
    PaymentSucceeded(usize),
    PaymentFailed(usize),
    PaymentRefunded(usize),
    OrderCancelled(usize),
}

fn what() -> impl Strategy<Value = What> {
    let order = || 0..ORDERS;
    let adjusted = (0..30_u128, select(&SKUS[..]), select(&WAREHOUSES[..]), -9..15_i32)
        .prop_map(|(id, sku, warehouse, delta)| What::Adjusted { id, sku, warehouse, delta });
    let placed =
        (order(), 1..6_u32, 0..6_u32).prop_map(|(order, milk, tea)| What::Placed { order, milk, tea });
    prop_oneof![
        5 => adjusted,
        4 => placed,
        2 => order().prop_map(What::PaymentSucceeded),
        1 => order().prop_map(What::PaymentFailed),
        1 => order().prop_map(What::PaymentRefunded),
        1 => order().prop_map(What::OrderCancelled),
    ]
}

fn event(what: &What) -> Event {
    match *what {
        What::Adjusted { id, sku: code, warehouse, delta } => Event::from(StockAdjusted {
            adjustment_id: Uuid::from_u128(id).into(),
            sku: sku(code),
            warehouse_code: WarehouseCode::parse(warehouse).unwrap(),
            delta,
            reason: "a reason".to_owned(),
        }),
        What::Placed { order, milk, tea: 0 } => placed(order, &[("milk", milk)]),
        What::Placed { order, milk, tea } => placed(order, &[("milk", milk), ("tea", tea)]),
        What::PaymentSucceeded(order) => payment_succeeded(order),
        What::PaymentFailed(order) => payment_failed(order),
        What::PaymentRefunded(order) => payment_refunded(order),
        What::OrderCancelled(order) => order_cancelled(order),
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

/// The sweeper comes by.
#[derive(Clone, Debug)]
struct Sweep;

#[derive(Default)]
struct Inventory {
    ledger: Ledger,
    rows: BTreeMap<OrderId, Row>,
    stock: Stock,
    /// Of each sku, the last `ce_sequence`.
    skus: BTreeMap<Sku, i64>,
    adjustments: BTreeMap<AdjustmentId, Adjusted>,
}

impl Inventory {
    fn settle(&mut self, id: OrderId, Decision { change, moves, emit }: Decision, cause: Cause, now: Micros) {
        shift(&mut self.stock, &moves);
        let new =
            || Row { reservation: Reservation::Unknown, held: None, placed: cause, sequence: 0, version: 0 };
        let row = self.rows.entry(id).or_insert_with(new);
        if let Some(change) = change {
            row.reservation = row.reservation.after(&change).unwrap();
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
            json!({
                "order_id": id.as_uuid(),
                "status": row.reservation.state().status(),
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

impl Model for Inventory {
    type What = What;
    type Aside = Sweep;
    const TABLES: &'static str = "stock, skus, adjustments, order_reservations";

    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn send<R: ShopService>(bench: &Bench<R>, what: &What) -> Sent {
        bench.send(event(what))
    }

    fn take(&mut self, Sent { envelope, event, .. }: &Sent, now: Micros) {
        if !self.ledger.claim(envelope) {
            return;
        }
        let cause = Cause::from(envelope);
        if let Event::StockAdjusted(adjusted) = event {
            return self.adjust(adjusted, cause, now);
        }
        let id = event.subject().order().unwrap();
        let reservation = self.rows.get(&id).map_or(Reservation::Unknown, |row| row.reservation.clone());
        let input = Input::of(event, now.plus(time::Duration::minutes(15))).unwrap();
        match decide(&reservation, input, &self.stock) {
            Err(_) => self.ledger.park(envelope),
            Ok(decision) if decision.is_no_op() => self.ledger.no_ops += 1,
            Ok(decision) => self.settle(id, decision, cause, now),
        }
    }

    async fn aside<R: ShopService>(&mut self, bench: &Bench<R>, _: Sweep) {
        bench.hand.sweep().await.unwrap();
        self.sweep(bench.now());
    }

    async fn holds<R: ShopService>(&self, bench: &Bench<R>) {
        assert_eq!(bench.rows(RESERVATIONS).await, self.reservations());

        let levels: Vec<Value> = sqlx::query_scalar(
            "select json_build_array(sku, warehouse_code, available, reserved, on_hand, version) from stock order by sku, warehouse_code",
        )
        .fetch_all(bench.pool())
        .await
        .unwrap();
        assert_eq!(levels, self.levels());

        let skus: Vec<(String, i64)> = sqlx::query_as("select sku, event_sequence from skus order by sku")
            .fetch_all(bench.pool())
            .await
            .unwrap();
        let expected = self.skus.iter().map(|(sku, sequence)| (sku.to_string(), *sequence));
        assert_eq!(skus, expected.collect::<Vec<_>>());

        let adjustments: Vec<(Uuid, bool, Option<String>, Option<i64>)> =
            sqlx::query_as("select id, applied, reason, version from adjustments order by id")
                .fetch_all(bench.pool())
                .await
                .unwrap();
        let expected = self.adjustments.iter().map(|(id, outcome)| match outcome {
            Adjusted::Applied(level) => (id.as_uuid(), true, None, Some(level.version)),
            Adjusted::Refused(reason) => (id.as_uuid(), false, Some((*reason).to_owned()), None),
        });
        assert_eq!(adjustments, expected.collect::<Vec<_>>());
    }
}

pub(super) fn stepped(world: &World) -> SteppedService<impl ShopService + use<>> {
    minuet_inventory::stepped(Settings::default(), world.parts("inventory")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stock_of_any_batches_is_that_of_its_decisions() {
    let bench = Bench::new("inventory", stepped).await;
    try_scripts::<Inventory, _>(&bench, 40, scripts(what(), Just(Sweep)));
}
