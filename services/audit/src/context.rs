use std::collections::BTreeMap;
use std::sync::Arc;

use minuet_events::Codec;
use minuet_messaging::topics::Catalogue;
use tokio::runtime::Handle;

/// The installation that is looked at.
#[derive(Clone, Debug)]
pub struct Context {
    /// librdkafka's settings.
    pub kafka: BTreeMap<String, String>,
    pub prefix: String,
    pub codec: Codec,
    pub catalogue: Arc<Catalogue<minuet_events::EventType>>,
    /// libpq URLs of `order`, `inventory`, `payment`, as far as they are known.
    pub databases: BTreeMap<&'static str, String>,
    /// Where the registry and the databases are asked.
    pub runtime: Handle,
}
