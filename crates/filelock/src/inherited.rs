//! The locks that this process was started under, taken over from the parent's descriptors.
//!
//! A hold is what a `latchwork lock` further up has handed down: open files whose `flock` is shared with it, and the nonces by
//! which it is told whether they still mean that lock. Invariants: a hold is whole or not there at all; it is only ever
//! borrowed, so nothing of it is removed here, and nothing unlocked but what has no nonce any more: that was given back, or its
//! holder was killed as it did so, and then those who share the open file would wait for themselves. A hold does not become
//! valid again once it is found gone.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use latchwork_sys::{DiskFile, System, share, take_inherited};

use crate::handed::{Handed, Slot};
use crate::note::Note;
use crate::place::Place;

/// The locks under which this process was started. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Inherited {
    holds: Arc<Vec<Arc<Hold>>>,
}

/// Something that was said to be handed down and is not there. The lock is waited for in the ordinary way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotInherited {
    /// The value cannot be read.
    #[error("LATCHWORK_LOCK is passed over, it cannot be read: {why}")]
    Malformed {
        /// Why.
        why: String,
    },
    /// A descriptor did not come along.
    #[error(
        "the lock on session {session:?} that LATCHWORK_LOCK names cannot be joined: descriptor {fd} did not come along ({why}). \
         A program in between closed it (in Python, pass close_fds=False), or the lock is an old one"
    )]
    Descriptor {
        /// The session.
        session: String,
        /// The descriptor's number.
        fd: i32,
        /// Why it cannot be used.
        why: String,
    },
}

/// One lock further up.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) session: String,
    pub(crate) folder: (u64, u64),
    pub(crate) rungs: Vec<HeldRung>,
    pub(crate) transcript: Option<Arc<dyn DiskFile>>,
    pub(crate) lifeline: Option<OwnedFd>,
    pub(crate) peer: Option<String>,
    gone: AtomicBool,
}

/// A file whose lock is shared, and its nonce.
#[derive(Debug)]
pub(crate) struct HeldRung {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) nonce: String,
}

impl Inherited {
    /// Takes over what the value of [`LOCK_VARIABLE`](crate::LOCK_VARIABLE) names. To be called at the start of the program,
    /// before anything else is opened. What is not there is passed over and told: it is never a failure, since a session
    /// that is not locked from above is locked in the ordinary way.
    #[must_use]
    pub fn take(value: &str, system: &System) -> (Self, Vec<NotInherited>) {
        let handed = match Handed::read(value) {
            Ok(handed) => handed,
            Err(why) => return (Self::default(), vec![NotInherited::Malformed { why }]),
        };
        let (mut holds, mut told) = (Vec::new(), Vec::new());
        for entry in handed.locks {
            match Hold::take(entry, system) {
                Ok(hold) => holds.push(Arc::new(hold)),
                Err(error) => told.push(error),
            }
        }
        let holds = Arc::new(holds);
        (Self { holds }, told)
    }

    /// The lock on this session, unless it was found gone.
    pub(crate) fn of(&self, place: &Place) -> Option<Arc<Hold>> {
        let fits = |hold: &&Arc<Hold>| {
            hold.session == place.session
                && hold.folder == (place.dir_facts.dev, place.dir_facts.ino)
                && !hold.gone.load(Ordering::Acquire)
        };
        self.holds.iter().find(fits).cloned()
    }

    /// The locks on other sessions than this one, to be handed on.
    pub(crate) fn others<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a Arc<Hold>> {
        self.holds.iter().filter(|hold| {
            hold.session != place.session
                || hold.folder != (place.dir_facts.dev, place.dir_facts.ino)
        })
    }
}

impl Hold {
    fn take(entry: crate::handed::Entry, system: &System) -> Result<Self, NotInherited> {
        let session = entry.session;
        let descriptor = |slot: Slot| {
            take_inherited(slot.fd, slot.inode()).map_err(|error| NotInherited::Descriptor {
                session: session.clone(),
                fd: slot.fd,
                why: error.to_string(),
            })
        };
        let file = |slot: Slot| -> Result<Arc<dyn DiskFile>, NotInherited> {
            let adopted = system
                .disk
                .adopt(descriptor(slot)?, Path::new(&session))
                .map_err(|error| NotInherited::Descriptor {
                    session: session.clone(),
                    fd: slot.fd,
                    why: error.to_string(),
                })?;
            Ok(adopted.into())
        };
        let rungs = entry.rungs.into_iter().map(|rung| {
            Ok(HeldRung {
                file: file(rung.file)?,
                nonce: rung.nonce,
            })
        });
        Ok(Self {
            rungs: rungs.collect::<Result<_, _>>()?,
            transcript: entry.transcript.map(file).transpose()?,
            lifeline: entry.lifeline.map(descriptor).transpose()?,
            peer: entry.peer,
            folder: (entry.folder.dev, entry.folder.ino),
            gone: AtomicBool::new(false),
            session,
        })
    }

    /// Whether the lock is still what it was when it was handed down. Asked under the turn, so that whoever gives it back in
    /// order is not in the middle of it.
    pub(crate) fn stands(&self, system: &System, place: &Place) -> std::io::Result<bool> {
        for (depth, rung) in self.rungs.iter().enumerate() {
            let path = place.rung(depth);
            if !rung.is_in_place(system, &path) {
                return Ok(false);
            }
            if rung.has_lost_its_nonce() {
                rung.file.unlock()?;
                match &self.transcript {
                    Some(transcript) if depth == 0 => transcript.unlock()?,
                    _ => {}
                }
                return Ok(false);
            }
            if !rung.has_its_nonce() || !rung.file.try_lock()? {
                return Ok(false);
            }
            if !rung.has_its_nonce() {
                // It was free, and the shared open file has just taken it: nobody would ever give it back.
                rung.file.unlock()?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn is_found_gone(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// A second descriptor of the pipe, to be handed on.
    pub(crate) fn share_lifeline(&self) -> std::io::Result<Option<OwnedFd>> {
        self.lifeline
            .as_ref()
            .map(|pipe| share(pipe.as_fd()))
            .transpose()
    }
}

impl HeldRung {
    pub(crate) fn is_in_place(&self, system: &System, path: &Path) -> bool {
        let ours = self.file.facts();
        let found = system.disk.facts(path);
        matches!((ours, found), (Ok(ours), Ok(found)) if ours.same_inode(&found))
    }

    /// Another note stands there. One that cannot be read tells nothing.
    fn has_lost_its_nonce(&self) -> bool {
        let note = Note::read_from(&*self.file);
        note.is_some_and(|note| note.nonce.as_deref() != Some(&*self.nonce))
    }

    pub(crate) fn has_its_nonce(&self) -> bool {
        let note = Note::read_from(&*self.file);
        note.and_then(|note| note.nonce).as_deref() == Some(&*self.nonce)
    }
}
