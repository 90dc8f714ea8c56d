//! What becomes of a charge is a function of the seed and the payment's id, and of an amount that stands for its end.

use super::*;

const CHARGES: u32 = 400;

fn outcomes(settings: ProviderSettings) -> Vec<Answer> {
    let provider = provider(settings);
    (0..CHARGES).map(|number| captures(&provider, &charge(number))).collect()
}

fn seeded(seed: u64) -> Vec<Answer> {
    outcomes(ProviderSettings { seed, ..settings(0.5) })
}

#[test]
fn the_same_seed_gives_the_same_outcomes_in_any_order() {
    assert_eq!(seeded(7), seeded(7));
    let provider = provider(ProviderSettings { seed: 7, ..settings(0.5) });
    let backwards: Vec<Answer> =
        (0..CHARGES).rev().map(|number| captures(&provider, &charge(number))).collect();
    assert_eq!(backwards.into_iter().rev().collect::<Vec<_>>(), seeded(7));
}

#[test]
fn another_seed_gives_others() {
    assert_ne!(seeded(7), seeded(8));
}

#[test]
fn the_amount_does_not_matter() {
    let (one, other) = (provider(settings(0.5)), provider(settings(0.5)));
    for number in 0..CHARGES {
        let dear = captures(&other, &charge_of(number, "1000000"));
        assert_eq!(captures(&one, &charge(number)), dear);
    }
}

#[test]
fn the_rate_is_kept_to() {
    let captured = |rate| outcomes(settings(rate)).iter().filter(|answer| is_captured(answer)).count();
    assert_eq!(captured(0.0), 0);
    assert_eq!(captured(1.0), CHARGES as usize);
    // The outcomes are fixed, so this cannot fail by chance.
    assert!((170..=230).contains(&captured(0.5)), "{}", captured(0.5));
    // Who is captured at a lower rate is so at a higher one.
    let (low, high) = (outcomes(settings(0.3)), outcomes(settings(0.7)));
    assert!(low.iter().zip(&high).all(|(low, high)| !is_captured(low) || is_captured(high)));
}

#[test]
fn an_answer_says_what_happened() {
    let captured = captures(&provider(settings(1.0)), &charge(1));
    let transaction = format!("sim_{}", charge(1).payment_id.as_uuid().simple());
    let response = format!(r#"{{"result":"captured","transaction":"{transaction}"}}"#);
    assert_eq!(captured, Answer::Captured { transaction_id: transaction, response });

    let declined = captures(&provider(settings(0.0)), &charge(1));
    let response = r#"{"result":"declined","reason":"insufficient_funds"}"#.to_owned();
    assert_eq!(declined, Answer::Declined { reason: "insufficient_funds".to_owned(), response });
}

#[test]
fn certain_amounts_are_always_declined() {
    let provider = provider(settings(1.0));
    assert_eq!(reason(&captures(&provider, &charge_of(1, "9999.02"))), Some("card_declined"));
    assert!(is_captured(&captures(&provider, &charge_of(2, "9999.03"))));
}

#[test]
fn certain_amounts_are_never_answered_and_can_still_be_cancelled() {
    let provider = provider(settings(1.0));
    let hanging = charge_of(1, "9999.08");
    assert!(provider.begin(&hanging, &reference(hanging.payment_id)).now_or_never().is_none());
    assert_eq!(looks_up(&provider, &hanging), None);
    assert_eq!(reason(&cancels(&provider, &hanging)), Some("stopped"));
}
