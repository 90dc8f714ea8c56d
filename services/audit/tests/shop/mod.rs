//! A shop in memory: the services' real decisions, with time, delivery and the provider in the test's hands. What it
//! writes is what would lie on the topics.
#![allow(dead_code, unreachable_pub, reason = "each test, and the benchmark, uses its part")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use minuet_audit::record::{Head, Position, Record, Service, Source, Topics, hash};
use minuet_events::catalog::ProductChanged;
use minuet_events::inventory::{StockAdjusted, StockAdjustmentRejected, StockLevelChanged};
use minuet_events::orders::{OrderCancellationRequested, OrderSubmitted, SubmittedLine};
use minuet_events::payments::RefundRequested;
use minuet_events::values::{
    Amount, Currency, Micros, OrderId, PaymentMethod, Quantity, Sku, UserId, WarehouseCode,
};
use minuet_events::{Codec, Envelope, Event, EventType, TraceContext, partition};
use minuet_inventory::domain as stock;
use minuet_messaging::topics::Catalogue;
use minuet_messaging::{Cause, OutboxEvent};
use minuet_order::domain as orders;
use minuet_payment::domain as payments;
use time::Duration;
use uuid::Uuid;

/// An event, ready to be produced.
#[derive(Clone, Debug)]
pub struct Made {
    pub envelope: Envelope,
    pub event: Event,
}

/// What the provider says when it is asked to charge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    #[default]
    Captures,
    Declines,
    /// Nothing, until [`Shop::answer`].
    Hangs,
}

struct OrderRow {
    order: orders::Order,
    sequence: i64,
    submission: Option<Cause>,
}

struct ReservationRow {
    reservation: stock::Reservation,
    sequence: i64,
    placed: Cause,
}

struct PaymentRow {
    payment: payments::Payment,
    sequence: i64,
    reserved: Option<Cause>,
    refund: Option<Cause>,
}

pub struct Shop {
    pub log: Vec<Made>,
    pub now: Micros,
    /// How much time passes with each event.
    pub step: Duration,
    pub provider: Provider,
    /// Deliveries that wait until they are let go.
    pub hold: Vec<(Service, EventType)>,
    held: Vec<(Service, usize)>,
    queue: VecDeque<(Service, usize)>,
    products: orders::Products,
    shelves: BTreeMap<Sku, stock::Stock>,
    sku_sequences: HashMap<Sku, i64>,
    orders: HashMap<OrderId, OrderRow>,
    reservations: HashMap<OrderId, ReservationRow>,
    payments: HashMap<OrderId, PaymentRow>,
    sources: [Arc<str>; 3],
    ids: u64,
}

impl Shop {
    pub fn new() -> Self {
        Shop {
            log: Vec::new(),
            now: Micros::parse("2026-11-23T08:00:00Z").expect("a time"),
            step: Duration::milliseconds(1),
            provider: Provider::Captures,
            hold: Vec::new(),
            held: Vec::new(),
            queue: VecDeque::new(),
            products: BTreeMap::new(),
            shelves: BTreeMap::new(),
            sku_sequences: HashMap::new(),
            orders: HashMap::new(),
            reservations: HashMap::new(),
            payments: HashMap::new(),
            sources: Service::ALL.map(|service| service.source().into()),
            ids: 0,
        }
    }

    /// A UUIDv7 of now: the same shop gives the same ids.
    pub fn id(&mut self) -> Uuid {
        self.ids += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.ids.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let millis = u64::try_from(self.now.as_millis()).expect("after 1970");
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    pub fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    /// Somebody else's event.
    pub fn intake(&mut self, event: impl Into<Event>) -> Envelope {
        let event = event.into();
        let id = self.id();
        let key: Arc<str> = event.key().into();
        let envelope = Envelope {
            id,
            event_type: event.event_type(),
            source: "/shop/test".into(),
            subject: Arc::clone(&key),
            time: self.now,
            correlation_id: key,
            causation_id: None,
            sequence: None,
            trace: TraceContext::derived("/shop/test", id),
        };
        self.publish(Made { envelope: envelope.clone(), event });
        envelope
    }

    fn publish(&mut self, made: Made) {
        self.now = self.now.plus(self.step);
        let at = self.log.len();
        for service in Service::ALL {
            let event_type = made.event.event_type();
            if minuet_audit::participants::participant(service).consumes(event_type) {
                if self.hold.contains(&(service, event_type)) {
                    self.held.push((service, at));
                } else {
                    self.queue.push_back((service, at));
                }
            }
        }
        self.log.push(made);
    }

    /// What is held comes now.
    pub fn let_go(&mut self) {
        self.hold.clear();
        self.queue.extend(std::mem::take(&mut self.held));
        self.run();
    }

    pub fn run(&mut self) {
        while let Some((service, at)) = self.queue.pop_front() {
            let Made { envelope, event } = self.log[at].clone();
            match service {
                Service::Order => self.order(&envelope, &event),
                Service::Inventory => self.inventory(&envelope, &event),
                Service::Payment => self.payment(&envelope, &event),
            }
        }
    }

    pub fn product(&mut self, sku: &str, price: &str, active: bool) -> Envelope {
        let changed = ProductChanged {
            sku: Sku::parse(sku).expect("a sku"),
            name: format!("Product {sku}"),
            currency: Currency::parse("EUR").expect("a currency"),
            unit_price: Amount::parse(price).expect("an amount"),
            active,
        };
        let envelope = self.intake(changed);
        self.run();
        envelope
    }

    pub fn adjust(&mut self, sku: &str, warehouse: &str, delta: i32) -> Envelope {
        let adjusted = StockAdjusted {
            adjustment_id: self.id().into(),
            sku: Sku::parse(sku).expect("a sku"),
            warehouse_code: WarehouseCode::parse(warehouse).expect("a warehouse"),
            delta,
            reason: "test".to_owned(),
        };
        let envelope = self.intake(adjusted);
        self.run();
        envelope
    }

    pub fn submission(&mut self, lines: &[(&str, u32)]) -> OrderSubmitted {
        let line = |(sku, quantity): &(&str, u32)| SubmittedLine {
            sku: Sku::parse(sku).expect("a sku"),
            quantity: Quantity::new(*quantity).expect("a quantity"),
        };
        OrderSubmitted {
            order_id: self.id().into(),
            user_id: UserId::parse("user-1").expect("a user"),
            payment_method: PaymentMethod::CreditCard,
            lines: lines.iter().map(line).collect(),
            expected_total: None,
            payment_token: None,
        }
    }

    /// Submits an order and lets everything happen.
    pub fn submit(&mut self, lines: &[(&str, u32)]) -> OrderId {
        let submitted = self.submission(lines);
        let order = submitted.order_id;
        self.intake(submitted);
        self.run();
        order
    }

    pub fn cancel(&mut self, order_id: OrderId, by: &str) {
        let requested_by = UserId::parse(by).expect("a user");
        self.intake(OrderCancellationRequested { order_id, requested_by, reason: "never mind".to_owned() });
        self.run();
    }

    pub fn refund(&mut self, order_id: OrderId) {
        self.refund_of(order_id, None, None);
    }

    /// No amount: everything that is left.
    pub fn refund_of(&mut self, order_id: OrderId, amount: Option<&str>, return_stock: Option<bool>) {
        let amount = amount.map(|amount| Amount::parse(amount).expect("an amount"));
        let requested_by = UserId::parse("admin:boss").expect("a user");
        self.intake(RefundRequested {
            order_id,
            requested_by,
            reason: "broken".to_owned(),
            amount,
            return_stock,
        });
        self.run();
    }

    pub fn answer(&mut self, order: OrderId, captured: bool) {
        let answer = if captured {
            let transaction_id = format!("tx-{order}");
            payments::Answer::Captured { transaction_id, response: "ok".to_owned() }
        } else {
            payments::Answer::Declined { reason: "card_declined".to_owned(), response: "no".to_owned() }
        };
        let cause = self.payments[&order].reserved.expect("a charge");
        self.paid(order, payments::Input::Answered(&answer), cause);
        self.run();
    }

    pub fn expire(&mut self, order_id: OrderId) {
        let row = &self.reservations[&order_id];
        let (cause, now) = (row.placed, self.now);
        self.reserved(order_id, stock::Input::Due { order_id, now }, cause);
        self.run();
    }

    pub fn deadline(&mut self, order_id: OrderId) {
        let cause = self.orders[&order_id].submission.expect("a submission");
        self.ordered(order_id, orders::Input::DeadlinePassed, cause);
        self.run();
    }

    fn order(&mut self, envelope: &Envelope, event: &Event) {
        if let Event::ProductChanged(e) = event {
            let (name, currency, unit_price) = (e.name.clone(), e.currency, e.unit_price);
            let product =
                orders::Product { name, currency, unit_price, active: e.active, event: envelope.id };
            self.products.insert(e.sku.clone(), product);
            return;
        }
        let products = match event {
            // Only the products of the order: a decision looks at no others.
            Event::OrderSubmitted(submitted) => {
                let skus = submitted.lines.iter().map(|line| &line.sku);
                skus.filter_map(|sku| Some((sku.clone(), self.products.get(sku)?.clone()))).collect()
            }
            _ => orders::Products::new(),
        };
        let Some(input) = orders::Input::of(event, envelope.id, &products) else { return };
        self.ordered(event.subject().order().expect("an order's event"), input, envelope.into());
    }

    fn ordered(&mut self, id: OrderId, input: orders::Input<'_>, cause: Cause) {
        let row = self.orders.entry(id).or_insert(OrderRow {
            order: orders::Order::Unknown,
            sequence: 0,
            submission: None,
        });
        if matches!(input, orders::Input::Submitted { .. }) && row.submission.is_none() {
            row.submission = Some(cause);
        }
        let decision = orders::decide(&row.order, input).expect("a legal step");
        if let Some(change) = &decision.change {
            row.order = row.order.after(change).expect("a change that fits");
        }
        let Some(event) = decision.emit else { return };
        row.sequence += 1;
        let sequence = row.sequence;
        self.emit(Service::Order, cause, event, Some(sequence));
    }

    fn inventory(&mut self, envelope: &Envelope, event: &Event) {
        let cause = Cause::from(envelope);
        if let Event::StockAdjusted(adjusted) = event {
            return self.adjusted(adjusted, cause);
        }
        let Some(input) = stock::Input::of(event, self.now.plus(Duration::minutes(15))) else { return };
        self.reserved(event.subject().order().expect("an order's event"), input, cause);
    }

    fn reserved(&mut self, id: OrderId, input: stock::Input<'_>, cause: Cause) {
        let row = self.reservations.entry(id).or_insert(ReservationRow {
            reservation: stock::Reservation::Unknown,
            sequence: 0,
            placed: cause,
        });
        let skus: Vec<&Sku> = match (&input, &row.reservation) {
            (stock::Input::Placed { placed, .. }, _) => placed.lines.iter().map(|line| &line.sku).collect(),
            (_, stock::Reservation::Reserved(held) | stock::Reservation::Confirmed(held)) => {
                held.lines.iter().map(|line| &line.sku).collect()
            }
            _ => Vec::new(),
        };
        let of = skus.into_iter().filter_map(|sku| self.shelves.get(sku)).flatten();
        let levels: stock::Stock = of.map(|(shelf, level)| (shelf.clone(), *level)).collect();
        let decision = stock::decide(&row.reservation, input, &levels).expect("a legal step");
        for (sku, _, _) in &decision.moves {
            self.shelves.entry(sku.clone()).or_default();
        }
        for change in &decision.moves {
            if let Some(shelves) = self.shelves.get_mut(&change.0) {
                stock::shift(shelves, std::slice::from_ref(change));
            }
        }
        if let Some(change) = &decision.change {
            row.reservation = row.reservation.after(change).expect("a change that fits");
        }
        let Some(event) = decision.emit else { return };
        row.sequence += 1;
        let sequence = row.sequence;
        self.emit(Service::Inventory, cause, event, Some(sequence));
    }

    fn adjusted(&mut self, adjusted: &StockAdjusted, cause: Cause) {
        let shelf = (adjusted.sku.clone(), adjusted.warehouse_code.clone());
        let shelves = self.shelves.entry(adjusted.sku.clone()).or_default();
        let event = match stock::adjust(shelves.get(&shelf).copied(), adjusted) {
            stock::Adjusted::Applied(level) => {
                shelves.insert(shelf, level);
                Event::from(StockLevelChanged {
                    sku: adjusted.sku.clone(),
                    warehouse_code: adjusted.warehouse_code.clone(),
                    available: level.available,
                    reserved: level.reserved,
                    on_hand: level.on_hand,
                    version: level.version,
                    adjustment_id: adjusted.adjustment_id,
                })
            }
            stock::Adjusted::Refused(reason) => Event::from(StockAdjustmentRejected {
                adjustment_id: adjusted.adjustment_id,
                sku: adjusted.sku.clone(),
                warehouse_code: adjusted.warehouse_code.clone(),
                delta: adjusted.delta,
                reason: reason.to_owned(),
            }),
        };
        let sequence = self.sku_sequences.entry(adjusted.sku.clone()).or_default();
        *sequence += 1;
        let sequence = *sequence;
        self.emit(Service::Inventory, cause, event, Some(sequence));
    }

    fn payment(&mut self, envelope: &Envelope, event: &Event) {
        let Some(input) = payments::Input::of(event, envelope.id, self.now) else { return };
        self.paid(event.subject().order().expect("an order's event"), input, envelope.into());
    }

    fn paid(&mut self, id: OrderId, input: payments::Input<'_>, cause: Cause) {
        let row = self.payments.entry(id).or_insert(PaymentRow {
            payment: payments::Payment::Unknown,
            sequence: 0,
            reserved: None,
            refund: None,
        });
        let decision = payments::decide(&row.payment, input).expect("a legal step");
        let (mut charge, mut refund) = (false, None);
        for change in &decision.changes {
            row.payment = row.payment.after(change).expect("a change that fits");
            match change {
                payments::Change::Intent(_) | payments::Change::Refused { .. } => {
                    row.reserved = Some(cause);
                    charge = matches!(change, payments::Change::Intent(_));
                }
                payments::Change::RefundDue(due) => {
                    row.refund = Some(cause);
                    refund = Some(due.refund_id);
                }
                _ => {}
            }
        }
        if let Some(event) = decision.emit {
            let sequence = (!matches!(row.payment, payments::Payment::Unknown)).then(|| {
                row.sequence += 1;
                row.sequence
            });
            self.emit(Service::Payment, cause, event, sequence);
        }
        match self.provider {
            Provider::Captures if charge => self.answer_later(id, true),
            Provider::Declines if charge => self.answer_later(id, false),
            _ => {}
        }
        if let Some(refund) = refund {
            self.paid(id, payments::Input::Refunded(refund), cause);
        }
    }

    fn answer_later(&mut self, order: OrderId, captured: bool) {
        let cause = self.payments[&order].reserved.expect("a charge");
        let answer = if captured {
            let transaction_id = format!("tx-{order}");
            payments::Answer::Captured { transaction_id, response: "ok".to_owned() }
        } else {
            payments::Answer::Declined { reason: "card_declined".to_owned(), response: "no".to_owned() }
        };
        self.paid(order, payments::Input::Answered(&answer), cause);
    }

    fn emit(&mut self, by: Service, cause: Cause, event: Event, sequence: Option<i64>) {
        let trace = TraceContext::derived("/shop/test", cause.id);
        let source = &self.sources[by as usize];
        let OutboxEvent { envelope, event, .. } =
            OutboxEvent::<Codec>::caused_by(cause, source, event, 0, self.now, sequence, &trace);
        self.publish(Made { envelope, event });
    }

    /// As the audit would read it: partitioned, numbered, in the order of time.
    pub fn records(&self) -> Vec<Record> {
        records(&self.log)
    }
}

pub fn topics() -> Topics {
    let catalogue =
        Catalogue::<minuet_events::EventType>::parse(minuet_events::TOPICS).expect("the catalogue");
    Topics(catalogue.topics().iter().map(|topic| topic.name.as_str().into()).collect())
}

pub fn records(log: &[Made]) -> Vec<Record> {
    let (codec, catalogue, topics) =
        (Codec::local(), Catalogue::parse(minuet_events::TOPICS).expect("the catalogue"), topics());
    let mut ends: HashMap<(u16, u16), i64> = HashMap::new();
    let record = |made: &Made| {
        let Made { envelope, event } = made;
        let name = catalogue.topic_of(event.event_type());
        let topic = topics.0.iter().position(|topic| **topic == *name).expect("a topic");
        let topic = u16::try_from(topic).expect("few topics");
        let shard = partition::shard(event.key().as_bytes(), catalogue.partitions());
        let partition = u16::try_from(shard).expect("few partitions");
        let end = ends.entry((topic, partition)).or_default();
        let position = Position { topic, partition, offset: *end };
        *end += 1;
        let head = Head {
            position,
            id: envelope.id,
            event_type: envelope.event_type,
            source: Source::of(&envelope.source),
            time: envelope.time,
            recorded: envelope.time,
            cause: envelope.causation_id,
            sequence: envelope.sequence,
            payload: hash(&codec.encode(event).expect("it fits its schema")),
        };
        Record { head, event: event.clone() }
    };
    log.iter().map(record).collect()
}

/// A shop with a bit of everything: every way an order can go.
pub fn busy() -> (Shop, Vec<OrderId>) {
    let mut shop = Shop::new();
    shop.product("CHAIR", "49.90", true);
    shop.product("TABLE", "199.00", true);
    shop.product("OLD", "5.00", false);
    shop.adjust("CHAIR", "BER", 10);
    shop.adjust("CHAIR", "MUC", 6);
    shop.adjust("TABLE", "BER", 3);
    shop.adjust("TABLE", "BER", -5);
    let mut all = vec![
        // Confirmed, from one warehouse and from two; too little; not for sale.
        shop.submit(&[("CHAIR", 2), ("TABLE", 1)]),
        shop.submit(&[("CHAIR", 12)]),
        shop.submit(&[("TABLE", 3)]),
        shop.submit(&[("OLD", 1), ("CHAIR", 1)]),
    ];
    shop.provider = Provider::Declines;
    all.push(shop.submit(&[("CHAIR", 1)]));
    // Cancelled while the provider is asked: declined, and captured all the same.
    for captured in [false, true] {
        shop.provider = Provider::Hangs;
        let order = shop.submit(&[("CHAIR", 1)]);
        shop.cancel(order, "user-1");
        shop.answer(order, captured);
        all.push(order);
    }
    // Expired; paid too late.
    for captured in [false, true] {
        let order = shop.submit(&[("TABLE", 1)]);
        shop.pass(Duration::minutes(16));
        shop.expire(order);
        shop.answer(order, captured);
        all.push(order);
    }
    // The deadline passes while inventory is away.
    shop.hold =
        vec![(Service::Inventory, EventType::OrderPlaced), (Service::Inventory, EventType::OrderCancelled)];
    let order = shop.submit(&[("TABLE", 1)]);
    shop.pass(Duration::minutes(31));
    shop.deadline(order);
    shop.let_go();
    all.push(order);
    // Refunded after it was confirmed; asked again; cancelled too late.
    shop.provider = Provider::Captures;
    let order = shop.submit(&[("TABLE", 1)]);
    shop.cancel(order, "user-1");
    shop.refund(order);
    shop.refund(order);
    all.push(order);
    // Refunded in two parts, and in a part only; the customer keeps the goods.
    for parts in [&[Some("10.00"), Some("100000"), None][..], &[Some("10.00")], &[None]] {
        let order = shop.submit(&[("CHAIR", 1)]);
        for part in parts {
            shop.refund_of(order, *part, (parts.len() == 1).then_some(false));
        }
        all.push(order);
    }
    // Cancelled before it was known, by its user and by somebody else.
    for who in ["user-1", "somebody"] {
        let submitted = shop.submission(&[("CHAIR", 1)]);
        let order = submitted.order_id;
        shop.cancel(order, who);
        shop.intake(submitted.clone());
        shop.run();
        // And submitted again.
        shop.intake(submitted);
        shop.run();
        all.push(order);
    }
    // Of an order that nobody knows.
    let unknown = shop.id().into();
    shop.refund(unknown);
    shop.product("CHAIR", "52.00", true);
    all.push(shop.submit(&[("CHAIR", 1)]));
    (shop, all)
}
