//! Walking through a JSON body field by field, so that one answer names every problem in it. A derived `Deserialize` stops at
//! the first.

use std::fmt::Display;

use minuet_events::values::{Amount, Currency};
use minuet_http::FieldError;
use minuet_text::name::is_blank;
use serde_json::{Map, Value};

/// A JSON object and where it stands in the body (`lines[2]`; empty for the body itself).
pub(crate) struct Fields<'a> {
    path: String,
    object: &'a Map<String, Value>,
    known: &'static [&'static str],
}

impl<'a> Fields<'a> {
    /// Reports a value that is no object, and every field that is not in `known`.
    pub(crate) fn of(
        value: &'a Value,
        path: &str,
        known: &'static [&'static str],
        errors: &mut Vec<FieldError>,
    ) -> Option<Self> {
        let Value::Object(object) = value else {
            let field = if path.is_empty() { "body" } else { path };
            errors.push(FieldError::new(
                field,
                "wrong_type",
                format!("takes an object, not {}", name_of(value)),
            ));
            return None;
        };
        let fields = Fields { path: path.to_owned(), object, known };
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let takes = known.join(", ");
            errors.push(FieldError::new(
                fields.at(name),
                "unknown_field",
                format!("is not known here; known are {takes}"),
            ));
        }
        Some(fields)
    }

    pub(crate) fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The value, if there is one. Null is none.
    pub(crate) fn optional(&self, name: &'static str) -> Option<&'a Value> {
        debug_assert!(self.known.contains(&name), "{name} would be reported as unknown");
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// The value, or a report that it is missing. Null is as good as missing.
    pub(crate) fn required(&self, name: &'static str, errors: &mut Vec<FieldError>) -> Option<&'a Value> {
        let value = self.optional(name);
        if value.is_none() {
            errors.push(FieldError::new(self.at(name), "required", "is required"));
        }
        value
    }

    /// A string that is parsed to its value type. `code` names what is wrong when that refuses it.
    pub(crate) fn parsed<T, E: Display>(
        &self,
        name: &'static str,
        code: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
        errors: &mut Vec<FieldError>,
    ) -> Option<T> {
        let value = self.required(name, errors)?;
        let Value::String(text) = value else {
            errors.push(FieldError::new(
                self.at(name),
                "wrong_type",
                format!("takes a string, not {}", name_of(value)),
            ));
            return None;
        };
        parse(text).map_err(|error| errors.push(FieldError::new(self.at(name), code, error.to_string()))).ok()
    }

    /// A decimal string. A number would have been through somebody's float, and 0.1 is none.
    pub(crate) fn money(&self, name: &'static str, errors: &mut Vec<FieldError>) -> Option<Amount> {
        if let Value::Number(number) = self.required(name, errors)? {
            let detail = format!("money is a decimal string: \"{number}\", in quotes");
            errors.push(FieldError::new(self.at(name), "money_as_number", detail));
            return None;
        }
        self.parsed(name, "invalid_amount", Amount::parse, errors)
    }

    /// Reports an amount that has more decimals than its currency.
    pub(crate) fn check_decimals(
        &self,
        name: &'static str,
        amount: Amount,
        currency: Currency,
        errors: &mut Vec<FieldError>,
    ) {
        if let Err(error) = amount.check_fits(name, currency) {
            errors.push(FieldError::new(self.at(name), "too_many_decimals", error.to_string()));
        }
    }

    pub(crate) fn boolean(&self, name: &'static str, errors: &mut Vec<FieldError>) -> Option<bool> {
        let value = self.required(name, errors)?;
        if value.as_bool().is_none() {
            let detail = format!("takes true or false, not {}", name_of(value));
            errors.push(FieldError::new(self.at(name), "wrong_type", detail));
        }
        value.as_bool()
    }

    /// A whole number. 2.0 is none: a client that computes with floats is told, not guessed at.
    pub(crate) fn integer(&self, name: &'static str, errors: &mut Vec<FieldError>) -> Option<i64> {
        let value = self.required(name, errors)?;
        if value.as_i64().is_none() {
            let detail = match value {
                Value::Number(number) => format!("takes a whole number in range, not {number}"),
                other => format!("takes a whole number, not {}", name_of(other)),
            };
            errors.push(FieldError::new(self.at(name), "wrong_type", detail));
        }
        value.as_i64()
    }
}

/// What kind of JSON a value is, for people.
pub(crate) fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Text that a person wrote: a name, a reason. At most `longest` characters, and none that a terminal would obey. What the
/// records of the contract take is wider.
pub(crate) fn free_text(text: &str, longest: usize) -> Result<String, String> {
    let fits = !is_blank(text) && text.chars().count() <= longest && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!("takes 1 to {longest} characters, no control character, not only blanks"))
    }
}
