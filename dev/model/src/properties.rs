//! What must hold, in every state and at rest; and what must be seen to happen, so that nothing holds for want of cases.

use minuet_events::EventType;
use minuet_events::values::OrderStatus;
use minuet_inventory::domain::ReservationState;
use minuet_order::domain::OrderState;
use minuet_payment::domain::PaymentState;
use stateright::Property;

use crate::action::is_at_rest;
use crate::service::Service;
use crate::state::{Dance, SHELVES, State};
use crate::world::World;

pub(crate) fn all() -> Vec<Property<World>> {
    let mut properties = in_every_state();
    properties.extend(at_rest());
    properties.extend(seen());
    properties
}

fn always(name: &'static str, holds: fn(&World, &State) -> bool) -> Property<World> {
    Property::always(name, holds)
}

fn sometimes(name: &'static str, holds: fn(&World, &State) -> bool) -> Property<World> {
    Property::sometimes(name, holds)
}

fn every(state: &State, holds: impl Fn(&Dance) -> bool) -> bool {
    state.dances.iter().all(holds)
}

fn in_every_state() -> Vec<Property<World>> {
    vec![
        always("the model has room for every message", |_, s| every(s, |d| !d.broken.out_of_room)),
        always("no event meets a state that cannot take it", |_, s| every(s, |d| !d.broken.illegal)),
        always("every decision stands in the table of reactions", |_, s| every(s, |d| !d.broken.unlisted)),
        always("final states stay", |_, s| every(s, |d| !d.broken.final_changed)),
        always("nothing is charged that payment knows to be over", |_, s| {
            every(s, |d| !d.broken.charged_too_late)
        }),
        always("every step that is no fault gains ground", |_, s| every(s, |d| !d.broken.stood_still)),
        always("on hand is available and reserved, none negative", |_, state| {
            state.shelves.iter().all(|shelf| {
                shelf.available >= 0
                    && shelf.reserved >= 0
                    && shelf.on_hand == shelf.available + shelf.reserved
            })
        }),
        always("no oversell: what is held and sold is what there was", |_, state| {
            (0..SHELVES).all(|at| {
                let of = |held_in| {
                    let dances = state.dances.iter().filter(|dance| dance.reservation.state == held_in);
                    dances.map(|dance| dance.reservation.held[at]).sum::<i8>()
                };
                let (reserved, sold) = (of(ReservationState::Reserved), of(ReservationState::Confirmed));
                let shelf = state.shelves[at];
                shelf.reserved == reserved && shelf.on_hand + sold == state.supplied[at]
            })
        }),
        always("one capture at most, refunded <= captured <= total", |world, state| {
            state.dances.iter().zip(&world.scripts).all(|(Dance { provider, .. }, script)| {
                provider.captures <= 1
                    && provider.refunded <= provider.captured
                    && provider.captured <= script.pieces
            })
        }),
        always("an order is placed at the total that its user saw, or not at all", |_, s| {
            every(s, |dance| dance.asked.submissions > 0 || !was_placed(dance))
        }),
        always("a confirmed order has a capture, or its refund is on the way", |world, s| {
            every(s, |dance| dance.order.state != OrderState::Confirmed || is_paid_for(world, dance))
        }),
    ]
}

fn was_placed(dance: &Dance) -> bool {
    let open = matches!(dance.order.state, OrderState::Pending | OrderState::Paid | OrderState::Confirmed);
    open || dance.reservation.state != ReservationState::Unknown || dance.provider.captures > 0
}

fn is_paid_for(world: &World, dance: &Dance) -> bool {
    let on_the_way = || {
        world.routes.readers(EventType::PaymentRefunded).any(|index| {
            let channel = &dance.channels[index];
            world.routes.channel(index as u8).service == Service::Order
                && (channel.read..channel.len)
                    .any(|unread| world.kind(channel.at(unread)) == EventType::PaymentRefunded)
        })
    };
    dance.provider.captures > 0
        && match dance.payment.state {
            PaymentState::Success | PaymentState::PartialRefundDue | PaymentState::RefundDue => true,
            PaymentState::Refunded => on_the_way(),
            _ => false,
        }
}

/// As safety: stateright's `eventually` misses cycles.
fn at_rest() -> Vec<Property<World>> {
    vec![
        always("at rest every order has ended", |_, state| !is_at_rest(state) || every(state, has_ended)),
        always("at rest goods are away for confirmed orders only, and held for none", |_, state| {
            !is_at_rest(state)
                || every(state, |dance| {
                    let confirmed = dance.order.state == OrderState::Confirmed;
                    let sold = dance.reservation.state == ReservationState::Confirmed;
                    dance.reservation.state != ReservationState::Reserved && sold == confirmed
                })
        }),
        always("at rest captured - refunded is what confirmed orders are worth", |world, state| {
            !is_at_rest(state)
                || state.dances.iter().zip(&world.scripts).all(|(dance, script)| {
                    let confirmed = dance.order.state == OrderState::Confirmed;
                    let owed = if confirmed { script.pieces } else { dance.provider.refunded };
                    dance.provider.captured == owed
                        && (!confirmed || dance.provider.refunded < dance.provider.captured)
                })
        }),
        always("at rest no payment is open", |_, state| {
            !is_at_rest(state) || every(state, |d| !d.payment.is_open() && !d.payment.is_refund_due())
        }),
        always("at rest every request was honoured or refused", |_, state| {
            !is_at_rest(state) || every(state, is_answered)
        }),
    ]
}

/// Or was never submitted.
fn has_ended(dance: &Dance) -> bool {
    dance.order.state.status().is_none_or(OrderStatus::is_final)
}

fn is_answered(dance: &Dance) -> bool {
    let asked = &dance.asked;
    let status = dance.order.state.status();
    let cancelled = matches!(status, None | Some(OrderStatus::Cancelled | OrderStatus::Failed));
    let honoured = dance.payment.parts;
    (!asked.cancelled || asked.cancellation_refused || cancelled)
        && asked.refunds <= asked.refunds_refused + honoured
}

fn seen() -> Vec<Property<World>> {
    vec![
        sometimes("an order is confirmed, and all is at rest", |_, state| {
            is_at_rest(state) && state.dances.iter().any(|d| d.order.state == OrderState::Confirmed)
        }),
        sometimes("an order is rejected for its price, where prices change", |world, state| {
            let rejected = |d: &Dance| d.order.state == OrderState::Failed && d.asked.submissions == 0;
            !world.setting.allowed.price_changes || state.dances.iter().any(rejected)
        }),
        sometimes("a part is given back, and the order stays confirmed", |_, state| {
            is_at_rest(state)
                && state.dances.iter().any(|d| d.order.state == OrderState::Confirmed && d.payment.parts > 0)
        }),
        sometimes("an order is cancelled, and all is at rest", |_, state| {
            is_at_rest(state) && state.dances.iter().any(|d| d.order.state == OrderState::Cancelled)
        }),
    ]
}
