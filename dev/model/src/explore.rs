//! What stateright asks of a world: where it begins, and what may happen next.

use minuet_inventory::domain::ReservationState;
use minuet_order::domain::OrderState;
use minuet_payment::domain::PaymentState;
use stateright::{Model, Property};

use crate::action::{self, Action, Crash, Step};
use crate::properties;
use crate::service::{inventory, order, payment};
use crate::state::{
    Asked, Broken, Dance, OrderRow, PaymentRow, Provider, ReservationRow, SHELVES, Shelf, State,
};
use crate::world::World;

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

impl World {
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
                asked: 0,
                parts: 0,
            },
            channels: Default::default(),
            provider: Provider::default(),
            calling: false,
            asked: Asked::default(),
            broken: Broken::default(),
        }
    }
}
