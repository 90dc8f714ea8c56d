use minuet_events::values::ValueError;
use minuet_events::{Event, EventType};
use minuet_order::domain::Products;
use uuid::Uuid;

use crate::actors::{self, Script, Shelves};
use crate::bug::Bug;
use crate::cases::Decisions;
use crate::routes::{RouteError, Routes};
use crate::service::Service;
use crate::state::{Channel, Message, SHELVES};
use crate::table::Table;

/// What may happen in a world besides the dance itself.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// How often each order may be submitted.
    pub submissions: u8,
    /// Whether it may also be submitted by a user who saw the price of before.
    pub price_changes: bool,
    /// Whether its user may cancel it, and whether a stranger may try to.
    pub cancellation: bool,
    pub stranger: bool,
    /// How often its refund may be asked for.
    pub refunds: u8,
    /// Whether reservations expire and orders have a deadline.
    pub time: bool,
    /// Whether payment's clock may be ahead.
    pub late_clocks: bool,
    /// Whether the provider may give no answer for long.
    pub silence: bool,
    pub crashes: bool,
    pub repetitions: bool,
    /// How often somebody may bring or take a piece.
    pub adjustments: u8,
    /// How many wishes and passings of time there may be, all in all. None: any.
    pub chances: Option<u8>,
}

impl Allowed {
    pub const EVERYTHING: Allowed = Allowed {
        submissions: 2,
        price_changes: true,
        cancellation: true,
        stranger: true,
        refunds: 2,
        time: true,
        late_clocks: true,
        silence: true,
        crashes: true,
        repetitions: true,
        adjustments: 1,
        chances: None,
    };
}

/// A small world: which orders there are, of how many pieces of the one product, and what lies on its two shelves.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    /// How many pieces each order wants.
    pub orders: &'static [u8],
    /// Several: each is a beginning.
    pub shelves: &'static [[i8; SHELVES]],
    pub allowed: Allowed,
}

#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("the events that the model begins with are wrong")]
    Value(#[from] ValueError),
    #[error("the channels of the model cannot be made")]
    Routes(#[from] RouteError),
}

/// A setting, the real decisions about everything that can happen in it, and perhaps a bug.
#[derive(Debug)]
pub struct World {
    pub(crate) setting: Setting,
    pub(crate) bug: Option<Bug>,
    pub(crate) routes: Routes,
    pub(crate) scripts: Vec<Script>,
    pub(crate) shelves: Shelves,
    pub(crate) products: Products,
    pub(crate) ids: Table<Uuid>,
    pub(crate) events: Table<Event>,
    pub(crate) decisions: Decisions,
    /// Where payment reads what inventory emits: the only messages about which a clock is asked.
    clocked: u8,
}

impl World {
    pub fn new(setting: Setting, bug: Option<Bug>) -> Result<World, WorldError> {
        let routes = Routes::read()?;
        let shelves = actors::shelves()?;
        let products = actors::catalogue(&shelves)?;
        let (ids, events) = (Table::default(), Table::default());
        let orders = setting.orders.iter().enumerate();
        let scripts = orders
            .map(|(order, pieces)| Script::write(order, *pieces, &shelves, &ids, &events))
            .collect::<Result<_, _>>()?;
        let clocked = routes
            .readers(EventType::InventoryReserved)
            .find(|index| routes.channel(*index as u8).service == Service::Payment)
            .map_or(u8::MAX, |index| index as u8);
        let decisions = Decisions::default();
        Ok(World { setting, bug, routes, scripts, shelves, products, ids, events, decisions, clocked })
    }

    pub(crate) fn kind(&self, message: Message) -> EventType {
        self.events.get(message.event).event_type()
    }

    /// Whether what is decided about this message depends on a clock.
    pub(crate) fn meets_a_clock(&self, channel: u8, next: Option<Message>) -> bool {
        channel == self.clocked
            && next.is_some_and(|message| self.kind(message) == EventType::InventoryReserved)
    }
}

impl Channel {
    /// Whether this service has had a message of these kinds about the order.
    pub(crate) fn has_read_any(&self, world: &World, kinds: &[EventType]) -> bool {
        (0..self.read).any(|index| kinds.contains(&world.kind(self.at(index))))
    }
}
