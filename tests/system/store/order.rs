use std::collections::BTreeMap;

use minuet_events::catalog::ProductChanged;
use minuet_events::orders::{OrderSubmitted, Problem};
use minuet_events::values::{Amount, Currency, Micros, OrderId, OrderStatus, PaymentId};
use minuet_events::{Envelope, Event};
use minuet_messaging::{Cause, SteppedService};
use minuet_order::Settings;
use minuet_order::domain::{Change, Decision, Input, Order, Product, Products, decide};
use minuet_tests::{World, product};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use uuid::Uuid;

use super::events::{
    cancellation_requested, inventory_confirmation_failed, inventory_confirmed, inventory_rejected,
    payment_failed, payment_refunded, payment_succeeded, refund_rejected, reservation_expired, submitted,
};
use super::harness::{Bench, Ledger, Sent, ShopService, Told};
use super::script::{Model, scripts, try_scripts};

const SKUS: [&str; 3] = ["ale", "milk", "tea"];
const ORDERS: usize = 4;

#[derive(Clone, Debug)]
enum What {
    Product {
        sku: &'static str,
        price: &'static str,
        currency: &'static str,
        active: bool,
    },
    /// A null value.
    Erased(&'static str),
    Submitted {
        order: usize,
        lines: Vec<(&'static str, u32)>,
    },
    CancellationRequested {
        order: usize,
        by: &'static str,
    },
    /// With the request that asked for it.
    Refunded {
        order: usize,
        request: u128,
    },
    RefundRejected {
        order: usize,
        request: u128,
    },
    Of(usize, fn(usize) -> Event),
}

fn what() -> impl Strategy<Value = What> {
    let order = || 0..ORDERS;
    let news: [fn(usize) -> Event; 8] = [
        payment_succeeded,
        payment_succeeded,
        payment_failed,
        inventory_confirmed,
        inventory_confirmed,
        inventory_rejected,
        inventory_confirmation_failed,
        reservation_expired,
    ];
    let changed = (
        select(&SKUS[..]),
        select(&["0", "0.01", "12.50", "999999999999999"][..]),
        select(&["EUR", "EUR", "EUR", "KWD"][..]),
        proptest::bool::weighted(0.8),
    );
    let lines = proptest::collection::vec((select(&SKUS[..]), 1..4_u32), 0..3);
    prop_oneof![
        4 => changed.prop_map(|(sku, price, currency, active)| What::Product { sku, price, currency, active }),
        1 => select(&SKUS[..]).prop_map(What::Erased),
        5 => (order(), lines).prop_map(|(order, lines)| What::Submitted { order, lines }),
        2 => (order(), select(&["anna", "bert", "admin:boss"][..]))
            .prop_map(|(order, by)| What::CancellationRequested { order, by }),
        1 => (order(), 0..9_u128).prop_map(|(order, request)| What::Refunded { order, request }),
        1 => (order(), 0..9_u128).prop_map(|(order, request)| What::RefundRejected { order, request }),
        6 => (order(), select(news.to_vec())).prop_map(|(order, news)| What::Of(order, news)),
    ]
}

/// An order's row.
struct Row {
    order: Order,
    user: Option<String>,
    money: Option<(Currency, Amount)>,
    payment: Option<PaymentId>,
    lines: Value,
    problems: Value,
    reason: Option<String>,
    detail: Option<String>,
    submission: Option<Cause>,
    ended_by: Option<Uuid>,
    sequence: i64,
    version: i64,
    created_at: Micros,
}

impl Row {
    fn new(now: Micros) -> Self {
        Row {
            order: Order::Unknown,
            user: None,
            money: None,
            payment: None,
            lines: Value::Null,
            problems: Value::Null,
            reason: None,
            detail: None,
            submission: None,
            ended_by: None,
            sequence: 0,
            version: 0,
            created_at: now,
        }
    }

    /// The deadline counts from here, also where a cancellation came before.
    fn submitted(&mut self, submitted: &OrderSubmitted, cause: Cause, now: Micros) {
        self.created_at = now;
        self.user = Some(submitted.user_id.to_string());
        self.submission = Some(cause);
        self.lines =
            submitted.lines.iter().map(|line| json!({"sku": line.sku, "quantity": line.quantity})).collect();
    }

    fn change(&mut self, change: Change, ended_by: Option<Uuid>) {
        self.order = self.order.after(&change).unwrap();
        self.version += 1;
        match change {
            Change::CancelledEarly(_) | Change::Confirmed | Change::Refunded => {}
            Change::Placed(placed) => {
                self.money = Some((placed.currency, placed.total));
                let line = |line: &minuet_events::orders::PlacedLine| {
                    let mut line = serde_json::to_value(line).unwrap();
                    line.as_object_mut().unwrap().remove("product_event");
                    line
                };
                self.lines = placed.lines.iter().map(line).collect();
            }
            Change::Rejected(problems) => {
                self.reason = Some("rejected".to_owned());
                self.problems = shown(&problems);
            }
            Change::Failed(problems) => {
                self.reason = Some("insufficient_stock".to_owned());
                self.problems = shown(&problems);
            }
            Change::Paid(payment) | Change::PaymentNoted(payment) => self.payment = Some(payment),
            Change::Cancelled { reason, detail, request } => {
                let ended_by = request.or(ended_by);
                (self.reason, self.detail, self.ended_by) = (Some(reason.to_string()), detail, ended_by);
            }
        }
    }

    fn shown(&self, id: OrderId) -> Value {
        // A cancellation that came before its order is a cancelled order without a user.
        let status = self.order.state().status().unwrap_or(OrderStatus::Cancelled);
        let withdrawals = match &self.order {
            Order::CancelledBeforeSubmission(cancellations) => json!(cancellations),
            _ => Value::Null,
        };
        json!({
            "id": id.as_uuid(),
            "status": status,
            "user_id": self.user,
            "currency": self.money.map(|(currency, _)| currency),
            "total": self.money.map(|(_, total)| format!("{:.4}", total.get())),
            "payment_id": self.payment.map(|id| id.as_uuid()),
            "lines": self.lines,
            "problems": self.problems,
            "reason": self.reason,
            "detail": self.detail,
            "withdrawals": withdrawals,
            "submission_id": self.submission.map(|cause| cause.id),
            "ended_by": self.ended_by,
            "sequence": self.sequence,
            "version": self.version,
            "created_at": self.created_at.0,
        })
    }
}

/// No price has changed here, so that no problem has amounts.
fn shown(problems: &[Problem]) -> Value {
    let problem =
        |problem: &Problem| json!({"code": problem.code, "sku": problem.sku, "detail": problem.detail});
    problems.iter().map(problem).collect()
}

const ORDERS_ROWS: &str = "select id, status::text as status, user_id, currency, total::text as total, payment_id, lines, problems, reason, detail,
    withdrawals, submission_id, ended_by, event_sequence as sequence, version, (extract(epoch from created_at) * 1000000)::bigint as created_at
    from orders order by id";

const PRODUCTS_ROWS: &str = "select sku, name, currency, unit_price::text as unit_price, active, event_id, source_offset from products order by sku";

/// The sweeper comes by.
#[derive(Clone, Debug)]
struct Sweep;

#[derive(Default)]
struct Orders {
    ledger: Ledger,
    rows: BTreeMap<OrderId, Row>,
    products: Products,
    /// Of each product, the offset of what it shows.
    offsets: BTreeMap<String, i64>,
    refusals: BTreeMap<Uuid, (Uuid, String)>,
}

impl Orders {
    /// Of a compacted topic: applied if it is newer than what is shown.
    fn product(&mut self, sent: &Sent, changed: &ProductChanged) {
        let (sku, offset) = (changed.sku.clone(), sent.message.position.offset);
        if self.offsets.get(sku.as_str()).is_some_and(|shown| *shown >= offset) {
            return;
        }
        if sent.message.payload.is_none() {
            let Some(known) = self.products.get_mut(&sku) else { return };
            known.active = false;
        } else {
            let ProductChanged { name, currency, unit_price, active, .. } = changed.clone();
            let product = Product { name, currency, unit_price, active, event: sent.envelope.id };
            self.products.insert(sku.clone(), product);
        }
        self.offsets.insert(sku.to_string(), offset);
    }

    fn decide(&mut self, envelope: &Envelope, event: &Event, now: Micros) {
        let id = event.subject().order().unwrap();
        let unknown = Order::Unknown;
        let order = self.rows.get(&id).map_or(&unknown, |row| &row.order);
        let input = Input::of(event, envelope.id, &self.products).unwrap();
        match decide(order, input) {
            Err(_) => self.ledger.park(envelope),
            Ok(decision) if decision.is_no_op() => self.ledger.no_ops += 1,
            Ok(decision) => {
                let row = self.rows.entry(id).or_insert_with(|| Row::new(now));
                if let (Event::OrderSubmitted(submitted), true) = (event, decision.change.is_some()) {
                    row.submitted(submitted, Cause::from(envelope), now);
                }
                // A refund ends an order in the name of whoever asked for it.
                let ended_by = match event {
                    Event::PaymentRefunded(_) => envelope.causation_id,
                    _ => Some(envelope.id),
                };
                self.settle(id, decision, Cause::from(envelope), ended_by, now);
            }
        }
    }

    fn settle(&mut self, id: OrderId, decision: Decision, cause: Cause, ended_by: Option<Uuid>, now: Micros) {
        let row = self.rows.get_mut(&id).unwrap();
        if let Some(change) = decision.change {
            row.change(change, ended_by);
        }
        if let Some(event) = decision.emit {
            if let Event::OrderCancellationRejected(rejected) = &event {
                self.refusals.insert(rejected.request_id, (id.as_uuid(), rejected.reason.clone()));
            }
            row.sequence += 1;
            self.ledger.told.push(Told::new(cause, event, Some(row.sequence), now));
        }
    }

    fn sweep(&mut self, now: Micros) {
        let old = |row: &Row| row.created_at.plus(time::Duration::minutes(30)) <= now;
        let due: Vec<OrderId> = self.rows.iter().filter(|(_, row)| old(row)).map(|(id, _)| *id).collect();
        for id in due {
            let row = &self.rows[&id];
            let decision = decide(&row.order, Input::DeadlinePassed).unwrap();
            if !decision.is_no_op() {
                let submission = row.submission.unwrap();
                self.settle(id, decision, submission, None, now);
            }
        }
    }
}

impl Model for Orders {
    type What = What;
    type Aside = Sweep;
    const TABLES: &'static str = "orders, products, refusals";

    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn send<R: ShopService>(bench: &Bench<R>, what: &What) -> Sent {
        match what {
            What::Product { sku, price, currency, active } => {
                bench.send(product(sku, price, currency, *active))
            }
            What::Erased(sku) => {
                let mut sent = bench.send(product(sku, "1", "EUR", true));
                sent.message.payload = None;
                sent
            }
            What::Submitted { order, lines } => bench.send(submitted(*order, lines)),
            What::CancellationRequested { order, by } => bench.send(cancellation_requested(*order, by)),
            What::Refunded { order, request } => {
                bench.send_caused_by(Uuid::from_u128(*request), payment_refunded(*order))
            }
            What::RefundRejected { order, request } => bench.send(refund_rejected(*order, *request)),
            What::Of(order, news) => bench.send(news(*order)),
        }
    }

    fn take(&mut self, sent: &Sent, now: Micros) {
        if let Event::ProductChanged(changed) = &sent.event {
            return self.product(sent, changed);
        }
        if !self.ledger.claim(&sent.envelope) {
            return;
        }
        if let Event::RefundRejected(rejected) = &sent.event {
            let refusal = (rejected.order_id.as_uuid(), rejected.reason.clone());
            self.refusals.entry(rejected.request_id).or_insert(refusal);
            return;
        }
        self.decide(&sent.envelope, &sent.event, now);
    }

    async fn aside<R: ShopService>(&mut self, bench: &Bench<R>, _: Sweep) {
        bench.hand.sweep().await.unwrap();
        self.sweep(bench.now());
    }

    async fn holds<R: ShopService>(&self, bench: &Bench<R>) {
        let orders: Vec<Value> = self.rows.iter().map(|(id, row)| row.shown(*id)).collect();
        assert_eq!(bench.rows(ORDERS_ROWS).await, orders);

        let product = |(sku, product): (&minuet_events::values::Sku, &Product)| {
            json!({
                "sku": sku,
                "name": product.name,
                "currency": product.currency,
                "unit_price": format!("{:.4}", product.unit_price.get()),
                "active": product.active,
                "event_id": product.event,
                "source_offset": self.offsets[sku.as_str()],
            })
        };
        assert_eq!(bench.rows(PRODUCTS_ROWS).await, self.products.iter().map(product).collect::<Vec<_>>());

        let refusals: Vec<(Uuid, Uuid, String)> =
            sqlx::query_as("select request_id, order_id, reason from refusals order by request_id")
                .fetch_all(bench.pool())
                .await
                .unwrap();
        let expected =
            self.refusals.iter().map(|(request, (order, reason))| (*request, *order, reason.clone()));
        assert_eq!(refusals, expected.collect::<Vec<_>>());
    }
}

pub(super) fn stepped(world: &World) -> SteppedService<impl ShopService + use<>> {
    minuet_order::stepped(Settings::default(), world.parts("order")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_orders_of_any_batches_are_those_of_their_decisions() {
    let bench = Bench::new("order", stepped).await;
    try_scripts::<Orders, _>(&bench, 40, scripts(what(), Just(Sweep)));
}
