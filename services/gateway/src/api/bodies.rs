//! The bodies that the gateway takes, for the document. What a schema cannot say stands in words: that an amount has no more decimals than
//! its currency, that a sku stands in one line only, that names are in Unicode's normal form C.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An order to be submitted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) struct NewOrder {
    payment_method: PaymentMethod,
    /// A sku may stand in one line only.
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<NewLine>,
    /// The total that the customer saw: an order that would cost anything else is rejected with `price_changed`.
    expected_total: Option<NewMoney>,
}

/// How the customer pays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaymentMethod {
    CreditCard,
    DebitCard,
    Paypal,
    Alipay,
    Wechat,
}

/// One product of an order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "stands in the document only")]
struct NewLine {
    /// The product: visible characters in Unicode's normal form C.
    #[schema(min_length = 1, max_length = 64, pattern = r"^\S(.*\S)?$", example = "MUG-STONE")]
    sku: String,
    /// Pieces.
    #[schema(minimum = 1, maximum = 10000)]
    quantity: i32,
}

/// An amount of more than 0, with no more decimals than its currency.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "stands in the document only")]
struct NewMoney {
    /// A decimal string.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", max_length = 64, example = "25.00")]
    amount: String,
    /// An active code of ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
}

/// Why an order is cancelled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) struct Reason {
    /// For people; not only blanks, no control character.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$",
        example = "the customer changed their mind"
    )]
    reason: String,
}

/// What is given back, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) struct NewRefund {
    /// For people; not only blanks, no control character.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$",
        example = "one of two came broken"
    )]
    reason: String,
    /// A decimal string of more than 0, in the order's currency, with no more decimals than that. Absent: all that is left.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", max_length = 64, example = "12.50")]
    amount: Option<String>,
    /// Whether the goods come back into stock if nothing of the payment is left. Absent: they do.
    return_stock: Option<bool>,
}

/// A product as it is from now on, all of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) struct NewProduct {
    /// Not only blanks, no control character.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$",
        example = "Stoneware mug"
    )]
    name: String,
    /// A decimal string up to 999999999999999.9999, with no more decimals than its currency.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$", max_length = 64, example = "12.50")]
    unit_price: String,
    /// An active code of ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
    /// Whether it can be ordered.
    active: bool,
}

/// A change of a stock level.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) struct NewAdjustment {
    /// Pieces that came in, or left (negative); not 0.
    #[schema(minimum = -2147483648, maximum = 2147483647, example = 40)]
    delta: i32,
    /// For people; not only blanks, no control character.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$",
        example = "delivery"
    )]
    reason: String,
}

/// Where an order stands.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderStatus {
    Pending,
    Paid,
    Confirmed,
    Cancelled,
    Failed,
}

/// The request is on its way; what becomes of it is seen at the order.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accepted {
    #[schema(format = Uuid)]
    order_id: String,
    /// Of a cancellation or a refund: the id under which it was taken in.
    request_id: Option<String>,
}

/// The adjustment is on its way.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "stands in the document only")]
pub(crate) struct AcceptedAdjustment {
    #[schema(format = Uuid)]
    adjustment_id: String,
}

#[cfg(test)]
mod tests {
    use minuet_http::FieldError;
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::{Value, json};

    use crate::order_request::OrderRequest;
    use crate::{products, requests, stock};

    /// What a schema cannot say, and the document says in words.
    const IN_WORDS: &[&str] =
        &["duplicate_sku", "too_many_decimals", "invalid_currency", "invalid_amount", "invalid_delta"];

    fn schema(name: &str) -> jsonschema::Validator {
        let mut document = serde_json::to_value(crate::openapi()).unwrap();
        document["$ref"] = json!(format!("#/components/schemas/{name}"));
        jsonschema::draft202012::new(&document).unwrap()
    }

    /// The parser of a body, by the name of its schema.
    fn parse(name: &str, body: &Value) -> Result<(), Vec<FieldError>> {
        match name {
            "NewOrder" => OrderRequest::parse(body).map(drop),
            "NewProduct" => products::parse("TEA-1", body).map(drop),
            "NewAdjustment" => stock::parse(
                minuet_events::values::AdjustmentId::new(uuid::Uuid::nil()),
                "TEA-1",
                "BER",
                body,
            )
            .map(drop),
            "NewRefund" => requests::parse_refund(body).map(drop),
            _ => requests::parse_reason(body).map(drop),
        }
    }

    /// A value of the field, or almost one.
    fn text() -> impl Strategy<Value = Value> {
        prop_oneof![
            4 => "[a-zA-Z0-9ä茶-]{1,12}( [a-z]{1,4})?".prop_map(Value::from),
            1 => select(vec![json!(""), json!(" "), json!(" x"), json!("x".repeat(65)), json!("x".repeat(501)), json!(7), json!(null), json!([])]),
        ]
    }

    fn amount() -> impl Strategy<Value = Value> {
        prop_oneof![
            4 => "[0-9]{1,4}(\\.[0-9]{1,3})?".prop_map(Value::from),
            1 => select(vec![json!("1."), json!(".5"), json!("-1"), json!("1e3"), json!(12.5), json!("9999999999999999"), json!("0"), json!(null)]),
        ]
    }

    fn currency() -> impl Strategy<Value = Value> {
        select(vec![
            json!("EUR"),
            json!("EUR"),
            json!("JPY"),
            json!("KWD"),
            json!("XXX"),
            json!("eur"),
            json!("EURO"),
            json!(1),
        ])
    }

    fn number() -> impl Strategy<Value = Value> {
        prop_oneof![
            4 => (-3..12_000_i64).prop_map(Value::from),
            1 => select(vec![json!(0), json!(3_000_000_000_i64), json!(2.5), json!("2"), json!(null), json!(true)]),
        ]
    }

    /// An object of these fields, each of which may be missing, and perhaps one more.
    fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
        let field = |(name, value): (&'static str, BoxedStrategy<Value>)| prop_oneof![9 => value.prop_map(move |value| Some((name, value))), 1 => Just(None)];
        let more = prop_oneof![9 => Just(None), 1 => Just(Some(("coupon", json!(1))))];
        let fields: Vec<_> =
            fields.into_iter().map(|given| field(given).boxed()).chain([more.boxed()]).collect();
        fields
            .prop_map(|fields| {
                fields.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect()
            })
            .boxed()
    }

    fn body() -> impl Strategy<Value = (&'static str, Value)> {
        let method = select(vec![
            json!("credit_card"),
            json!("debit_card"),
            json!("paypal"),
            json!("alipay"),
            json!("wechat"),
            json!("cash"),
            json!(1),
        ]);
        let line = || object(vec![("sku", text().boxed()), ("quantity", number().boxed())]);
        let lines = prop_oneof![
            9 => prop::collection::vec(line(), 0..4).prop_map(Value::from),
            1 => select(vec![json!({}), json!(null), Value::from(vec![json!({"sku": "A", "quantity": 1}); 101])]),
        ];
        let money = object(vec![("amount", amount().boxed()), ("currency", currency().boxed())]);
        let expected = prop_oneof![3 => money, 1 => select(vec![json!(null), json!("25.00")])];
        let order = object(vec![
            ("payment_method", method.boxed()),
            ("lines", lines.boxed()),
            ("expected_total", expected.boxed()),
        ]);
        let active = select(vec![json!(true), json!(false), json!("yes"), json!(null)]);
        let product = object(vec![
            ("name", text().boxed()),
            ("unit_price", amount().boxed()),
            ("currency", currency().boxed()),
            ("active", active.boxed()),
        ]);
        let adjustment = object(vec![("delta", number().boxed()), ("reason", text().boxed())]);
        let reason = object(vec![("reason", text().boxed())]);
        let returns = select(vec![json!(true), json!(false), json!("no"), json!(null)]);
        let refund = object(vec![
            ("reason", text().boxed()),
            ("amount", amount().boxed()),
            ("return_stock", returns.boxed()),
        ]);
        prop_oneof![
            order.prop_map(|body| ("NewOrder", body)),
            product.prop_map(|body| ("NewProduct", body)),
            adjustment.prop_map(|body| ("NewAdjustment", body)),
            reason.prop_map(|body| ("Reason", body)),
            refund.prop_map(|body| ("NewRefund", body)),
            select(vec![("NewOrder", json!([])), ("Reason", json!(null)), ("NewProduct", json!("x"))]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// What the parser takes, the schema takes; what the schema takes, the parser takes but for what is said in words.
        #[test]
        fn the_schema_of_a_body_is_its_parser((name, body) in body()) {
            let parsed = parse(name, &body);
            let fits = SCHEMAS.with(|schemas| schemas[name].is_valid(&body));
            match parsed {
                Ok(()) => prop_assert!(fits, "{name} takes {body}, its schema does not"),
                Err(errors) => {
                    let in_words = errors.iter().all(|error| IN_WORDS.contains(&&*error.code));
                    prop_assert!(!fits || in_words, "{name} refuses {body}, its schema does not: {errors:?}");
                }
            }
        }
    }

    thread_local! {
        static SCHEMAS: std::collections::BTreeMap<&'static str, jsonschema::Validator> =
            ["NewOrder", "NewProduct", "NewAdjustment", "Reason", "NewRefund"].map(|name| (name, schema(name))).into();
    }
}
