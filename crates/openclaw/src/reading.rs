//! The file, read whole, and the stamp by which a change of it is noticed.
//!
//! Invariants: what is read is one state of the file, never a mixture of two; nothing is followed through a symbolic link; what
//! cannot be understood is an error and never an empty store. Limit: a program that writes in place, to the same size, within
//! one tick of the filesystem's clock is noticed by its bytes only ([`Copy::is_still`]).

use std::path::{Path, PathBuf};

use latchwork_sys::{DiskFile, FileFacts, FileKind, IoDoing, OpenHow, PathError, System};

use crate::store::SessionsJson;
use crate::{IndexError, Unreadable};

/// How often a file is read again that changes meanwhile.
const READS_MAX: u32 = 32;
/// A file that was changed so lately may be changed again without its times telling; milliseconds.
const RACY_MS: i64 = 50;

/// Which state of a file it is, as far as its facts tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Stamp {
    dev: u64,
    ino: u64,
    size: u64,
    modified_ms: i64,
    nanos: u32,
}

impl Stamp {
    pub(crate) fn of(facts: &FileFacts) -> Self {
        Self {
            dev: facts.dev,
            ino: facts.ino,
            size: facts.size,
            modified_ms: facts.modified_ms,
            nanos: facts.modified_nanos,
        }
    }

    pub(crate) const fn modified_ms(&self) -> i64 {
        self.modified_ms
    }
}

/// One state of a store's file.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) bytes: Vec<u8>,
    pub(crate) stamp: Stamp,
    pub(crate) facts: FileFacts,
}

impl Copy {
    /// The open file, in one state.
    pub(crate) fn of(file: &dyn DiskFile, path: &Path, limit: u64) -> Result<Self, IndexError> {
        for _ in 0..READS_MAX {
            let facts = file.facts().doing("look at", path)?;
            refuse(path, &facts, limit)?;
            let bytes = read(file, facts.size, path)?;
            let after = file.facts().doing("look at", path)?;
            let stamp = Stamp::of(&facts);
            if stamp == Stamp::of(&after) && bytes.len() as u64 == facts.size {
                return Ok(Self {
                    bytes,
                    stamp,
                    facts,
                });
            }
        }
        Err(IndexError::Contended {
            path: path.to_path_buf(),
            tries: READS_MAX,
        })
    }

    /// Whether the open file is in this state still, to the byte.
    pub(crate) fn is_still(&self, file: &dyn DiskFile, path: &Path) -> Result<bool, PathError> {
        let facts = file.facts().doing("look at", path)?;
        if Stamp::of(&facts) != self.stamp {
            return Ok(false);
        }
        Ok(read(file, facts.size, path)? == self.bytes)
    }

    /// The rows.
    pub(crate) fn rows(&self, path: &Path) -> Result<SessionsJson, IndexError> {
        let text = match std::str::from_utf8(&self.bytes) {
            Ok(text) if text.trim().is_empty() => return Err(unreadable(path, Unreadable::Empty)),
            Ok(text) => text,
            Err(error) => {
                let at = error.valid_up_to();
                return Err(unreadable(path, Unreadable::NotText { at }));
            }
        };
        SessionsJson::parse(text).map_err(|error| {
            let what = match error.classify() {
                serde_json::error::Category::Eof => "it ends in the midst",
                serde_json::error::Category::Data => "it is of another kind",
                _ => "it is spelled wrongly",
            };
            let (line, column) = (error.line(), error.column());
            unreadable(path, Unreadable::NotJson { what, line, column })
        })
    }

    /// Whether the stamp alone tells that nothing changed since: not if it was changed just before it was read.
    fn is_settled(&self, now_ms: i64) -> bool {
        now_ms.saturating_sub(self.stamp.modified_ms) > RACY_MS
    }
}

/// A store as it was read last, for whoever reads it again.
#[derive(Debug, Default)]
pub(crate) struct Known {
    last: Option<(Stamp, SessionsJson)>,
}

impl Known {
    /// The rows at the path; `None` if nothing stands there.
    pub(crate) fn read(
        &mut self,
        system: &System,
        path: &Path,
        limit: u64,
    ) -> Result<Option<SessionsJson>, IndexError> {
        let Some(file) = open(system, path)? else {
            self.last = None;
            return Ok(None);
        };
        let facts = file.facts().doing("look at", path)?;
        if let Some((stamp, rows)) = &self.last
            && *stamp == Stamp::of(&facts)
        {
            return Ok(Some(rows.clone()));
        }
        let copy = Copy::of(&*file, path, limit)?;
        let rows = copy.rows(path)?;
        let settled = copy.is_settled(system.clock.wall_ms());
        self.last = settled.then(|| (copy.stamp, rows.clone()));
        Ok(Some(rows))
    }
}

/// The file for reading; `None` if nothing stands there.
fn open(system: &System, path: &Path) -> Result<Option<Box<dyn DiskFile>>, IndexError> {
    match system.disk.open(path, &OpenHow::reading()) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => match system.disk.facts(path) {
            Ok(facts) if facts.kind != FileKind::Regular => {
                let what = facts.kind.in_words();
                Err(unreadable(path, Unreadable::NotAFile { what }))
            }
            _ => Err(error).doing("open", path)?,
        },
    }
}

fn refuse(path: &Path, facts: &FileFacts, limit: u64) -> Result<(), IndexError> {
    if facts.kind != FileKind::Regular {
        let what = facts.kind.in_words();
        return Err(unreadable(path, Unreadable::NotAFile { what }));
    }
    if facts.size > limit {
        let bytes = facts.size;
        return Err(unreadable(path, Unreadable::TooLarge { bytes, limit }));
    }
    Ok(())
}

/// So many bytes and one more, so that a file that grew is noticed.
fn read(file: &dyn DiskFile, size: u64, path: &Path) -> Result<Vec<u8>, PathError> {
    let limit = usize::try_from(size).unwrap_or(usize::MAX - 1);
    latchwork_sys::read_at_most(file, limit.saturating_add(1)).doing("read", path)
}

pub(crate) fn unreadable(path: &Path, why: Unreadable) -> IndexError {
    let name = path.file_name().unwrap_or_default();
    IndexError::Unreadable {
        path: PathBuf::from(path),
        name: name.to_string_lossy().into_owned(),
        why,
    }
}
