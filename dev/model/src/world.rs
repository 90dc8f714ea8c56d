use minuet_events::values::ValueError;
use minuet_events::{Event, EventType};
use minuet_inventory::domain::ReservationState;
use minuet_order::domain::{OrderState, Products};
use minuet_payment::domain::PaymentState;
use stateright::{Model, Property};
use uuid::Uuid;

use crate::action::{self, Action, Crash, Step};
use crate::actors::{self, Script};
use crate::bug::Bug;
use crate::decisions::Decisions;
use crate::properties;
use crate::routes::{RouteError, Routes};
use crate::service::inventory::Shelves;
use crate::service::{Service, inventory, order, payment};
use crate::state::{
    Asked, Broken, Channel, Dance, Message, OrderRow, PaymentRow, Provider, ReservationRow, SHELVES, Shelf,
    State,
};
use crate::table::Table;

/// What may happen in a world besides the dance itself.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// How often each order may be submitted.
    pub submissions: u8,
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

    fn beginning(&self) -> Dance {
        let decisions = &self.decisions;
        Dance {
            order: OrderRow {
                row: decisions.orders.number(order::Row::unknown()),
                state: OrderState::Unknown,
            },
            reservation: ReservationRow {
                row: decisions.reservations.number(inventory::Row::unknown()),
                state: ReservationState::Unknown,
                held: [0; SHELVES],
            },
            payment: PaymentRow {
                row: decisions.payments.number(payment::Row::unknown()),
                state: PaymentState::Unknown,
                stopping: false,
                charge: 0,
            },
            channels: Default::default(),
            provider: Provider::default(),
            calling: false,
            asked: Asked::default(),
            broken: Broken::default(),
        }
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let dances = vec![self.beginning(); self.setting.orders.len()];
        let shelf = |pieces| Shelf { available: pieces, reserved: 0, on_hand: pieces };
        let begin = |pieces: &[i8; SHELVES]| State {
            dances: dances.clone(),
            shelves: pieces.map(shelf),
            supplied: *pieces,
            adjustments: 0,
            chances: 0,
        };
        self.setting.shelves.iter().map(begin).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let allowed = &self.setting.allowed;
        let has_chances = allowed.chances.is_none_or(|most| state.chances < most);
        for (order, dance) in (0u8..).zip(&state.dances) {
            let mut to = |step: Step| {
                actions.push(Action { order, step, crash: Crash::None });
                // A crash shows only at a transaction.
                if allowed.crashes && step.service(self).is_some() {
                    actions.push(Action { order, step, crash: Crash::BeforeCommit });
                    actions.push(Action { order, step, crash: Crash::AfterCommit });
                }
            };
            action::progress(dance, &mut to);
            action::fault(self, dance, &mut to);
            if has_chances {
                action::chance(allowed, dance, &mut to);
            }
            // Also while the provider is waited for, and no transaction is near.
            if allowed.crashes && dance.calling {
                actions.push(Action { order, step: Step::LookUp, crash: Crash::BeforeCommit });
            }
        }
        if has_chances && state.adjustments < allowed.adjustments {
            for shelf in 0..SHELVES as u8 {
                for delta in [-1, 1] {
                    actions.push(Action {
                        order: 0,
                        step: Step::Adjust { shelf, delta },
                        crash: Crash::None,
                    });
                }
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.take(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

impl Channel {
    /// Whether this service has had a message of these kinds about the order.
    pub(crate) fn has_read_any(&self, world: &World, kinds: &[EventType]) -> bool {
        (0..self.read).any(|index| kinds.contains(&world.kind(self.at(index))))
    }
}
