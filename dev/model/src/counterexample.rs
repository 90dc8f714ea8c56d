use std::fmt;

use stateright::Path;

use crate::action::{Action, Crash, Step};
use crate::service::Service;
use crate::state::{Dance, Entry, State};
use crate::world::World;

/// The steps that lead to a state in which a property does not hold.
#[derive(Clone, Debug)]
pub struct Counterexample {
    pub property: &'static str,
    pub steps: Vec<String>,
    /// The last state: a line for each order, and one for the shelves.
    pub ending: Vec<String>,
}

impl Counterexample {
    pub(crate) fn of(world: &World, property: &'static str, path: Path<State, Action>) -> Counterexample {
        let mut steps = Vec::new();
        let states = path.into_vec();
        for pair in states.windows(2) {
            if let [(before, Some(action)), (after, _)] = pair {
                steps.push(sentence(world, before, *action, after));
            }
        }
        let ending = states.last().map(|(state, _)| ending(world, state)).unwrap_or_default();
        Counterexample { property, steps, ending }
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "BROKEN: {}", self.property)?;
        for (step, nth) in self.steps.iter().zip(1..) {
            writeln!(f, "  {nth:2}. {step}")?;
        }
        self.ending.iter().try_for_each(|line| writeln!(f, "      {line}"))
    }
}

fn sentence(world: &World, before: &State, Action { order, step, crash }: Action, after: &State) -> String {
    let at = usize::from(order);
    let (old, new) = (&before.dances[at], &after.dances[at]);
    let who = if before.dances.len() > 1 { format!("order {}: ", order + 1) } else { String::new() };
    let reads = |channel: u8, index: u8| {
        let message = old.channels[usize::from(channel)].at(index);
        (name(world.routes.channel(channel).service), world.kind(message))
    };
    let what = match step {
        Step::Receive { channel, late } => {
            let (service, event) = reads(channel, old.channels[usize::from(channel)].read);
            let late = if late { ", by its clock after expires_at" } else { "" };
            format!("{service} receives {event}{late}")
        }
        Step::ReceiveAgain { channel, index } => {
            let (service, event) = reads(channel, index);
            format!("{service} receives {event} once more")
        }
        Step::LookUp if crash == Crash::None => "payment begins anew and looks up the charge".to_owned(),
        Step::LookUp => "payment is waiting for the provider".to_owned(),
        Step::Capture if old.payment.is_open() && old.calling => "the provider captures".to_owned(),
        Step::Capture => "a late request reaches the provider, which captures".to_owned(),
        Step::Decline => "the provider declines".to_owned(),
        Step::CallOff => "the provider is told to call the charge off".to_owned(),
        Step::Record if old.provider.entry == Entry::Captured => "payment learns of the capture".to_owned(),
        Step::Record => "payment learns that nothing is captured".to_owned(),
        Step::Refund => "the provider refunds".to_owned(),
        Step::RefundAgain => "the refund's answer is lost, and payment asks for it again".to_owned(),
        Step::RecordAgain => "payment learns once more what became of the charge".to_owned(),
        Step::RecordRefundAgain => "payment learns once more of the refund".to_owned(),
        Step::RecordRefund => "payment learns of the refund".to_owned(),
        Step::Expire => "the reservation expires".to_owned(),
        Step::Deadline => "the order's deadline passes".to_owned(),
        Step::Submit if old.asked.submissions > 0 => "the order is submitted once more".to_owned(),
        Step::Submit => "the order is submitted".to_owned(),
        Step::SubmitOutdated => "the order is submitted by a user who saw another price".to_owned(),
        Step::Cancel => "its user asks for cancellation".to_owned(),
        Step::CancelByStranger => "a stranger asks for cancellation".to_owned(),
        Step::AskRefund => "a refund is asked for".to_owned(),
        Step::Adjust { shelf, delta } => {
            let warehouse = &world.shelves.warehouses[usize::from(shelf)];
            format!("{warehouse} counts its stock: {delta:+}")
        }
    };
    let died = match crash {
        Crash::None => "",
        Crash::BeforeCommit => ", and dies before it commits",
        Crash::AfterCommit => ", and dies right after the commit",
    };
    format!("{who}{what}{}{died}", consequence(world, old, new))
}

/// Which rows have changed, and what was published.
fn consequence(world: &World, old: &Dance, new: &Dance) -> String {
    let names = |dance: &Dance| Service::ALL.map(|service| state(dance, service));
    let changes = names(old).into_iter().zip(names(new)).filter(|(before, after)| before != after);
    let mut told: Vec<String> = changes.map(|(before, after)| format!("{before} -> {after}")).collect();
    let mut published: Vec<&str> = Vec::new();
    for (before, after) in old.channels.iter().zip(&new.channels) {
        published.extend((before.len..after.len).map(|index| world.kind(after.at(index)).name()));
    }
    published.dedup();
    told.extend(published.into_iter().map(str::to_owned));
    if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) }
}

fn state(dance: &Dance, service: Service) -> &'static str {
    match service {
        Service::Order => dance.order.state.name(),
        Service::Inventory => dance.reservation.state.name(),
        Service::Payment if dance.payment.stopping => "stopping",
        Service::Payment => dance.payment.state.name(),
    }
}

fn name(service: Service) -> &'static str {
    service.participant().service
}

fn ending(world: &World, after: &State) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (dance, nth) in after.dances.iter().zip(1..) {
        let [order, reservation, payment] = Service::ALL.map(|service| state(dance, service));
        let (captured, refunded) = (dance.provider.captured, dance.provider.refunded);
        lines.push(format!(
            "order {nth} is {order}, its reservation {reservation}, its payment {payment}; captured {captured}, refunded {refunded}"
        ));
    }
    let shelves = world.shelves.warehouses.iter().zip(&after.shelves).map(|(warehouse, shelf)| {
        format!(
            "{warehouse} {} available, {} reserved, {} on hand",
            shelf.available, shelf.reserved, shelf.on_hand
        )
    });
    lines.push(shelves.collect::<Vec<_>>().join("; "));
    lines
}
