//! The ids of the entries that were passed, as hashes: a hit is a question, and the answer is to read all lines.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;

pub(super) struct Ids {
    state: RandomState,
    hash: fn(u64) -> u64,
    hashes: HashTable<u64>,
}

impl Default for Ids {
    fn default() -> Self {
        Ids {
            state: RandomState::new(),
            hash: |hash| hash,
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
        let hash = self.hash(id);
        if !self.holds(hash) {
            self.hashes.insert_unique(hash, hash, |hash| *hash);
        }
    }

    pub(super) fn may_hold(&self, id: &str) -> bool {
        self.holds(self.hash(id))
    }

    fn holds(&self, hash: u64) -> bool {
        self.hashes.find(hash, |other| *other == hash).is_some()
    }

    fn hash(&self, id: &str) -> u64 {
        (self.hash)(self.state.hash_one(id))
    }
}
