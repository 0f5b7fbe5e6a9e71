//! A latch that a command inherits: it lasts as long as the command, though this process be killed.
//!
//! `flock` belongs to the open file, so the command that is given descriptors of the latch and of the transcript holds them as
//! well as we do, and so it is with the pipe by which the process lives that OpenClaw respects. A nonce in the latch's note says
//! for as long as it stands there that the lock may be joined (`joined`).
//!
//! Giving back: the turn of those who join is waited for, so that none of them is in the middle of a write (the file of turns is
//! kept open from the beginning, for one who writes has that one locked though it be deleted meanwhile); then the nonce is
//! taken away; then the locks are unlocked by name, which frees every inherited copy, whoever still has one. `max_hold` does not
//! apply: the person who named the command said how long it takes.
//!
//! Limit: a lock within this lock, left running in the background by the command, is waited for. Dropping it without
//! [`CommandLock::release`] frees it at once; a joiner that is in the middle of a write then finds it lost at its next check.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use latchwork_lock::Wait;
use latchwork_sys::{DiskFile, IoDoing, PathError, hand_down, hex_id, inode_of};

use crate::handed::{Entry, Handed, Place as Folder, Rung, Slot};
use crate::inherited::Hold;
use crate::latch_file;
use crate::latched::{Core, Parts};
use crate::locked::{Locked, OpenFile};
use crate::note::{Note, iso};
use crate::waiters::Waited;
use crate::{LatchError, Latched, joined};

/// The latch of a session, held for a command.
#[derive(Debug)]
#[must_use = "a lock that is dropped at once keeps nobody out"]
pub struct CommandLock {
    latched: Option<Latched>,
    core: Arc<Core>,
    /// Who holds it, without the nonce.
    note: Note,
    /// The file whose lock is ours and whose note has the nonce: the latch, or a turn where it was joined.
    rung: Arc<dyn DiskFile>,
    /// Where those who join this lock take turns.
    turns: PathBuf,
    /// What stood there when the lock was handed down.
    turn: Option<OpenFile>,
    value: String,
    descriptors: Vec<OwnedFd>,
}

impl Latched {
    /// Makes it a lock for a command. From now on it is not revoked for its age.
    ///
    /// # Errors
    ///
    /// [`PathError`] if it was lost meanwhile, or cannot be told to those who are to join it; it is given back then.
    ///
    /// # Blocking
    ///
    /// For a few quick system calls.
    pub fn for_command(self) -> Result<CommandLock, PathError> {
        let core = Arc::clone(&self.core);
        core.outlives_max_hold();
        let (system, place) = (&core.shared.system, &core.place);
        let nonce = hex_id(&*system.entropy, 16);
        let mut handing = Handing::default();
        let mut state = core.state();
        let parts = state.parts.as_mut();
        let parts = parts
            .ok_or_else(|| std::io::Error::other("it was given back or revoked"))
            .doing("keep the latch", &place.latch)?;
        for locked in [&mut parts.latch].into_iter().chain(&mut parts.transcript) {
            locked.is_handed_down();
        }
        let parts = &*parts;
        let (rung, depth) = match &parts.joined {
            Some(joined) => (joined.turn.file(), joined.hold.rungs.len()),
            None => (parts.latch.file(), 0),
        };
        let path = place.rung(depth);
        let held_ms = i64::try_from(self.age().as_millis()).unwrap_or(i64::MAX);
        let since = iso(system.clock.wall_ms().saturating_sub(held_ms));
        let note = Note::of(system.processes.own(), Some(self.phase().as_str()), since);
        let with_nonce = Note {
            nonce: Some(nonce.clone()),
            ..note.clone()
        };
        with_nonce
            .write_surely_to(&**rung)
            .doing("write down the lock's nonce in", &path)?;
        let entry = handing.own(&core, parts, rung, &nonce);
        let mut locks = vec![entry.doing("hand down the lock of", &path)?];
        for hold in core.shared.inherited.others(place) {
            locks.push(handing.on(hold).doing("hand on the locks of", &path)?);
        }
        let (rung, turns) = (Arc::clone(rung), place.rung(depth + 1));
        drop(state);
        let turn = latch_file::open_at(&core.shared.system, &core.place, &turns);
        let turn = turn.inspect_err(|error| {
            tracing::warn!(session = core.place.session, %error, "the turns of those who join cannot be looked at");
        });
        Ok(CommandLock {
            latched: Some(self),
            note,
            rung,
            turns,
            turn: turn.ok(),
            value: Handed::of(locks).text(),
            descriptors: handing.descriptors,
            core,
        })
    }
}

impl CommandLock {
    /// Lets the command inherit the lock. To be called for one command.
    pub fn hand_to(&mut self, command: &mut Command) {
        command.env(crate::LOCK_VARIABLE, &self.value);
        hand_down(command, std::mem::take(&mut self.descriptors));
    }

    /// Gives the lock back, once no joiner is in the middle of a write: whoever still has a copy of it holds nothing then.
    ///
    /// # Errors
    ///
    /// [`LatchError`] if the turn of the joiners cannot be waited for; the lock is given back all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the lock back at once.
    pub async fn release(mut self) -> Result<(), LatchError> {
        let quiet = self.quiet().await;
        self.core.shared.system.steps.reach("lock:quiet");
        self.forget_nonce();
        if let Some(latched) = self.latched.take() {
            latched.release().await;
        }
        quiet.map(drop)
    }

    /// The turn of those who join, so that none of them writes: in the file that they had at first, and in the one that stands
    /// at its path by now, if that is another.
    async fn quiet(&self) -> Result<(Option<Locked>, Option<Locked>), LatchError> {
        let (system, path) = (&self.core.shared.system, &self.turns);
        let first = match &self.turn {
            Some(file) => Some(self.locked(file.clone()).await?),
            None => None,
        };
        let now = latch_file::open_at(system, &self.core.place, path)?;
        let ours = self.turn.as_ref().map(OpenFile::inode).transpose();
        let same = ours.doing("look at", path)? == Some(now.inode().doing("look at", path)?);
        let second = match same {
            true => None,
            false => Some(self.locked(now).await?),
        };
        Ok((first, second))
    }

    async fn locked(&self, file: OpenFile) -> Result<Locked, LatchError> {
        let (shared, path) = (&self.core.shared, &self.turns);
        loop {
            if file.get().try_lock().doing("lock", path)? {
                return Ok(Locked::of(file, path));
            }
            let waits = shared
                .waiters
                .lock(&shared.system, file.clone(), path, Wait::Forever);
            match waits.await.doing("wait for the lock of", path)? {
                Waited::Granted(turn) => return Ok(turn),
                Waited::TryAgain | Waited::TimeOver => {}
            }
        }
    }

    fn forget_nonce(&self) {
        if let Err(error) = self.note.write_surely_to(&*self.rung) {
            tracing::warn!(session = self.core.place.session, %error, "the nonce of a lock could not be taken away");
        }
    }
}

impl Drop for CommandLock {
    fn drop(&mut self) {
        if self.latched.is_some() {
            self.forget_nonce();
        }
    }
}

/// Descriptors that are to be handed down, and their names.
#[derive(Default)]
struct Handing {
    descriptors: Vec<OwnedFd>,
}

impl Handing {
    /// The lock itself. One that was joined stands on the rungs of the lock above it.
    fn own(
        &mut self,
        core: &Core,
        parts: &Parts,
        rung: &Arc<dyn DiskFile>,
        nonce: &str,
    ) -> std::io::Result<Entry> {
        let (system, place) = (&core.shared.system, &core.place);
        let above = parts.joined.as_ref().map(|joined| &joined.hold);
        let mut rungs = match above {
            Some(hold) => self.rungs(hold)?,
            None => Vec::new(),
        };
        rungs.push(Rung {
            nonce: nonce.to_owned(),
            file: self.slot(rung.share()?)?,
        });
        let (lifeline, peer) = match (above, &parts.peer) {
            (Some(hold), _) => (hold.share_lifeline()?, hold.peer.clone()),
            (None, Some(peer)) => {
                // Without a nonce to be found there it is lost already: so joiners find it, too.
                let nonce = joined::nonce_at(system, peer.path()).unwrap_or_default();
                (peer.lifeline()?, Some(nonce))
            }
            (None, None) => (None, None),
        };
        let transcript = parts.transcript.as_ref();
        let transcript = transcript.map(|locked| locked.file().share()).transpose()?;
        Ok(Entry {
            session: place.session.clone(),
            folder: Folder {
                dev: place.dir_facts.dev,
                ino: place.dir_facts.ino,
            },
            rungs,
            transcript: transcript.map(|file| self.slot(file)).transpose()?,
            lifeline: lifeline.map(|pipe| self.slot(pipe)).transpose()?,
            peer,
        })
    }

    /// A lock of a process further up.
    fn on(&mut self, hold: &Hold) -> std::io::Result<Entry> {
        let (dev, ino) = hold.folder;
        let transcript = hold.transcript.as_ref();
        let transcript = transcript.map(|file| file.share()).transpose()?;
        Ok(Entry {
            session: hold.session.clone(),
            folder: Folder { dev, ino },
            rungs: self.rungs(hold)?,
            transcript: transcript.map(|file| self.slot(file)).transpose()?,
            lifeline: hold
                .share_lifeline()?
                .map(|pipe| self.slot(pipe))
                .transpose()?,
            peer: hold.peer.clone(),
        })
    }

    fn rungs(&mut self, hold: &Hold) -> std::io::Result<Vec<Rung>> {
        let shared = hold.rungs.iter().map(|rung| {
            Ok(Rung {
                nonce: rung.nonce.clone(),
                file: self.slot(rung.file.share()?)?,
            })
        });
        shared.collect()
    }

    fn slot(&mut self, descriptor: OwnedFd) -> std::io::Result<Slot> {
        let inode = inode_of(descriptor.as_fd())?;
        let fd = descriptor.as_raw_fd();
        self.descriptors.push(descriptor);
        Ok(Slot {
            fd,
            dev: inode.dev,
            ino: inode.ino,
        })
    }
}
