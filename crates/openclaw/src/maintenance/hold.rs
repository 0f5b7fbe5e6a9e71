//! A session in hand: its turn and its latch, so that nobody is at work on it while it is put away.
//!
//! Neither is waited for: who is busy keeps the session. Invariant: what is held is given back however it ends, and the files of its
//! locks go with the last transcript.

use std::path::Path;

use latchwork_filelock::{ClaimError, LatchError, Latched, Latches, Site, WritePermit};
use latchwork_lock::{Phase, TurnClaim, Wait};

/// A session that nobody else is at work on.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) stem: String,
    // Given back in this order.
    claim: TurnClaim,
    permit: WritePermit,
    latched: Latched,
}

impl Hold {
    /// Takes a session; `None` if anybody is at work on it.
    pub(crate) async fn take(
        latches: &Latches,
        folder: &Path,
        stem: &str,
    ) -> Result<Option<Self>, LatchError> {
        // What cannot name a session has no locks, and no right to be put away.
        let Ok(site) = Site::new(folder, stem, &format!("{stem}.jsonl")) else {
            return Ok(None);
        };
        // Whoever was taken over may be at work still, without the turn.
        if !latches.nobody_is_in_a_turn(&site)? {
            return Ok(None);
        }
        let claim = match latches.claim(&site, "cleanup", Wait::Never).await {
            Ok(claim) => claim,
            Err(ClaimError::Latch(error)) if !is_busy(&error) => return Err(error),
            Err(ClaimError::Io(error)) => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        let Some((permit, latched)) = take(latches, folder, stem).await? else {
            return Ok(None);
        };
        Ok(Some(Self {
            stem: stem.to_owned(),
            claim,
            permit,
            latched,
        }))
    }

    /// Gives the session back. Where its transcript is gone, the files of its locks go, too.
    pub(crate) async fn give_back(self, latches: &Latches, folder: &Path) {
        let stem = self.stem;
        if let Err(error) = self.claim.release().await {
            tracing::warn!(session = stem, %error, "a claim could not be given back in order");
        }
        drop(self.permit);
        self.latched.release().await;
        let transcript = folder.join(format!("{stem}.jsonl"));
        if latches.system().disk.facts(&transcript).is_ok() {
            return;
        }
        // A latch that was taken while there was a transcript keeps that; one that is taken now knows of none.
        let again = take(latches, folder, &stem).await;
        if let Ok(Some((permit, latched))) = again {
            // Where anybody has any of them by now, nothing is removed.
            if let Err(error) = permit.clear_leftovers() {
                tracing::warn!(session = stem, %error, "the locks of a session that is gone could not be cleared");
            }
            drop(permit);
            latched.release().await;
        }
    }
}

/// The latch of a session; `None` if it is somebody's.
async fn take(
    latches: &Latches,
    folder: &Path,
    stem: &str,
) -> Result<Option<(WritePermit, Latched)>, LatchError> {
    let Ok(site) = Site::new(folder, stem, &format!("{stem}.jsonl")) else {
        return Ok(None);
    };
    let phase = Phase::named("cleanup");
    match latches.latch(&site, phase, Wait::Never).await {
        Ok(latched) => Ok(latched.begin().ok().map(|permit| (permit, latched))),
        Err(error) if is_busy(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a session is somebody's, or nothing that a session can live in: then it stays.
fn is_busy(error: &LatchError) -> bool {
    matches!(
        error,
        LatchError::Busy { .. } | LatchError::SelfDeadlock { .. } | LatchError::Refused { .. }
    )
}
