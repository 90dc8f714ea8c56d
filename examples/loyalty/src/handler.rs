//! A batch of confirmed orders becomes one change of the database, and the events that it causes.

use std::convert::Infallible;
use std::sync::Arc;

use minuet_messaging::{BatchHandler, Cause, Fold, Handled, Micros, ReactError, Received};
use sqlx::PgConnection;

use crate::contract::{Event, Kind, LoyaltyContract, PointsEarned};
use crate::points::{Decision, Order, PARTICIPANT, decide};
use crate::store;

pub struct Loyalty {
    /// The `ce_source` of the events that loyalty emits.
    pub source: Arc<str>,
}

impl BatchHandler for Loyalty {
    type Contract = LoyaltyContract;
    type After = ();
    type Due = Infallible;

    fn consumes(&self) -> Vec<Kind> {
        PARTICIPANT.consumed()
    }

    async fn react(
        &self,
        connection: &mut PgConnection,
        now: Micros,
        events: &[&Received<LoyaltyContract>],
    ) -> Result<Handled<LoyaltyContract, ()>, ReactError> {
        // Load.
        let confirmed = |(index, received): (usize, &&Received<LoyaltyContract>)| match received.event()? {
            (envelope, Event::OrderConfirmed(order)) => Some((index, envelope.clone(), order.clone())),
            (_, Event::PointsEarned(_)) => None,
        };
        let orders: Vec<_> = events.iter().enumerate().filter_map(confirmed).collect();
        let ids = orders.iter().map(|(_, _, order)| order.order_id.clone()).collect();
        let mut rewarded = store::rewarded(connection, ids).await?;

        // Decide.
        let (mut fold, mut rewards) = (Fold::new(Arc::clone(&self.source), now), Vec::new());
        for (index, envelope, order) in orders {
            let known = if rewarded.contains(&order.order_id) { Order::Rewarded } else { Order::Unknown };
            let decision = fold.decided(index, decide(known, order.total));
            let Some(Decision::Earn(points)) = decision else { continue };
            rewarded.insert(order.order_id.clone());
            let earned = PointsEarned { order_id: order.order_id, user_id: order.user_id, points };
            rewards.push(earned.clone());
            // The only event about this order that loyalty ever emits, so its number is 1.
            fold.emit_as(Some(1), Cause::from(&envelope), &envelope.trace, Event::PointsEarned(earned));
        }

        // Store.
        store::write(connection, &rewards).await?;
        Ok(fold.handled(()))
    }
}
