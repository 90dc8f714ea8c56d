use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::RwLock;

/// Every value once, under a small number: millions of states are compared and copied, and they differ in few values.
/// What a number means depends on which thread came first, but within one check it never changes.
#[derive(Debug)]
pub(crate) struct Table<T> {
    values: RwLock<Vec<Arc<T>>>,
}

impl<T: PartialEq> Table<T> {
    pub(crate) fn number(&self, value: T) -> u16 {
        let mut values = self.values.write();
        let known = values.iter().position(|known| **known == value);
        let number = known.unwrap_or_else(|| {
            values.push(Arc::new(value));
            values.len() - 1
        });
        assert!(number < usize::from(u16::MAX), "the model has too many different values");
        number as u16
    }

    pub(crate) fn get(&self, number: u16) -> Arc<T> {
        let values = self.values.read();
        Arc::clone(&values[usize::from(number)])
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { values: RwLock::default() }
    }
}

/// What a pure function gave for these arguments: a decision is asked for millions of times, about a few hundred cases.
#[derive(Debug)]
pub(crate) struct Memo<K, V> {
    known: RwLock<HashMap<K, V>>,
}

impl<K: Eq + Hash, V: Copy> Memo<K, V> {
    pub(crate) fn of(&self, key: K, compute: impl FnOnce() -> V) -> V {
        let known = self.known.read().get(&key).copied();
        known.unwrap_or_else(|| {
            let value = compute();
            self.known.write().insert(key, value);
            value
        })
    }
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Memo { known: RwLock::default() }
    }
}
