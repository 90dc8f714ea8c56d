//! What can happen next. A step is either one that the system itself takes sooner or later, or a fault, or somebody's wish:
//! of those, none has to come.

use crate::actors::TIMES;
use crate::service::Service;
use crate::state::{CHANNELS, Dance, Entry, State};
use crate::world::{Allowed, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// Which order it is about.
    pub(crate) order: u8,
    pub(crate) step: Step,
    pub(crate) crash: Crash,
}

/// Where the process dies that takes the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    None,
    BeforeCommit,
    /// And before it has stored its offset or published anything.
    AfterCommit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A service takes the next message of a topic. `late`: its clock is past `expires_at`.
    Receive {
        channel: u8,
        late: bool,
    },
    /// It gets a message once more that it has had before: its offset was not stored, or somebody published it again.
    ReceiveAgain {
        channel: u8,
        index: u8,
    },
    /// A new process takes up a call that died with the old one.
    LookUp,
    Capture,
    Decline,
    /// The provider is told not to capture any more.
    CallOff,
    /// The provider's answer arrives and is recorded.
    Record,
    Refund,
    /// The answer to a refund was lost: it is asked for again.
    RefundAgain,
    RecordRefund,
    /// An old process records what it was told, after the new one has recorded the same.
    RecordAgain,
    RecordRefundAgain,
    Expire,
    Deadline,
    Submit,
    /// The user saw the product at a price that has changed since.
    SubmitOutdated,
    Cancel,
    CancelByStranger,
    AskRefund,
    Adjust {
        shelf: u8,
        delta: i8,
    },
}

impl Step {
    /// Whether it is a wish, or the passing of time.
    pub(crate) fn is_chance(self) -> bool {
        matches!(
            self,
            Step::Expire
                | Step::Deadline
                | Step::Cancel
                | Step::CancelByStranger
                | Step::AskRefund
                | Step::Adjust { .. }
        )
    }

    /// Whose transaction it is. None: it is nobody's of ours.
    pub(crate) fn service(self, world: &World) -> Option<Service> {
        match self {
            Step::Receive { channel, .. } | Step::ReceiveAgain { channel, .. } => {
                Some(world.routes.channel(channel).service)
            }
            Step::Record | Step::RecordRefund | Step::RecordAgain | Step::RecordRefundAgain => {
                Some(Service::Payment)
            }
            Step::Expire => Some(Service::Inventory),
            Step::Deadline => Some(Service::Order),
            Step::LookUp
            | Step::Capture
            | Step::Decline
            | Step::CallOff
            | Step::Refund
            | Step::RefundAgain
            | Step::Submit
            | Step::SubmitOutdated
            | Step::Cancel
            | Step::CancelByStranger
            | Step::AskRefund
            | Step::Adjust { .. } => None,
        }
    }
}

/// The steps that the system takes by itself. No fault and nobody's wish is among them: without any, the order is at rest.
pub(crate) fn progress(dance: &Dance, mut to: impl FnMut(Step)) {
    for channel in 0..CHANNELS {
        if dance.channels[channel].next().is_some() {
            to(Step::Receive { channel: channel as u8, late: false });
        }
    }
    if dance.payment.is_open() {
        match (dance.calling, dance.provider.entry) {
            (false, _) => to(Step::LookUp),
            (true, Entry::Captured | Entry::Declined) => to(Step::Record),
            (true, Entry::None) if dance.payment.stopping => to(Step::CallOff),
            (true, Entry::None) => {
                to(Step::Capture);
                to(Step::Decline);
            }
        }
    }
    if dance.payment.is_refund_due() && dance.provider.entry == Entry::Captured {
        to(if dance.provider.given { Step::RecordRefund } else { Step::Refund });
    }
}

pub(crate) fn is_at_rest(state: &State) -> bool {
    let mut at_rest = true;
    for dance in &state.dances {
        progress(dance, |_| at_rest = false);
    }
    at_rest
}

/// What may go wrong in this world. Whatever changes nothing needs no bound.
pub(crate) fn fault(world: &World, dance: &Dance, mut to: impl FnMut(Step)) {
    let allowed = &world.setting.allowed;
    for (index, channel) in (0u8..).zip(&dance.channels) {
        if allowed.late_clocks && world.meets_a_clock(index, channel.next()) {
            to(Step::Receive { channel: index, late: true });
        }
        if allowed.repetitions {
            (0..channel.read)
                .filter(|message| channel.again & (1 << message) == 0)
                .for_each(|message| to(Step::ReceiveAgain { channel: index, index: message }));
        }
    }
    let progresses = dance.payment.is_open() && !dance.payment.stopping && dance.calling;
    if dance.provider.entry == Entry::None {
        // A request that nobody waits for any more.
        if dance.provider.requested && !progresses {
            to(Step::Capture);
            to(Step::Decline);
        }
        // No answer, again and again: the charge is called off, perhaps by a process that is no more.
        if allowed.silence && (progresses || dance.payment.is_open() && !dance.calling) {
            to(Step::CallOff);
        }
    }
    if allowed.silence && dance.payment.is_refund_due() && dance.provider.given && dance.provider.refunds <= 2
    {
        to(Step::RefundAgain);
    }
    if allowed.repetitions && dance.provider.entry != Entry::None && !dance.payment.is_open() {
        to(Step::RecordAgain);
        if dance.payment.parts > 0 {
            to(Step::RecordRefundAgain);
        }
    }
}

/// What time and people may do in this world.
pub(crate) fn chance(allowed: &Allowed, dance: &Dance, mut to: impl FnMut(Step)) {
    if allowed.time {
        to(Step::Expire);
        to(Step::Deadline);
    }
    let asked = &dance.asked;
    if asked.submissions < allowed.submissions {
        to(Step::Submit);
    }
    if allowed.price_changes && !asked.submitted_outdated {
        to(Step::SubmitOutdated);
    }
    if allowed.cancellation && !asked.cancelled {
        to(Step::Cancel);
    }
    if allowed.stranger && !asked.cancelled_by_stranger {
        to(Step::CancelByStranger);
    }
    if asked.refunds < allowed.refunds.min(TIMES as u8) {
        to(Step::AskRefund);
    }
}
