//! A write while no turn is under way.
//!
//! A turn claims the session before it takes its base under a guard. So where no claim is found under our guard, no turn has a base that what
//! is written now would come after. Waiting is looking again and again with nothing held: a claim's `flock` must not be waited for by who
//! does not want the turn, and a claim of our own for a moment would refuse a turn that begins in it.

use std::time::{Duration, Instant};

use latchwork_lock::{Holder, LockScope};
use latchwork_session::{AcquireError, NewEntry, SessionLocks as _};

use super::known::Known;
use super::{MirrorError, MirrorHow, Mirrored};
use crate::{Session, WriteError};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// One wait for the end of turns.
struct Waiting<'h> {
    how: &'h MirrorHow,
    begun: Instant,
    told: bool,
}

impl Session {
    /// Writes entries at a moment when no turn is under way, and makes them durable. `known`: what was cut where by whom is looked at once
    /// more, under the guard.
    #[expect(
        clippy::await_holding_invalid_type,
        reason = "the guard crosses the wait of storage alone"
    )]
    pub(super) async fn write_between_turns(
        &self,
        scope: &mut LockScope,
        entries: Vec<NewEntry>,
        how: &MirrorHow,
        known: Option<&mut Known>,
    ) -> Result<Mirrored, MirrorError> {
        let mut waiting = Waiting {
            how,
            begun: Instant::now(),
            told: false,
        };
        let mut done = Mirrored::default();
        if entries.is_empty() {
            return Ok(done);
        }
        let written = loop {
            waiting.until_free(self).await?;
            let guard = self.store().guard(scope, self.side_guard()).await;
            let mut guard = guard.map_err(WriteError::from)?;
            match self.turn_under_way().await {
                Ok(None) => {}
                // It began after we had looked.
                Ok(Some(_)) => {
                    drop(guard);
                    continue;
                }
                Err(error) => {
                    drop(guard);
                    return Err(error);
                }
            }
            let written = self
                .mirror_under(&mut guard, entries, how, &mut done, known)
                .await;
            drop(guard);
            break written?;
        };
        if let Some(receipt) = written {
            receipt.reached(how.level).await.map_err(WriteError::from)?;
        }
        Ok(done)
    }

    async fn turn_under_way(&self) -> Result<Option<Holder>, MirrorError> {
        let held = self.store().held(self.id()).await;
        let held = held.map_err(|error: AcquireError| WriteError::from(error))?;
        Ok(held.claim)
    }
}

impl Waiting<'_> {
    async fn until_free(&mut self, session: &Session) -> Result<(), MirrorError> {
        while let Some(holder) = session.turn_under_way().await? {
            let waited = self.begun.elapsed();
            if waited >= self.how.wait {
                let holder = Box::new(holder);
                return Err(MirrorError::Claimed { holder, waited });
            }
            if let (false, Some(tell)) = (self.told, &self.how.on_wait) {
                tell(&holder);
            }
            self.told = true;
            tokio::time::sleep(PAUSE.min(self.how.wait.saturating_sub(waited))).await;
        }
        Ok(())
    }
}
