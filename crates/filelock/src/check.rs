//! Is everything that is held still ours? Asked just before each write.
//!
//! The kernel keeps our own processes away; this notices what the kernel does not: files removed or
//! replaced by hand, a second name, a peer that robbed the lock file. Limit: between the look and the
//! write lie microseconds in which a peer can still rob us; the next look notices it.

use latchwork_sys::PathError;

use crate::latch_file::Locked;
use crate::latched::{Core, Parts};
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

type Found = Result<(), (Lost, std::path::PathBuf)>;

fn look(parts: &Parts, place: &Place, system: &latchwork_sys::System) -> Found {
    in_place(&parts.latch, system, Lost::LatchFile)?;
    match &parts.transcript {
        Some(transcript) => {
            in_place(transcript, system, Lost::Transcript)?;
            let at = |what| (what, transcript.path().to_path_buf());
            let facts = transcript
                .file()
                .facts()
                .map_err(|error| at(Lost::Unseen(error.kind())))?;
            if facts.nlink != 1 {
                return Err(at(Lost::HardLinked { names: facts.nlink }));
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

fn in_place(locked: &Locked, system: &latchwork_sys::System, lost: Lost) -> Found {
    match locked.is_in_place(system) {
        Ok(true) => Ok(()),
        Ok(false) => Err((lost, locked.path().to_path_buf())),
        Err(PathError { path, source, .. }) => Err((Lost::Unseen(source.kind()), path)),
    }
}
