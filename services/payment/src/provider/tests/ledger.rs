//! Under one key something happens once, also after the process that did it is gone.

use super::*;

#[test]
fn a_charge_is_captured_once_however_often_it_is_asked_for() {
    let ledger = Scratch::new();
    let provider = process(&ledger.0, 1.0);
    let first = captures(&provider, &charge(1));
    assert!(is_captured(&first));
    assert_eq!(captures(&provider, &charge(1)), first);
    assert_eq!(looks_up(&provider, &charge(1)), Some(first.clone()));
    assert_eq!(cancels(&provider, &charge(1)), first);
    assert_eq!(ledger.entries().len(), 1);
}

#[test]
fn what_was_cancelled_is_never_captured() {
    let ledger = Scratch::new();
    let provider = process(&ledger.0, 1.0);
    let cancelled = cancels(&provider, &charge(1));
    assert_eq!(reason(&cancelled), Some("stopped"));
    assert_eq!(captures(&provider, &charge(1)), cancelled);
    assert_eq!(looks_up(&provider, &charge(1)), Some(cancelled));
    assert_eq!(ledger.entries().len(), 1);
}

#[test]
fn what_was_declined_stays_so_at_any_rate() {
    let ledger = Scratch::new();
    let declined = captures(&process(&ledger.0, 0.0), &charge(1));
    assert_eq!(reason(&declined), Some("insufficient_funds"));
    assert_eq!(captures(&process(&ledger.0, 1.0), &charge(1)), declined);
}

#[test]
fn looking_up_enters_nothing() {
    let ledger = Scratch::new();
    let provider = process(&ledger.0, 1.0);
    assert_eq!(looks_up(&provider, &charge(1)), None);
    assert_eq!(ledger.lines(), Vec::<String>::new());
    assert!(is_captured(&captures(&provider, &charge(1))));
}

#[test]
fn a_refund_is_entered_once_and_only_of_what_was_captured() {
    let ledger = Scratch::new();
    let provider = process(&ledger.0, 1.0);
    assert!(refunds(&provider, &charge(1)).is_err(), "nothing was asked for");
    cancels(&provider, &charge(2));
    assert!(refunds(&provider, &charge(2)).is_err(), "it was cancelled");
    assert!(is_captured(&captures(&provider, &charge(3))));
    for _ in 0..3 {
        refunds(&provider, &charge(3)).unwrap();
        // Given back is not undone: the charge is still what it was.
        assert!(is_captured(&captures(&provider, &charge(3))));
    }
    let Charge { payment_id, currency, amount, .. } = charge(3);
    let refund_id = Some(ids::refund_id(payment_id));
    let refund = Entry::Refunded { payment_id, refund_id, currency, amount };
    assert_eq!(ledger.entries().iter().filter(|entry| **entry == refund).count(), 1);
    assert_eq!(ledger.entries().len(), 3);
}

#[test]
fn it_survives_reopening() {
    let ledger = Scratch::new();
    let (captured, cancelled) = {
        let provider = process(&ledger.0, 1.0);
        let answers = (captures(&provider, &charge(1)), cancels(&provider, &charge(2)));
        refunds(&provider, &charge(1)).unwrap();
        answers
    };
    let lines = ledger.lines();
    let provider = process(&ledger.0, 0.0);
    assert_eq!(looks_up(&provider, &charge(1)), Some(captured.clone()));
    assert_eq!(captures(&provider, &charge(1)), captured);
    assert_eq!(captures(&provider, &charge(2)), cancelled);
    refunds(&provider, &charge(1)).unwrap();
    assert_eq!(ledger.lines(), lines);
}

#[test]
fn in_memory_it_keeps_the_same_promises() {
    let provider = provider(settings(1.0));
    let captured = captures(&provider, &charge(1));
    assert!(is_captured(&captured));
    assert_eq!(cancels(&provider, &charge(1)), captured);
    refunds(&provider, &charge(1)).unwrap();
    cancels(&provider, &charge(2));
    assert!(refunds(&provider, &charge(2)).is_err());
}

/// A kill in the middle of a write leaves a line without its end: nobody was told of it, so it never happened.
#[test]
fn a_torn_last_line_never_happened_and_spoils_no_other() {
    let whole = {
        let ledger = Scratch::new();
        captures(&process(&ledger.0, 1.0), &charge(1));
        std::fs::read(&ledger.0).unwrap()
    };
    for end in 1..whole.len() {
        let ledger = Scratch::new();
        let before = process(&ledger.0, 1.0);
        let earlier = captures(&before, &charge(2));
        let torn = [std::fs::read(&ledger.0).unwrap(), whole[..end].to_vec()].concat();
        std::fs::write(&ledger.0, torn).unwrap();

        let provider = process(&ledger.0, 1.0);
        assert_eq!(looks_up(&provider, &charge(1)), None, "torn after {end} bytes");
        let cancelled = cancels(&provider, &charge(1));
        let later = captures(&provider, &charge(3));
        for reader in [&provider, &before, &process(&ledger.0, 1.0)] {
            assert_eq!(looks_up(reader, &charge(1)).as_ref(), Some(&cancelled), "torn after {end} bytes");
            assert_eq!(looks_up(reader, &charge(2)).as_ref(), Some(&earlier), "torn after {end} bytes");
            assert_eq!(looks_up(reader, &charge(3)).as_ref(), Some(&later), "torn after {end} bytes");
        }
    }
}

#[test]
fn a_ledger_that_cannot_be_opened_is_named() {
    let ledger = Scratch::new();
    let settings = ProviderSettings { ledger: Some(ledger.0.join("below-a-file")), ..settings(1.0) };
    let Err(error) = Simulated::open(settings) else { panic!("it was opened") };
    assert!(error.to_string().contains("below-a-file"), "{error}");
}

#[test]
fn books_without_a_file_forget_the_oldest_and_still_give_its_refund() {
    let provider = provider(settings(1.0));
    let many = 50_001;
    let first = captures(&provider, &charge(0));
    (1..many).for_each(|number| drop(captures(&provider, &charge(number))));
    assert_eq!(looks_up(&provider, &charge(0)), None);
    assert!(looks_up(&provider, &charge(1)).is_some());
    assert!(refunds(&provider, &charge(0)).is_ok());
    assert_eq!(captures(&provider, &charge(0)), first, "what becomes of it is a function of its id");
}

/// Before refunds came in parts a line did not name its refund.
#[test]
fn a_line_of_an_earlier_release_is_the_refund_of_the_whole_payment() {
    let ledger = Scratch::new();
    assert!(is_captured(&captures(&process(&ledger.0, 1.0), &charge(1))));
    let Charge { payment_id, .. } = charge(1);
    let line =
        format!(r#"{{"kind":"refunded","payment_id":"{payment_id}","currency":"EUR","amount":"25.00"}}"#);
    let text = std::fs::read_to_string(&ledger.0).unwrap();
    std::fs::write(&ledger.0, format!("{text}{line}\n")).unwrap();
    let provider = process(&ledger.0, 1.0);
    assert_eq!(refunds(&provider, &charge(1)).unwrap(), RefundStanding::Given);
    assert_eq!(ledger.entries().len(), 2, "nothing is given back again");
    assert_eq!(lists(&provider, &charge(1)), [(ids::refund_id(payment_id), RefundStanding::Given)]);
}
