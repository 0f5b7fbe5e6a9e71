//! A plan of the home, and carrying it out session by session, each in hand while it goes.
//!
//! Everything is looked at again at the moment it goes: what somebody works on by then, what was changed since, and what messages wait in
//! stays, and so does the parent of what stayed. A cleanup that deletes ends removals that were cut off. Limit: a fork that is made between plan and end names a parent that may be in the
//! archive by then; it has all of its words.

use std::collections::HashSet;
use std::path::PathBuf;

use latchwork_filelock::{LockView, PeerOwner};
use latchwork_lock::LockScope;
use latchwork_session::{AcquireError, ClaimError, SessionId, SessionSummary, TranscriptStore};
use latchwork_sys::IoDoing as _;
use latchwork_transcript::{IfWaiting, PutAwayError, Sidecar};

use super::archive::Moved;
use super::hold;
use super::plan::{Limits, Planned, Seen, plan};
use super::receipts::Receipt;
use super::remove::Taken;
use super::{House, HouseError, lineage};

/// The most sessions that are moved away before they are erased: taking them out of the search index costs the same for all as for one.
const TAKEN_MAX: usize = 64;

/// What becomes of a session that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is archived.
    Archive,
    /// It is removed, with a receipt. Copies of it that are archived already stay.
    Delete,
}

/// A plan of the home.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cleanup {
    /// The sessions, newest first.
    pub sessions: Vec<SessionSummary>,
    /// What becomes of each.
    pub planned: Planned,
    /// Which of them begins with the words of which.
    parents: Vec<Option<usize>>,
}

/// What came of one session that was due.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cleaned {
    /// Its place among the sessions of the plan.
    pub at: usize,
    /// What came of it.
    pub came: Came,
}

/// What came of a session that was due.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Came {
    /// It is archived.
    Archived(Moved),
    /// It is gone.
    Removed(Receipt),
    /// It stayed, for this reason.
    Stayed(String),
}

impl House {
    /// What is due, and why. Nothing is locked or written.
    ///
    /// # Errors
    /// [`HouseError`] when the home cannot be looked at.
    pub async fn plan_cleanup(&self, limits: &Limits) -> Result<Cleanup, HouseError> {
        let sessions = self.store.list().await?;
        let view = self.store.folder_view().await?;
        let live: HashSet<&str> = view
            .sessions
            .iter()
            .filter(|seen| is_at_work(seen))
            .map(|seen| seen.session.as_str())
            .collect();
        let parents = lineage::parents(self, &sessions);
        let seen: Vec<Seen> = sessions
            .iter()
            .zip(&parents)
            .map(|(session, parent)| Seen {
                modified_ms: session.modified_ms,
                bytes: session.bytes,
                waits: session.waiting > 0,
                live: live.contains(session.session.as_str()),
                parent: *parent,
            })
            .collect();
        let planned = plan(&seen, limits, self.system.clock.wall_ms());
        self.system.steps.reach("house:planned");
        Ok(Cleanup {
            sessions,
            planned,
            parents,
        })
    }

    /// Carries a plan out, as far as it holds still.
    ///
    /// # Errors
    /// [`HouseError`] when something cannot be moved or written down; what was done until then is done.
    ///
    /// # Cancel safety
    /// May be dropped at any await: each session is there or gone, and the next cleanup goes on.
    pub async fn clean_up(
        &self,
        scope: &mut LockScope,
        cleanup: &Cleanup,
        action: Action,
    ) -> Result<Vec<Cleaned>, HouseError> {
        if action == Action::Delete {
            self.end_begun(scope).await?;
        }
        let mut done: Vec<Cleaned> = Vec::new();
        let mut taken: Vec<(usize, Taken)> = Vec::new();
        let mut stayed: HashSet<usize> = HashSet::new();
        for &at in &cleanup.planned.order {
            let Some(session) = cleanup.sessions.get(at) else {
                continue;
            };
            let child = stayed
                .iter()
                .find(|child| cleanup.parents.get(**child) == Some(&Some(at)))
                .and_then(|child| cleanup.sessions.get(*child));
            let came = match child {
                Some(child) => {
                    let child = &child.session;
                    Came::Stayed(format!("session {child}, which descends from it, stayed"))
                }
                None => match self.clean_one(scope, session, action).await {
                    Ok(Begun::Ended(came)) => came,
                    Ok(Begun::Taken(one)) => {
                        taken.push((done.len(), one));
                        // Until it is erased, and for good if nothing is found to erase.
                        done.push(Cleaned {
                            at,
                            came: nothing(),
                        });
                        if taken.len() >= TAKEN_MAX {
                            self.end_taken(&mut taken, &mut done).await?;
                        }
                        continue;
                    }
                    Err(error) => {
                        self.end_taken(&mut taken, &mut done).await?;
                        return Err(error);
                    }
                },
            };
            if matches!(came, Came::Stayed(_)) {
                stayed.insert(at);
            }
            done.push(Cleaned { at, came });
        }
        self.end_taken(&mut taken, &mut done).await?;
        Ok(done)
    }

    /// Ends what was moved away, and notes the receipts at their places in what was done.
    async fn end_taken(
        &self,
        taken: &mut Vec<(usize, Taken)>,
        done: &mut [Cleaned],
    ) -> Result<(), HouseError> {
        let (places, taken): (Vec<usize>, Vec<Taken>) = taken.drain(..).unzip();
        for (place, (_, ended)) in places.into_iter().zip(self.end(taken).await) {
            if let (Some(receipt), Some(done)) = (ended?, done.get_mut(place)) {
                done.came = Came::Removed(receipt);
            }
        }
        Ok(())
    }

    /// Ends removals that were cut off. Their sessions are in no list any more, so nobody would name them to remove them again.
    async fn end_begun(&self, scope: &mut LockScope) -> Result<(), HouseError> {
        for (session, folder) in self.begun()? {
            // Whoever has its turn may be removing it at this moment.
            match hold::turn(&self.store, scope, &session).await {
                Err(error) if keeps(&error) => {}
                Err(error) => return Err(error),
                Ok(claim) => {
                    let begun = Taken {
                        session: session.clone(),
                        folder,
                        from: "session".to_owned(),
                        kept: None,
                    };
                    let ended = self.end(vec![begun]).await;
                    hold::give_back(&self.store, scope, &session, claim).await;
                    for (_, ended) in ended {
                        ended?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The folders of removals that were begun, and whose they are.
    fn begun(&self) -> Result<Vec<(SessionId, PathBuf)>, HouseError> {
        let any = SessionId::new("any")
            .ok()
            .and_then(|any| self.store.place(&any));
        let Some(sidecars) = any.map(|place| place.sidecars()) else {
            return Ok(Vec::new());
        };
        let names = match self.system.disk.list(&sidecars) {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).doing("list", &sidecars)?,
        };
        let begun = names.into_iter().filter_map(|name| {
            let (session, what) = Sidecar::named(name.to_str()?)?;
            let session = SessionId::new(session).ok()?;
            (what == Sidecar::Removed).then(|| (session, sidecars.join(&name)))
        });
        Ok(begun.collect())
    }

    async fn clean_one(
        &self,
        scope: &mut LockScope,
        session: &SessionSummary,
        action: Action,
    ) -> Result<Begun, HouseError> {
        let look = (session.modified_ms, session.bytes);
        let id = &session.session;
        let came = match action {
            Action::Archive => self
                .archive_as_seen(scope, id, IfWaiting::Stay, Some(look))
                .await
                .map(|moved| Begun::Ended(Came::Archived(moved))),
            Action::Delete => self.take_as_seen(scope, id, look).await.map(Begun::Taken),
        };
        match came {
            Err(error) if keeps(&error) => Ok(Begun::Ended(Came::Stayed(error.to_string()))),
            came => came,
        }
    }

    async fn take_as_seen(
        &self,
        scope: &mut LockScope,
        session: &SessionId,
        look: hold::Look,
    ) -> Result<Taken, HouseError> {
        let folder = self.removed_folder(session);
        let expected = Some((&self.system, look));
        hold::away(
            &self.store,
            scope,
            session,
            &folder,
            IfWaiting::Stay,
            expected,
        )
        .await?;
        Ok(Taken {
            session: session.clone(),
            folder,
            from: "session".to_owned(),
            kept: None,
        })
    }
}

/// How far one session came.
enum Begun {
    Ended(Came),
    /// It was moved away, and is erased with others.
    Taken(Taken),
}

fn nothing() -> Came {
    Came::Stayed("nothing of it was there any more".to_owned())
}

/// Whether anybody is at work on it. A lock file for peers whose owner has ended is nobody: a session that a killed process left would
/// be kept otherwise, and a newer one go in its place.
fn is_at_work(seen: &LockView) -> bool {
    let mut seen = seen.clone();
    seen.peer = seen.peer.filter(|peer| peer.owner != PeerOwner::Gone);
    !seen.is_idle()
}

/// Whether it is no failure: the session is wanted. That a lock could not be looked at is one.
fn keeps(error: &HouseError) -> bool {
    error.is_contention()
        || matches!(
            error,
            HouseError::Changed { .. }
                | HouseError::NoSession { .. }
                | HouseError::Acquire(
                    AcquireError::SelfDeadlock { .. } | AcquireError::Refused { .. }
                )
                | HouseError::Claim(ClaimError::Refused { .. })
                | HouseError::Move(PutAwayError::Waiting { .. } | PutAwayError::Guard(_))
        )
}
