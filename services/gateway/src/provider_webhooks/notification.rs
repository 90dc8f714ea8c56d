//! A provider's event object, as far as it is read: `{"id", "type", "data": {"object": {...}}}`, as Stripe has it.

use minuet_events::values::OrderId;
use minuet_text::json::JsonError;
use serde_json::Value;

/// The longest id or kind that is carried on.
const MAX_CHARS: usize = 255;
/// What begins the kinds that may say something about a payment, its refunds or its disputes.
const OF_PAYMENTS: [&str; 4] = ["payment_intent.", "charge.refund", "charge.dispute.", "refund."];

/// A notification about an order's payment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Notification {
    /// The provider's id of the notification: a repetition has the same.
    pub(super) id: String,
    /// In the provider's words.
    pub(super) kind: String,
    /// The provider's id of the payment.
    pub(super) reference: String,
    /// As the payment's metadata say. Anybody who can make payments in this account can write them.
    pub(super) order_id: OrderId,
}

#[derive(Debug)]
pub(super) enum Read {
    Notification(Notification),
    /// Of another kind than those about payments.
    OfNoConcern,
    /// About a payment that was not made for an order, or about a thing that does not name it, as a dispute.
    WithoutOrder,
    NoEvent {
        detail: String,
    },
    NoJson(JsonError),
}

pub(super) fn read(body: &[u8]) -> Read {
    let event = match minuet_text::json::parse(body) {
        Ok(event) => event,
        Err(error) => return Read::NoJson(error),
    };
    let (Some(id), Some(kind)) = (text(&event["id"]), text(&event["type"])) else {
        let detail = format!(
            "an event has an id and a type: strings of 1 to {MAX_CHARS} printable characters of ASCII"
        );
        return Read::NoEvent { detail };
    };
    if !OF_PAYMENTS.iter().any(|beginning| kind.starts_with(beginning)) {
        return Read::OfNoConcern;
    }
    let object = &event["data"]["object"];
    // A refund, a charge or a dispute names its payment.
    let reference =
        if kind.starts_with("payment_intent.") { &object["id"] } else { &object["payment_intent"] };
    let order = object["metadata"]["order_id"].as_str().and_then(|id| OrderId::parse(id).ok());
    match (text(reference), order) {
        (Some(reference), Some(order_id)) => {
            Read::Notification(Notification { id, kind, reference, order_id })
        }
        _ => Read::WithoutOrder,
    }
}

fn text(value: &Value) -> Option<String> {
    let is_taken = |text: &&str| {
        (1..=MAX_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    value.as_str().filter(is_taken).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ORDER: &str = "0190a8f0-0000-7000-8000-000000000001";

    fn read_of(event: &Value) -> Read {
        read(event.to_string().as_bytes())
    }

    #[test]
    fn a_payment_names_itself_and_its_order() {
        let object = json!({"id": "pi_1", "object": "payment_intent", "metadata": {"order_id": ORDER}});
        let event = json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": object}});
        let Read::Notification(read) = read_of(&event) else { panic!("{event}") };
        let expected = Notification {
            id: "evt_1".to_owned(),
            kind: "payment_intent.succeeded".to_owned(),
            reference: "pi_1".to_owned(),
            order_id: OrderId::parse(ORDER).unwrap(),
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_charge_and_a_refund_name_their_payment() {
        for kind in ["charge.refunded", "charge.refund.updated", "refund.failed", "charge.dispute.created"] {
            let object = json!({"id": "x_1", "payment_intent": "pi_1", "metadata": {"order_id": ORDER}});
            let event = json!({"id": "evt_1", "type": kind, "data": {"object": object}});
            let Read::Notification(read) = read_of(&event) else { panic!("{event}") };
            assert_eq!(read.reference, "pi_1");
        }
    }

    #[test]
    fn what_is_of_no_order_is_told_apart_from_what_is_no_event() {
        let of_no_concern =
            json!({"id": "evt_1", "type": "customer.created", "data": {"object": {"id": "cus_1"}}});
        assert!(matches!(read_of(&of_no_concern), Read::OfNoConcern));
        for object in [
            json!({"id": "pi_1", "metadata": {}}),
            json!({"id": "pi_1", "metadata": {"order_id": "mine"}}),
            json!({"id": "pi 1", "metadata": {"order_id": ORDER}}),
            json!({"metadata": {"order_id": ORDER}}),
            json!("pi_1"),
        ] {
            let event = json!({"id": "evt_1", "type": "payment_intent.canceled", "data": {"object": object}});
            assert!(matches!(read_of(&event), Read::WithoutOrder), "{event}");
        }
        for event in [
            json!([]),
            json!({}),
            json!({"id": "", "type": "x"}),
            json!({"id": "x".repeat(256), "type": "x"}),
        ] {
            assert!(matches!(read_of(&event), Read::NoEvent { .. }), "{event}");
        }
        for text in ["", "{", r#"{"id": "a", "id": "b", "type": "payment_intent.succeeded"}"#] {
            assert!(matches!(read(text.as_bytes()), Read::NoJson(_)), "{text}");
        }
    }
}
