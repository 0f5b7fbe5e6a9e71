//! One round of a change: read under the lock, change, make a new file, look once more, put it in place.
//!
//! Order: the new file is made durable under a temporary name, the old one is looked at to the byte, the name is moved, the folder
//! is made durable. So after a crash the store is the old one or the new one, whole. Invariant: nothing is put in the place of a
//! file that is not the one that was read. Limit: between that look and the rename lie microseconds in which a program that
//! takes no lock can write unseen; `recent` notices what it undid.

use std::io;
use std::path::Path;

use latchwork_filelock::{Lost, StageError, Staged, WritePermit};
use latchwork_sys::{DiskFile, IoDoing, PathError, System};

use crate::IndexError;
use crate::reading::{Copy, Stamp};
use crate::recent::Recent;
use crate::store::SessionsJson;

/// What came of a round.
#[derive(Debug)]
pub(crate) enum Round<T> {
    /// It is done.
    Done(Done<T>),
    /// Somebody else changed the store meanwhile.
    Moved,
}

/// A change that was made.
#[derive(Debug)]
pub(crate) struct Done<T> {
    /// What the change answered.
    pub(crate) answer: T,
    /// Whether the file was written.
    pub(crate) written: bool,
    /// How many changes of ours, undone by others, were made again.
    pub(crate) restored: u32,
    /// Whether a program that takes no lock may undo it any moment.
    pub(crate) peer_is_about: bool,
    /// The rows as they are now.
    pub(crate) rows: SessionsJson,
}

/// Where the store is, and on what machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) system: &'a System,
    pub(crate) path: &'a Path,
    pub(crate) limit: u64,
}

impl Target<'_> {
    /// One round, under the store's lock.
    pub(crate) fn round<T>(
        &self,
        permit: &WritePermit,
        change: &mut dyn FnMut(&mut SessionsJson) -> T,
    ) -> Result<Round<T>, IndexError> {
        let now_ms = self.system.clock.wall_ms();
        let file = permit.transcript();
        let copy = match &file {
            Some(file) => Some(Copy::of(&**file, self.path, self.limit)?),
            None => None,
        };
        let mut rows = match &copy {
            Some(copy) => copy.rows(self.path)?,
            None => SessionsJson::default(),
        };
        self.system.steps.reach("index:read");
        let mut recent = Recent::read(self.system, self.path);
        recent.found(copy.as_ref().map(|copy| copy.stamp), now_ms);
        let restored = recent.restore(&mut rows, now_ms);
        let answer = change(&mut rows);
        let peer_is_about = recent.peer_is_about(now_ms);
        let done = |rows, written| {
            Round::Done(Done {
                answer,
                written,
                restored,
                peer_is_about,
                rows,
            })
        };
        if !rows.is_changed() {
            return Ok(done(rows, false));
        }
        let staged = self.stage(permit, copy.as_ref(), &rows)?;
        self.system.steps.reach("index:staged");
        if let (Some(copy), Some(file)) = (&copy, &file)
            && !copy.is_still(&**file, self.path)?
        {
            return Ok(Round::Moved);
        }
        let Some(stamp) = self.put_in_place(permit, staged, copy.is_some())? else {
            return Ok(Round::Moved);
        };
        recent.add(&rows, stamp, now_ms);
        if let Err(error) = recent.write(self.system, self.path) {
            tracing::warn!(%error, "what was written to a session store could not be noted");
        }
        Ok(done(rows, true))
    }

    /// The new file, durable under a temporary name, with the owner and the permissions of the old one.
    fn stage(
        &self,
        permit: &WritePermit,
        copy: Option<&Copy>,
        rows: &SessionsJson,
    ) -> Result<Staged, IndexError> {
        let staged = permit.stage()?;
        let file = staged.file();
        if let Some(copy) = copy {
            staged
                .own_like(&copy.facts)
                .map_err(|source| IndexError::Owner {
                    path: self.path.to_path_buf(),
                    owner: copy.facts.uid,
                    source,
                })?;
        }
        append_all(&**file, rows.to_text().as_bytes()).doing("write", self.path)?;
        file.sync_all().doing("make durable", self.path)?;
        Ok(staged)
    }

    /// `None` when another file stands there by now.
    fn put_in_place(
        &self,
        permit: &WritePermit,
        staged: Staged,
        replaces: bool,
    ) -> Result<Option<Stamp>, IndexError> {
        let file = std::sync::Arc::clone(staged.file());
        let put = if replaces {
            permit.replace(staged)
        } else {
            permit.create(staged)
        };
        match put {
            Ok(()) => {}
            Err(StageError::Appeared { .. }) => return Ok(None),
            Err(StageError::Lost(lost)) => match lost.what {
                // A second name would keep the old rows alive elsewhere; the next round refuses it by name.
                Lost::Transcript
                | Lost::LatchFile
                | Lost::PeerLock
                | Lost::StandIn
                | Lost::HardLinked { .. } => return Ok(None),
                what => {
                    let source = io::Error::other(what.to_string());
                    return Err(source).doing("keep the lock of", self.path)?;
                }
            },
            Err(StageError::Io(error)) => return Err(error.into()),
            Err(error) => {
                let source = io::Error::other(error.to_string());
                return Err(source).doing("put a new file in place at", self.path)?;
            }
        }
        self.system.steps.reach("index:in-place");
        let dir = crate::folder_of(self.path);
        let synced = self.system.disk.sync_dir(dir);
        synced
            .doing("make durable the names in", dir)
            .map_err(|source| IndexError::NotDurable {
                path: self.path.to_path_buf(),
                source,
            })?;
        let facts = file.facts().doing("look at", self.path)?;
        Ok(Some(Stamp::of(&facts)))
    }
}

/// Appends everything, however many calls that takes.
pub(crate) fn append_all(file: &dyn DiskFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = file.append(bytes)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// What an error of the disk says, for callers that carry one on.
pub(crate) fn unreached(path: &Path, doing: &'static str, source: io::Error) -> PathError {
    PathError {
        doing,
        path: path.to_path_buf(),
        source,
    }
}
