//! A new session that begins with what was said in another one.
//!
//! The source is a snapshot, so nothing of it is locked or waited for. The new file is written whole and durable under the
//! guard of the *new* session, and born locked. Deliberately absent: the source's inbox and sidecars; what waits there
//! is answered there.

use latchwork_format::{Body, EntryId, Mark, ours};
use latchwork_lock::PhaseGuard;
use latchwork_session::{AppendError, Birth, Head, SessionId, Snapshot};
use serde_json::json;

use crate::FileStore;
use crate::commit::{Target, Work, fresh_id};
use crate::lines::{self, Written};
use crate::store::run;
use crate::updates::UpdateKind;

/// A session that was not forked. Nothing was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForkError {
    /// The new session exists.
    #[error("session {session} exists already, so nothing is forked into it")]
    Exists {
        /// The new session.
        session: SessionId,
    },
    /// The source cannot be forked.
    #[error("session {session} is not forked")]
    Source {
        /// The source.
        session: SessionId,
        /// Why.
        #[source]
        source: latchwork_format::ForkError,
    },
    /// The new session could not be written.
    #[error(transparent)]
    Write(#[from] AppendError),
}

impl FileStore {
    /// Makes the session of this guard, which must not exist, with the active path of `source`. `birth` is the new
    /// session's own, its parent the source's path. Durable when it returns.
    ///
    /// # Errors
    /// See [`ForkError`].
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    pub async fn fork(
        &self,
        guard: &mut PhaseGuard<'_>,
        source: &Snapshot,
        birth: Birth,
    ) -> Result<(), ForkError> {
        let work = self.work(guard)?;
        if work.permit.transcript().is_some() {
            let session = work.session.id.clone();
            return Err(ForkError::Exists { session });
        }
        let written = work.lines_of(source, &birth)?;
        let forked = move |work: &Work| {
            work.on_file(
                &Head::default(),
                Some(&birth),
                |work, known, file| match file {
                    Target::Birth { birth, what } => work.create(known, birth, *what, &[written]),
                    Target::File(_) => Err(AppendError::GuardLost {
                        session: work.session.id.clone(),
                        why: "a transcript appeared".to_owned(),
                    }),
                },
            )
        };
        let forked = move |work: &Work| {
            forked(work)?;
            work.tell_of(UpdateKind::Forked, Vec::new());
            Ok(())
        };
        Ok(run(work, forked).await?)
    }
}

impl Work {
    /// Everything that follows the header.
    fn lines_of(&self, source: &Snapshot, birth: &Birth) -> Result<Written, ForkError> {
        let refused = |error| ForkError::Source {
            session: source.session.clone(),
            source: error,
        };
        let leaf = source.head.leaf.as_ref();
        let leaf = leaf.ok_or_else(|| refused(latchwork_format::ForkError::NothingSaid))?;
        let mut bytes = Vec::new();
        let mut first = None;
        if let Some(key) = &birth.session_key {
            let id = fresh_id(self.system(), |id| source.transcript.entry(id).is_none());
            bytes.extend(self.name_line(&id, key)?);
            first = Some(id);
        }
        let path = latchwork_format::fork(&source.transcript, leaf, first.as_ref());
        bytes.extend(path.map_err(refused)?);
        Ok(Written {
            id: leaf.clone(),
            parent: first,
            bytes,
        })
    }

    /// The entry that keeps the name that the new session is called by.
    fn name_line(&self, id: &EntryId, key: &str) -> Result<Vec<u8>, AppendError> {
        let now = latchwork_format::time::iso_from_millis(self.system().clock.wall_ms());
        let body = Body::Custom {
            custom_type: ours::SESSION.to_owned(),
            data: Some(json!({ "key": key })),
        };
        let line = latchwork_format::line(id, None, &now, Some(&Mark::default()), &body);
        line.map_err(|error| AppendError::BadEntry {
            index: 0,
            why: lines::why(&error),
        })
    }
}
