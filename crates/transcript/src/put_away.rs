//! A session moved out of its folder with all that belongs to it, and back: for an archive, and as the first step of a removal.
//!
//! Everything is a rename to a name that nothing has, so no byte is copied or replaced. The transcript goes first and comes back last:
//! a session whose transcript stands is whole, whenever the process was killed; one that was on its way out is ended by moving it
//! again to the same folder. Messages are accepted without any lock, so the inbox is looked at again after it was moved: whoever
//! was told before that his message is accepted wrote it to that file; whoever writes to it later finds that it is not the inbox any
//! more, and writes anew. Where such a message is found that nobody agreed to take along, everything is put back.
//!
//! The folder that a session is moved to is a folder of sessions like any other, with one in it. Invariant: only under the session's
//! guard. Deliberately absent: whether the session may go (its turn, its forks); who calls says so.

use std::path::{Path, PathBuf};

use latchwork_lock::PhaseGuard;
use latchwork_session::{AppendError, SessionId};
use latchwork_sys::{FileKind, IoDoing, PathError, System, make_private_dir};

use crate::belongings::{Belonging, Part, belongings, facts};
use crate::commit::Work;
use crate::inbox;
use crate::layout::{LISTED, Place, SIDECARS};
use crate::records::contents;
use crate::sidecar::Sidecar;
use crate::store::FileStore;

/// What becomes of messages that were accepted and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfWaiting {
    /// The session stays for their sake.
    Stay,
    /// They go with it.
    Take,
}

/// A session was not moved, or not all of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutAwayError {
    /// Messages wait in it. It is where it was.
    #[error(
        "in session {session} {waiting} accepted message(s) wait to be answered; it stays where it is"
    )]
    Waiting {
        /// The session.
        session: SessionId,
        /// How many.
        waiting: usize,
    },
    /// Something stands where it would go. Nothing was moved.
    #[error("session {session} cannot go there: {path:?} stands there already")]
    Stands {
        /// The session.
        session: SessionId,
        /// What stands there.
        path: PathBuf,
    },
    /// There is none to be moved.
    #[error("there is no transcript {path:?}")]
    NotThere {
        /// The session.
        session: SessionId,
        /// Where it would be.
        path: PathBuf,
    },
    /// The guard is not this session's, or was lost. Nothing was moved.
    #[error(transparent)]
    Guard(#[from] AppendError),
    /// Something could not be moved. What was moved is whole where it is now, and moving it again goes on.
    #[error(transparent)]
    Io(#[from] PathError),
}

impl FileStore {
    /// Moves the session into the folder `into`, which is made unless it is there (its parent must be). Durable when it returns.
    ///
    /// # Errors
    /// [`PutAwayError`].
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    pub async fn put_away(
        &self,
        guard: &mut PhaseGuard<'_>,
        into: &Path,
        if_waiting: IfWaiting,
    ) -> Result<Vec<Belonging>, PutAwayError> {
        let into = into.to_path_buf();
        self.moving(guard, move |work| away(work, &into, if_waiting))
            .await
    }

    /// Moves a session that was put away into `from` back to its place. Durable when it returns.
    ///
    /// # Errors
    /// [`PutAwayError`].
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    pub async fn bring_back(
        &self,
        guard: &mut PhaseGuard<'_>,
        from: &Path,
    ) -> Result<Vec<Belonging>, PutAwayError> {
        let from = from.to_path_buf();
        self.moving(guard, move |work| back(work, &from)).await
    }

    async fn moving<T: Send + 'static>(
        &self,
        guard: &mut PhaseGuard<'_>,
        step: impl FnOnce(&Work) -> Result<T, PutAwayError> + Send + 'static,
    ) -> Result<T, PutAwayError> {
        let work = self.work(guard)?;
        let (session, threads) = (work.session.clone(), self.threads());
        let done = threads.run(move || step(&work)).await;
        // What this process knew of the session is of a file that is not there any more, or was not there then.
        self.forget(&session);
        done.unwrap_or_else(|error| {
            Err(PutAwayError::Guard(AppendError::Backend {
                session: session.id.clone(),
                doing: "move it on a thread of its own".to_owned(),
                source: Box::new(error),
            }))
        })
    }
}

/// The files of the session in another folder.
pub(crate) fn in_folder(place: &Place, folder: &Path) -> Place {
    let name = place.transcript.file_name().unwrap_or_default();
    Place {
        dir: folder.to_path_buf(),
        transcript: folder.join(name),
        stem: place.stem.clone(),
    }
}

fn away(work: &Work, into: &Path, if_waiting: IfWaiting) -> Result<Vec<Belonging>, PutAwayError> {
    work.check()?;
    let (system, here) = (work.system(), &*work.session.place);
    let there = in_folder(here, into);
    if if_waiting == IfWaiting::Stay {
        nothing_waits(work, here)?;
    }
    let goes = belongings(system, here)?;
    let goes: Vec<Belonging> = goes.into_iter().filter(Belonging::moves).collect();
    make_private_dir(&*system.disk, into)?;
    make_private_dir(&*system.disk, &there.sidecars())?;
    system.steps.reach("away:folder-made");
    let moves = Moves {
        system,
        from: here,
        to: &there,
    };
    if moves.one(&here.transcript, &there.transcript)? == Moved::Occupied {
        return Err(stands(work, &there.transcript));
    }
    moves.sync_folders()?;
    system.steps.reach("away:transcript-moved");
    moves.sidecar("inbox.jsonl")?;
    system.steps.reach("away:inbox-moved");
    if if_waiting == IfWaiting::Stay
        && let Err(waiting) = nothing_waits(work, &there)
    {
        undo(work, &there)?;
        return Err(waiting);
    }
    moves.others()?;
    moves.sync_sidecars()?;
    forget_listed(system, here)?;
    system.steps.reach("away:moved");
    Ok(goes)
}

fn nothing_waits(work: &Work, place: &Place) -> Result<(), PutAwayError> {
    match contents(work.system(), place)?.waiting.len() {
        0 => Ok(()),
        waiting => Err(PutAwayError::Waiting {
            session: work.session.id.clone(),
            waiting,
        }),
    }
}

/// A message came in the middle of it: inbox and transcript go back.
fn undo(work: &Work, there: &Place) -> Result<(), PutAwayError> {
    let (system, here) = (work.system(), &*work.session.place);
    let moves = Moves {
        system,
        from: there,
        to: here,
    };
    if moves.sidecar("inbox.jsonl")? == Moved::Occupied {
        // Its writer found that it was moved, and wrote anew.
        let kept = contents(system, there)?;
        inbox::take_up(&work.session, kept)?;
        let old = there.sidecar("inbox.jsonl");
        system.disk.remove(&old).doing("remove", &old)?;
    }
    if moves.one(&there.transcript, &here.transcript)? == Moved::Occupied {
        return Err(stands(work, &here.transcript));
    }
    moves.sync_sidecars()?;
    moves.sync_folders()?;
    remove_shell(system, &there.dir);
    Ok(())
}

fn back(work: &Work, from: &Path) -> Result<Vec<Belonging>, PutAwayError> {
    work.check()?;
    let (system, here) = (work.system(), &*work.session.place);
    let there = in_folder(here, from);
    if facts(system, &here.transcript)?.is_some() {
        return Err(stands(work, &here.transcript));
    }
    let comes = belongings(system, &there)?;
    let comes: Vec<Belonging> = comes.into_iter().filter(Belonging::moves).collect();
    if !comes.iter().any(|one| one.part == Part::Transcript) {
        return Err(PutAwayError::NotThere {
            session: work.session.id.clone(),
            path: there.transcript,
        });
    }
    for one in &comes {
        let name = one.path.file_name().unwrap_or_default();
        let target = here.sidecars().join(name);
        if matches!(one.part, Part::Sidecar(_)) && facts(system, &target)?.is_some() {
            return Err(stands(work, &target));
        }
    }
    make_private_dir(&*system.disk, &here.sidecars())?;
    system.steps.reach("back:begun");
    let moves = Moves {
        system,
        from: &there,
        to: here,
    };
    // The one that somebody may have made since.
    if moves.sidecar("inbox.jsonl")? == Moved::Occupied {
        return Err(stands(work, &here.sidecar("inbox.jsonl")));
    }
    system.steps.reach("back:inbox-moved");
    moves.others()?;
    moves.sync_sidecars()?;
    system.steps.reach("back:sidecars-moved");
    if moves.one(&there.transcript, &here.transcript)? == Moved::Occupied {
        return Err(stands(work, &here.transcript));
    }
    moves.sync_folders()?;
    system.steps.reach("back:transcript-moved");
    Ok(comes)
}

fn stands(work: &Work, path: &Path) -> PutAwayError {
    PutAwayError::Stands {
        session: work.session.id.clone(),
        path: path.to_path_buf(),
    }
}

/// The list's cache has the beginnings of conversations in it, and it is never made shorter: with a session it goes whole. A removal that
/// was cut off behind its move ends with this.
///
/// # Errors
/// What the system says.
///
/// # Blocking
/// For a system call.
pub fn forget_listed(system: &System, place: &Place) -> Result<(), PathError> {
    let path = place.dir.join(SIDECARS).join(LISTED);
    match system.disk.remove(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing("remove", &path)
        }
        _ => Ok(()),
    }
}

/// Removes the empty folders that a session left behind. What is not empty stays.
///
/// # Blocking
/// For a few quick system calls and a sync.
pub fn remove_shell(system: &System, folder: &Path) {
    let sidecars = folder.join(SIDECARS);
    let removed = system
        .disk
        .remove(&sidecars.join(LISTED))
        .or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
        .and_then(|()| system.disk.remove_dir(&sidecars))
        .and_then(|()| system.disk.remove_dir(folder))
        .and_then(|()| {
            system
                .disk
                .sync_dir(crate::names::named(folder.parent().unwrap_or(folder)))
        });
    if let Err(error) = removed {
        tracing::debug!(?folder, %error, "the folder of a session that went elsewhere stays");
    }
}

/// What came of moving one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    Yes,
    /// There was nothing to move.
    Missing,
    /// Something stands there; nothing was moved.
    Occupied,
}

/// Moving from one place to another.
struct Moves<'a> {
    system: &'a System,
    from: &'a Place,
    to: &'a Place,
}

impl Moves<'_> {
    fn one(&self, from: &Path, to: &Path) -> Result<Moved, PathError> {
        let disk = &*self.system.disk;
        let Some(seen) = facts(self.system, from)? else {
            return Ok(Moved::Missing);
        };
        let moved = match seen.kind {
            // Not every filesystem can do it in one step with folders; one that is not empty is never replaced.
            FileKind::Directory if facts(self.system, to)?.is_some() => return Ok(Moved::Occupied),
            FileKind::Directory => disk.rename(from, to),
            _ => disk.rename_new(from, to),
        };
        match moved {
            Ok(()) => Ok(Moved::Yes),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(Moved::Occupied),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Moved::Missing),
            Err(error) => Err(error).doing("move away", from),
        }
    }

    fn sidecar(&self, ending: &str) -> Result<Moved, PathError> {
        self.one(&self.from.sidecar(ending), &self.to.sidecar(ending))
    }

    /// What is neither transcript nor inbox.
    fn others(&self) -> Result<(), PathError> {
        for one in belongings(self.system, self.from)? {
            let Part::Sidecar(what) = one.part else {
                continue;
            };
            if one.moves() && what != Sidecar::Inbox {
                let name = one.path.file_name().unwrap_or_default();
                self.one(&one.path, &self.to.sidecars().join(name))?;
            }
        }
        Ok(())
    }

    /// The new name is durable before the old one is durably gone.
    fn sync_folders(&self) -> Result<(), PathError> {
        self.sync(&self.to.dir)?;
        self.sync(&self.from.dir)
    }

    fn sync_sidecars(&self) -> Result<(), PathError> {
        self.sync(&self.to.sidecars())?;
        self.sync(&self.from.sidecars())
    }

    fn sync(&self, folder: &Path) -> Result<(), PathError> {
        match self.system.disk.sync_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            synced => synced.doing("make durable", folder),
        }
    }
}
