//! Blobs of a home that nobody refers to.
//!
//! Referred to is what any file among the sessions or in the archive names: transcripts, inboxes, what was set aside, originals that were kept. The
//! name alone counts, wherever it stands, so nothing is taken for garbage because of its form. Files are looked for again until there is none that
//! was not read, since one may be moved meanwhile. Invariants: if anything cannot be read, nothing is collected; nothing younger than the floor is. Limit: a copy that
//! is made outside of the home names blobs that may go.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use latchwork_sys::{DiskFile, FileKind, IoDoing as _, OpenHow, PathError, System};
use latchwork_transcript::{BlobId, BlobStore};

use super::FOLDER;
use crate::house::{House, HouseError};
use crate::space::Counted;

/// What was written more lately than this is not collected, in milliseconds: an hour.
pub const BLOB_AGE_FLOOR: i64 = 3_600_000;
/// The folders of a home in which blobs are referred to.
const REFERRING: [&str; 2] = ["sessions", "archive"];
/// How deep folders are gone into.
pub(super) const DEPTH_MAX: usize = 8;
/// How often files are looked for again.
const LOOKS_MAX: usize = 16;
/// How much is read at once, in bytes.
const PIECE: usize = 1 << 20;
/// The digits of a blob's name.
const DIGITS: usize = 64;

/// What became of the blobs of a home, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// All that there were.
    pub all: Counted,
    /// Those that somebody refers to.
    pub referenced: Counted,
    /// Those that nobody refers to and that are too young.
    pub young: Counted,
    /// Those that are gone, or would be.
    pub gone: Counted,
    /// Somebody else is adding or removing blobs: nothing was done.
    pub busy: bool,
}

impl House {
    /// Removes the blobs of the home that nobody refers to and that are older than `floor_ms`. With `dry_run` nothing is removed.
    ///
    /// # Errors
    /// [`HouseError::Io`]: something could not be read, and nothing was removed; or a blob could not be removed.
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    pub async fn collect_blobs(
        &self,
        floor_ms: i64,
        dry_run: bool,
    ) -> Result<Collected, HouseError> {
        self.blocking(move |house| {
            let (system, home) = (house.system(), house.home());
            collect(system, home, floor_ms, dry_run).map_err(HouseError::Io)
        })
        .await
    }
}

fn collect(
    system: &System,
    home: &Path,
    floor_ms: i64,
    dry_run: bool,
) -> Result<Collected, PathError> {
    let mut done = Collected::default();
    let store = BlobStore::at(system.clone(), home.join(FOLDER));
    if store.all()?.is_empty() {
        return Ok(done);
    }
    let Some(hold) = store.try_hold()? else {
        done.busy = true;
        return Ok(done);
    };
    let blobs = store.all()?;
    let mut marking = Marking::of(system, blobs.iter().map(|blob| blob.id).collect());
    marking.home(home)?;
    system.steps.reach("blobs:marked");
    let now = system.clock.wall_ms();
    for blob in blobs {
        done.all.add(1, blob.bytes);
        if marking.marked.contains(&blob.id) {
            done.referenced.add(1, blob.bytes);
        } else if now.saturating_sub(blob.modified_ms) < floor_ms {
            done.young.add(1, blob.bytes);
        } else {
            if !dry_run {
                hold.remove(blob.id)?;
            }
            done.gone.add(1, blob.bytes);
        }
    }
    Ok(done)
}

pub(super) struct Marking<'a> {
    system: &'a System,
    known: HashSet<BlobId>,
    pub(super) marked: HashSet<BlobId>,
    /// Folders that are not looked into: what lies there is about to go.
    pub(super) going: HashSet<PathBuf>,
    /// Files that were read whole, by device and inode, with the size up to which.
    read: HashSet<(u64, u64, u64)>,
}

impl<'a> Marking<'a> {
    /// Looks for these names.
    pub(super) fn of(system: &'a System, known: HashSet<BlobId>) -> Self {
        Self {
            system,
            known,
            marked: HashSet::new(),
            going: HashSet::new(),
            read: HashSet::new(),
        }
    }
}

impl Marking<'_> {
    pub(super) fn home(&mut self, home: &Path) -> Result<(), PathError> {
        for _ in 0..LOOKS_MAX {
            let before = self.read.len();
            for folder in REFERRING {
                self.folder(&home.join(folder), DEPTH_MAX)?;
            }
            if self.read.len() == before {
                return Ok(());
            }
        }
        let busy = "files are written and moved all the time; try again when less is going on";
        Err(io::Error::new(io::ErrorKind::ResourceBusy, busy)).doing("read all of", home)
    }

    pub(super) fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), PathError> {
        if self.going.contains(folder) {
            return Ok(());
        }
        let names = match self.system.disk.list(folder) {
            // Gone, or moved to where it is found by the next look.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            names => names.doing("list", folder)?,
        };
        for name in names {
            let path = folder.join(name);
            let facts = match self.system.disk.facts(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                facts => facts.doing("look at", &path)?,
            };
            let facts = match facts.kind {
                // A link that leads nowhere may lead to a disk that is not mounted.
                FileKind::Symlink => self
                    .system
                    .disk
                    .facts_behind(&path)
                    .doing("look behind", &path)?,
                _ => facts,
            };
            match facts.kind {
                FileKind::Directory if depth == 0 => {
                    let deep = "folders lie deeper in one another than sessions do";
                    return Err(io::Error::other(deep)).doing("list", &path);
                }
                FileKind::Directory => self.folder(&path, depth - 1)?,
                FileKind::Regular => self.file(&path)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), PathError> {
        let file = match self.system.disk.open(path, &OpenHow::reading().following()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file.doing("open", path)?,
        };
        let facts = file.facts().doing("look at", path)?;
        if self.read.contains(&(facts.dev, facts.ino, facts.size)) {
            return Ok(());
        }
        self.names_in(&*file).doing("read", path)?;
        self.read.insert((facts.dev, facts.ino, facts.size));
        Ok(())
    }

    /// Marks every known name that stands anywhere in a file.
    fn names_in(&mut self, file: &dyn DiskFile) -> io::Result<()> {
        let (mut piece, mut at) = (vec![0; PIECE], 0_u64);
        // The digits before the byte that is looked at, as far as they can matter.
        let mut digits: Vec<u8> = Vec::with_capacity(2 * DIGITS);
        loop {
            let read = file.read_at(&mut piece, at)?;
            if read == 0 {
                return Ok(());
            }
            at += read as u64;
            for byte in piece.get(..read).unwrap_or_default() {
                if !matches!(byte, b'0'..=b'9' | b'a'..=b'f') {
                    digits.clear();
                    continue;
                }
                if digits.len() == 2 * DIGITS {
                    digits.drain(..=DIGITS);
                }
                digits.push(*byte);
                self.mark(&digits);
            }
        }
    }

    fn mark(&mut self, digits: &[u8]) {
        let Some(start) = digits.len().checked_sub(DIGITS) else {
            return;
        };
        let name = digits
            .get(start..)
            .and_then(|name| std::str::from_utf8(name).ok());
        if let Some(id) = name.and_then(|name| name.parse().ok())
            && self.known.contains(&id)
        {
            self.marked.insert(id);
        }
    }
}

#[cfg(test)]
mod tests;
