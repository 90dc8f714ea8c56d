use std::collections::HashSet;

use minuet_events::orders::{ExpectedTotal, OrderSubmitted, SubmittedLine};
use minuet_events::values::{Currency, PaymentMethod, Quantity, Sku};
use minuet_http::FieldError;
use serde_json::Value;

use crate::downstream::{Money, Order, OrderProblem};
use crate::fields::{Fields, name_of};

/// What `POST /v1/orders` takes. A sku may stand in one line only (`duplicate_sku`): two lines of one sku are more often a
/// client's mistake than a wish, and whoever means it can add the quantities.
#[derive(Debug, PartialEq)]
pub(crate) struct OrderRequest {
    pub(crate) payment_method: PaymentMethod,
    pub(crate) lines: Vec<SubmittedLine>,
    pub(crate) expected_total: Option<ExpectedTotal>,
}

impl OrderRequest {
    /// Every problem of the body, or the request.
    pub(crate) fn parse(body: &Value) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let known = &["payment_method", "lines", "expected_total"];
        let request = Fields::of(body, "", known, &mut errors).and_then(|fields| {
            let method =
                fields.parsed("payment_method", "unknown_payment_method", PaymentMethod::parse, &mut errors);
            let lines =
                fields.required("lines", &mut errors).and_then(|lines| parse_lines(lines, &mut errors));
            let expected_total = fields
                .optional("expected_total")
                .and_then(|expected| parse_expected_total(expected, &mut errors));
            Some(OrderRequest { payment_method: method?, lines: lines?, expected_total })
        });
        request.filter(|_| errors.is_empty()).ok_or(errors)
    }

    /// Whether an order is what this request asks for. Which line comes first makes no difference.
    pub(crate) fn is_of(&self, order: &Order) -> bool {
        let mut wanted: Vec<_> =
            self.lines.iter().map(|line| (line.sku.as_str(), i64::from(line.quantity.get()))).collect();
        let mut present: Vec<_> = order.lines.iter().map(|line| (line.sku.as_str(), line.quantity)).collect();
        wanted.sort_unstable();
        present.sort_unstable();
        order.payment_method.as_deref() == Some(self.payment_method.as_str())
            && wanted == present
            && order.expected_total == self.expected_total.map(Money::from)
    }

    /// Where in the request a problem lies.
    pub(crate) fn field_of(&self, problem: &OrderProblem) -> String {
        if problem.expected_total.is_some() {
            return "expected_total".to_owned();
        }
        let sku = problem.sku.as_deref();
        let position = sku.and_then(|sku| self.lines.iter().position(|line| line.sku.as_str() == sku));
        position.map_or_else(|| "lines".to_owned(), |index| format!("lines[{index}].sku"))
    }
}

/// Any total may be expected that an order can have: more than 0, and with no more decimals than its currency.
fn parse_expected_total(value: &Value, errors: &mut Vec<FieldError>) -> Option<ExpectedTotal> {
    let fields = Fields::of(value, "expected_total", &["amount", "currency"], errors)?;
    let amount = fields.money("amount", errors);
    let currency = fields.parsed("currency", "invalid_currency", Currency::parse, errors);
    let amount = amount?;
    if amount.is_zero() {
        errors.push(FieldError::new(
            fields.at("amount"),
            "invalid_amount",
            "an order's total is more than 0",
        ));
    }
    if let Some(currency) = currency {
        fields.check_decimals("amount", amount, currency, errors);
    }
    Some(ExpectedTotal { amount, currency: currency? })
}

fn parse_lines(value: &Value, errors: &mut Vec<FieldError>) -> Option<Vec<SubmittedLine>> {
    let Value::Array(lines) = value else {
        errors.push(FieldError::new(
            "lines",
            "wrong_type",
            format!("takes an array, not {}", name_of(value)),
        ));
        return None;
    };
    if lines.is_empty() {
        errors.push(FieldError::new("lines", "no_lines", "an order has at least one line"));
        return None;
    }
    if lines.len() > OrderSubmitted::MAX_LINES {
        let (most, given) = (OrderSubmitted::MAX_LINES, lines.len());
        let detail = format!("an order has at most {most} lines, not {given}");
        errors.push(FieldError::new("lines", "too_many_lines", detail));
        return None;
    }
    let mut seen = HashSet::new();
    let mut parsed = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let path = format!("lines[{index}]");
        let Some(fields) = Fields::of(line, &path, &["sku", "quantity"], errors) else { continue };
        let sku = fields.parsed("sku", "invalid_sku", Sku::admit, errors);
        let quantity = fields.integer("quantity", errors).and_then(|pieces| {
            let quantity = Quantity::try_from(pieces);
            quantity
                .map_err(|error| {
                    errors.push(FieldError::new(
                        fields.at("quantity"),
                        "quantity_out_of_range",
                        error.to_string(),
                    ))
                })
                .ok()
        });
        if let Some(sku) = &sku
            && !seen.insert(sku.clone())
        {
            let detail = format!("{sku} stands in an earlier line; add the quantities");
            errors.push(FieldError::new(fields.at("sku"), "duplicate_sku", detail));
        }
        if let (Some(sku), Some(quantity)) = (sku, quantity) {
            parsed.push(SubmittedLine { sku, quantity });
        }
    }
    Some(parsed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(body: Value) -> Vec<(String, String)> {
        let errors = OrderRequest::parse(&body).unwrap_err();
        errors.into_iter().map(|error| (error.field, error.code.into_owned())).collect()
    }

    fn one(field: &str, code: &str) -> Vec<(String, String)> {
        vec![(field.to_owned(), code.to_owned())]
    }

    fn with_line(line: Value) -> Value {
        json!({"payment_method": "paypal", "lines": [line]})
    }

    #[test]
    fn takes_a_proper_order() {
        let request = OrderRequest::parse(&json!({
            "payment_method": "credit_card",
            "lines": [{"sku": "TEA-1", "quantity": 2}, {"sku": "CUP 9", "quantity": 10_000}],
        }));
        let request = request.unwrap();
        assert_eq!(request.payment_method, PaymentMethod::CreditCard);
        assert_eq!(request.lines.len(), 2);
        let problem = |sku: Option<&str>| OrderProblem {
            code: "a_code".to_owned(),
            sku: sku.map(str::to_owned),
            detail: String::new(),
            expected_total: None,
            total: None,
        };
        assert_eq!(request.field_of(&problem(Some("CUP 9"))), "lines[1].sku");
        assert_eq!(request.field_of(&problem(None)), "lines");
        let expected_total = Some(Money { amount: "1.00".to_owned(), currency: "EUR".to_owned() });
        assert_eq!(request.field_of(&OrderProblem { expected_total, ..problem(None) }), "expected_total");
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let found = problems(json!({
            "payment_method": "cash",
            "coupon": 1,
            "lines": [
                {"sku": "a\u{7}", "quantity": 0},
                {"sku": "TEA-1", "quantity": -1, "price": "1.00"},
                {"sku": "TEA-1"},
                7,
            ],
        }));
        let expected = [
            ("coupon", "unknown_field"),
            ("payment_method", "unknown_payment_method"),
            ("lines[0].sku", "invalid_sku"),
            ("lines[0].quantity", "quantity_out_of_range"),
            ("lines[1].price", "unknown_field"),
            ("lines[1].quantity", "quantity_out_of_range"),
            ("lines[2].quantity", "required"),
            ("lines[2].sku", "duplicate_sku"),
            ("lines[3]", "wrong_type"),
        ];
        assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code.to_owned())));
    }

    #[test]
    fn the_bounds_of_an_order() {
        assert_eq!(problems(json!({"payment_method": "paypal", "lines": []})), one("lines", "no_lines"));
        assert_eq!(problems(json!({"payment_method": "paypal", "lines": {}})), one("lines", "wrong_type"));
        assert_eq!(problems(json!({"payment_method": "paypal", "lines": null})), one("lines", "required"));
        assert_eq!(problems(json!([])), one("body", "wrong_type"));
        let lines = |n: usize| -> Vec<Value> {
            (0..n).map(|i| json!({"sku": format!("S{i}"), "quantity": 1})).collect()
        };
        assert!(OrderRequest::parse(&json!({"payment_method": "paypal", "lines": lines(100)})).is_ok());
        let too_many = json!({"payment_method": "paypal", "lines": lines(101)});
        assert_eq!(problems(too_many), one("lines", "too_many_lines"));
    }

    #[test]
    fn the_bounds_of_an_expected_total() {
        let order = |expected: Value| json!({"payment_method": "paypal", "lines": [{"sku": "S", "quantity": 1}], "expected_total": expected});
        let request = OrderRequest::parse(&order(json!({"amount": "25.000", "currency": "EUR"}))).unwrap();
        assert_eq!(request.expected_total.unwrap().to_string(), "EUR 25.00");
        assert!(OrderRequest::parse(&order(Value::Null)).unwrap().expected_total.is_none());
        let amount = |amount: Value| json!({"amount": amount, "currency": "EUR"});
        let cases = [
            (json!("25.00"), "expected_total", "wrong_type"),
            (json!({"currency": "EUR"}), "expected_total.amount", "required"),
            (json!({"amount": "1.00"}), "expected_total.currency", "required"),
            (json!({"amount": "1", "currency": "eur"}), "expected_total.currency", "invalid_currency"),
            (json!({"amount": "1", "currency": "EUR", "tax": "1"}), "expected_total.tax", "unknown_field"),
            (amount(json!(25)), "expected_total.amount", "money_as_number"),
            (amount(json!(25.0)), "expected_total.amount", "money_as_number"),
            (amount(json!(true)), "expected_total.amount", "wrong_type"),
            (amount(json!("0")), "expected_total.amount", "invalid_amount"),
            (amount(json!("0.00")), "expected_total.amount", "invalid_amount"),
            (amount(json!("-1.00")), "expected_total.amount", "invalid_amount"),
            (amount(json!("1e2")), "expected_total.amount", "invalid_amount"),
            (amount(json!("1.")), "expected_total.amount", "invalid_amount"),
            (amount(json!("25.001")), "expected_total.amount", "too_many_decimals"),
            (json!({"amount": "25.5", "currency": "JPY"}), "expected_total.amount", "too_many_decimals"),
        ];
        for (expected, field, code) in cases {
            assert_eq!(problems(order(expected.clone())), one(field, code), "{expected}");
        }
    }

    #[test]
    fn the_bounds_of_a_quantity() {
        for quantity in [json!(0), json!(-1), json!(10_001), json!(i64::MAX)] {
            let found = problems(with_line(json!({"sku": "S", "quantity": quantity})));
            assert_eq!(found, one("lines[0].quantity", "quantity_out_of_range"), "{quantity}");
        }
        for quantity in [json!("2"), json!(2.5), json!(2.0), json!(true), json!(u64::MAX), json!(1e300)] {
            let found = problems(with_line(json!({"sku": "S", "quantity": quantity})));
            assert_eq!(found, one("lines[0].quantity", "wrong_type"), "{quantity}");
        }
    }

    #[test]
    fn the_bounds_of_a_sku() {
        for sku in ["", " S", "S\n", "\u{0}", "\u{85}", &"x".repeat(65)] {
            let found = problems(with_line(json!({"sku": sku, "quantity": 1})));
            assert_eq!(found, one("lines[0].sku", "invalid_sku"), "{sku:?}");
        }
    }
}
