//! Is everything that is held still ours? Asked just before each write.
//!
//! The kernel keeps our own processes away; this notices what the kernel does not: files removed or
//! replaced by hand, a second name, a peer that robbed the lock file. Limit: between the look and the
//! write lie microseconds in which a peer can still rob us; the next look notices it.

use std::path::PathBuf;

use latchwork_sys::{FileFacts, PathError, System};

use crate::latched::{Core, Parts};
use crate::locked::Locked;
use crate::place::Place;
use crate::{LatchLost, Lost, WritePermit};

impl WritePermit {
    /// Looks whether everything that is held is still ours. To be called just before each write.
    ///
    /// # Errors
    ///
    /// [`LatchLost`]; the latch is revoked then, and nothing must be written.
    pub fn check(&self) -> Result<(), LatchLost> {
        self.core.check()
    }
}

impl Core {
    pub(crate) fn check(&self) -> Result<(), LatchLost> {
        let found = match self.state().parts.as_ref() {
            Some(parts) => look(parts, &self.place, &self.shared.system),
            None => Err((Lost::Released, self.place.latch.clone())),
        };
        if found.is_ok() {
            self.shared.system.steps.checked(&self.place.transcript);
        }
        found.map_err(|(what, path)| {
            self.revoke(&format!("it was lost: {what}"));
            LatchLost {
                session: self.place.session.clone(),
                what,
                path,
            }
        })
    }
}

type Found = Result<(), (Lost, PathBuf)>;

fn look(parts: &Parts, place: &Place, system: &System) -> Found {
    in_place(&parts.latch, system, Lost::LatchFile)?;
    match &parts.transcript {
        Some(transcript) => {
            let names = in_place(transcript, system, Lost::Transcript)?.nlink;
            if names != 1 {
                return Err((Lost::HardLinked { names }, transcript.path().to_path_buf()));
            }
        }
        None => {
            if system.disk.facts(&place.transcript).is_ok() {
                return Err((Lost::Transcript, place.transcript.clone()));
            }
        }
    }
    if let Some(joined) = &parts.joined {
        joined.check(place, system)?;
    }
    match &parts.peer {
        Some(peer) => peer
            .check()
            .map_err(|what| (what, peer.path().to_path_buf())),
        None => Ok(()),
    }
}

fn in_place(locked: &Locked, system: &System, lost: Lost) -> Result<FileFacts, (Lost, PathBuf)> {
    match locked.in_place(system) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err((lost, locked.path().to_path_buf())),
        Err(PathError { path, source, .. }) => Err((Lost::Unseen(source.kind()), path)),
    }
}
