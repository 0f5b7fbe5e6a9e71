//! The transcript written anew with some of its lines replaced or left out, in the place of the old one.
//!
//! The new file is staged beside the old one, with its owner and its permissions, read back, made durable, and gets the name in one step: at every
//! moment one of the two stands there whole. Nothing of the old file is kept. Who else writes to it is looked for before the name is
//! given and behind it: what is found before refuses the change, and what came in the last moment, by a program that takes no lock, is taken
//! over as it is. Limits: memory for a megabyte and the rows of the new file; what is written to the old file when it is looked at no more, by a program that
//! opened it before, is lost, as only a lock could keep it.

use std::sync::Arc;

use latchwork_format::EntryId;
use latchwork_session::{AppendError, Head};
use latchwork_sys::{DiskFile, IoDoing, PathError};

use crate::commit::Work;
use crate::fold::from_nothing;
use crate::index;
use crate::lines;
use crate::plan;
use crate::state::{CHUNK, Known, read_from, read_some};
use crate::write::append_whole;

/// How often what came in the last moment is looked for.
const LATE_LOOKS: usize = 8;

/// A piece of the file that becomes another.
pub(crate) struct Edit {
    /// Its first byte.
    pub at: u64,
    /// Its length in bytes.
    pub len: u64,
    /// What stands there instead.
    pub with: Vec<u8>,
    /// How many entries fewer are there then.
    pub fewer: usize,
}

/// A file that was written anew.
pub(crate) struct Spliced {
    /// Bytes by which it grew.
    pub grown: i64,
    /// The base of whoever had it written; what came late is behind that.
    pub head: Head,
}

impl Work {
    /// Runs a step on a transcript that is there and in order, of which the whole is to be written anew.
    pub(crate) fn on_stored<T>(
        &self,
        step: impl FnOnce(&Self, &mut Known, &dyn DiskFile) -> Result<T, AppendError>,
    ) -> Result<T, AppendError> {
        let session = || self.session.id.clone();
        if self.session.sync.is_latched() {
            return Err(AppendError::Latched { session: session() });
        }
        self.check()?;
        let mut known = self.session.known();
        let no_session = || AppendError::NoSession { session: session() };
        let file = self.permit.transcript().ok_or_else(no_session)?;
        known
            .catch_up(self.system(), &self.session.place, &*file)
            .map_err(|error| self.failed(error))?;
        if known.outline.saved_through() + known.outline.pending() == 0 {
            return Err(no_session());
        }
        let file = self.in_order(&mut known, file)?;
        let done = step(self, &mut known, &*file)?;
        self.session.show(&known);
        Ok(done)
    }

    /// Writes the file anew with these edits, which are in order and do not overlap; the active branch ends where it ended. What is
    /// known is that of the new file then.
    pub(crate) fn splice(
        &self,
        known: &mut Known,
        file: &dyn DiskFile,
        head: Option<EntryId>,
        edits: &[Edit],
    ) -> Result<Spliced, AppendError> {
        let path = &self.session.place.transcript;
        let before = file.facts().doing("look at", path);
        let before = before.map_err(|error| self.failed(error))?;
        if before.size != known.outline.saved_through() {
            return Err(self.disturbed());
        }
        let staged = self.permit.stage().map_err(|error| self.failed(error))?;
        let owned = staged.own_like(&before);
        let owned = owned.doing(
            "give the owner and the permissions of the old file to the new",
            path,
        );
        owned.map_err(|error| self.failed(error))?;
        let new = self.staged(known, file, &**staged.file(), head.as_ref(), edits)?;
        self.system().steps.reach("rewrite:staged");
        let now = file.facts().doing("look at", path);
        if now.map_err(|error| self.failed(error))? != before {
            return Err(self.disturbed());
        }
        self.check()?;
        self.permit
            .replace(staged)
            .map_err(|error| self.stage_failed(error))?;
        // From here on it is the transcript, and whether that lasts must not be asked twice.
        self.system().steps.reach("rewrite:in-place");
        let ours = new.outline.saved_through();
        *known = new;
        let leaf = head.filter(|head| known.find(head).is_some());
        self.note_head(known, leaf.clone());
        let head = known.as_head(leaf);
        self.settle_anew(known, file, before.size)
            .map_err(|error| self.unknown(error))?;
        self.sync_through_own(known);
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        Ok(Spliced {
            grown: signed(ours) - signed(before.size),
            head,
        })
    }

    pub(crate) fn disturbed(&self) -> AppendError {
        AppendError::Disturbed {
            session: self.session.id.clone(),
        }
    }

    /// Fills the staged file and reads it back; it is durable then.
    fn staged(
        &self,
        known: &Known,
        file: &dyn DiskFile,
        staged: &dyn DiskFile,
        head: Option<&EntryId>,
        edits: &[Edit],
    ) -> Result<Known, AppendError> {
        let (system, place) = (self.system(), &self.session.place);
        let path = &place.transcript;
        let failed = |error: PathError| self.failed(error);
        copy(file, staged, known.outline.saved_through(), edits)
            .doing("write anew", path)
            .map_err(failed)?;
        let mut new = Known::default();
        let read = |new: &mut Known| new.catch_up(system, place, staged).map_err(failed);
        read(&mut new)?;
        let fewer: usize = edits.iter().map(|edit| edit.fewer).sum();
        if new.outline.len() + fewer != known.outline.len() || new.outline.pending() > 0 {
            return Err(self.disturbed());
        }
        let at = head.and_then(|head| new.find(head));
        // Whoever knows nothing of us, or finds nothing saved, takes the end of the file for it.
        if at.is_some() && from_nothing(&new.outline) != at {
            let line = self.kept_head(&new, head)?;
            append_whole(staged, &line)
                .doing("write anew", path)
                .map_err(failed)?;
            read(&mut new)?;
        }
        staged
            .sync_all()
            .doing("make durable", path)
            .map_err(failed)?;
        Ok(new)
    }

    /// The line that says where the head is.
    fn kept_head(&self, new: &Known, head: Option<&EntryId>) -> Result<Vec<u8>, AppendError> {
        let data = serde_json::json!({ "kind": "kept", "from": head, "why": "written anew" });
        let line = plan::head_line(head.cloned(), data);
        let id = self.new_id(new, &std::collections::HashSet::new());
        let now = latchwork_format::time::iso_from_millis(self.system().clock.wall_ms());
        let mark = latchwork_format::Mark::default();
        lines::render(&id, head, &now, &mark, &line).map_err(|error| AppendError::BadEntry {
            index: 0,
            why: lines::why(&error),
        })
    }

    /// What came into the old file in the last moment is taken over; the name is made durable.
    fn settle_anew(
        &self,
        known: &mut Known,
        old: &dyn DiskFile,
        size: u64,
    ) -> Result<(), PathError> {
        let (system, place) = (self.system(), &self.session.place);
        let path = &place.transcript;
        let file: Arc<dyn DiskFile> = match self.permit.transcript() {
            Some(file) => file,
            None => Err(std::io::ErrorKind::NotFound.into()).doing("find again", path)?,
        };
        let mut seen = size;
        for _ in 0..LATE_LOOKS {
            let late = read_from(old, seen).doing("read what came late to", path)?;
            if late.is_empty() {
                break;
            }
            tracing::warn!(session = %self.session.id, bytes = late.len(),
                "another program wrote to the transcript while it was written anew; its words are taken over");
            self.check()
                .map_err(std::io::Error::other)
                .doing("write", path)?;
            append_whole(&*file, &late).doing("take over what came late to", path)?;
            file.sync_all().doing("make durable", path)?;
            seen += late.len() as u64;
        }
        system
            .disk
            .sync_dir(&place.dir)
            .doing("make durable", &place.dir)?;
        known.catch_up(system, place, &*file)?;
        index::save(system, place, known, &*file);
        Ok(())
    }
}

/// The first `end` bytes of a file, with the edits, into another.
fn copy(from: &dyn DiskFile, to: &dyn DiskFile, end: u64, edits: &[Edit]) -> std::io::Result<()> {
    let mut poured = Poured {
        from,
        to,
        waiting: Vec::with_capacity(2 * CHUNK),
    };
    let mut at = 0;
    for edit in edits {
        poured.pour(at, edit.at)?;
        poured.add(&edit.with)?;
        at = edit.at + edit.len;
    }
    poured.pour(at, end)?;
    poured.flush()
}

/// A copy under way.
struct Poured<'a> {
    from: &'a dyn DiskFile,
    to: &'a dyn DiskFile,
    waiting: Vec<u8>,
}

impl Poured<'_> {
    fn pour(&mut self, mut at: u64, end: u64) -> std::io::Result<()> {
        while at < end {
            let filled = self.waiting.len();
            let room = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            self.waiting.resize(filled + room, 0);
            let free = self.waiting.get_mut(filled..).unwrap_or_default();
            let read = read_some(self.from, free, at)?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.waiting.truncate(filled + read);
            at += read as u64;
            self.flush_if_full()?;
        }
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        self.flush_if_full()
    }

    fn flush_if_full(&mut self) -> std::io::Result<()> {
        match self.waiting.len() < CHUNK {
            true => Ok(()),
            false => self.flush(),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if !self.waiting.is_empty() {
            append_whole(self.to, &self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use latchwork_sys::{Disk, OpenHow, RealDisk};
    use proptest::prelude::*;

    use super::{Edit, copy};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever is replaced by whatever, and however large the file is beside a piece: the rest stands as it stood.
        #[test]
        fn what_is_not_edited_is_copied_to_the_byte(
            bytes in prop::collection::vec(any::<u8>(), 0..4_000),
            times in prop::sample::select(vec![1_usize, 3, 700]),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..50)), 0..6),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let bytes = bytes.repeat(times);
            let place = |index: &prop::sample::Index| index.index(bytes.len() + 1) as u64;
            let mut edits: Vec<Edit> = Vec::new();
            let mut ranges: Vec<_> = cuts.iter().map(|(a, b, with)| (place(a).min(place(b)), place(a).max(place(b)), with)).collect();
            ranges.sort();
            let (mut wanted, mut done) = (Vec::<u8>::new(), 0_u64);
            for (start, end, with) in ranges {
                if start < done {
                    continue;
                }
                wanted.extend(&bytes[usize::try_from(done).unwrap()..usize::try_from(start).unwrap()]);
                wanted.extend(with);
                edits.push(Edit { at: start, len: end - start, with: with.clone(), fewer: 0 });
                done = end;
            }
            wanted.extend(&bytes[usize::try_from(done).unwrap()..]);
            let (from, to) = (dir.path().join("from"), dir.path().join("to"));
            std::fs::write(&from, &bytes).unwrap();
            let source = RealDisk.open(&from, &OpenHow::reading()).unwrap();
            let target = RealDisk.open(&to, &OpenHow::appending().only_new()).unwrap();
            copy(&*source, &*target, bytes.len() as u64, &edits).unwrap();
            prop_assert!(std::fs::read(&to).unwrap() == wanted);
        }
    }
}
