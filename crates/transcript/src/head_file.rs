//! The saved head: `.latchwork/<id>.head`, one JSON object.
//!
//! It says which entry the active branch ended with when the transcript was `at` bytes long. It is a help and never
//! the truth: it counts only while the bytes before `at` are those that it was written for, and everything after
//! `at` is folded on top of it. It is replaced whole and never synced; losing it means pi's rule.

use std::path::Path;

use latchwork_format::EntryId;
use latchwork_sys::{IoDoing, OpenHow, PathError, System, read_at_most, temporary_beside};
use serde::{Deserialize, Serialize};

use crate::layout::Place;

/// How many bytes before a place its witness covers.
pub(crate) const WITNESS_BYTES: usize = 256;
/// The largest saved head that is read.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedHead {
    /// The entry that the active branch ended with; `None` before the first.
    pub leaf: Option<EntryId>,
    /// The transcript's length then, in bytes.
    pub at: u64,
    /// The checksum of the bytes before it.
    pub witness: u64,
}

/// The checksum of the last bytes before a place; `bytes` end there.
pub(crate) fn witness(bytes: &[u8]) -> u64 {
    let end = bytes
        .get(bytes.len().saturating_sub(WITNESS_BYTES)..)
        .unwrap_or_default();
    checksum(&[end])
}

/// A checksum of all the parts.
pub(crate) fn checksum(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(hasher.finalize().as_bytes().get(..8).unwrap_or(&[0; 8]));
    u64::from_le_bytes(first)
}

/// The saved head, if there is one that can be read.
pub(crate) fn load(system: &System, place: &Place) -> Option<SavedHead> {
    let file = system
        .disk
        .open(&place.sidecar("head"), &OpenHow::reading())
        .ok()?;
    let bytes = read_at_most(&*file, HEAD_BYTES_MAX).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Saves the head, replacing the old one whole.
pub(crate) fn save(system: &System, place: &Place, head: &SavedHead) -> Result<(), PathError> {
    let path = place.sidecar("head");
    let bytes = serde_json::to_vec(head)
        .map_err(std::io::Error::other)
        .doing("save the head in", &path)?;
    put(system, &path, &bytes).doing("save the head in", &path)
}

fn put(system: &System, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = temporary_beside(&*system.entropy, path);
    let file = system
        .disk
        .open(&temporary, &OpenHow::appending().only_new())?;
    let written = file.append(bytes).and_then(|written| {
        if written == bytes.len() {
            Ok(())
        } else {
            Err(std::io::ErrorKind::StorageFull.into())
        }
    });
    let done = written.and_then(|()| system.disk.rename(&temporary, path));
    if done.is_err() {
        let _ = system.disk.remove(&temporary);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::{SavedHead, load, save, witness};
    use crate::layout::Layout;
    use latchwork_format::EntryId;
    use latchwork_session::SessionId;
    use latchwork_sys::System;

    #[test]
    fn a_saved_head_reads_back_and_rubbish_reads_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let place = Layout::folder(dir.path())
            .place(&SessionId::new("s").unwrap())
            .unwrap();
        let system = System::real();
        std::fs::create_dir(place.sidecars()).unwrap();
        let head = SavedHead {
            leaf: Some(EntryId::new("a1")),
            at: 7,
            witness: u64::MAX,
        };
        save(&system, &place, &head).unwrap();
        assert_eq!(load(&system, &place), Some(head));
        std::fs::write(place.sidecar("head"), b"{\"leaf\":7").unwrap();
        assert_eq!(load(&system, &place), None);
        assert_eq!(std::fs::read_dir(place.sidecars()).unwrap().count(), 1);
    }

    #[test]
    fn a_witness_covers_the_end_only() {
        let mut long = vec![b'x'; 1000];
        let before = witness(&long);
        long[0] = b'y';
        assert_eq!(witness(&long), before);
        long[999] = b'y';
        assert_ne!(witness(&long), before);
    }
}
