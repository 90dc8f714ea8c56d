use minuet_events::EventType;
use minuet_payment::domain::PaymentState;

use crate::action::{Action, Crash, Step};
use crate::bug::Bug;
use crate::cases::{Emitted, Happening};
use crate::service::{Service, inventory};
use crate::state::{Broken, Dance, Entry, Message, State};
use crate::world::World;

/// What ends an order for the payment service.
const ENDS: [EventType; 3] =
    [EventType::OrderCancelled, EventType::ReservationExpired, EventType::InventoryConfirmationFailed];

impl World {
    /// The state after an action. None: nothing has changed, so that it needs no bound.
    pub(crate) fn take(&self, before: &State, action: Action) -> Option<State> {
        let Action { order, step, crash } = action;
        match crash {
            Crash::None => {
                let mut after = self.step(before, order, step, true)?;
                let (old, new) = (&before.dances[usize::from(order)], &mut after.dances[usize::from(order)]);
                new.broken.stood_still |= is_progress(step) && ground(new) <= ground(old);
                Some(after)
            }
            // The transaction is rolled back; what the process knew is gone.
            Crash::BeforeCommit => {
                let lost = self.loses(Bug::OffsetBeforeCommit, step);
                if !lost && !self.forgets(before, step) {
                    return None;
                }
                let mut after = before.clone();
                if let (true, Step::Receive { channel, .. }) = (lost, step) {
                    after.dances[usize::from(order)].channels[usize::from(channel)].read += 1;
                }
                self.forget(&mut after, step);
                Some(after)
            }
            // What was committed stays: the outbox is read by the next process, and the message comes again.
            Crash::AfterCommit => {
                let lost = self.loses(Bug::NoOutbox, step);
                let mut after = self.step(before, order, step, !lost)?;
                if !lost && !self.forgets(&after, step) {
                    return None;
                }
                self.forget(&mut after, step);
                Some(after)
            }
        }
    }

    fn loses(&self, bug: Bug, step: Step) -> bool {
        self.bug == Some(bug) && step.service(self).is_some()
    }

    /// Whether the process that takes the step knows something besides its database. If not, its crash changes nothing:
    /// the message comes again, and the inbox knows it.
    fn forgets(&self, state: &State, step: Step) -> bool {
        let payment = step.service(self).is_none_or(|service| service == Service::Payment);
        payment && state.dances.iter().any(|dance| dance.calling)
    }

    fn forget(&self, state: &mut State, step: Step) {
        if self.forgets(state, step) {
            state.dances.iter_mut().for_each(|dance| dance.calling = false);
        }
    }

    /// `outbox`: whether what is emitted is committed with the rest.
    fn step(&self, before: &State, order: u8, step: Step, outbox: bool) -> Option<State> {
        let at = usize::from(order);
        let old = &before.dances[at];
        if let Step::ReceiveAgain { channel, index } = step {
            let message = old.channels[usize::from(channel)].at(index);
            if self.is_in_inbox(old, self.routes.channel(channel).service, message) {
                return None;
            }
        }
        let mut state = before.clone();
        match step {
            Step::Receive { channel, late } => {
                let channel_read = &mut state.dances[at].channels[usize::from(channel)];
                let message = channel_read.next()?;
                channel_read.read += 1;
                if !self.is_in_inbox(old, self.routes.channel(channel).service, message) {
                    self.receive(&mut state, order, channel, message, late, outbox);
                }
            }
            Step::ReceiveAgain { channel, index } => {
                let message = old.channels[usize::from(channel)].at(index);
                self.receive(&mut state, order, channel, message, false, outbox);
                if state == *before {
                    return None;
                }
                state.dances[at].channels[usize::from(channel)].again |= 1 << index;
            }
            Step::Deadline => self.order(&mut state, order, Happening::Due, outbox),
            Step::Expire => self.reservation(&mut state, order, Happening::Due, outbox),
            Step::LookUp
            | Step::Capture
            | Step::Decline
            | Step::CallOff
            | Step::Refund
            | Step::RefundAgain => self.provider(&mut state.dances[at], step),
            Step::Record => {
                let captured = old.provider.entry == Entry::Captured;
                self.payment(&mut state, order, Happening::Answered { captured }, outbox);
                state.dances[at].calling = false;
            }
            Step::RecordAgain => {
                let captured = old.provider.entry == Entry::Captured;
                self.payment(&mut state, order, Happening::Answered { captured }, outbox);
            }
            Step::RecordRefund | Step::RecordRefundAgain => {
                let again = step == Step::RecordRefundAgain;
                self.payment(&mut state, order, Happening::Refunded { again }, outbox);
                state.dances[at].provider.given &= again;
            }
            Step::Submit | Step::SubmitOutdated | Step::Cancel | Step::CancelByStranger | Step::AskRefund => {
                let dance = &mut state.dances[at];
                let message = self.wish(dance, order, step)?;
                self.publish(dance, self.kind(message), message);
            }
            Step::Adjust { shelf, delta } => {
                let at = usize::from(shelf);
                state.shelves[at] = inventory::adjusted(state.shelves[at], &self.shelves, at, delta.into())?;
                state.supplied[at] += delta;
                state.adjustments += 1;
            }
        }
        if state == *before {
            return None;
        }
        state.chances += u8::from(self.setting.allowed.chances.is_some() && step.is_chance());
        Some(state)
    }

    /// Of one service: whether it has had a message of this id.
    fn is_in_inbox(&self, dance: &Dance, service: Service, message: Message) -> bool {
        self.bug != Some(Bug::NoInbox)
            && self.routes.of(service).any(|channel| dance.channels[channel].has_read(message.id))
    }

    fn receive(&self, state: &mut State, order: u8, channel: u8, message: Message, late: bool, outbox: bool) {
        let happening = Happening::Message { message, late };
        match self.routes.channel(channel).service {
            Service::Order => self.order(state, order, happening, outbox),
            Service::Inventory => self.reservation(state, order, happening, outbox),
            Service::Payment => self.payment(state, order, happening, outbox),
        }
    }

    fn order(&self, state: &mut State, order: u8, happening: Happening, outbox: bool) {
        let dance = &mut state.dances[usize::from(order)];
        let outcome = self.decide_order(order, dance.order, happening);
        dance.order = outcome.row;
        self.commit(dance, order, outcome.broken, outcome.emit.filter(|_| outbox));
    }

    fn reservation(&self, state: &mut State, order: u8, happening: Happening, outbox: bool) {
        let dance = &mut state.dances[usize::from(order)];
        let outcome = self.decide_reservation(order, dance.reservation, happening, state.shelves);
        (dance.reservation, state.shelves) = outcome.row;
        self.commit(dance, order, outcome.broken, outcome.emit.filter(|_| outbox));
    }

    fn payment(&self, state: &mut State, order: u8, happening: Happening, outbox: bool) {
        let dance = &mut state.dances[usize::from(order)];
        let outcome = self.decide_payment(order, dance.payment, happening);
        let begins = !dance.payment.is_open() && outcome.row.is_open();
        dance.payment = outcome.row;
        if begins {
            dance.calling = true;
            dance.provider.requested = true;
            let late = matches!(happening, Happening::Message { late: true, .. });
            let mut ours = self.routes.of(Service::Payment).map(|channel| &dance.channels[channel]);
            dance.broken.charged_too_late |= late || ours.any(|channel| channel.has_read_any(self, &ENDS));
        }
        self.commit(dance, order, outcome.broken, outcome.emit.filter(|_| outbox));
    }

    fn commit(&self, dance: &mut Dance, order: u8, broken: Broken, emit: Option<Emitted>) {
        dance.broken.illegal |= broken.illegal;
        dance.broken.unlisted |= broken.unlisted;
        dance.broken.final_changed |= broken.final_changed;
        let Some(Emitted { message, kind, refuses }) = emit else { return };
        self.publish(dance, kind, message);
        if let Some(request) = refuses {
            let script = &self.scripts[usize::from(order)];
            dance.asked.cancellation_refused |= script.cancellation.id == request;
            dance.asked.refunds_refused += u8::from(script.refunds.iter().any(|asked| asked.id == request));
        }
    }

    fn publish(&self, dance: &mut Dance, kind: EventType, message: Message) {
        for channel in self.routes.readers(kind) {
            dance.broken.out_of_room |= !dance.channels[channel].push(message);
        }
    }
}

fn is_progress(step: Step) -> bool {
    matches!(
        step,
        Step::Receive { .. }
            | Step::LookUp
            | Step::Capture
            | Step::Decline
            | Step::CallOff
            | Step::Record
            | Step::Refund
            | Step::RecordRefund
    )
}

/// How far an order has come. Every step that is no fault raises it, and it is bounded by the room for messages: so from
/// every state every run without faults ends, and where it ends the properties of rest are checked.
fn ground(dance: &Dance) -> u32 {
    let read: u32 = dance.channels.iter().map(|channel| u32::from(channel.read)).sum();
    let parts = u32::from(dance.payment.parts);
    let money = match dance.payment.state {
        PaymentState::Unknown | PaymentState::Prevented => 0,
        PaymentState::Processing => {
            1 + u32::from(dance.calling) + 2 * u32::from(dance.provider.entry != Entry::None)
        }
        PaymentState::Success => 5 + 3 * parts,
        PaymentState::PartialRefundDue | PaymentState::RefundDue => {
            6 + 3 * parts + u32::from(dance.provider.given)
        }
        PaymentState::Refunded => 5 + 3 * parts,
        PaymentState::Failed => 5,
    };
    read + money
}
