//! What is known of bytes and names: synced, not yet, or in doubt since a sync failed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread::{self, ThreadId};

use super::{Broken, TraceRules};
use crate::{DiskFile, FileKey};

/// A moment in the order of what was noted.
pub(super) type Moment = u64;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    rules: TraceRules,
    pub(super) broken: Vec<Broken>,
    now: Moment,
    files: HashMap<FileKey, Bytes>,
    /// Names that were made, and whose directory was not synced since.
    names: BTreeMap<PathBuf, Moment>,
    /// Of which names it is known when they were made, or that they were there.
    met: HashSet<PathBuf>,
    checks: HashMap<(ThreadId, PathBuf), u32>,
}

/// The bytes of one file that are not known to be durable.
#[derive(Debug, Default)]
struct Bytes {
    written: Vec<(Range<u64>, Moment)>,
    in_doubt: Vec<Range<u64>>,
    /// Keeps the number from being given out again as long as bytes are in doubt: by whom the file may be removed, nobody tells.
    pin: Option<Box<dyn DiskFile>>,
    handles: usize,
    /// It has no name any more: with its last handle its number means another file.
    is_removed: bool,
}

impl Ledger {
    pub(super) fn new(rules: TraceRules) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    fn tick(&mut self) -> Moment {
        self.now += 1;
        self.now
    }

    fn is_one_of(path: &Path, endings: &[String]) -> bool {
        let path = path.to_string_lossy();
        endings.iter().any(|ending| path.ends_with(ending.as_str()))
    }

    /// A file was opened; `size` is what was there before, `None` if it was made.
    pub(super) fn opened(&mut self, key: FileKey, path: &Path, size: Option<u64>) {
        let now = self.tick();
        match size {
            None => {
                let handles = self.files.get(&key).map_or(0, |bytes| bytes.handles);
                self.files.insert(
                    key,
                    Bytes {
                        handles,
                        ..Bytes::default()
                    },
                );
                self.named(path);
            }
            Some(size) if !self.met.contains(path) && !self.rules.trusts_what_it_finds => {
                self.named(path);
                let bytes = self.files.entry(key).or_default();
                bytes.written.push((0..size, now));
            }
            Some(_) => {}
        }
        self.met.insert(path.to_path_buf());
        self.files.entry(key).or_default().handles += 1;
    }

    pub(super) fn closed(&mut self, key: FileKey) {
        if let Some(bytes) = self.files.get_mut(&key) {
            bytes.handles = bytes.handles.saturating_sub(1);
            let is_over = bytes.handles == 0
                && (bytes.is_removed || (bytes.written.is_empty() && bytes.in_doubt.is_empty()));
            if is_over {
                self.files.remove(&key);
            }
        }
    }

    /// The last name of this file is gone.
    pub(super) fn removed(&mut self, key: FileKey) {
        if let Some(bytes) = self.files.get_mut(&key) {
            bytes.is_removed = true;
            if bytes.handles == 0 {
                self.files.remove(&key);
            }
        }
    }

    pub(super) fn before_write(&mut self, path: &Path, has_failed: bool) {
        let path = path.to_path_buf();
        if has_failed {
            self.broken
                .push(Broken::WrittenAfterFailedSync { path: path.clone() });
        }
        if Self::is_one_of(&path, &self.rules.guarded) {
            let left = self.checks.get_mut(&(thread::current().id(), path.clone()));
            match left.filter(|left| **left > 0) {
                Some(left) => *left -= 1,
                None => self.broken.push(Broken::WrittenUnchecked { path }),
            }
        }
    }

    pub(super) fn checked(&mut self, path: &Path) {
        let good_for = self.rules.writes_for_a_check;
        self.checks
            .insert((thread::current().id(), path.to_path_buf()), good_for);
    }

    pub(super) fn wrote(&mut self, key: FileKey, range: Range<u64>) {
        let now = self.tick();
        if !range.is_empty() {
            self.files
                .entry(key)
                .or_default()
                .written
                .push((range, now));
        }
    }

    /// The moment at which a sync begins.
    pub(super) fn sync_begins(&mut self) -> Moment {
        self.tick()
    }

    pub(super) fn synced(&mut self, key: FileKey, begun: Moment, is_done: bool) {
        let Some(bytes) = self.files.get_mut(&key) else {
            return;
        };
        if is_done {
            bytes.written.retain(|(_, moment)| *moment > begun);
        } else {
            let lost = bytes.written.drain(..).map(|(range, _)| range);
            bytes.in_doubt.extend(lost);
        }
    }

    /// What is read from here on is what the device has: it is as if it had just been written, and wants a sync.
    pub(super) fn forgotten(&mut self, key: FileKey, from: u64) {
        let now = self.tick();
        let Some(bytes) = self.files.get_mut(&key) else {
            return;
        };
        let mut left = Vec::new();
        for doubt in bytes.in_doubt.drain(..) {
            let seen = doubt.start.max(from)..doubt.end;
            let unseen = doubt.start..doubt.end.min(from);
            if !seen.is_empty() {
                bytes.written.push((seen, now));
            }
            if !unseen.is_empty() {
                left.push(unseen);
            }
        }
        bytes.in_doubt = left;
        if bytes.in_doubt.is_empty() {
            bytes.pin = None;
        }
    }

    /// Keeps this descriptor as long as bytes of the file are in doubt.
    pub(super) fn pin(&mut self, key: FileKey, file: Box<dyn DiskFile>) {
        if let Some(bytes) = self.files.get_mut(&key)
            && !bytes.in_doubt.is_empty()
        {
            bytes.pin = Some(file);
        }
    }

    pub(super) fn named(&mut self, path: &Path) {
        let now = self.tick();
        self.names.insert(path.to_path_buf(), now);
        self.met.insert(path.to_path_buf());
    }

    pub(super) fn unnamed(&mut self, path: &Path) {
        self.names.remove(path);
        self.met.remove(path);
    }

    /// Before a file gets another name: its bytes must be durable.
    pub(super) fn before_naming(&mut self, key: FileKey, from: &Path, to: &Path) {
        let exempt = &self.rules.may_be_unsynced;
        let is_durable = self
            .files
            .get(&key)
            .is_none_or(|bytes| bytes.written.is_empty() && bytes.in_doubt.is_empty());
        if !is_durable && !Self::is_one_of(from, exempt) && !Self::is_one_of(to, exempt) {
            self.broken.push(Broken::NamedUnsynced {
                from: from.to_path_buf(),
                to: to.to_path_buf(),
            });
        }
    }

    /// A rename was done; names below a directory go with it.
    pub(super) fn renamed(&mut self, from: &Path, to: &Path) {
        let moved = |path: &PathBuf| Some(to.join(path.strip_prefix(from).ok()?));
        let below: Vec<_> = self
            .names
            .iter()
            .filter(|(path, _)| *path != from && path.starts_with(from))
            .filter_map(|(path, moment)| Some((path.clone(), moved(path)?, *moment)))
            .collect();
        for (old, new, moment) in below {
            self.names.remove(&old);
            self.names.insert(new, moment);
        }
        self.unnamed(from);
        self.named(to);
    }

    pub(super) fn dir_synced(&mut self, dir: &Path, begun: Moment) {
        self.names
            .retain(|path, moment| path.parent() != Some(dir) || *moment > begun);
    }

    pub(super) fn acknowledged(&mut self, key: Option<FileKey>, path: &Path, end: u64) {
        let found = key.and_then(|key| self.files.get(&key));
        let covered =
            |range: &Range<u64>| (range.start < end).then(|| (range.start, range.end.min(end)));
        let path = path.to_path_buf();
        let mut broken = Vec::new();
        if let Some(bytes) = found {
            let ranges = bytes.written.iter().map(|(range, _)| range);
            broken.extend(
                ranges
                    .filter_map(covered)
                    .map(|(from, to)| Broken::BytesNotSynced {
                        path: path.clone(),
                        from,
                        to,
                    }),
            );
            let doubts = bytes.in_doubt.iter();
            broken.extend(
                doubts
                    .filter_map(covered)
                    .map(|(from, to)| Broken::SyncHadFailed {
                        path: path.clone(),
                        from,
                        to,
                    }),
            );
        }
        let lost = path
            .ancestors()
            .filter(|name| self.names.contains_key(*name));
        broken.extend(lost.map(|name| Broken::NameNotSynced {
            path: path.clone(),
            name: name.to_path_buf(),
        }));
        self.broken.append(&mut broken);
    }
}
