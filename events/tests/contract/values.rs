//! What each value takes, and the first thing that it does not.

use minuet_events::values::*;
use time::Duration;

#[test]
fn texts_have_lengths_in_characters_and_nothing_unprintable() {
    assert!(UserId::parse(&"ä".repeat(128)).is_ok());
    assert!(UserId::parse(&"ä".repeat(129)).is_err());
    assert!(UserId::parse(" with blanks ").is_ok());
    assert!(Sku::parse(&"ß".repeat(64)).is_ok());
    assert!(Sku::parse(&"ß".repeat(65)).is_err());
    assert!(WarehouseCode::parse(&"w".repeat(32)).is_ok());
    assert!(WarehouseCode::parse(&"w".repeat(33)).is_err());
    for wrong in ["", "a\0b", "a\nb", "\u{7f}", "\u{85}"] {
        assert!(UserId::parse(wrong).is_err(), "{wrong:?}");
        assert!(Sku::parse(wrong).is_err(), "{wrong:?}");
        assert!(WarehouseCode::parse(wrong).is_err(), "{wrong:?}");
    }
    for edged in [" a", "a ", "\u{a0}a", "a\u{3000}"] {
        assert!(Sku::parse(edged).is_err(), "{edged:?}");
        assert!(WarehouseCode::parse(edged).is_err(), "{edged:?}");
    }
    assert!(Sku::parse("a b").is_ok());
}

#[test]
fn errors_name_the_value_what_it_takes_and_a_line_of_what_it_got() {
    let error = Sku::parse(&"\u{1b}[2J".repeat(1_000)).unwrap_err().to_string();
    assert!(error.starts_with("sku takes 1 to 64 characters"), "{error}");
    assert!(!error.contains('\u{1b}') && error.chars().count() < 200, "{error}");
}

#[test]
fn quantities_end_at_ten_thousand() {
    assert!(Quantity::new(0).is_err());
    assert_eq!(Quantity::new(1).unwrap().get(), 1);
    assert_eq!(Quantity::new(10_000).unwrap().get(), 10_000);
    assert!(Quantity::new(10_001).is_err());
    assert!(Quantity::try_from(-1_i64).is_err());
    assert!(Quantity::try_from(i64::MAX).is_err());
    assert!(Quantity::parse("2").is_ok() && Quantity::parse("-2").is_err() && Quantity::parse("").is_err());
}

#[test]
fn ids_have_one_spelling() {
    let text = "019ab3c4-0000-7000-8000-00000000000a";
    let id = OrderId::parse(text).unwrap();
    assert_eq!(id.to_string(), text);
    assert_eq!(OrderId::parse(&text.to_uppercase()).unwrap(), id);
    for wrong in ["", "7", &text.replace('-', ""), &format!("{{{text}}}"), &format!("urn:uuid:{text}")] {
        assert!(OrderId::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_amount_fits_its_currency() {
    let currency = |code| Currency::parse(code).unwrap();
    for (code, decimals) in [
        ("JPY", 0),
        ("UYI", 0),
        ("XOF", 0),
        ("EUR", 2),
        ("MRU", 2),
        ("KWD", 3),
        ("TND", 3),
        ("CLF", 4),
        ("UYW", 4),
    ] {
        assert_eq!(currency(code).decimals(), decimals, "{code}");
    }
    // Zeros at the end are no decimals.
    for (text, code, shown) in [
        ("100", "JPY", "100"),
        ("100.0000", "JPY", "100"),
        ("1500", "JPY", "1500"),
        ("10.5", "EUR", "10.50"),
        ("10.500", "EUR", "10.50"),
        ("1.234", "KWD", "1.234"),
        ("1", "KWD", "1.000"),
        ("0", "CLF", "0.0000"),
        ("0.0001", "CLF", "0.0001"),
    ] {
        let amount = Amount::parse(text).unwrap();
        assert!(amount.fits(currency(code)), "{text} {code}");
        assert_eq!(amount.check_fits("total", currency(code)), Ok(()));
        assert_eq!(amount.shown_in(currency(code)), shown, "{text} {code}");
    }
    for (text, code, said) in [
        ("100.5", "JPY", "total takes no decimals in this currency, not 100.5 JPY"),
        ("0.0050", "EUR", "total takes at most 2 decimals in this currency, not 0.005 EUR"),
        ("1.2345", "KWD", "total takes at most 3 decimals in this currency, not 1.2345 KWD"),
    ] {
        let amount = Amount::parse(text).unwrap();
        assert!(!amount.fits(currency(code)), "{text} {code}");
        assert_eq!(amount.check_fits("total", currency(code)).unwrap_err().to_string(), said);
        assert_eq!(
            amount.shown_in(currency(code)),
            amount.get().normalize().to_string(),
            "nothing is hidden"
        );
    }
}

#[test]
fn currencies_and_methods_are_known_ones() {
    for code in ["EUR", "USD", "JPY", "CNY", "AED", "ZWG", "XOF", "CLF", "XAD"] {
        assert_eq!(Currency::parse(code).unwrap().as_str(), code);
    }
    for wrong in ["", "eur", "EURO", "XXX", "XTS", "DEM", "XAU", "XDR", "EUR "] {
        assert!(Currency::parse(wrong).is_err(), "{wrong}");
    }
    for method in PaymentMethod::ALL {
        assert_eq!(PaymentMethod::parse(method.as_str()), Ok(method));
    }
    assert!(PaymentMethod::parse("CREDIT_CARD").is_err());
    assert!(PaymentMethod::parse("cash").is_err());
}

#[test]
fn statuses_are_the_texts_of_the_databases_and_of_http() {
    assert_eq!(
        OrderStatus::ALL.map(|status| status.to_string()).join(" "),
        "pending paid confirmed cancelled failed"
    );
    assert_eq!(
        ReservationStatus::ALL.map(|status| status.to_string()).join(" "),
        "reserved confirmed released"
    );
    let payment = PaymentStatus::ALL.map(|status| status.to_string());
    assert_eq!(payment.join(" "), "pending processing success failed refunded");
    for status in OrderStatus::ALL {
        assert_eq!(OrderStatus::parse(status.as_str()), Ok(status));
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
    for wrong in ["", "Pending", "pending ", "unknown", "tombstone"] {
        assert!(OrderStatus::parse(wrong).is_err(), "{wrong:?}");
    }
    let last = OrderStatus::ALL.into_iter().filter(|status| status.is_final());
    assert!(last.eq([OrderStatus::Confirmed, OrderStatus::Cancelled, OrderStatus::Failed]));
}

#[test]
fn a_reason_of_another_program_is_kept_as_it_is() {
    for text in CancellationReason::KNOWN {
        assert_eq!(CancellationReason::from(text).known(), Some(text));
    }
    for text in ["", "fraud", "Deadline", "a\nb"] {
        let reason = CancellationReason::from(text);
        assert_eq!((reason.known(), reason.as_str()), (None, text));
        let json = serde_json::to_value(&reason).unwrap();
        assert_eq!(json, text);
        assert_eq!(serde_json::from_value::<CancellationReason>(json).unwrap(), reason);
    }
    assert_eq!(serde_json::to_value(CancellationReason::Requested).unwrap(), "requested");
    assert_eq!(ReleaseCause::from("order_cancelled"), ReleaseCause::OrderCancelled);
}

#[test]
fn amounts_fit_the_decimal_and_look_the_same_whatever_way_they_came() {
    for (text, shown) in [
        ("0", "0.00"),
        ("0.0001", "0.0001"),
        ("12.5", "12.50"),
        ("12.50000000", "12.50"),
        ("1200", "1200.00"),
        ("999999999999999.9999", "999999999999999.9999"),
    ] {
        assert_eq!(Amount::parse(text).unwrap().to_string(), shown);
    }
    for wrong in [
        "",
        ".",
        "-1",
        "-0.0001",
        "+1",
        "0.00001",
        "1000000000000000",
        "999999999999999.99991",
        "1.",
        ".5",
        "1..5",
        "1.5.0",
        "\u{ff11}",
        "1e3",
        "1_0",
        "NaN",
    ] {
        assert!(Amount::parse(wrong).is_err(), "{wrong}");
    }
    assert!(Amount::new(rust_decimal::Decimal::MAX).is_err());
    assert!(Amount::new(rust_decimal::Decimal::MIN).is_err());
    assert_eq!(Amount::new(-rust_decimal::Decimal::ZERO).unwrap().to_string(), "0.00");
}

#[test]
fn amounts_add_up_or_say_that_they_do_not() {
    let amount = |text| Amount::parse(text).unwrap();
    let max = amount("999999999999999.9999");
    assert_eq!(amount("0.1").checked_add(amount("0.2")), Some(amount("0.3")));
    assert_eq!(max.checked_add(amount("0.0001")), None);
    assert_eq!(amount("12.5").times(Quantity::new(2).unwrap()), Some(amount("25")));
    assert_eq!(max.times(Quantity::new(10_000).unwrap()), None);
    assert!(Amount::ZERO.is_zero() && amount("0.00") == Amount::ZERO);
}

#[test]
fn times_are_rfc_3339_and_no_time_fails() {
    let time = Micros::parse("2026-11-23T08:15:00.25+01:00").unwrap();
    assert_eq!(time.to_string(), "2026-11-23T07:15:00.250000Z");
    assert_eq!(Micros::from_datetime(time.to_datetime()), time);
    assert_eq!(time.plus(Duration::minutes(15)).since(time), Duration::minutes(15));
    assert_eq!(Micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    assert_eq!(Micros(-1).as_millis(), -1);
    assert_eq!(Micros(i64::MAX).to_string(), "9999-12-31T23:59:59.999999Z");
    assert_eq!(Micros(i64::MIN).to_string(), "0000-01-01T00:00:00.000000Z");
    assert_eq!(Micros(i64::MAX).plus(Duration::MAX), Micros(i64::MAX));
    assert_eq!(Micros(0).plus(Duration::MIN), Micros(i64::MIN));
    for wrong in ["", "2026-11-23", "2026-11-23T08:15:00", "2026-13-01T00:00:00Z"] {
        assert!(Micros::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn names_come_in_in_one_form_and_visible() {
    assert_eq!(Sku::admit("cafe\u{301}").unwrap(), Sku::parse("caf\u{e9}").unwrap());
    assert_eq!(Sku::admit("CAFÉ 7").unwrap().as_str(), "CAFÉ 7");
    assert!(Sku::admit(&"e\u{301}".repeat(64)).is_ok(), "64 characters once it is normalised");
    assert!(Sku::admit(&"e\u{301}".repeat(65)).is_err());
    assert!(Sku::admit(&"x".repeat(2_000)).is_err());
    for wrong in
        ["", " ", " a", "a ", "a\u{200b}", "\u{202e}a", "a\u{ad}b", "a\u{2028}b", "a\u{e000}", "a\u{a0}b"]
    {
        assert!(Sku::admit(wrong).is_err(), "{wrong:?}");
        assert!(UserId::admit(wrong).is_err(), "{wrong:?}");
        assert!(WarehouseCode::admit(wrong).is_err(), "{wrong:?}");
    }
    // What was taken once can be read for ever.
    for old in [" with blanks ", " ", "a\u{200b}", "cafe\u{301}"] {
        let read: UserId = serde_json::from_value(old.into()).unwrap();
        assert_eq!(read.as_str(), old);
        assert!(read.check_admissible().is_err(), "{old:?}");
    }
}
