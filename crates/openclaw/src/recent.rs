//! What we wrote lately, so that a program that takes no lock cannot undo it without our noticing.
//!
//! OpenClaw reads the store, changes it and writes it back with nothing held. What we write in between is undone by its write, and
//! nobody is told. So each change of ours is noted beside the store, with what stood there before; the next of ours that takes the
//! lock looks whether the old text is back, and if so makes the change again. A row that holds anything else was changed by
//! somebody who knew of ours, and is left to them.
//!
//! Invariants: a note is written after the store, so that nothing that failed is ever made again; a note that is old, torn or
//! missing is no note. Limits: only for [`WINDOW_MS`]; what another program takes out within that time, back to just what stood before
//! our change, is put back.

use std::path::{Path, PathBuf};

use latchwork_filelock::SIDECARS;
use latchwork_sys::{IoDoing, OpenHow, PathError, System, read_at_most, temporary_beside};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::reading::Stamp;
use crate::store::SessionsJson;

/// For how long a change is watched over; milliseconds.
pub(crate) const WINDOW_MS: i64 = 30_000;
/// How lately another program must have written for it to be expected again; milliseconds.
const PEER_MS: i64 = 10_000;
/// The largest note that is kept, in bytes; older changes are dropped for newer ones.
const BYTES_MAX: usize = 1 << 20;

/// How many earlier states of one row are known again.
const BEFORES_MAX: usize = 256;

/// The note.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Recent {
    /// The state of the store that we wrote last.
    wrote: Option<Stamp>,
    /// When another program was last seen to have written.
    peer_ms: Option<i64>,
    changes: Vec<Change>,
}

/// A change of one row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    key: String,
    at_ms: i64,
    /// What stood before, as checksums, since the first of our changes that follow one another; `None`: there was no row.
    before: Vec<Option<String>>,
    /// The text that we wrote; `None`: we took the row out.
    after: Option<Box<RawValue>>,
}

fn path_of(store: &Path) -> PathBuf {
    let name = store.file_name().unwrap_or_default();
    let mut name = name.to_os_string();
    name.push(".recent");
    store.with_file_name(SIDECARS).join(name)
}

impl Recent {
    /// What is noted; nothing, if it cannot be read.
    pub(crate) fn read(system: &System, store: &Path) -> Self {
        let path = path_of(store);
        let opened = system.disk.open(&path, &OpenHow::reading());
        let bytes = opened.and_then(|file| read_at_most(&*file, 2 * BYTES_MAX));
        let note = bytes.ok();
        note.and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Notes whether somebody else wrote the state that was found.
    pub(crate) fn found(&mut self, stamp: Option<Stamp>, now_ms: i64) {
        if let Some(stamp) = stamp
            && self.wrote != Some(stamp)
        {
            self.peer_ms = self.peer_ms.max(Some(stamp.modified_ms().min(now_ms)));
        }
    }

    /// Whether a program that takes no lock wrote lately, so that it may write again at any moment.
    pub(crate) fn peer_is_about(&self, now_ms: i64) -> bool {
        let lately = |at: i64| (0..=PEER_MS).contains(&now_ms.saturating_sub(at));
        self.peer_ms.is_some_and(lately)
    }

    /// Whether this is the state that we wrote last.
    pub(crate) fn wrote(&self, stamp: Stamp) -> bool {
        self.wrote == Some(stamp)
    }

    /// Makes those changes again that were undone since; how many.
    pub(crate) fn restore(&self, store: &mut SessionsJson, now_ms: i64) -> u32 {
        let mut restored = 0;
        for change in self.changes.iter().filter(|change| change.is_young(now_ms)) {
            let now = store.get(&change.key).map(|row| checksum(row.text()));
            let after = change.after.as_ref().map(|text| checksum(text.get()));
            if now == after || !change.before.contains(&now) {
                continue;
            }
            let done = match &change.after {
                Some(text) => store.put_text(&change.key, text.clone()).is_ok(),
                None => store.remove(&change.key),
            };
            restored += u32::from(done);
        }
        restored
    }

    /// Adds what was changed in the store that was just written.
    pub(crate) fn add(&mut self, store: &SessionsJson, wrote: Stamp, now_ms: i64) {
        self.wrote = Some(wrote);
        self.changes.retain(|change| change.is_young(now_ms));
        for (key, before, after) in store.edits() {
            let after = after.map(|text| RawValue::from_string(text.to_owned()));
            let Ok(after) = after.transpose() else {
                continue;
            };
            self.add_one(key, before.map(checksum), after, now_ms);
        }
        let mut room = BYTES_MAX;
        self.changes.reverse();
        self.changes.retain(|change| {
            let text = change.after.as_ref().map_or(0, |text| text.get().len());
            let needs = text + change.key.len() + 40 * change.before.len() + 200;
            let fits = room >= needs;
            room = room.saturating_sub(needs);
            fits
        });
        self.changes.reverse();
    }

    fn add_one(
        &mut self,
        key: &str,
        before: Option<String>,
        after: Option<Box<RawValue>>,
        now_ms: i64,
    ) {
        let at = self.changes.iter().position(|older| older.key == key);
        let mut befores = at.map_or_else(Vec::new, |at| self.changes.remove(at).before);
        let own = after.as_ref().map(|text| checksum(text.get()));
        befores.retain(|older| *older != before && *older != own);
        befores.push(before);
        let too_many = befores.len().saturating_sub(BEFORES_MAX);
        befores.drain(..too_many);
        self.changes.push(Change {
            key: key.to_owned(),
            at_ms: now_ms,
            before: befores,
            after,
        });
    }

    /// Writes it down. It need not survive a loss of power: no program goes on through one.
    pub(crate) fn write(&self, system: &System, store: &Path) -> Result<(), PathError> {
        let path = path_of(store);
        let temporary = temporary_beside(&*system.entropy, &path);
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        let how = OpenHow::appending().only_new();
        let file = system
            .disk
            .open(&temporary, &how)
            .doing("create a temporary file for", &path)?;
        let written = crate::writing::append_all(&*file, &bytes)
            .and_then(|()| system.disk.rename(&temporary, &path));
        written.doing("write", &path).inspect_err(|_| {
            let _ = system.disk.remove(&temporary);
        })
    }
}

impl Change {
    fn is_young(&self, now_ms: i64) -> bool {
        (0..=WINDOW_MS).contains(&now_ms.saturating_sub(self.at_ms))
    }
}

/// Of what a text says: another program writes every row anew, in its own spelling.
fn checksum(text: &str) -> String {
    let read = latchwork_format::Raw::parse(text).map(|raw| said(raw.to_value()).to_string());
    let read = read.unwrap_or_else(|_| text.to_owned());
    let sum = blake3::hash(read.as_bytes()).to_hex();
    sum.get(..32).unwrap_or_default().to_owned()
}

/// The value with one spelling for each number, and its keys in order.
fn said(value: Value) -> Value {
    match value {
        Value::Number(number) => number
            .as_f64()
            .map_or(Value::Null, |number| Value::String(number.to_string())),
        Value::Array(items) => items.into_iter().map(said).collect(),
        Value::Object(mut fields) => {
            fields.sort_keys();
            let fields = fields.into_iter().map(|(key, value)| (key, said(value)));
            Value::Object(fields.collect())
        }
        other => other,
    }
}
