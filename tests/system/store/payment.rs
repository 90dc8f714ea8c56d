use std::collections::BTreeMap;

use minuet_events::Event;
use minuet_events::ids;
use minuet_events::values::{CancellationReason, Micros, OrderId};
use minuet_messaging::{Cause, SteppedService};
use minuet_payment::Answers;
use minuet_payment::domain::{Answer, Change, Charge, Decision, Input, Payment, Refund, decide};
use minuet_tests::World;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::events::{
    inventory_confirmation_failed, inventory_reserved, order_cancelled, order_id, refund_requested,
    reservation_expired,
};
use super::harness::{Bench, Ledger, Sent, ShopService, Told};
use super::script::{Model, scripts, try_scripts};

const ORDERS: usize = 4;

#[derive(Clone, Debug)]
enum What {
    /// Held for so many minutes more.
    Reserved {
        order: usize,
        minutes: i64,
    },
    Of(usize, fn(usize) -> Event),
}

fn what() -> impl Strategy<Value = What> {
    let stops: [fn(usize) -> Event; 5] = [
        order_cancelled,
        reservation_expired,
        inventory_confirmation_failed,
        refund_requested,
        refund_requested,
    ];
    prop_oneof![
        (0..ORDERS, -1..15_i64).prop_map(|(order, minutes)| What::Reserved { order, minutes }),
        (0..ORDERS, select(stops.to_vec())).prop_map(|(order, stop)| What::Of(order, stop)),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Said {
    Captured,
    Declined,
    Refunded,
}

/// What the provider said about some of the orders.
fn said() -> impl Strategy<Value = Vec<(usize, Said)>> {
    let said = select(&[Said::Captured, Said::Captured, Said::Declined, Said::Refunded, Said::Refunded][..]);
    proptest::collection::vec((0..ORDERS, said), 1..5)
}

/// Of several about one charge, the last one counts: they come from one call.
fn answers(said: Vec<(usize, Said)>) -> BTreeMap<OrderId, Answers> {
    let mut answers: BTreeMap<OrderId, Answers> = BTreeMap::new();
    for (order, said) in said {
        let response = "{}".to_owned();
        let of = answers.entry(order_id(order)).or_default();
        match said {
            Said::Captured => {
                of.charge = Some(Answer::Captured { transaction_id: "t-1".to_owned(), response });
            }
            Said::Declined => {
                of.charge = Some(Answer::Declined { reason: "card_declined".to_owned(), response });
            }
            Said::Refunded => of.refunded = Some(ids::refund_id(ids::payment_id(order_id(order)))),
        }
    }
    answers
}

/// A payment's row, and that of its refund.
#[derive(Default)]
struct Row {
    payment: Option<Payment>,
    charge: Option<Charge>,
    reserved: Option<Cause>,
    transaction_id: Option<String>,
    response: Option<String>,
    failure: Option<String>,
    stop: Option<CancellationReason>,
    refund: Option<(Refund, Cause)>,
    sequence: i64,
    version: i64,
}

impl Row {
    fn change(&mut self, change: Change, cause: Cause) {
        self.payment = Some(self.payment.as_ref().unwrap_or(&Payment::Unknown).after(&change).unwrap());
        self.version += 1;
        match change {
            Change::Prevented { reason } => self.failure = Some(reason.to_string()),
            Change::Intent(charge) => (self.charge, self.reserved) = (Some(charge), Some(cause)),
            Change::Refused { charge, reason } => {
                (self.charge, self.reserved, self.failure) = (Some(charge), Some(cause), Some(reason));
            }
            Change::StopRequested { reason } => self.stop = Some(reason),
            Change::Captured { transaction_id, response } => {
                (self.transaction_id, self.response) = (Some(transaction_id), Some(response));
            }
            Change::Declined { reason, response } => {
                (self.failure, self.response) = (Some(reason), Some(response));
            }
            Change::RefundDue(refund) => self.refund = Some((refund, cause)),
            Change::Refunded => {}
        }
    }

    fn shown(&self, order: OrderId) -> Value {
        let payment = self.payment.as_ref().unwrap();
        json!({
            "order_id": order.as_uuid(),
            "id": ids::payment_id(order).as_uuid(),
            "user_id": self.charge.as_ref().map(|_| "anna"),
            "status": payment.state().status(),
            "currency": self.charge.as_ref().map(|charge| charge.currency),
            "amount": self.charge.as_ref().map(|charge| format!("{:.4}", charge.amount.get())),
            "transaction_id": self.transaction_id,
            "gateway_response": self.response,
            "failure_reason": self.failure,
            "stop_reason": self.stop,
            "reserved_id": self.reserved.map(|cause| cause.id),
            "sequence": self.sequence,
            "version": self.version,
            "refund_id": self.refund.as_ref().map(|(refund, _)| refund.refund_id.as_uuid()),
            "refund_reason": self.refund.as_ref().map(|(refund, _)| refund.reason.clone()),
            "cause_id": self.refund.as_ref().map(|(_, cause)| cause.id),
            "done": self.refund.as_ref().map(|_| *payment == Payment::Refunded),
        })
    }
}

const ROWS: &str = "select p.order_id, p.id, p.user_id, p.status::text as status, p.currency, p.amount::text as amount, p.transaction_id, p.gateway_response,
    p.failure_reason, p.stop_reason, p.reserved_id, p.event_sequence as sequence, p.version,
    r.id as refund_id, r.reason as refund_reason, r.cause_id, r.done
    from payments p left join refunds r on r.order_id = p.order_id and r.amount = p.amount order by p.order_id";

#[derive(Default)]
struct Payments {
    ledger: Ledger,
    rows: BTreeMap<OrderId, Row>,
}

impl Payments {
    fn settle(&mut self, id: OrderId, Decision { changes, emit }: Decision, cause: Cause, now: Micros) {
        // A refusal about an order that nobody knows leaves no row, and has no number.
        if changes.is_empty() && !self.rows.contains_key(&id) {
            self.ledger.told.extend(emit.map(|event| Told::new(cause, event, None, now)));
            return;
        }
        let row = self.rows.entry(id).or_default();
        for change in changes {
            row.change(change, cause);
        }
        if let Some(event) = emit {
            row.sequence += 1;
            self.ledger.told.push(Told::new(cause, event, Some(row.sequence), now));
        }
    }

    fn answered(&mut self, id: OrderId, answer: Option<&Answer>, now: Micros) {
        let Some(row) = self.rows.get(&id) else { return };
        let (input, cause) = match answer {
            Some(answer) => (Input::Answered(answer), row.reserved),
            None => {
                let whole = ids::refund_id(ids::payment_id(id));
                (Input::Refunded(whole), row.refund.as_ref().map(|(_, cause)| *cause))
            }
        };
        match decide(row.payment.as_ref().unwrap(), input) {
            // Nobody is parked for what the provider says.
            Err(_) => {}
            Ok(decision) if decision.is_no_op() => {}
            Ok(decision) => self.settle(id, decision, cause.unwrap(), now),
        }
    }
}

impl Model for Payments {
    type What = What;
    type Aside = Vec<(usize, Said)>;
    const TABLES: &'static str = "payments, refunds, open_calls";

    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn send<R: ShopService>(bench: &Bench<R>, what: &What) -> Sent {
        match what {
            What::Reserved { order, minutes } => {
                let expires_at = bench.now().plus(time::Duration::minutes(*minutes));
                bench.send(inventory_reserved(*order, expires_at))
            }
            What::Of(order, event) => bench.send(event(*order)),
        }
    }

    fn take(&mut self, Sent { envelope, event, .. }: &Sent, now: Micros) {
        if !self.ledger.claim(envelope) {
            return;
        }
        let id = event.subject().order().unwrap();
        let input = Input::of(event, envelope.id, now).unwrap();
        let payment = self.rows.get(&id).and_then(|row| row.payment.as_ref()).unwrap_or(&Payment::Unknown);
        match decide(payment, input) {
            Err(_) => self.ledger.park(envelope),
            Ok(decision) if decision.is_no_op() => self.ledger.no_ops += 1,
            Ok(decision) => self.settle(id, decision, Cause::from(envelope), now),
        }
    }

    /// One transaction, in the order of the orders' ids; of one order, the charge's answer first.
    async fn aside<R: ShopService>(&mut self, bench: &Bench<R>, said: Vec<(usize, Said)>) {
        let answers = answers(said);
        minuet_payment::answered(bench.hand.context(), &answers).await.unwrap();
        for (order, Answers { charge, refunded }) in &answers {
            if charge.is_some() {
                self.answered(*order, charge.as_ref(), bench.now());
            }
            if refunded.is_some() {
                self.answered(*order, None, bench.now());
            }
        }
    }

    async fn holds<R: ShopService>(&self, bench: &Bench<R>) {
        let rows: Vec<Value> = self.rows.iter().map(|(id, row)| row.shown(*id)).collect();
        assert_eq!(bench.rows(ROWS).await, rows);
        let open = self.rows.iter().filter_map(|(id, row)| {
            let kind = match row.payment.as_ref()? {
                Payment::Processing { .. } => "charge",
                Payment::RefundDue { .. } => "refund",
                _ => return None,
            };
            let shard = bench.hand.context().shard_of(&id.to_string());
            Some(json!({"order_id": id.as_uuid(), "kind": kind, "shard": shard}))
        });
        let open: Vec<Value> = open.collect();
        assert_eq!(bench.rows("select order_id, kind, shard from open_calls order by order_id").await, open);
    }
}

pub(super) fn stepped(world: &World) -> SteppedService<impl ShopService + use<>> {
    minuet_payment::stepped(world.parts("payment")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payments_of_any_batches_are_those_of_their_decisions() {
    let bench = Bench::new("payment", stepped).await;
    try_scripts::<Payments, _>(&bench, 40, scripts(what(), said()));
}
