//! The list of records: one line each, from which their names, schemas and keys follow.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use minuet_envelope::EventKind;
use minuet_envelope::validity::Invalid;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::catalog::*;
use crate::inventory::*;
use crate::orders::*;
use crate::parking::*;
use crate::payments::*;
use crate::values::{OrderId, Sku, ValueError};

/// What an event is about, and so what its key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    Order(OrderId),
    Sku(&'a Sku),
    /// A parked message, by its own key: any bytes, or none.
    Parked(Option<&'a [u8]>),
}

impl Subject<'_> {
    pub const fn order(self) -> Option<OrderId> {
        match self {
            Self::Order(order) => Some(order),
            Self::Sku(_) | Self::Parked(_) => None,
        }
    }
}

/// The Kafka key. A byte of a parked message's key that is not UTF-8 is replaced: two such keys may become one text,
/// and then share a partition of the dead letters.
impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(order) => write!(f, "{order}"),
            Self::Sku(sku) => f.write_str(sku.as_str()),
            Self::Parked(key) => f.write_str(&String::from_utf8_lossy(key.unwrap_or_default())),
        }
    }
}

/// `<namespace> <Record> by <the field that is its key>`. The order is `Codec::local`'s numbering: append.
macro_rules! events {
    ($($namespace:ident $record:ident by $key:ident,)+) => {
        /// A decoded event: one variant per record of the contract.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $($record($record),)+
        }

        $(impl From<$record> for Event {
            fn from(record: $record) -> Self {
                Self::$record(record)
            }
        })+

        /// The kind of an event, without its contents.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $($record,)+
        }

        impl EventType {
            pub const ALL: &[Self] = &[$(Self::$record,)+];

            /// `OrderPlaced`
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$record => stringify!($record),)+
                }
            }

            /// `minuet.orders.OrderPlaced`: the Avro full name, which is also the registry's subject.
            pub const fn record_name(self) -> &'static str {
                match self {
                    $(Self::$record => concat!("minuet.", stringify!($namespace), ".", stringify!($record)),)+
                }
            }

            /// `minuet.orders.OrderPlaced.v1`: the header `ce_type`.
            pub const fn ce_type(self) -> &'static str {
                match self {
                    $(Self::$record => {
                        concat!("minuet.", stringify!($namespace), ".", stringify!($record), ".v1")
                    })+
                }
            }

            /// The Avro schema, as it is registered.
            pub const fn schema_json(self) -> &'static str {
                match self {
                    $(Self::$record => {
                        include_str!(concat!("../schemas/", stringify!($record), ".avsc"))
                    })+
                }
            }

            /// A record of this kind as JSON in one line, as `minuet produce` reads it. All examples are about one order and one
            /// product.
            pub const fn example_json(self) -> &'static str {
                match self {
                    $(Self::$record => {
                        include_str!(concat!("../examples/", stringify!($record), ".json"))
                    })+
                }
            }

            /// Reads a record of this kind from any serde format, JSON for one. What comes from a topic goes
            /// through the codec.
            pub fn deserialize<'de, D: Deserializer<'de>>(self, from: D) -> Result<Event, D::Error> {
                match self {
                    $(Self::$record => $record::deserialize(from).map(Event::$record),)+
                }
            }

            /// Decodes a record of this kind with its writer's schema.
            pub(crate) fn read(self, reader: impl RecordReader) -> Result<Event, String> {
                match self {
                    $(Self::$record => reader.read::<$record>().map(Event::$record),)+
                }
            }
        }

        impl Event {
            pub const fn event_type(&self) -> EventType {
                match self {
                    $(Self::$record(_) => EventType::$record,)+
                }
            }

            pub fn subject(&self) -> Subject<'_> {
                match self {
                    $(Self::$record(record) => Subject::from(&record.$key),)+
                }
            }

            /// The Kafka key: what orders this event among others.
            pub fn key(&self) -> String {
                self.subject().to_string()
            }
        }

        /// Only the record: which one it is lies in the schema's id, and in `ce_type`.
        impl Serialize for Event {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$record(record) => record.serialize(to),)+
                }
            }
        }
    };
}

events! {
    orders OrderSubmitted by order_id,
    orders OrderCancellationRequested by order_id,
    orders OrderPlaced by order_id,
    orders OrderRejected by order_id,
    orders OrderConfirmed by order_id,
    orders OrderCancelled by order_id,
    orders OrderFailed by order_id,
    orders OrderCancellationRejected by order_id,
    inventory InventoryReserved by order_id,
    inventory InventoryRejected by order_id,
    inventory InventoryConfirmed by order_id,
    inventory InventoryReleased by order_id,
    inventory ReservationExpired by order_id,
    inventory InventoryConfirmationFailed by order_id,
    inventory StockAdjusted by sku,
    inventory StockLevelChanged by sku,
    inventory StockAdjustmentRejected by sku,
    payments PaymentSucceeded by order_id,
    payments PaymentFailed by order_id,
    payments PaymentRefunded by order_id,
    payments RefundRequested by order_id,
    payments RefundRejected by order_id,
    catalog ProductChanged by sku,
    parking EventParked by key,
    payments PaymentActionRequired by order_id,
    payments ProviderNotified by order_id,
    payments PaymentDisputed by order_id,
}

impl EventType {
    /// How many there are; `event_type as usize` is below it.
    pub const COUNT: usize = Self::ALL.len();

    pub fn from_name(name: &str) -> Option<Self> {
        <Self as EventKind>::from_name(name)
    }

    pub fn from_record_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event_type| event_type.record_name() == name)
    }

    pub fn from_ce_type(ce_type: &str) -> Option<Self> {
        Self::from_record_name(ce_type.strip_suffix(".v1")?)
    }
}

impl EventKind for EventType {
    const ALL: &'static [Self] = Self::ALL;
    const PARKED: Option<Self> = Some(EventType::EventParked);

    fn name(self) -> &'static str {
        self.name()
    }

    fn record_name(self) -> &'static str {
        self.record_name()
    }

    fn ce_type(self) -> &'static str {
        self.ce_type()
    }

    fn from_ce_type(ce_type: &str) -> Option<Self> {
        Self::from_ce_type(ce_type)
    }
}

impl Event {
    /// Whether the names and amounts in a request may come in today. What a service emits repeats what was taken: it is never
    /// refused for that.
    pub fn check_admissible(&self) -> Result<(), Invalid> {
        match self {
            Self::OrderSubmitted(e) => {
                e.user_id.check_admissible()?;
                e.lines.iter().try_for_each(|line| line.sku.check_admissible())?;
                let expected = e.expected_total.map_or(Ok(()), |expected| {
                    expected.amount.check_fits("expected_total.amount", expected.currency)
                });
                expected.map_err(|error| Invalid::decimals(&error))
            }
            Self::OrderCancellationRequested(e) => Ok(e.requested_by.check_admissible()?),
            Self::RefundRequested(e) => Ok(e.requested_by.check_admissible()?),
            Self::StockAdjusted(e) => {
                e.sku.check_admissible()?;
                Ok(e.warehouse_code.check_admissible()?)
            }
            Self::ProductChanged(e) => {
                e.sku.check_admissible()?;
                e.unit_price.check_fits("unit_price", e.currency).map_err(|error| Invalid::decimals(&error))
            }
            Self::OrderPlaced(_)
            | Self::OrderRejected(_)
            | Self::OrderConfirmed(_)
            | Self::OrderCancelled(_)
            | Self::OrderFailed(_)
            | Self::OrderCancellationRejected(_)
            | Self::InventoryReserved(_)
            | Self::InventoryRejected(_)
            | Self::InventoryConfirmed(_)
            | Self::InventoryReleased(_)
            | Self::ReservationExpired(_)
            | Self::InventoryConfirmationFailed(_)
            | Self::StockLevelChanged(_)
            | Self::StockAdjustmentRejected(_)
            | Self::PaymentSucceeded(_)
            | Self::PaymentFailed(_)
            | Self::PaymentRefunded(_)
            | Self::RefundRejected(_)
            | Self::PaymentActionRequired(_)
            | Self::ProviderNotified(_)
            | Self::PaymentDisputed(_)
            | Self::EventParked(_) => Ok(()),
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EventType {
    type Err = ValueError;

    fn from_str(name: &str) -> Result<Self, ValueError> {
        let takes = "a record's name, such as OrderPlaced";
        Self::from_name(name).ok_or_else(|| ValueError::new("an event type", takes, name))
    }
}

/// Something that holds a datum and knows its writer's schema.
pub(crate) trait RecordReader {
    fn read<T: serde::de::DeserializeOwned>(self) -> Result<T, String>;
}

impl From<&OrderId> for Subject<'_> {
    fn from(order: &OrderId) -> Self {
        Self::Order(*order)
    }
}

impl<'a> From<&'a Sku> for Subject<'a> {
    fn from(sku: &'a Sku) -> Self {
        Self::Sku(sku)
    }
}

impl<'a> From<&'a Option<Bytes>> for Subject<'a> {
    fn from(key: &'a Option<Bytes>) -> Self {
        Self::Parked(key.as_deref())
    }
}
