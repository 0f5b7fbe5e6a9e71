//! Ids in sixteen bytes, exactly: short ones and UUIDs as they are, any other as the number of a string kept once.
//!
//! Invariant: two names are equal if and only if their texts are, whatever the hash. Limits: pi writes eight hex digits
//! and OpenClaw UUIDs, so strings are kept for strangers' ids only.

use std::hash::{BuildHasher as _, DefaultHasher, Hash, Hasher as _, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use super::chunks::Chunks;
use crate::id::EntryId;

/// The longest text that stands in a name itself.
const SHORT: usize = 15;
/// Where a UUID has its dashes.
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// An id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) form: Form,
    pub(super) bits: [u64; 2],
}

/// How an id is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Form {
    /// Its bytes, and their number in the last.
    Short,
    /// The number that a UUID in small letters writes.
    Uuid,
    /// The number of a string.
    Long,
}

impl Form {
    pub(super) fn of(number: u8) -> Option<Self> {
        [Form::Short, Form::Uuid, Form::Long]
            .into_iter()
            .find(|form| *form as u8 == number)
    }
}

/// What hashes: forced to collide in tests.
#[derive(Clone, Debug)]
pub(super) struct Hashing {
    /// Nobody who writes ids and keys knows it.
    seed: u64,
    hash: fn(u64) -> u64,
}

impl Default for Hashing {
    fn default() -> Self {
        Hashing::seeded(RandomState::new().hash_one(0))
    }
}

impl Hashing {
    #[cfg(test)]
    pub(super) fn forced(hash: fn(u64) -> u64) -> Self {
        Hashing {
            hash,
            ..Hashing::default()
        }
    }

    pub(super) fn seeded(seed: u64) -> Self {
        Hashing {
            seed,
            hash: |hash| hash,
        }
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn name(&self, name: Name) -> u64 {
        self.one(name)
    }

    pub(super) fn text(&self, text: &str) -> u64 {
        self.one(text)
    }

    fn one(&self, what: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.seed);
        what.hash(&mut hasher);
        (self.hash)(hasher.finish())
    }
}

/// The strings of long names.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    texts: Chunks<Arc<str>>,
    numbers: Arc<HashTable<u32>>,
}

impl Names {
    /// The name of an id, if that can be the name of anything here.
    pub(super) fn known(&self, text: &str, hashing: &Hashing) -> Option<Name> {
        short(text).or_else(|| uuid(text)).or_else(|| {
            let same = |number: &u32| self.text_of(*number) == text;
            self.numbers
                .find(hashing.text(text), same)
                .map(|&number| long(number))
        })
    }

    /// The name of an id; its string is kept where that is needed.
    pub(super) fn name(&mut self, text: &str, hashing: &Hashing) -> Name {
        if let Some(name) = self.known(text, hashing) {
            return name;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(Arc::from(text));
        let texts = &self.texts;
        let hash = |number: &u32| {
            texts
                .get(*number as usize)
                .map_or(0, |text| hashing.text(text))
        };
        Arc::make_mut(&mut self.numbers).insert_unique(hashing.text(text), number, hash);
        long(number)
    }

    pub(super) fn text(&self, name: Name) -> EntryId {
        let bytes: [u8; 16] = bytes(name.bits);
        match name.form {
            Form::Short => {
                let len = usize::from(bytes[SHORT]).min(SHORT);
                EntryId::new(String::from_utf8_lossy(&bytes[..len]))
            }
            Form::Uuid => EntryId::new(uuid_text(u128::from_be_bytes(bytes))),
            Form::Long => {
                EntryId::new(self.text_of(u32::try_from(name.bits[0]).unwrap_or(u32::MAX)))
            }
        }
    }

    /// The strings, by number.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        (0..self.texts.len()).filter_map(|number| self.texts.get(number).map(|text| &**text))
    }

    fn text_of(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }
}

fn bits(bytes: [u8; 16]) -> [u64; 2] {
    let number = u128::from_be_bytes(bytes);
    [(number >> 64) as u64, number as u64]
}

fn bytes(bits: [u64; 2]) -> [u8; 16] {
    (u128::from(bits[0]) << 64 | u128::from(bits[1])).to_be_bytes()
}

fn long(number: u32) -> Name {
    Name {
        form: Form::Long,
        bits: [u64::from(number), 0],
    }
}

fn short(text: &str) -> Option<Name> {
    let mut held = [0; 16];
    held.get_mut(..text.len())
        .filter(|place| place.len() <= SHORT)?
        .copy_from_slice(text.as_bytes());
    held[SHORT] = u8::try_from(text.len()).ok()?;
    Some(Name {
        form: Form::Short,
        bits: bits(held),
    })
}

fn uuid(text: &str) -> Option<Name> {
    if text.len() != 36 {
        return None;
    }
    let mut number = 0_u128;
    for (at, byte) in text.bytes().enumerate() {
        let digit = match byte {
            b'-' if DASHES.contains(&at) => continue,
            _ if DASHES.contains(&at) => return None,
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u128::from(digit);
    }
    Some(Name {
        form: Form::Uuid,
        bits: bits(number.to_be_bytes()),
    })
}

fn uuid_text(number: u128) -> String {
    let digits = format!("{number:032x}");
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_stands_for_its_text_and_no_other(texts in proptest::collection::vec(prop_oneof![
            "[a-f0-9]{0,18}", "[a-fA-F0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}", "[-0-9a-f]{36}", any::<String>(),
        ], 0..40), forced in any::<bool>()) {
            let hashing = if forced { Hashing::forced(|_| 7) } else { Hashing::default() };
            let mut names = Names::default();
            let given: Vec<_> = texts.iter().map(|text| names.name(text, &hashing)).collect();
            for (text, name) in texts.iter().zip(&given) {
                prop_assert_eq!(names.text(*name), EntryId::new(text));
                prop_assert_eq!(names.known(text, &hashing), Some(*name));
                for (other, theirs) in texts.iter().zip(&given) {
                    prop_assert_eq!(text == other, name == theirs);
                }
            }
            prop_assert_eq!(names.known("an id that nobody gave", &hashing), None);
        }
    }
}
