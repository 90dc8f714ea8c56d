use minuet_saga::lint::{Rule, violations};
use minuet_saga::{Expects, Participant, Saga, State, Trigger, transition};

use crate::checkout::Kind::{CheckoutCancelled, PaymentRequested, WalletDebited, WalletRefused};
use crate::checkout::{CHECKOUT, Kind, WALLET, saga};
use crate::with_rows;

/// With this change the saga breaks exactly this rule, in these lines.
#[track_caller]
fn breaks(rule: Rule, lines: &[&str], change: impl FnOnce(&mut Saga<Kind>)) {
    let mut saga = saga();
    change(&mut saga);
    let found = violations(&saga);
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), lines);
    assert!(found.iter().all(|violation| violation.rule == rule), "{found:#?}");
}

#[test]
fn the_example_keeps_every_rule() {
    assert_eq!(violations(&saga()), []);
}

#[test]
fn consumed() {
    breaks(
        Rule::Consumed,
        &[
            "consumed: wallet: PaymentRequested in unknown: WalletRefused expects nothing, but checkout reacts to it",
        ],
        |saga| {
            saga.participants[1].announces =
                &[(WalletDebited, Expects::NextStep), (WalletRefused, Expects::Nothing)];
        },
    );
}

#[test]
fn produced() {
    breaks(
        Rule::Produced,
        &[
            "produced: checkout: WalletRefused in cancelled: no service emits the event, and it does not come from \
             outside",
            "produced: checkout: WalletRefused in waiting: no service emits the event, and it does not come from outside",
        ],
        |saga| {
            let wallet = with_rows(&WALLET, |rows| rows[0].emits = &[WalletDebited]);
            saga.participants[1] = Participant { announces: &WALLET.announces[..1], ..wallet };
        },
    );
}

#[test]
fn terminates() {
    const ENDLESS: &[State<Kind>] = &[
        State::initial("unknown"),
        State::open("waiting", &[]),
        State::terminal("paid", &[]),
        State::terminal("cancelled", &[]),
    ];
    breaks(
        Rule::Terminates,
        &["terminates: checkout: waiting: the state is not terminal, but nothing ends it"],
        |saga| saga.participants[0].states = ENDLESS,
    );
}

#[test]
fn covered() {
    breaks(
        Rule::Covered,
        &["covered: checkout: WalletRefused in cancelled: has no row, and is not declared impossible"],
        |saga| {
            saga.participants[0] = with_rows(&CHECKOUT, |rows| {
                rows.retain(|row| row.on != Trigger::Event(WalletRefused) || row.states != ["cancelled"]);
            });
        },
    );
}

/// On a topic of its own the cancellation may overtake the request.
#[test]
fn compensated_also_if_the_failure_comes_first() {
    breaks(
        Rule::Compensated,
        &[
            "compensated: wallet: CheckoutCancelled in unknown: PaymentRequested may arrive later, and takes a \
             resource that no compensation gives back",
        ],
        |saga| {
            let events = &mut saga.topics[1].events;
            events.retain(|event| *event != CheckoutCancelled);
            let mut topic = saga.topics[1].clone();
            topic.name = "checkout.cancellations".to_owned();
            topic.events = vec![CheckoutCancelled];
            saga.topics.push(topic);
            let wallet = with_rows(&WALLET, |rows| {
                rows.push(transition(Trigger::Event(CheckoutCancelled), &["unknown", "returned"], &[], &[]));
            });
            saga.participants[1] = Participant { impossible: &WALLET.impossible[..1], ..wallet };
        },
    );
}

#[test]
fn topics() {
    breaks(
        Rule::Topics,
        &[
            "topics: topic declaration: wallet.events: bank is a producer, but neither a service nor an outsider (website)",
            "topics: topic declaration: wallet.events: wallet is a consumer, but reacts to none of the topic's events",
        ],
        |saga| {
            saga.topics[2].producers.push("bank".to_owned());
            saga.topics[2].consumers.push("wallet".to_owned());
        },
    );
}

#[test]
fn schemas() {
    breaks(
        Rule::Schemas,
        &[
            "schemas: schema file: PaymentRequested.avsc: checkout.events is keyed by checkout_id, but the record has \
             no such field",
        ],
        |saga| {
            let schema = saga.schemas.iter_mut().find(|schema| schema.event == PaymentRequested);
            schema.expect("a schema").avro =
                r#"{"namespace": "shop", "name": "PaymentRequested", "fields": []}"#.to_owned();
        },
    );
}
