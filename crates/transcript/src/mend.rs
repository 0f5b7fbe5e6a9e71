//! What a doctor does to a session, under its guard: the end of the transcript mended without anything being appended, a
//! sidecar set aside, what the locks of a session that is gone left cleared up.
//!
//! Each is what the store does of itself at its next write, or what a deletion of the sidecars by hand would do, which the
//! store lives through. Invariants: nothing without a guard; no byte is lost. Deliberately absent: migrating old versions,
//! and anything about a session that somebody is at work on; [`FileStore::nobody_is_in_a_turn`] tells.

use std::path::PathBuf;
use std::sync::Arc;

use latchwork_filelock::{Cleared, LatchError, Latches, WritePermit};
use latchwork_lock::PhaseGuard;
use latchwork_session::{AcquireError, AppendError, SessionId};
use latchwork_sys::PathError;

use crate::commit::Work;
use crate::locks::acquire_error;
use crate::session::Session;
use crate::sidecar::{SetAside, is_regular};
use crate::store::{FileStore, run};
use crate::tail::Mended;

impl FileStore {
    /// Puts the end of the transcript in order, as the next commit would do first: a last line without a newline gets one, and
    /// what then cannot be read is copied to quarantine and overwritten with spaces. Durable when it returns.
    ///
    /// # Errors
    ///
    /// [`AppendError`]: there is no transcript, nothing may be written to it, the guard is another session's or was lost.
    ///
    /// # Cancel safety
    ///
    /// Once begun, it runs to its end.
    pub async fn mend(&self, guard: &mut PhaseGuard<'_>) -> Result<Vec<Mended>, AppendError> {
        run(self.work(guard)?, mend).await
    }

    /// Sets a saved head aside that was not written for this transcript, or whose transcript is gone; `None` if there is none,
    /// or it is to be believed. Durable when it returns.
    ///
    /// # Errors
    ///
    /// As for [`mend`](Self::mend).
    ///
    /// # Cancel safety
    ///
    /// Once begun, it runs to its end.
    pub async fn set_head_aside(
        &self,
        guard: &mut PhaseGuard<'_>,
    ) -> Result<Option<SetAside>, AppendError> {
        run(self.work(guard)?, set_head_aside).await
    }

    /// Removes what the locks left of a session that has neither transcript nor inbox, the latch of `guard` among it.
    ///
    /// # Errors
    ///
    /// As for [`mend`](Self::mend). A session that is not gone, or that somebody is at work on, is left alone and told of in the
    /// answer.
    ///
    /// # Cancel safety
    ///
    /// Once begun, it runs to its end.
    pub async fn clear_leftovers(
        &self,
        guard: &mut PhaseGuard<'_>,
    ) -> Result<Cleared, AppendError> {
        run(self.work(guard)?, clear).await
    }

    /// Whether nobody is in a turn of the session, nor asks for one.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if its folder cannot be looked at.
    pub async fn nobody_is_in_a_turn(&self, session: &SessionId) -> Result<bool, AcquireError> {
        let site = self.site(session).map_err(|why| AcquireError::Refused {
            session: session.clone(),
            why,
            source: None,
        })?;
        let latches: Latches = self.latches().clone();
        let looked = self
            .threads()
            .run(move || latches.nobody_is_in_a_turn(&site))
            .await;
        let looked = looked.unwrap_or_else(|error| {
            Err(LatchError::Io(PathError {
                doing: "look for turns of",
                path: PathBuf::from(session.as_str()),
                source: std::io::Error::other(error),
            }))
        });
        looked.map_err(|error| acquire_error(session, error))
    }
}

fn mend(work: &Work) -> Result<Vec<Mended>, AppendError> {
    work.check()?;
    let no_session = || AppendError::NoSession {
        session: work.session.id.clone(),
    };
    let file = work.permit.transcript().ok_or_else(no_session)?;
    let (system, place) = (work.system(), &work.session.place);
    let mut known = work.session.known();
    known
        .catch_up(system, place, &*file)
        .map_err(|error| work.failed(error))?;
    // Of a file that is none of ours not even the end is changed.
    known
        .outline
        .writable()
        .map_err(|fault| AppendError::ReadOnly {
            session: work.session.id.clone(),
            why: fault.to_string(),
        })?;
    let mended = work.mend_end(&mut known, &*file)?;
    file.sync_all().map_err(|source| {
        work.unknown(PathError {
            doing: "make durable",
            path: place.transcript.clone(),
            source,
        })
    })?;
    Ok(mended)
}

fn set_head_aside(work: &Work) -> Result<Option<SetAside>, AppendError> {
    work.check()?;
    let (system, place) = (work.system(), &work.session.place);
    let path = place.sidecar("head");
    if !is_regular(system, &path) {
        return Ok(None);
    }
    if let Some(file) = work.permit.transcript() {
        let mut known = work.session.known();
        known
            .catch_up(system, place, &*file)
            .map_err(|error| work.failed(error))?;
        let saved = crate::head_file::load(system, place);
        if saved.is_some_and(|saved| known.believes(&*file, &saved)) {
            return Ok(None);
        }
    }
    let aside = SetAside::file(system, &place.dir, Some(&place.stem), &path);
    aside.map(Some).map_err(|error| work.failed(error))
}

fn clear(work: &Work) -> Result<Cleared, AppendError> {
    let session: &Arc<Session> = &work.session;
    let inbox = session.place.sidecar("inbox.jsonl");
    if session.system.disk.facts(&inbox).is_ok() {
        let mut cleared = Cleared::default();
        cleared.in_use = Some(inbox);
        return Ok(cleared);
    }
    WritePermit::clear_leftovers(&work.permit).map_err(|error| work.failed(error))
}
