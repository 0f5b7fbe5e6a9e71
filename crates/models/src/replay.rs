//! A recorded session as a provider: its assistant messages, streamed again.
//!
//! The first request is answered with the first reply on the recording's active branch, the second with the second, and
//! so on: a cursor in the provider counts requests, cancelled ones too. What is asked plays no part. Transcripts say
//! `replay` as provider and wire format, and the recorded model's name. Call ids stay as they were recorded, with a
//! suffix where the conversation already has them.
//!
//! Deliberately absent: following branches other than the active one, and writing.

mod pace;
mod play;
mod recording;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use latchwork_format::Transcript;
use latchwork_lock::Unlocked;
use latchwork_session::{ModelError, ModelProvider, ModelRequest, ModelStream, ProviderInfo};
use latchwork_sys::{FileKind, IoDoing, OpenHow, PathError, System, read_at_most};
use tokio_util::sync::CancellationToken;

use crate::ids::{FreshIds, ids_in};
use play::Play;
use recording::Recorded;

#[cfg(test)]
pub(crate) use pace::tests::any_pace;
pub use pace::{BadPace, ORIGINAL_CAP, Pace};

/// The provider and the wire format of replayed replies, as they stand in transcripts.
pub const REPLAY: &str = "replay";

/// The largest recording, in bytes.
const RECORDING_BYTES: u64 = 1 << 30;

/// A recording that answers.
pub struct Replay {
    name: String,
    replies: Vec<Recorded>,
    pace: Pace,
    /// The reply that the next request gets.
    cursor: AtomicUsize,
}

/// Why a recording cannot be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] PathError),
    /// It is not a file.
    #[error("the recording {path:?} is {found}, not a session file")]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What stands there.
        found: &'static str,
    },
    /// It is too large.
    #[error("the recording {path:?} has {bytes} bytes; the most is {most}")]
    TooLarge {
        /// Where.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most.
        most: u64,
    },
    /// No model says anything in it.
    #[error(
        "the recording {name:?} holds no whole reply of an assistant on its active branch; is it a session file, and the right one?"
    )]
    NoReplies {
        /// Its path or name.
        name: String,
    },
}

impl fmt::Debug for Replay {
    /// What it plays, not what it says: a recording may be long and private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("name", &self.name)
            .field("replies", &self.replies.len())
            .field("pace", &self.pace)
            .field("cursor", &self.cursor)
            .finish()
    }
}

impl Replay {
    /// Reads a recording from disk.
    ///
    /// # Errors
    /// [`ReplayError`]; nothing was changed.
    ///
    /// # Blocking
    /// While the file is read.
    pub fn open(system: &System, path: &Path, pace: Pace) -> Result<Self, ReplayError> {
        let file = system
            .disk
            .open(path, &OpenHow::reading().following())
            .doing("open the recording", path)?;
        let facts = file.facts().doing("look at the recording", path)?;
        if facts.kind != FileKind::Regular {
            return Err(ReplayError::NotAFile {
                path: path.into(),
                found: facts.kind.in_words(),
            });
        }
        if facts.size > RECORDING_BYTES {
            return Err(ReplayError::TooLarge {
                path: path.into(),
                bytes: facts.size,
                most: RECORDING_BYTES,
            });
        }
        let limit = usize::try_from(RECORDING_BYTES).unwrap_or(usize::MAX);
        let bytes = read_at_most(&*file, limit).doing("read the recording", path)?;
        Self::of(&Transcript::parse(&bytes), path.display().to_string(), pace)
    }

    /// A recording that was read already. `name` stands in messages, and for the model where none was recorded.
    ///
    /// # Errors
    /// [`ReplayError::NoReplies`].
    pub fn of(
        transcript: &Transcript,
        name: impl Into<String>,
        pace: Pace,
    ) -> Result<Self, ReplayError> {
        let name = name.into();
        let replies = recording::replies(transcript, &info(&name));
        if replies.is_empty() {
            return Err(ReplayError::NoReplies { name });
        }
        Ok(Self {
            name,
            replies,
            pace,
            cursor: AtomicUsize::new(0),
        })
    }

    /// The same, but the next request gets this reply, counted from 0.
    #[must_use]
    pub fn starting_at(self, reply: usize) -> Self {
        self.cursor.store(reply, Ordering::Relaxed);
        self
    }

    /// How many replies the recording has.
    #[must_use]
    pub fn reply_count(&self) -> usize {
        self.replies.len()
    }

    fn exhausted(&self) -> ModelError {
        let (name, count) = (&self.name, self.replies.len());
        let why = format!(
            "all {count} replies of the recording {name:?} have been played; choose another model, or a longer recording"
        );
        ModelError::Unusable {
            provider: REPLAY.into(),
            why,
        }
    }
}

fn info(name: &str) -> ProviderInfo {
    ProviderInfo::new(REPLAY, REPLAY, Some(name.to_owned()))
}

#[async_trait::async_trait]
impl ModelProvider for Replay {
    fn info(&self) -> ProviderInfo {
        info(&self.name)
    }

    async fn stream<'a>(
        &'a self,
        nothing_is_held: Unlocked<'a>,
        request: ModelRequest,
        cancel: CancellationToken,
    ) -> Result<ModelStream<'a>, ModelError> {
        if cancel.is_cancelled() {
            return Err(ModelError::Cancelled {
                provider: REPLAY.into(),
            });
        }
        // At the end the cursor stays where it is, so that it never wraps round to the beginning.
        let next = |at: usize| (at < self.replies.len()).then_some(at + 1);
        let at = self
            .cursor
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .map_err(|_| self.exhausted())?;
        let recorded = self.replies.get(at).ok_or_else(|| self.exhausted())?;
        let ids = FreshIds::beside(ids_in(&request.conversation));
        let time = self.pace.time_for(recorded.took);
        Ok(Play::begin(nothing_is_held, recorded.reply.clone(), ids, time, cancel).into_stream())
    }
}

#[cfg(test)]
mod tests;
