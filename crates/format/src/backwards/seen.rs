//! The ids of the entries that were passed: those of eight hexadecimal digits, as nearly all are, as the numbers that they are, in
//! some three bytes each; others as hashes. A hit is a question, and the answer is to read all lines.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;
use roaring::RoaringBitmap;

/// How long an id is that pi makes.
const DIGITS: usize = 8;

pub(super) struct Ids {
    state: RandomState,
    hash: fn(u64) -> u64,
    numbers: RoaringBitmap,
    hashes: HashTable<u64>,
}

impl Default for Ids {
    fn default() -> Self {
        Ids {
            state: RandomState::new(),
            hash: |hash| hash,
            numbers: RoaringBitmap::new(),
            hashes: HashTable::new(),
        }
    }
}

impl Ids {
    #[cfg(test)]
    pub(super) fn forced(hash: fn(u64) -> u64) -> Self {
        Ids {
            hash,
            ..Ids::default()
        }
    }

    pub(super) fn add(&mut self, id: &str) {
        if let Some(number) = number(id) {
            self.numbers.insert(number);
            return;
        }
        let hash = self.hash(id);
        if !self.holds(hash) {
            self.hashes.insert_unique(hash, hash, |hash| *hash);
        }
    }

    pub(super) fn may_hold(&self, id: &str) -> bool {
        match number(id) {
            Some(number) => self.numbers.contains(number),
            None => self.holds(self.hash(id)),
        }
    }

    fn holds(&self, hash: u64) -> bool {
        self.hashes.find(hash, |other| *other == hash).is_some()
    }

    fn hash(&self, id: &str) -> u64 {
        (self.hash)(self.state.hash_one(id))
    }
}

/// The number that an id is: one of eight hexadecimal digits, the small ones, so that no two ids are one number.
fn number(id: &str) -> Option<u32> {
    let digits = id.as_bytes();
    let is_number = digits.len() == DIGITS
        && digits
            .iter()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    is_number
        .then(|| u32::from_str_radix(id, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_that_was_passed_is_always_known_and_one_of_digits_that_was_not_never_is(
            passed in prop::collection::hash_set("[0-9a-f]{8}|[0-9a-fA-F]{0,9}|.{0,12}", 0..40),
            asked in prop::collection::vec("[0-9a-f]{8}", 0..40),
        ) {
            let mut ids = Ids::default();
            passed.iter().for_each(|id| ids.add(id));
            prop_assert!(passed.iter().all(|id| ids.may_hold(id)));
            let known: HashSet<&str> = passed.iter().map(String::as_str).collect();
            for id in &asked {
                prop_assert_eq!(ids.may_hold(id), known.contains(id.as_str()));
            }
        }
    }

    #[test]
    fn ids_that_differ_in_the_size_of_a_letter_are_two() {
        let mut ids = Ids::default();
        ids.add("0000000a");
        assert!(ids.may_hold("0000000a"));
        assert!(!ids.may_hold("0000000A"));
        assert!(!ids.may_hold("a"));
        assert!(!ids.may_hold("+000000a"));
    }
}
