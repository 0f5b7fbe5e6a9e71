//! What a transcript holds of imports, and what each entry hangs below: read once, and followed as it grows.

use std::collections::HashMap;

use latchwork_format::{EntryId, RawEntry};
use latchwork_import::is_followed_key;
use latchwork_session::Position;

/// The nearest entry, at or above another one, that something may follow: what was said, or an item of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Above {
    /// None: nothing was said up to there.
    pub(super) entry: Option<EntryId>,
    /// It came by an import.
    pub(super) imported: bool,
}

/// What is known of a transcript.
#[derive(Debug, Default)]
pub(super) struct Map {
    /// Everything before this place was seen.
    pub(super) read_to: Position,
    above: HashMap<EntryId, Above>,
    imported: HashMap<[u8; 16], EntryId>,
}

/// A key, short.
fn short(key: &str) -> [u8; 16] {
    let hash = blake3::hash(key.as_bytes());
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    short
}

impl Map {
    /// Takes note of an entry.
    pub(super) fn see(&mut self, entry: &RawEntry) {
        let key = entry.mark().and_then(|mark| mark.key);
        let followed = key.as_deref().and_then(is_followed_key);
        if let (Some(key), Some(_)) = (&key, followed) {
            self.imported.insert(short(key), entry.id().clone());
        }
        let itself = |imported| Above {
            entry: Some(entry.id().clone()),
            imported,
        };
        let above = match followed {
            Some(true) => itself(true),
            None if !entry.kind().is_metadata() => itself(false),
            _ => self.above(entry.parent()),
        };
        self.above.insert(entry.id().clone(), above);
    }

    /// Takes note of an item that was just written.
    pub(super) fn wrote(&mut self, key: &str, id: &EntryId, parent: Option<&EntryId>) {
        let above = match is_followed_key(key) {
            Some(true) => Above {
                entry: Some(id.clone()),
                imported: true,
            },
            _ => self.above(parent),
        };
        self.imported.insert(short(key), id.clone());
        self.above.insert(id.clone(), above);
    }

    /// Takes note of an entry that says that the head was moved to another one.
    pub(super) fn moved(&mut self, entry: Option<&EntryId>, to: Option<&EntryId>) {
        if let Some(entry) = entry {
            self.above.insert(entry.clone(), self.above(to));
        }
    }

    /// The entry of an item, if it stands there.
    pub(super) fn entry_of(&self, key: &str) -> Option<&EntryId> {
        self.imported.get(&short(key))
    }

    pub(super) fn above(&self, entry: Option<&EntryId>) -> Above {
        entry
            .and_then(|entry| self.above.get(entry).cloned())
            .unwrap_or_default()
    }
}
