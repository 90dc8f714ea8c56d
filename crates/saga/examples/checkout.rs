// A saga of two services. `checkout` asks `wallet` to debit a customer, and cancels at a deadline.

use std::fmt;

use minuet_saga::conformance::{Case, Observed, mismatches, mutants};
use minuet_saga::lint::violations;
use minuet_saga::{
    EventKind, Expects, Participant, Saga, Schema, State, Topic, Trigger, impossible, transition,
};

use Kind::{CheckoutCancelled, CheckoutStarted, PaymentRequested, WalletDebited, WalletRefused};
use Trigger::{Event, Time};

/// The kinds of event: usually one per record of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    CheckoutStarted,
    PaymentRequested,
    CheckoutCancelled,
    WalletDebited,
    WalletRefused,
}

impl EventKind for Kind {
    const ALL: &'static [Kind] =
        &[CheckoutStarted, PaymentRequested, CheckoutCancelled, WalletDebited, WalletRefused];

    fn name(self) -> &'static str {
        self.record_name().trim_start_matches("shop.")
    }

    fn record_name(self) -> &'static str {
        match self {
            CheckoutStarted => "shop.CheckoutStarted",
            PaymentRequested => "shop.PaymentRequested",
            CheckoutCancelled => "shop.CheckoutCancelled",
            WalletDebited => "shop.WalletDebited",
            WalletRefused => "shop.WalletRefused",
        }
    }

    fn ce_type(self) -> &'static str {
        self.record_name()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const DEADLINE: Trigger<Kind> = Time("deadline");

/// The table of the service `checkout`. It lies beside the service's code.
pub(crate) const CHECKOUT: Participant<Kind> = Participant {
    service: "checkout",
    states: &[
        State::initial("unknown"),
        State::open("waiting", &[DEADLINE]),
        State::terminal("paid", &[]),
        State::terminal("cancelled", &[]),
    ],
    reactions: &[
        transition(Event(CheckoutStarted), &["unknown"], &["waiting"], &[PaymentRequested]),
        transition(Event(CheckoutStarted), &["waiting", "paid", "cancelled"], &[], &[]),
        transition(Event(WalletDebited), &["waiting"], &["paid"], &[]),
        transition(Event(WalletDebited), &["cancelled"], &[], &[]),
        transition(Event(WalletRefused), &["waiting"], &["cancelled"], &[]),
        transition(Event(WalletRefused), &["cancelled"], &[], &[]),
        transition(DEADLINE, &["waiting"], &["cancelled"], &[CheckoutCancelled]),
        transition(DEADLINE, &["unknown", "paid", "cancelled"], &[], &[]),
    ],
    impossible: &[impossible(
        &[Event(WalletDebited), Event(WalletRefused)],
        &["unknown", "paid"],
        "the wallet answers once, and only after PaymentRequested",
    )],
    announces: &[(PaymentRequested, Expects::NextStep), (CheckoutCancelled, Expects::Compensation)],
};

/// The table of the service `wallet`.
pub(crate) const WALLET: Participant<Kind> = Participant {
    service: "wallet",
    states: &[
        State::initial("unknown"),
        State::terminal("debited", &[Event(CheckoutCancelled)]).holds("money"),
        State::terminal("refused", &[]),
        State::terminal("returned", &[]),
    ],
    reactions: &[
        transition(
            Event(PaymentRequested),
            &["unknown"],
            &["debited", "refused"],
            &[WalletDebited, WalletRefused],
        ),
        transition(Event(CheckoutCancelled), &["debited"], &["returned"], &[]),
        transition(Event(CheckoutCancelled), &["refused"], &[], &[]),
    ],
    impossible: &[
        impossible(
            &[Event(PaymentRequested)],
            &["debited", "refused", "returned"],
            "a checkout asks for its payment once",
        ),
        impossible(
            &[Event(CheckoutCancelled)],
            &["unknown", "returned"],
            "it follows PaymentRequested on the same topic, and comes once",
        ),
    ],
    announces: &[(WalletDebited, Expects::NextStep), (WalletRefused, Expects::NextStep)],
};

/// The state that the code of `wallet` keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wallet {
    Unknown,
    Debited,
    Refused,
    Returned,
}

impl Wallet {
    fn name(self) -> &'static str {
        match self {
            Wallet::Unknown => "unknown",
            Wallet::Debited => "debited",
            Wallet::Refused => "refused",
            Wallet::Returned => "returned",
        }
    }
}

/// The code of `wallet`: the next state and the event that it emits. `None`: the state does not take the event.
pub(crate) fn decide(
    wallet: Wallet,
    event: Kind,
    balance: u32,
    amount: u32,
) -> Option<(Wallet, Option<Kind>)> {
    match (wallet, event) {
        (Wallet::Unknown, PaymentRequested) if amount <= balance => {
            Some((Wallet::Debited, Some(WalletDebited)))
        }
        (Wallet::Unknown, PaymentRequested) => Some((Wallet::Refused, Some(WalletRefused))),
        (Wallet::Debited, CheckoutCancelled) => Some((Wallet::Returned, None)),
        (Wallet::Refused, CheckoutCancelled) => Some((Wallet::Refused, None)),
        _ => None,
    }
}

/// Every decision of the code of `wallet`.
pub(crate) fn cases() -> Vec<Case<Kind>> {
    let mut cases = Vec::new();
    for wallet in [Wallet::Unknown, Wallet::Debited, Wallet::Refused, Wallet::Returned] {
        for event in [PaymentRequested, CheckoutCancelled] {
            for balance in [9, 10] {
                let observed = match decide(wallet, event, balance, 10) {
                    None => Observed::Illegal,
                    Some((next, None)) if next == wallet => Observed::NoOp,
                    Some((next, emits)) => Observed::Applied { becomes: next.name(), emits },
                };
                cases.push(Case { on: Event(event), state: wallet.name(), observed });
            }
        }
    }
    cases
}

/// The saga, as the program that knows both services puts it together.
pub(crate) fn saga() -> Saga<Kind> {
    let topic = |name: &str, events: &[Kind], producer: &str, consumer: &str| Topic {
        name: name.to_owned(),
        events: events.to_vec(),
        producers: vec![producer.to_owned()],
        consumers: vec![consumer.to_owned()],
        key: Some("checkout_id".to_owned()),
        dead_letters_of: None,
    };
    let schema = |&event: &Kind| Schema {
        event,
        avro: format!(
            r#"{{"type": "record", "namespace": "shop", "name": "{event}",
                 "fields": [{{"name": "checkout_id", "type": "string"}}]}}"#
        ),
    };
    Saga {
        participants: vec![CHECKOUT, WALLET],
        topics: vec![
            topic("checkout.intake", &[CheckoutStarted], "website", "checkout"),
            topic("checkout.events", &[PaymentRequested, CheckoutCancelled], "checkout", "wallet"),
            topic("wallet.events", &[WalletDebited, WalletRefused], "wallet", "checkout"),
        ],
        schemas: Kind::ALL.iter().map(schema).collect(),
        outsiders: vec!["website".to_owned()],
    }
}

fn main() {
    // The table equals the code, and the cases would notice a wrong row.
    assert_eq!(mismatches(&WALLET, &cases(), &[]), Vec::<String>::new());
    for mutant in mutants(&WALLET) {
        assert!(!mismatches(&mutant, &cases(), &[]).is_empty(), "not noticed: {mutant:#?}");
    }

    // The services fit together.
    assert_eq!(violations(&saga()), []);

    // They would not if `wallet` kept the money of a cancelled checkout.
    let mut broken = saga();
    broken.participants[1] = GREEDY_WALLET;
    let lines: Vec<String> = violations(&broken).iter().map(ToString::to_string).collect();
    assert!(lines.contains(
        &"compensated: wallet: CheckoutCancelled in debited: money is held, or may yet be, and no reaction that \
          follows gives it back"
            .to_owned()
    ));
}

const GREEDY_WALLET: Participant<Kind> = Participant {
    reactions: &[
        transition(
            Event(PaymentRequested),
            &["unknown"],
            &["debited", "refused"],
            &[WalletDebited, WalletRefused],
        ),
        transition(Event(CheckoutCancelled), &["debited", "refused"], &[], &[]),
    ],
    ..WALLET
};
