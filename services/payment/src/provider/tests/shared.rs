//! Several processes on one file: two handles lock each other out as two processes do.

use std::collections::BTreeMap;
use std::thread;

use super::*;

#[test]
fn what_one_has_done_the_other_knows() {
    let ledger = Scratch::new();
    let (one, other) = (process(&ledger.0, 1.0), process(&ledger.0, 1.0));
    let captured = captures(&one, &charge(1));
    assert_eq!(cancels(&other, &charge(1)), captured);
    let cancelled = cancels(&other, &charge(2));
    assert_eq!(captures(&one, &charge(2)), cancelled);
    refunds(&other, &charge(1)).unwrap();
    refunds(&one, &charge(1)).unwrap();
    assert_eq!(ledger.entries().len(), 3);
}

/// The same charges from both sides, cancelled from both ends in between, and whatever was captured given back by both.
#[test]
fn in_a_race_nothing_is_captured_twice_nor_after_its_cancellation() {
    const CHARGES: u32 = 150;
    let ledger = Scratch::new();
    let work = |numbers: Vec<u32>, cancelling: bool| {
        let provider = process(&ledger.0, 0.8);
        let mut answers = BTreeMap::new();
        for number in numbers {
            let charge = charge(number);
            let answer = match cancelling {
                true => cancels(&provider, &charge),
                false => captures(&provider, &charge),
            };
            let is_refunded = refunds(&provider, &charge).is_ok();
            assert_eq!(is_refunded, is_captured(&answer));
            answers.insert(number, answer);
        }
        answers
    };
    let told: Vec<BTreeMap<u32, Answer>> = thread::scope(|scope| {
        let forwards: Vec<u32> = (0..CHARGES).collect();
        let backwards: Vec<u32> = (0..CHARGES).rev().collect();
        let work = &work;
        let workers = [
            scope.spawn({
                let numbers = forwards.clone();
                move || work(numbers, false)
            }),
            scope.spawn({
                let numbers = backwards.clone();
                move || work(numbers, false)
            }),
            scope.spawn(move || work(forwards, true)),
            scope.spawn(move || work(backwards, true)),
        ];
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });

    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "the same key has been answered in two ways");
    let entries = ledger.entries();
    let captured = entries.iter().filter(|entry| matches!(entry, Entry::Captured { .. })).count();
    let refunded = entries.iter().filter(|entry| matches!(entry, Entry::Refunded { .. })).count();
    let declined = entries.iter().filter(|entry| matches!(entry, Entry::Declined { .. })).count();
    assert_eq!(captured, told[0].values().filter(|answer| is_captured(answer)).count());
    assert_eq!((captured + declined, refunded), (CHARGES as usize, captured));
}
