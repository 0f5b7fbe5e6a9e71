//! Large tool outputs and images kept out of line, on request: moved out of a session, moved back, resolved when they are read, collected
//! when nobody refers to them.
//!
//! The blobs of a home, its archive included, lie in `<home>/blobs`; those of a transcript elsewhere in `.latchwork/blobs` beside it. Invariants: a blob is durable
//! before the line that refers to it is written; whoever adds or removes blobs does so alone, from the first blob to the last line. A blob
//! that cannot be had is a marker in a text, never a failed read. Deliberately absent: moving anything out that nobody asked for.
//!
//! | file | idea |
//! |---|---|
//! | `reference` | what stands in a message for a piece that is out of line; pure |
//! | `moving` | the pieces of a session, moved out and back in batches |
//! | `resolving` | references resolved: in what a model is shown, and in an export |
//! | `collecting` | blobs of a home that nobody refers to |
//! | `releasing` | blobs that go with the session that alone refers to them |

mod collecting;
mod moving;
mod reference;
mod releasing;
mod resolving;

use std::path::{Path, PathBuf};

use latchwork_sys::PathError;
use latchwork_transcript::{BlobStore, SIDECARS};

pub use collecting::{BLOB_AGE_FLOOR, Collected};
pub(crate) use releasing::Releasing;
pub(crate) use resolving::{ResolvedEntries, ResolvingEngine};

use crate::facade::Parts;
use crate::{Session, WriteError};

/// The folder of blobs.
pub(crate) const FOLDER: &str = "blobs";
/// Smaller pieces are not worth a file of their own, in bytes.
pub const BLOB_BYTES_MIN: u64 = 64 << 10;

/// What was moved, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobsMoved {
    /// Messages that are others now.
    pub entries: u64,
    /// Pieces that were moved.
    pub pieces: u64,
    /// What they take, in bytes.
    pub bytes: u64,
    /// References whose blobs cannot be had. They stay.
    pub lost: u64,
    /// Bytes by which the transcript grew; negative: it shrank. 0 where nothing was written.
    pub stored_bytes_delta: i64,
}

/// Pieces were not moved, or not all of them. What was moved is moved; the same again goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobsFailed {
    /// There is no such session.
    #[error("there is no session at {}", place.display())]
    NoSession {
        /// Where it would be.
        place: PathBuf,
    },
    /// The file was written anew by somebody else meanwhile.
    #[error("{} was written anew meanwhile; nothing of it was changed", place.display())]
    Changed {
        /// The transcript.
        place: PathBuf,
    },
    /// The transcript could not be written anew.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] PathError),
    /// The program is ending.
    #[error("moving was stopped")]
    Stopped,
}

/// Where the blobs of the transcript at `place` lie.
pub(crate) fn store_of(parts: &Parts, place: &Path) -> BlobStore {
    let settings = parts.settings();
    let folder = match place.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let real = |path: &Path| {
        let real = parts.system.disk.canonicalize(path);
        real.unwrap_or_else(|_| path.to_path_buf())
    };
    let own = settings
        .home
        .as_deref()
        .filter(|home| folder.starts_with(home) || real(folder).starts_with(real(home)));
    let blobs = match own {
        Some(home) => home.join(FOLDER),
        None => folder.join(SIDECARS).join(FOLDER),
    };
    BlobStore::at(parts.system.clone(), blobs)
}

impl Session {
    /// The blobs that its transcript refers to.
    #[must_use]
    pub fn blobs(&self) -> BlobStore {
        store_of(self.parts(), &self.place())
    }
}
