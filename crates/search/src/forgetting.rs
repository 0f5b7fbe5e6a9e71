//! Sessions taken out of an index for good: afterwards no byte of its files is a word that only they said.
//!
//! Rows are deleted, which leaves their words in the segments of FTS5: it notes that an entry is gone (a tombstone) and drops its words
//! when the segment is merged, which may be never. So all segments are merged (`optimize`; FTS5's `secure-delete` does not concern tables
//! that have `contentless_delete`), what SQLite frees is zeroed ([`database`](crate::database)), and the journal is emptied into the file.
//! An index of which that cannot be done is deleted: it can be made anew. One that was put aside is deleted in any case.
//!
//! Invariants: nothing is made where nothing was; it is done, or it is said that it is not. Limits: it costs what the index weighs, however
//! little goes; blocks on the device are given back, not overwritten.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use latchwork_sys::{FileKind, IoDoing as _, PathError, System};
use rusqlite::Connection;

use crate::database::{Database, Fault, beside, in_one_go};
use crate::sessions;

/// How long others are waited for: an indexer's batch is mostly over by then.
const BUSY: Duration = Duration::from_secs(5);
/// How often segments are merged: once more where a merge was under way into a segment that something was taken out of since.
const MERGES: usize = 3;
/// What SQLite keeps beside an index, and what was put aside.
const BESIDE: [&str; 4] = ["-wal", "-shm", "-journal", ".aside"];

/// What became of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// There is none.
    NoIndex,
    /// The sessions are out of it.
    TakenOut,
    /// It is gone itself, as they could not be taken out of it.
    Deleted,
}

/// Words may be in the index still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgetError {
    /// Others are at it.
    #[error("another process is at the index {path:?} for {} s and more", BUSY.as_secs())]
    Busy {
        /// The index.
        path: PathBuf,
    },
    /// They could not be taken out, and it could not be deleted.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// Takes the sessions of these stems out of the index at `path`.
///
/// # Errors
/// See [`ForgetError`]: words of them may be in it still.
///
/// # Blocking
/// Waits for others for 5 seconds, and rewrites the index.
pub fn forget(system: &System, path: &Path, stems: &[String]) -> Result<Forgotten, ForgetError> {
    remove(system, &beside(path, ".aside"))?;
    if !stands(system, path)? {
        delete(system, path)?;
        return Ok(Forgotten::NoIndex);
    }
    match Database::patiently(path).and_then(|database| take_out(&database.connection, stems)) {
        Ok(true) => Ok(Forgotten::TakenOut),
        Ok(false) | Err(Fault::Busy(_)) => Err(ForgetError::Busy { path: path.into() }),
        Err(Fault::Useless(why) | Fault::Refused(why)) => {
            tracing::debug!(?path, %why, "sessions cannot be taken out of the index; it is deleted");
            delete(system, path)?;
            Ok(Forgotten::Deleted)
        }
    }
}

/// Deletes an index with all that is beside it.
///
/// # Errors
/// [`PathError`] when it is there still.
pub fn discard(system: &System, path: &Path) -> Result<Forgotten, PathError> {
    let stands = stands(system, path)?;
    delete(system, path)?;
    Ok(match stands {
        true => Forgotten::Deleted,
        false => Forgotten::NoIndex,
    })
}

/// Whether all of it reached the file.
fn take_out(connection: &Connection, stems: &[String]) -> Result<bool, Fault> {
    connection.busy_timeout(BUSY)?;
    let left = in_one_go(connection, |connection| {
        for stem in stems {
            if let Some(known) = sessions::known(connection, stem)? {
                sessions::forget(connection, known.id)?;
            }
        }
        // Also of what was taken out before: by a search, of what was archived, by one of us that was killed.
        for _ in 0..MERGES {
            if !sessions::has_tombstones(connection)? {
                return Ok(false);
            }
            sessions::merge_all(connection)?;
        }
        sessions::has_tombstones(connection)
    })?;
    if left {
        return Err(Fault::Useless("its segments do not merge".to_owned()));
    }
    let whole = "PRAGMA wal_checkpoint(TRUNCATE)";
    let held: i64 = connection.query_row(whole, [], |row| row.get(0))?;
    Ok(held == 0)
}

fn stands(system: &System, path: &Path) -> Result<bool, PathError> {
    match system.disk.facts(path) {
        Ok(facts) => Ok(facts.kind != FileKind::Directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).doing("look at", path),
    }
}

/// The index first: without it nobody takes its journals for anything.
fn delete(system: &System, path: &Path) -> Result<(), PathError> {
    remove(system, path)?;
    for ending in BESIDE {
        remove(system, &beside(path, ending))?;
    }
    Ok(())
}

fn remove(system: &System, path: &Path) -> Result<(), PathError> {
    match system.disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.doing("delete", path),
    }
}
