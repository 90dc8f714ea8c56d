use std::fmt;
use std::sync::Arc;

/// The name of a topic on a cluster: the installation's prefix, then the name in `topics.yaml`. Clones share the text.
///
/// ```
/// use minuet_messaging::topics::TopicName;
///
/// let name = TopicName::new("shop-a.", "orders.events");
/// assert_eq!((name.full(), name.plain()), ("shop-a.orders.events", "orders.events"));
/// assert_eq!(TopicName::from_full("shop-a.", "shop-a.orders.events"), name);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName {
    full: Arc<str>,
    /// Bytes of the prefix in `full`.
    prefix: usize,
}

impl TopicName {
    /// The topic that `topics.yaml` calls `plain`, in the installation with this prefix.
    pub fn new(prefix: &str, plain: &str) -> Self {
        TopicName { full: format!("{prefix}{plain}").into(), prefix: prefix.len() }
    }

    /// The topic that the cluster calls `full`. A name without the prefix belongs to no topic of the installation; its
    /// plain name is the full one.
    pub fn from_full(prefix: &str, full: impl Into<Arc<str>>) -> Self {
        let full: Arc<str> = full.into();
        let prefix = if full.starts_with(prefix) { prefix.len() } else { 0 };
        TopicName { full, prefix }
    }

    /// The name on the cluster, prefix included.
    pub fn full(&self) -> &str {
        &self.full
    }

    /// [`TopicName::full`] as a shared text.
    pub fn to_full(&self) -> Arc<str> {
        Arc::clone(&self.full)
    }

    /// The name in `topics.yaml`, without prefix.
    pub fn plain(&self) -> &str {
        &self.full[self.prefix..]
    }
}

/// Shows the full name.
impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_the_prefix_is_its_own_plain_name() {
        let foreign = TopicName::from_full("shop-a.", "shop-b.orders.events");
        assert_eq!((foreign.full(), foreign.plain()), ("shop-b.orders.events", "shop-b.orders.events"));
    }

    #[test]
    fn without_a_prefix_both_names_are_the_same() {
        let name = TopicName::new("", "orders.events");
        assert_eq!((name.full(), name.plain()), ("orders.events", "orders.events"));
        assert_eq!(TopicName::from_full("", "orders.events"), name);
    }
}
