use serde_json::json;

use super::*;

const ORDER: &str = "0190a0a0-0000-7000-8000-000000000001";
const ID: &str = "0190a0a0-0000-7000-8000-0000000000ff";

fn reading(event_type: EventType) -> Reading {
    Reading { event_type, key: None, force_key: false }
}

fn product() -> Value {
    json!({"sku": "TEA-1", "name": "Assam", "currency": "EUR", "unit_price": "12.50", "active": true})
}

fn order() -> Value {
    json!({"order_id": ORDER, "user_id": "u-1", "payment_method": "paypal", "lines": [{"sku": "TEA-1", "quantity": 2}]})
}

fn read(reading: &Reading, line: &Value) -> Result<Line, LineError> {
    reading.read(line.to_string().as_bytes(), ID.parse().expect("an id"), Micros(1_700_000_000_000_000))
}

#[track_caller]
fn refused(event_type: EventType, line: &Value, said: &str) {
    let error = read(&reading(event_type), line).expect_err("a wrong line").to_string();
    assert!(error.contains(said), "`{said}` in: {error}");
}

fn with(mut value: Value, field: &str, to: Value) -> Value {
    value[field] = to;
    value
}

#[test]
fn a_record_gets_all_headers() {
    let line = read(&reading(EventType::OrderSubmitted), &order()).expect("an order");
    assert_eq!(line.key, ORDER);
    let headers = line.envelope.to_headers();
    let header = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str());
    assert_eq!(header("ce_id"), Some(ID));
    assert_eq!(header("ce_source"), Some("/minuet/produce"));
    assert_eq!(header("ce_type"), Some("minuet.orders.OrderSubmitted.v1"));
    assert_eq!(header("ce_subject"), Some(ORDER));
    assert_eq!(header("ce_correlationid"), Some(ORDER));
    assert_eq!(header("ce_time"), Some("2023-11-14T22:13:20.000000Z"));
    assert_eq!(header("baggage"), Some(format!("order.id={ORDER}").as_str()));
    assert!(header("traceparent").is_some());
}

#[test]
fn a_product_is_about_no_order() {
    let line = read(&reading(EventType::ProductChanged), &product()).expect("a product");
    assert_eq!((line.key.as_str(), line.envelope.trace.baggage), ("TEA-1", None));
    let Some(Event::ProductChanged(product)) = line.event else { panic!("another event") };
    assert_eq!(product.unit_price.to_string(), "12.50");
}

#[test]
fn a_product_without_value_is_gone() {
    let reading = reading(EventType::ProductChanged);
    let line = read(&reading, &json!({"key": "TEA-1", "value": null})).expect("a product that is gone");
    assert_eq!((line.key.as_str(), &*line.envelope.subject, line.event), ("TEA-1", "TEA-1", None));
    let keyless = read(&reading, &json!({"value": null})).expect_err("nothing is named");
    assert_eq!(keyless, LineError::NoKey);
    refused(EventType::ProductChanged, &json!({"key": "a\nb", "value": null}), "key: ");
}

#[test]
fn given_headers_are_kept() {
    let headers = json!({
        "ce_id": "0190a0a0-0000-7000-8000-0000000000aa", "ce_source": "/shop/import", "ce_time": "2026-01-02T03:04:05Z",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": "a=b", "ce_sequence": "3",
    });
    let line = read(&reading(EventType::OrderSubmitted), &json!({"value": order(), "headers": headers}))
        .expect("an order with headers");
    assert_eq!(line.envelope.id.to_string(), "0190a0a0-0000-7000-8000-0000000000aa");
    assert_eq!(&*line.envelope.source, "/shop/import");
    assert_eq!(line.envelope.time.to_string(), "2026-01-02T03:04:05.000000Z");
    assert_eq!(line.envelope.sequence, Some(3));
    assert_eq!(line.envelope.trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(line.envelope.trace.baggage, Some(format!("order.id={ORDER},a=b")));
}

#[test]
fn a_wrong_field_is_named() {
    use EventType::{OrderSubmitted, ProductChanged};
    refused(ProductChanged, &with(product(), "unit_price", json!(12.5)), "unit_price: ");
    refused(ProductChanged, &with(product(), "unit_price", json!("-1")), "unit_price: an amount takes 0 to");
    refused(ProductChanged, &with(product(), "currency", json!("EURO")), "currency: ");
    refused(ProductChanged, &with(product(), "price", json!("1")), "price: ProductChanged has no such field");
    refused(ProductChanged, &json!({"sku": "TEA-1"}), "name: missing");
    let lines = |quantity: Value| json!([{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": quantity}]);
    refused(OrderSubmitted, &with(order(), "lines", lines(json!(0))), "lines[1].quantity: ");
    refused(OrderSubmitted, &with(order(), "lines", json!([{"sku": "A"}])), "lines[0].quantity: missing");
    refused(OrderSubmitted, &with(order(), "order_id", json!("12")), "order_id: ");
    refused(OrderSubmitted, &json!([order()]), "takes an object");
    refused(OrderSubmitted, &json!({"value": null, "key": ORDER}), "value: takes an object");
    refused(OrderSubmitted, &json!({"value": order(), "header": {}}), "header: ");
}

#[test]
fn broken_json_is_named_with_its_column() {
    let error =
        reading(EventType::ProductChanged).read(b"{\"sku\": }", Uuid::nil(), Micros(0)).expect_err("no JSON");
    assert_eq!(error, LineError::Syntax { detail: "expected value".into(), column: 9 });
}

#[test]
fn a_wrong_header_is_named() {
    let said = |headers: Value, said: &str| {
        refused(EventType::OrderSubmitted, &json!({"value": order(), "headers": headers}), said);
    };
    said(json!({"ce_id": "12"}), "ce_id");
    said(json!({"ce_type": "minuet.orders.OrderPlaced.v1"}), "headers.ce_type: names another event");
    said(json!({"x-mine": "1"}), "headers.x-mine: no header of the contract");
    said(json!({"ce_time": 5}), "headers.ce_time: takes a text");
    said(json!({"traceparent": "00-zz"}), "headers.traceparent: takes W3C");
}

#[test]
fn a_foreign_key_must_be_forced() {
    let mut reading = reading(EventType::ProductChanged);
    reading.key = Some("TEA-2".into());
    let error = read(&reading, &product()).expect_err("a foreign key").to_string();
    assert!(error.contains("`TEA-2` is not the record's own, `TEA-1`"), "{error}");
    let own = read(&reading, &json!({"value": product(), "key": "TEA-1"}));
    assert!(own.is_ok(), "a line's own key wins over --key");
    reading.force_key = true;
    let line = read(&reading, &product()).expect("forced");
    assert_eq!((line.key.as_str(), &*line.envelope.subject), ("TEA-2", "TEA-1"));
}
