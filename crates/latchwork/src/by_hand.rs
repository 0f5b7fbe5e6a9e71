//! A session's lock by hand: kept for a command, looked at, and its holder ended.
//!
//! A command runs while the session is locked: the one exception to the law that nothing is held while others are waited for.
//! So the lock is no guard: nothing can be written through it, and the task's scope is not concerned. What the command writes, it
//! writes as a process of its own that joins the lock.

use latchwork_filelock::{CommandLock, Ended, Occupation, What};
use latchwork_lock::{Phase, Wait};

use crate::{Session, WriteError};

impl Session {
    /// Locks the session for a command; `None` waits as long as the settings say.
    ///
    /// # Errors
    /// [`WriteError::Acquire`]; nothing is held then.
    ///
    /// # Cancel safety
    /// May be dropped at any await; nothing is held then.
    pub async fn lock_for_command(
        &self,
        phase: Phase,
        wait: Option<Wait>,
    ) -> Result<CommandLock, WriteError> {
        let wait = wait.unwrap_or_else(|| self.wait());
        Ok(self
            .store()
            .lock_for_command(self.id(), phase, wait)
            .await?)
    }

    /// Who keeps the session, as far as the kernel proves it.
    ///
    /// # Errors
    /// [`WriteError::Acquire`] if that cannot be looked at.
    pub async fn occupation(&self) -> Result<Occupation, WriteError> {
        Ok(self.store().occupation(self.id()).await?)
    }

    /// Ends the proven holder of the session's latch or claim; none that is not proven is signalled.
    ///
    /// # Errors
    /// [`WriteError::Acquire`] if that cannot be looked at, or must not be done.
    pub async fn end_holder(&self, what: What) -> Result<Ended, WriteError> {
        Ok(self.store().end_holder(self.id(), what).await?)
    }
}
