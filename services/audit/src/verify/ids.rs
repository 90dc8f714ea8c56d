//! Hashing of ids, quicker than the standard library's: there are several look-ups for each event. Seeded anew for each
//! table, since anybody may choose an order's id.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

#[derive(Clone, Copy, Debug)]
pub(super) struct ById {
    seeds: [u64; 2],
}

impl Default for ById {
    fn default() -> Self {
        let random = RandomState::new();
        ById { seeds: [random.hash_one(0), random.hash_one(1) | 1] }
    }
}

impl BuildHasher for ById {
    type Hasher = Mixing;

    fn build_hasher(&self) -> Mixing {
        let [state, factor] = self.seeds;
        Mixing { state, factor }
    }
}

pub(super) struct Mixing {
    state: u64,
    factor: u64,
}

impl Mixing {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.factor);
        self.state = (product as u64) ^ (product >> 64) as u64;
    }
}

impl Hasher for Mixing {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.mix(word.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            self.mix(rest.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(byte.into());
    }

    /// The length before an id's bytes: it is the same for all.
    fn write_usize(&mut self, length: usize) {
        self.state = self.state.rotate_left(5) ^ length as u64;
    }

    fn finish(&self) -> u64 {
        let product = u128::from(self.state) * u128::from(self.factor);
        (product as u64) ^ (product >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn ids_that_are_alike_are_spread_and_tables_differ() {
        let (by_id, other) = (ById::default(), ById::default());
        // A table takes the last bits for the place and the first seven for a tag.
        let (mut last, mut first) = (vec![0; 256], vec![0; 128]);
        for number in 0..100_000_u128 {
            let hash = by_id.hash_one(Uuid::from_u128(0x0190_a0a0_0000_7000_8000_0000_0000_0000 + number));
            last[(hash & 255) as usize] += 1;
            first[(hash >> 57) as usize] += 1;
        }
        assert!(last.iter().all(|n| (200..600).contains(n)), "{last:?}");
        assert!(first.iter().all(|n| (400..1_200).contains(n)), "{first:?}");
        assert_ne!(by_id.hash_one("MUG"), by_id.hash_one("GUM"));
        assert_ne!(by_id.hash_one(Uuid::nil()), other.hash_one(Uuid::nil()));
    }
}
