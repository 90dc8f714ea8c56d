//! What happens outside of the services: the requests of people, and the payment provider.

use crate::action::Step;
use crate::bug::Bug;
use crate::state::{Dance, Entry, Message};
use crate::world::World;

impl World {
    /// What somebody sends to an intake topic. None: the step is nobody's wish.
    pub(crate) fn wish(&self, dance: &mut Dance, order: u8, step: Step) -> Option<Message> {
        let script = &self.scripts[usize::from(order)];
        let asked = &mut dance.asked;
        match step {
            Step::Submit => {
                asked.submissions += 1;
                script.submissions.get(usize::from(asked.submissions - 1)).copied()
            }
            Step::SubmitOutdated => {
                asked.submitted_outdated = true;
                Some(script.outdated)
            }
            Step::Cancel => {
                asked.cancelled = true;
                Some(script.cancellation)
            }
            Step::CancelByStranger => {
                asked.cancelled_by_stranger = true;
                Some(script.stranger)
            }
            Step::AskRefund => {
                asked.refunds += 1;
                script.refunds.get(usize::from(asked.refunds - 1)).copied()
            }
            _ => None,
        }
    }

    /// The provider acts once under one key, whoever asks and however often.
    pub(crate) fn provider(&self, dance: &mut Dance, step: Step) {
        let (asked, provider) = (dance.payment.asked, &mut dance.provider);
        let (mut capture, mut refund) = (false, false);
        match step {
            Step::Capture => {
                provider.entry = Entry::Captured;
                capture = true;
            }
            Step::Decline | Step::CallOff => provider.entry = Entry::Declined,
            Step::LookUp => {
                dance.calling = true;
                // Under a new key nothing is found, and the provider captures anew.
                capture = self.bug == Some(Bug::ChargeNotIdempotent) && provider.entry == Entry::Captured;
            }
            Step::Refund => refund = true,
            Step::RefundAgain => refund = self.bug == Some(Bug::RefundNotIdempotent),
            _ => {}
        }
        if capture {
            provider.captures += 1;
            provider.captured += asked;
        }
        if refund {
            provider.refunds += 1;
            provider.refunded += asked;
            provider.given = true;
        }
        provider.requested &= provider.entry == Entry::None;
    }
}
