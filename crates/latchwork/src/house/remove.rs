//! A removal: what would go, and doing it.
//!
//! The session is moved, whole, to a folder of its own among the sidecars (`<id>.removed.<number>`): with that it is gone. Then the
//! session is taken out of the search index, a receipt is written down, the blobs that it alone names go, and the folder is erased; of several sessions each is moved before that
//! begins, as the index costs the same for all of them as for one. Killed before the move, the session is where it was; killed after it, the
//! session is gone, and the next removal of it ends what was begun. Archived copies go the same way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchwork_format::time::iso_from_millis;
use latchwork_lock::LockScope;
use latchwork_session::{Inbox, SessionId, SessionLocks};
use latchwork_sys::hex_id;
use latchwork_transcript::{
    Belonging, IfWaiting, Part, PutAwayError, Sidecar, digest, erase, forget_listed, remove_shell,
    weigh,
};

use super::receipts::{self, Receipt};
use super::{House, HouseError, hold};
use crate::blobs::Releasing;
use crate::forgetting;

/// What becomes of sessions that name a removed one as their parent. They have its words, so they can do without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfForks {
    /// The session stays for their sake.
    Refuse,
    /// They stay without it.
    Keep,
    /// They go, too, and theirs.
    Remove,
}

/// How a session is removed.
#[derive(Clone, Copy, Debug)]
pub struct RemoveHow {
    /// What becomes of its forks.
    pub forks: IfForks,
    /// What becomes of messages that wait in it.
    pub waiting: IfWaiting,
    /// Archived copies stay.
    pub keep_archived: bool,
}

/// What a removal would take.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Removal {
    /// The session.
    pub session: SessionId,
    /// Everything that is its own, the transcript first.
    pub parts: Vec<Belonging>,
    /// The folders of its archived copies.
    pub archived: Vec<PathBuf>,
    /// Messages that wait in it.
    pub waiting: usize,
    /// Sessions that name it as their parent.
    pub forks: Vec<SessionId>,
    /// Who is at work on it, in words.
    pub in_use: Option<String>,
}

/// What came of the removal of several sessions.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Removed {
    /// A receipt for each session that is gone, each archived copy, and each fork that went with one.
    pub receipts: Vec<Receipt>,
    /// Those of which something stayed, and why.
    pub stayed: Vec<(SessionId, HouseError)>,
}

/// A session, or an archived copy, that was moved away to be erased.
pub(super) struct Taken {
    pub(super) session: SessionId,
    /// Where it lies now.
    pub(super) folder: PathBuf,
    /// `session`, or the name of the copy.
    pub(super) from: String,
    /// Why words of it may be in a search index of its own still.
    pub(super) kept: Option<String>,
}

impl House {
    /// What a removal would take, and what stands in its way. Nothing is locked or written.
    ///
    /// # Errors
    /// [`HouseError::NoSession`] when nothing is there; else those of reading.
    pub async fn removal(&self, session: &SessionId) -> Result<Removal, HouseError> {
        let parts = self.store.belongings(session).await?;
        let archived = self.copies(session)?;
        if archived.is_empty() && !parts.iter().any(|one| one.moves() || is_removed(one)) {
            return Err(self.no_session(session));
        }
        let held = self.store.held(session).await?;
        let is_held = held.claim.is_some() || held.guard.is_some() || held.asker.is_some();
        Ok(Removal {
            session: session.clone(),
            waiting: self.store.waiting(session).await?.len(),
            forks: self.forks_of(session).await?,
            in_use: is_held.then(|| hold::in_use(session, &held).to_string()),
            parts,
            archived,
        })
    }

    /// Removes a session: a receipt for itself, each archived copy, and each fork that goes with it.
    ///
    /// # Errors
    /// [`HouseError`]; with [`IfForks::Remove`] those that went before stay gone, and their receipts are in the file of receipts.
    ///
    /// # Cancel safety
    /// May be dropped at any await: the session is there or gone, and the next removal goes on.
    pub async fn remove(
        &self,
        scope: &mut LockScope,
        session: &SessionId,
        how: RemoveHow,
    ) -> Result<Vec<Receipt>, HouseError> {
        let mut taken = Vec::new();
        let took = self.take_family(scope, session, how, &mut taken).await;
        let mut receipts = Vec::new();
        for (_, ended) in self.end(taken).await {
            receipts.extend(ended?);
        }
        took.map(|()| receipts)
    }

    /// Removes several sessions. One that stays does not keep the others.
    ///
    /// # Cancel safety
    /// As [`remove`](Self::remove).
    pub async fn remove_all(
        &self,
        scope: &mut LockScope,
        sessions: &[SessionId],
        how: RemoveHow,
    ) -> Removed {
        let mut removed = Removed::default();
        let mut taken = Vec::new();
        for session in sessions {
            let took = self.take_family(scope, session, how, &mut taken).await;
            let stayed = took.err().map(|error| (session.clone(), error));
            removed.stayed.extend(stayed);
        }
        for (session, ended) in self.end(taken).await {
            match ended {
                Ok(receipt) => removed.receipts.extend(receipt),
                Err(error) => removed.stayed.push((session, error)),
            }
        }
        removed
    }

    /// Moves a session away, and those forks that go with it.
    async fn take_family(
        &self,
        scope: &mut LockScope,
        session: &SessionId,
        how: RemoveHow,
        taken: &mut Vec<Taken>,
    ) -> Result<(), HouseError> {
        // Named twice, or gone as another's fork.
        if taken.iter().any(|one| one.session == *session) {
            return Ok(());
        }
        let removal = self.removal(session).await?;
        let mut all = Vec::new();
        if !removal.forks.is_empty() {
            match how.forks {
                IfForks::Refuse => {
                    return Err(HouseError::Forks {
                        session: session.clone(),
                        forks: removal.forks,
                    });
                }
                IfForks::Keep => {}
                IfForks::Remove => all = self.descendants(session).await?,
            }
        }
        all.push(session.clone());
        // First whether all of them may go, so that no family is halved for what is known now.
        for one in &all {
            self.may_go(one, how).await?;
        }
        for one in &all {
            self.take(scope, one, how, taken).await?;
        }
        Ok(())
    }

    async fn may_go(&self, session: &SessionId, how: RemoveHow) -> Result<(), HouseError> {
        let waiting = self.store.waiting(session).await?.len();
        if waiting > 0 && how.waiting == IfWaiting::Stay {
            return Err(HouseError::Move(PutAwayError::Waiting {
                session: session.clone(),
                waiting,
            }));
        }
        if !self.store.nobody_is_in_a_turn(session).await? {
            let held = self.store.held(session).await?;
            return Err(hold::in_use(session, &held));
        }
        Ok(())
    }

    /// Moves a session away, and its archived copies.
    async fn take(
        &self,
        scope: &mut LockScope,
        session: &SessionId,
        how: RemoveHow,
        taken: &mut Vec<Taken>,
    ) -> Result<(), HouseError> {
        let parts = self.store.belongings(session).await?;
        let mut begun: Vec<PathBuf> = parts
            .iter()
            .filter(|one| is_removed(one))
            .map(|one| one.path.clone())
            .collect();
        let mut moved = Ok(());
        if parts.iter().any(Belonging::moves) {
            let stands = parts.iter().any(|one| one.part == Part::Transcript);
            // What an interrupted removal left follows its transcript.
            let folder = match begun.last() {
                Some(begun) if !stands => begun.clone(),
                _ => self.removed_folder(session),
            };
            let away = hold::away(&self.store, scope, session, &folder, how.waiting, None).await;
            if away.is_ok() && !begun.contains(&folder) {
                begun.push(folder);
            }
            moved = away.map(drop);
        }
        taken.extend(begun.into_iter().map(|folder| Taken {
            session: session.clone(),
            folder,
            from: "session".to_owned(),
            kept: None,
        }));
        moved?;
        if how.keep_archived {
            return Ok(());
        }
        for copy in self.copies(session)? {
            taken.push(self.take_copy(scope, session, &copy).await?);
        }
        Ok(())
    }

    /// Moves an archived copy away. Nobody answers what waits in one, so it does not keep it.
    async fn take_copy(
        &self,
        scope: &mut LockScope,
        session: &SessionId,
        copy: &Path,
    ) -> Result<Taken, HouseError> {
        // By its name alone it is known which index is of it, so that goes first.
        let folder = copy.to_path_buf();
        let forget =
            move |house: &Self| Ok(forgetting::folder(&house.system, &house.home, &folder));
        let kept = self.blocking(forget).await?;
        let folder = self.removed_folder(session);
        let store = self.store_at(copy);
        hold::away(&store, scope, session, &folder, IfWaiting::Take, None).await?;
        remove_shell(&self.system, copy);
        let name = copy.file_name().unwrap_or_default().to_string_lossy();
        Ok(Taken {
            session: session.clone(),
            folder,
            from: name.into_owned(),
            kept,
        })
    }

    /// A folder among the sidecars that nothing has.
    pub(super) fn removed_folder(&self, session: &SessionId) -> PathBuf {
        let digits = hex_id(&*self.system.entropy, 8);
        self.store
            .place(session)
            .map_or_else(PathBuf::new, |place| place.removed(&digits))
    }

    /// Ends removals that were begun: out of the search index, the receipt, unless it is written down already, and then the end of all
    /// that lies there. `None` where it was killed before anything was moved.
    pub(super) async fn end(
        &self,
        mut taken: Vec<Taken>,
    ) -> Vec<(SessionId, Result<Option<Receipt>, HouseError>)> {
        if taken.is_empty() {
            return Vec::new();
        }
        let stems = taken.iter().map(|one| one.session.to_string()).collect();
        let kept = self.forget(stems).await;
        let folders: Vec<PathBuf> = taken.iter().map(|one| one.folder.clone()).collect();
        let look = move |house: &Self| Ok(Releasing::look(&house.system, &house.home, &folders));
        let releasing = match self.blocking(look).await {
            Ok(releasing) => Arc::new(releasing),
            Err(error) => return vec![(taken.swap_remove(0).session, Err(error))],
        };
        let mut ended = Vec::with_capacity(taken.len());
        for (at, one) in taken.into_iter().enumerate() {
            let (session, kept, releasing) = (one.session.clone(), kept.clone(), releasing.clone());
            let done = self.blocking(move |house| house.finish(one, kept, &releasing, at));
            ended.push((session, done.await));
        }
        ended
    }

    /// Why words of these may be in the search index still.
    async fn forget(&self, stems: Vec<String>) -> Option<String> {
        let forget = move |house: &Self| {
            let kept = forgetting::sessions(&house.system, &house.home, &stems);
            house.system.steps.reach("house:forgotten");
            Ok(kept)
        };
        match self.blocking(forget).await {
            Ok(kept) => kept,
            Err(error) => Some(error.to_string()),
        }
    }

    /// One of them, the one of this number.
    fn finish(
        &self,
        taken: Taken,
        kept: Option<String>,
        releasing: &Releasing,
        at: usize,
    ) -> Result<Option<Receipt>, HouseError> {
        let Taken {
            session,
            folder,
            from,
            kept: own,
        } = taken;
        let (system, file) = (&self.system, self.receipts_file());
        if let Some(place) = self.store.place(&session) {
            forget_listed(system, &place)?;
        }
        let id = folder
            .extension()
            .map(|digits| digits.to_string_lossy().into_owned())
            .unwrap_or_default();
        let receipt = match receipts::find(system, &file, &id)? {
            Some(receipt) => Some(receipt),
            None => {
                let (files, bytes) = weigh(system, &folder)?;
                if files == 0 {
                    erase(system, &folder)?;
                    return Ok(None);
                }
                let (blobs, blob_bytes) = releasing.count(at);
                let receipt = Receipt {
                    id,
                    at: iso_from_millis(system.clock.wall_ms()),
                    sha256: digest(system, &folder.join(format!("{session}.jsonl")))?,
                    session: session.to_string(),
                    from,
                    files,
                    bytes,
                    blobs,
                    blob_bytes,
                    blobs_kept: releasing.kept.clone(),
                    search_index: own.or(kept),
                };
                receipts::write(system, &file, &receipt)?;
                Some(receipt)
            }
        };
        releasing.remove(at)?;
        erase(system, &folder)?;
        Ok(receipt)
    }
}

fn is_removed(one: &Belonging) -> bool {
    one.part == Part::Sidecar(Sidecar::Removed)
}
