//! What a person does with a session's lock by hand: keep it for a command, see who keeps it, end that process.
//!
//! Deliberately not here: guards. A guard is for a phase and crosses the waits of storage alone; a lock for a command is the one
//! exception, and a value of its own, through which nothing can be written.

use latchwork_filelock::{
    CommandLock, Ended, FolderView, LatchError, Latches, LockView, Occupation, Site, What,
};
use latchwork_lock::{Phase, Wait};
use latchwork_session::{AcquireError, SessionId};

use crate::layout::Layout;
use crate::locks::acquire_error;
use crate::store::{FileStore, nameless};
use crate::threads::Threads;

impl FileStore {
    /// Takes a session's latch for a command that is to inherit it.
    ///
    /// # Errors
    ///
    /// [`AcquireError`]; nothing is held then.
    ///
    /// # Cancel safety
    ///
    /// May be dropped at any await; nothing is held then.
    pub async fn lock_for_command(
        &self,
        session: &SessionId,
        phase: Phase,
        wait: Wait,
    ) -> Result<CommandLock, AcquireError> {
        let (_, latched) = self.latch(session, phase, wait).await?;
        let lock = latched.for_command().map_err(LatchError::Io);
        lock.map_err(|error| acquire_error(session, error))
    }

    /// Who keeps a session, as far as the kernel proves it.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if its folder cannot be looked at.
    pub async fn occupation(&self, session: &SessionId) -> Result<Occupation, AcquireError> {
        self.by_hand(session, Latches::occupation).await
    }

    /// What is held, waited for and asked for of a session. Nothing is locked or written, and nobody is disturbed.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if its sidecars cannot be listed.
    pub async fn lock_view(&self, session: &SessionId) -> Result<LockView, AcquireError> {
        self.by_hand(session, Latches::view_of).await
    }

    /// The same of all sessions of a folder: those of which anything is.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if the folder cannot be listed; a lone file's store has no folder.
    pub async fn folder_view(&self) -> Result<FolderView, AcquireError> {
        let Layout::Folder { dir } = self.layout().clone() else {
            return Ok(FolderView::default());
        };
        let latches = self.latches().clone();
        blocking(self.threads(), &nameless(), move || latches.view(&dir)).await
    }

    /// Ends the proven holder of a session's latch or claim.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] if its folder cannot be looked at, or the process must not be signalled.
    pub async fn end_holder(&self, session: &SessionId, what: What) -> Result<Ended, AcquireError> {
        self.by_hand(session, move |latches, site| latches.end_holder(site, what))
            .await
    }

    async fn by_hand<T: Send + 'static>(
        &self,
        session: &SessionId,
        work: impl FnOnce(&Latches, &Site) -> Result<T, LatchError> + Send + 'static,
    ) -> Result<T, AcquireError> {
        let site = self.site(session).map_err(|why| AcquireError::Refused {
            session: session.clone(),
            why,
            source: None,
        })?;
        let latches = self.latches().clone();
        blocking(self.threads(), session, move || work(&latches, &site)).await
    }
}

async fn blocking<T: Send + 'static>(
    threads: Threads,
    session: &SessionId,
    work: impl FnOnce() -> Result<T, LatchError> + Send + 'static,
) -> Result<T, AcquireError> {
    match threads.run(work).await {
        Ok(done) => done.map_err(|error| acquire_error(session, error)),
        Err(error) => Err(AcquireError::Backend {
            session: session.clone(),
            doing: "look at who holds it".to_owned(),
            source: Box::new(error),
        }),
    }
}
