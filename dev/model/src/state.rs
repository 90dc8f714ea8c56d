//! One state of the world: what the three databases hold, what lies on the topics, and what the provider has in its books.
//! Rows and messages are numbers here (see `table.rs`); beside each row's number stands what the properties ask of it.

use minuet_inventory::domain::ReservationState;
use minuet_order::domain::OrderState;
use minuet_payment::domain::PaymentState;

/// How many shelves the one sku lies on.
pub const SHELVES: usize = 2;
/// How many (service, topic) pairs there are in the tables of reactions.
pub(crate) const CHANNELS: usize = 8;
/// Most messages on one of them, about one order.
pub(crate) const MESSAGES: usize = 6;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) dances: Vec<Dance>,
    pub(crate) shelves: [Shelf; SHELVES],
    /// What was delivered to each shelf, all in all.
    pub(crate) supplied: [i8; SHELVES],
    pub(crate) adjustments: u8,
    /// Wishes and passings of time so far, where they are counted.
    pub(crate) chances: u8,
}

/// Everything about one order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Dance {
    pub(crate) order: OrderRow,
    pub(crate) reservation: ReservationRow,
    pub(crate) payment: PaymentRow,
    pub(crate) channels: [Channel; CHANNELS],
    pub(crate) provider: Provider,
    /// Whether the payment service is at it: a call that dies with the process is looked up by the next one.
    pub(crate) calling: bool,
    pub(crate) asked: Asked,
    pub(crate) broken: Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OrderRow {
    pub(crate) row: u16,
    pub(crate) state: OrderState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ReservationRow {
    pub(crate) row: u16,
    pub(crate) state: ReservationState,
    /// While it is reserved or confirmed.
    pub(crate) held: [i8; SHELVES],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PaymentRow {
    pub(crate) row: u16,
    pub(crate) state: PaymentState,
    /// It is processing, and is to be undone.
    pub(crate) stopping: bool,
    /// What is to be captured or given back, in unit prices.
    pub(crate) asked: u8,
    /// Refunds that were recorded.
    pub(crate) parts: u8,
}

impl PaymentRow {
    /// An intent is open: the provider is to be asked until it answers.
    pub(crate) fn is_open(self) -> bool {
        self.state == PaymentState::Processing
    }

    pub(crate) fn is_refund_due(self) -> bool {
        matches!(self.state, PaymentState::PartialRefundDue | PaymentState::RefundDue)
    }
}

/// What one service reads of one topic about one order: in order, whatever other topics do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Channel {
    pub(crate) ids: [u16; MESSAGES],
    pub(crate) events: [u16; MESSAGES],
    pub(crate) len: u8,
    pub(crate) read: u8,
    /// Which messages were read twice, and had an effect twice: a bit each.
    pub(crate) again: u8,
}

impl Channel {
    pub(crate) fn at(&self, index: u8) -> Message {
        let index = usize::from(index);
        Message { id: self.ids[index], event: self.events[index] }
    }

    /// The next one, if there is one.
    pub(crate) fn next(&self) -> Option<Message> {
        (self.read < self.len).then(|| self.at(self.read))
    }

    pub(crate) fn has_read(&self, id: u16) -> bool {
        self.ids[..usize::from(self.read)].contains(&id)
    }

    /// False: there is no room.
    #[must_use]
    pub(crate) fn push(&mut self, message: Message) -> bool {
        let index = usize::from(self.len);
        if index == MESSAGES {
            return false;
        }
        self.ids[index] = message.id;
        self.events[index] = message.event;
        self.len += 1;
        true
    }
}

/// A message by the numbers of its `ce_id` and of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    pub(crate) id: u16,
    pub(crate) event: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    #[default]
    None,
    Captured,
    Declined,
}

/// The provider's books about one payment, and what may still be on its way there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Provider {
    /// A request to charge has left us: it may arrive at any time, also when nobody waits for it any more.
    pub(crate) requested: bool,
    /// What stands under the payment's id. It never becomes another.
    pub(crate) entry: Entry,
    pub(crate) captures: u8,
    pub(crate) captured: u8,
    pub(crate) refunds: u8,
    pub(crate) refunded: u8,
    /// The refund that is due was given.
    pub(crate) given: bool,
}

/// What people asked for, and which of it was refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) submissions: u8,
    /// By a user who saw another total.
    pub(crate) submitted_outdated: bool,
    pub(crate) cancelled: bool,
    pub(crate) cancelled_by_stranger: bool,
    pub(crate) refunds: u8,
    pub(crate) cancellation_refused: bool,
    pub(crate) refunds_refused: u8,
}

/// What has gone wrong on the way and cannot be seen in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Broken {
    /// An event met a state that cannot take it: it would be parked.
    pub(crate) illegal: bool,
    /// A decision that the table of reactions does not hold.
    pub(crate) unlisted: bool,
    pub(crate) final_changed: bool,
    pub(crate) charged_too_late: bool,
    pub(crate) stood_still: bool,
    /// More messages than the model has room for: what is proven then is nothing.
    pub(crate) out_of_room: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Shelf {
    pub(crate) available: i8,
    pub(crate) reserved: i8,
    pub(crate) on_hand: i8,
}
