//! One event of each kind or more, with every optional field present somewhere and absent somewhere.

use minuet_events::Event;
use minuet_events::catalog::ProductChanged;
use minuet_events::inventory::*;
use minuet_events::orders::*;
use minuet_events::parking::{EventParked, ParkedHeader};
use minuet_events::payments::*;
use minuet_events::values::*;
use uuid::Uuid;

pub(crate) const EVENT: Uuid = Uuid::from_u128(0x019ab3c4_d5e6_7f01_8203_040506070809);

pub(crate) fn order_id() -> OrderId {
    OrderId::parse("019ab3c4-0000-7000-8000-000000000001").unwrap()
}

pub(crate) fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

fn user_id() -> UserId {
    UserId::parse("ada").unwrap()
}

fn payment_id() -> PaymentId {
    minuet_events::ids::payment_id(order_id())
}

fn adjustment_id() -> AdjustmentId {
    AdjustmentId::parse("019ab3c4-0000-7000-8000-00000000000a").unwrap()
}

fn euro() -> Currency {
    Currency::parse("EUR").unwrap()
}

fn warehouse(text: &str) -> WarehouseCode {
    WarehouseCode::parse(text).unwrap()
}

fn quantity(pieces: u32) -> Quantity {
    Quantity::new(pieces).unwrap()
}

fn token() -> PaymentToken {
    PaymentToken::parse("pm_card_visa").unwrap()
}

fn problems() -> Vec<Problem> {
    vec![
        Problem::new("unknown_product", Some(sku("TEE-7")), "there is no product TEE-7".into()),
        Problem::new("several_currencies", None, "EUR and USD".into()),
        Problem {
            expected_total: Some(ExpectedTotal { amount: amount("25.00"), currency: euro() }),
            currency: Some(euro()),
            total: Some(amount("27.5")),
            ..Problem::new("price_changed", None, "the order costs EUR 27.50, not EUR 25.00".into())
        },
    ]
}

fn allocations() -> Vec<Allocation> {
    let allocation = |warehouse_code, pieces, stock_version| Allocation {
        sku: sku("MUG-1"),
        warehouse_code: warehouse(warehouse_code),
        quantity: quantity(pieces),
        stock_version,
    };
    vec![allocation("BER-1", 2, 1), allocation("MUC 2", 10_000, i64::MAX)]
}

pub(crate) fn all() -> Vec<Event> {
    let (order_id, user_id, payment_id, currency) = (order_id(), user_id(), payment_id(), euro());
    let payment_method = PaymentMethod::CreditCard;
    let line = |text, pieces| SubmittedLine { sku: sku(text), quantity: quantity(pieces) };
    vec![
        OrderSubmitted {
            order_id,
            user_id: user_id.clone(),
            payment_method,
            lines: vec![line("MUG-1", 2), line("Größe-ß", 10_000)],
            expected_total: None,
            payment_token: None,
        }
        .into(),
        OrderSubmitted {
            order_id,
            user_id: user_id.clone(),
            payment_method,
            lines: vec![line("MUG-1", 2)],
            expected_total: Some(ExpectedTotal { amount: amount("25.00"), currency }),
            payment_token: None,
        }
        .into(),
        OrderSubmitted {
            order_id,
            user_id: user_id.clone(),
            payment_method,
            lines: vec![line("MUG-1", 2)],
            expected_total: None,
            payment_token: Some(token()),
        }
        .into(),
        OrderCancellationRequested {
            order_id,
            requested_by: user_id.clone(),
            reason: "zu spät\nbestellt".into(),
        }
        .into(),
        OrderPlaced {
            order_id,
            user_id: user_id.clone(),
            payment_method,
            currency,
            total: amount("25.00"),
            lines: vec![PlacedLine {
                sku: sku("MUG-1"),
                name: "Mug".into(),
                unit_price: amount("12.5"),
                quantity: quantity(2),
                subtotal: amount("25"),
                product_event: EVENT,
            }],
            payment_token: None,
        }
        .into(),
        OrderPlaced {
            order_id,
            user_id: user_id.clone(),
            payment_method,
            currency,
            total: amount("25.00"),
            lines: Vec::new(),
            payment_token: Some(token()),
        }
        .into(),
        OrderRejected { order_id, user_id: user_id.clone(), problems: problems() }.into(),
        OrderConfirmed { order_id, user_id: user_id.clone(), currency, total: amount("0.0001") }.into(),
        OrderCancelled {
            order_id,
            user_id: user_id.clone(),
            reason: "deadline".into(),
            detail: None,
            return_stock: None,
        }
        .into(),
        OrderCancelled {
            order_id,
            user_id: user_id.clone(),
            reason: "payment_failed".into(),
            detail: Some("declined".into()),
            return_stock: None,
        }
        .into(),
        OrderCancelled {
            order_id,
            user_id: user_id.clone(),
            reason: "refunded".into(),
            detail: None,
            return_stock: Some(false),
        }
        .into(),
        OrderFailed { order_id, user_id: user_id.clone(), problems: Vec::new() }.into(),
        OrderFailed { order_id, user_id: user_id.clone(), problems: problems() }.into(),
        OrderCancellationRejected { order_id, request_id: EVENT, reason: "confirmed".into() }.into(),
        InventoryReserved {
            order_id,
            user_id: user_id.clone(),
            payment_method: PaymentMethod::Wechat,
            currency,
            total: amount("999999999999999.9999"),
            expires_at: Micros(1_764_000_000_000_001),
            allocations: allocations(),
            payment_token: None,
        }
        .into(),
        InventoryReserved {
            order_id,
            user_id: user_id.clone(),
            payment_method,
            currency,
            total: amount("25"),
            expires_at: Micros(0),
            allocations: Vec::new(),
            payment_token: Some(token()),
        }
        .into(),
        InventoryRejected {
            order_id,
            shortages: vec![Shortage { sku: sku("MUG-1"), requested: 3, available: 0 }],
        }
        .into(),
        InventoryConfirmed { order_id, allocations: allocations() }.into(),
        InventoryReleased {
            order_id,
            allocations: allocations(),
            cause: "order_cancelled".into(),
            returned: true,
        }
        .into(),
        ReservationExpired { order_id, allocations: allocations() }.into(),
        InventoryConfirmationFailed { order_id, reason: "released".into() }.into(),
        StockAdjusted {
            adjustment_id: adjustment_id(),
            sku: sku("MUG-1"),
            warehouse_code: warehouse("BER-1"),
            delta: -5,
            reason: "counted".into(),
        }
        .into(),
        StockLevelChanged {
            sku: sku("MUG-1"),
            warehouse_code: warehouse("BER-1"),
            available: 7,
            reserved: 3,
            on_hand: 10,
            version: 42,
            adjustment_id: adjustment_id(),
        }
        .into(),
        StockAdjustmentRejected {
            adjustment_id: adjustment_id(),
            sku: sku("MUG-1"),
            warehouse_code: warehouse("BER-1"),
            delta: i32::MIN,
            reason: "below_reserved".into(),
        }
        .into(),
        PaymentSucceeded {
            order_id,
            payment_id,
            transaction_id: "tx-1".into(),
            payment_method,
            currency,
            amount: amount("25"),
        }
        .into(),
        PaymentFailed {
            order_id,
            payment_id,
            reason: "declined".into(),
            detail: Some("insufficient funds".into()),
            currency: Some(currency),
            amount: Some(amount("25")),
        }
        .into(),
        PaymentFailed {
            order_id,
            payment_id,
            reason: "order_cancelled".into(),
            detail: None,
            currency: None,
            amount: None,
        }
        .into(),
        PaymentRefunded {
            order_id,
            payment_id,
            refund_id: minuet_events::ids::refund_id(payment_id),
            reason: "refunded".into(),
            currency,
            amount: amount("25"),
            remaining: None,
            return_stock: None,
        }
        .into(),
        PaymentRefunded {
            order_id,
            payment_id,
            refund_id: minuet_events::ids::partial_refund_id(payment_id, EVENT),
            reason: "refunded".into(),
            currency,
            amount: amount("10"),
            remaining: Some(amount("15")),
            return_stock: Some(false),
        }
        .into(),
        RefundRequested {
            order_id,
            requested_by: user_id.clone(),
            reason: String::new(),
            amount: None,
            return_stock: None,
        }
        .into(),
        RefundRequested {
            order_id,
            requested_by: user_id,
            reason: String::new(),
            amount: Some(amount("10")),
            return_stock: Some(false),
        }
        .into(),
        RefundRejected { order_id, request_id: EVENT, reason: "not_captured".into() }.into(),
        ProductChanged {
            sku: sku("MUG-1"),
            name: "Mug, \"blue\"".into(),
            currency: Currency::parse("JPY").unwrap(),
            unit_price: amount("0"),
            active: false,
        }
        .into(),
        EventParked {
            topic: "orders.intake".into(),
            partition: 3,
            offset: 1 << 40,
            key: Some("order".into()),
            headers: vec![
                ParkedHeader { name: "ce_id".into(), value: Some(vec![0xff, 0x00].into()) },
                ParkedHeader { name: "empty".into(), value: None },
            ],
            payload: Some(vec![0, 0, 0, 0, 9, 0xfe].into()),
            reason: "schema 9 is not known".into(),
            attempts: 5,
            original_bytes: Some(1 << 33),
            original_hash: Some(vec![0xab; 32].into()),
        }
        .into(),
        EventParked {
            topic: "orders.intake".into(),
            partition: 0,
            offset: 0,
            key: None,
            headers: Vec::new(),
            payload: None,
            reason: "the message is empty".into(),
            attempts: 1,
            original_bytes: None,
            original_hash: None,
        }
        .into(),
        PaymentActionRequired {
            order_id,
            payment_id,
            payment_method: PaymentMethod::Paypal,
            kind: PaymentActionKind::Redirect,
            url: Some("https://provider.example/pay/1".into()),
            data: None,
            expires_at: Micros(1_764_000_000_000_001),
        }
        .into(),
        PaymentActionRequired {
            order_id,
            payment_id,
            payment_method: PaymentMethod::Wechat,
            kind: PaymentActionKind::QrCode,
            url: None,
            data: Some("weixin://wxpay/1".into()),
            expires_at: Micros(0),
        }
        .into(),
        ProviderNotified {
            order_id,
            provider: "stripe".into(),
            notification_id: "evt_1".into(),
            reference: "pi_1".into(),
            kind: "payment_intent.succeeded".into(),
        }
        .into(),
        PaymentDisputed {
            order_id,
            payment_id,
            dispute_id: "dp_1".into(),
            status: DisputeStatus::Lost,
            reason: "fraudulent".into(),
            currency,
            amount: amount("25"),
        }
        .into(),
    ]
}
