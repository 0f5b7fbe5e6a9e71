//! A removal: what would go, and doing it.
//!
//! The session is moved, whole, to a folder of its own among the sidecars (`<id>.removed.<number>`): with that it is gone. Then a
//! receipt is written down, then the folder is erased. Killed before the move, the session is where it was; killed after it, the
//! session is gone, and the next removal of it ends what was begun. Archived copies go the same way.

use std::path::{Path, PathBuf};

use latchwork_format::time::iso_from_millis;
use latchwork_lock::LockScope;
use latchwork_session::{Inbox, SessionId, SessionLocks};
use latchwork_sys::hex_id;
use latchwork_transcript::{
    Belonging, IfWaiting, Part, PutAwayError, Sidecar, digest, erase, remove_shell, weigh,
};

use super::receipts::{self, Receipt};
use super::{House, HouseError, hold};

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
        let mut receipts = Vec::new();
        for one in &all {
            self.remove_one(scope, one, how, &mut receipts).await?;
        }
        Ok(receipts)
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

    async fn remove_one(
        &self,
        scope: &mut LockScope,
        session: &SessionId,
        how: RemoveHow,
        receipts: &mut Vec<Receipt>,
    ) -> Result<(), HouseError> {
        let parts = self.store.belongings(session).await?;
        let mut begun: Vec<PathBuf> = parts
            .iter()
            .filter(|one| is_removed(one))
            .map(|one| one.path.clone())
            .collect();
        if parts.iter().any(Belonging::moves) {
            let stands = parts.iter().any(|one| one.part == Part::Transcript);
            // What an interrupted removal left follows its transcript.
            let folder = match begun.last() {
                Some(begun) if !stands => begun.clone(),
                _ => self.removed_folder(session),
            };
            hold::away(&self.store, scope, session, &folder, how.waiting, None).await?;
            if !begun.contains(&folder) {
                begun.push(folder);
            }
        }
        for folder in begun {
            receipts.extend(self.finish(session, &folder, "session").await?);
        }
        if how.keep_archived {
            return Ok(());
        }
        for copy in self.copies(session)? {
            receipts.extend(self.remove_copy(scope, session, &copy).await?);
        }
        Ok(())
    }

    /// Removes an archived copy. Nobody answers what waits in one, so it does not keep it.
    async fn remove_copy(
        &self,
        scope: &mut LockScope,
        session: &SessionId,
        copy: &Path,
    ) -> Result<Option<Receipt>, HouseError> {
        let folder = self.removed_folder(session);
        let store = self.store_at(copy);
        hold::away(&store, scope, session, &folder, IfWaiting::Take, None).await?;
        remove_shell(&self.system, copy);
        let name = copy.file_name().unwrap_or_default().to_string_lossy();
        self.finish(session, &folder, &name).await
    }

    /// A folder among the sidecars that nothing has.
    pub(super) fn removed_folder(&self, session: &SessionId) -> PathBuf {
        let digits = hex_id(&*self.system.entropy, 8);
        self.store
            .place(session)
            .map_or_else(PathBuf::new, |place| place.removed(&digits))
    }

    /// Ends a removal that was begun: the receipt, unless it is written down already, and then the end of all that lies there. `None` where
    /// it was killed before anything was moved.
    pub(super) async fn finish(
        &self,
        session: &SessionId,
        folder: &Path,
        from: &str,
    ) -> Result<Option<Receipt>, HouseError> {
        let (session, folder, from) = (session.clone(), folder.to_path_buf(), from.to_owned());
        self.blocking(move |house| {
            let (system, file) = (&house.system, house.receipts_file());
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
                    let receipt = Receipt {
                        id,
                        at: iso_from_millis(system.clock.wall_ms()),
                        sha256: digest(system, &folder.join(format!("{session}.jsonl")))?,
                        session: session.to_string(),
                        from,
                        files,
                        bytes,
                    };
                    receipts::write(system, &file, &receipt)?;
                    Some(receipt)
                }
            };
            erase(system, &folder)?;
            Ok(receipt)
        })
        .await
    }
}

fn is_removed(one: &Belonging) -> bool {
    one.part == Part::Sidecar(Sidecar::Removed)
}
