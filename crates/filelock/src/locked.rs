//! A file whose `flock` is ours, and the question whether its path still leads to it.
//!
//! Invariants: the descriptor is open for as long as the value lives, so its inode number cannot come to mean another
//! file; dropping it gives the lock back explicitly, since closing alone could leave it with a child process that is just
//! being started.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use latchwork_sys::{DiskFile, FileFacts, IoDoing, PathError, System};

use crate::fair::WORD;
use crate::grants::Tally;
use crate::note::Noted;

/// A locked file. Dropping it gives the lock back.
#[derive(Debug)]
pub(crate) struct Locked {
    file: OpenFile,
    path: PathBuf,
    /// Given back already, by [`Self::unlock`].
    over: bool,
    whose: Whose,
}

/// Who has the open file, and with it the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// This process alone.
    Ours,
    /// Children have it, too: the lock is given back here, and the open file is never used again.
    HandedDown,
    /// A process further up gives it back.
    Borrowed,
}

/// An open file that remembers its inode, and the note that was last written into it through this value.
#[derive(Clone, Debug)]
pub(crate) struct OpenFile {
    file: Arc<dyn DiskFile>,
    inode: OnceLock<(u64, u64)>,
    pub(crate) noted: Option<Noted>,
    /// When it was last seen that others want its lock, too.
    pub(crate) wanted: Option<Instant>,
    /// The last word by which somebody said that he waits for it.
    pub(crate) said: Option<[u8; WORD]>,
    /// What is known of the last grants that stand in it.
    pub(crate) tally: Tally,
}

impl OpenFile {
    pub(crate) fn new(file: Arc<dyn DiskFile>) -> Self {
        Self {
            file,
            inode: OnceLock::new(),
            noted: None,
            wanted: None,
            said: None,
            tally: Tally::default(),
        }
    }

    /// Of a file that was just looked at.
    pub(crate) fn seen(file: Arc<dyn DiskFile>, facts: &FileFacts) -> Self {
        Self {
            file,
            inode: OnceLock::from((facts.dev, facts.ino)),
            noted: None,
            wanted: None,
            said: None,
            tally: Tally::default(),
        }
    }

    pub(crate) fn get(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    pub(crate) fn inode(&self) -> std::io::Result<(u64, u64)> {
        if let Some(known) = self.inode.get() {
            return Ok(*known);
        }
        let facts = self.file.facts()?;
        Ok(*self.inode.get_or_init(|| (facts.dev, facts.ino)))
    }

    /// What stands at `path`, if it is this file; `None` if it is another one or nothing.
    pub(crate) fn at(&self, path: &Path, system: &System) -> Result<Option<FileFacts>, PathError> {
        let ours = self.inode().doing("look at", path)?;
        match system.disk.facts(path).doing("look at", path) {
            Ok(found) => Ok(((found.dev, found.ino) == ours).then_some(found)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Locked {
    /// Of a file that has just been locked.
    pub(crate) fn new(file: Arc<dyn DiskFile>, path: &Path) -> Self {
        Self::of(OpenFile::new(file), path)
    }

    /// Of an open file that has just been locked.
    pub(crate) fn of(file: OpenFile, path: &Path) -> Self {
        Self {
            file,
            path: path.to_path_buf(),
            over: false,
            whose: Whose::Ours,
        }
    }

    /// Of a file whose lock another process holds through the same open file. Dropping it leaves the lock alone.
    pub(crate) fn borrowed(file: Arc<dyn DiskFile>, path: &Path) -> Self {
        let mut locked = Self::new(file, path);
        locked.whose = Whose::Borrowed;
        locked
    }

    /// From now on children share the open file. Locked once more, it would be theirs as well.
    pub(crate) fn is_handed_down(&mut self) {
        if self.whose == Whose::Ours {
            self.whose = Whose::HandedDown;
        }
    }

    pub(crate) fn file(&self) -> &Arc<dyn DiskFile> {
        self.file.get()
    }

    pub(crate) fn open_file(&mut self) -> &mut OpenFile {
        &mut self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn moved_to(&mut self, path: &Path) {
        self.path = path.to_path_buf();
    }

    /// What stands at the path, if it is still the file that is locked.
    pub(crate) fn in_place(&self, system: &System) -> Result<Option<FileFacts>, PathError> {
        self.file.at(&self.path, system)
    }

    /// Gives the lock back and keeps the file open for the next time; `None` if that did not go well, or others have the
    /// open file as well.
    pub(crate) fn unlock(mut self) -> Option<OpenFile> {
        if self.whose != Whose::Ours {
            return None;
        }
        self.over = true;
        unlock(&*self.file.file, &self.path).then(|| self.file.clone())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if !self.over && self.whose != Whose::Borrowed {
            unlock(&*self.file.file, &self.path);
        }
    }
}

fn unlock(file: &dyn DiskFile, path: &Path) -> bool {
    file.unlock()
        .inspect_err(|error| {
            tracing::warn!(?path, %error, "a lock could not be given back; closing the file will");
        })
        .is_ok()
}
