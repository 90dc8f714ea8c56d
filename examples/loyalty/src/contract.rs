//! The events that loyalty reads and writes: their names, their keys and their fields.

use minuet_avro::SchemaRegistry;
use minuet_messaging::{Contract, DecodeError, EncodeError, ResolveError, event_kinds};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

event_kinds! {
    pub enum Kind, version "v1" {
        OrderConfirmed = "minuet.orders.OrderConfirmed",
        PointsEarned = "loyalty.PointsEarned",
    }
}

/// The fields that loyalty needs of the shop's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderConfirmed {
    pub order_id: String,
    pub user_id: String,
    #[serde(deserialize_with = "minuet_avro::decimal::<4, _>")]
    pub total: Decimal,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointsEarned {
    pub order_id: String,
    pub user_id: String,
    pub points: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Event {
    OrderConfirmed(OrderConfirmed),
    PointsEarned(PointsEarned),
}

#[derive(Clone, Debug)]
pub struct LoyaltyContract(pub SchemaRegistry);

impl Contract for LoyaltyContract {
    type Kind = Kind;
    type Event = Event;

    fn kind(event: &Event) -> Kind {
        match event {
            Event::OrderConfirmed(_) => Kind::OrderConfirmed,
            Event::PointsEarned(_) => Kind::PointsEarned,
        }
    }

    fn key(event: &Event) -> String {
        match event {
            Event::OrderConfirmed(order) => order.order_id.clone(),
            Event::PointsEarned(earned) => earned.order_id.clone(),
        }
    }

    fn encode(&self, event: &Event) -> Result<Vec<u8>, EncodeError> {
        self.0.encode(Self::kind(event), &Self::key(event), event)
    }

    fn decode(&self, payload: &[u8]) -> Result<Event, DecodeError> {
        self.0.decode(Kind::OrderConfirmed, payload).map(Event::OrderConfirmed)
    }

    async fn resolve(&self, schema: u32) -> Result<(), ResolveError> {
        self.0.resolve(schema).await
    }
}
