//! Which sessions of the home begin with the words of which.
//!
//! A fork names its parent by an absolute path, as pi reads it. What counts is the name of the file: where the home has a session
//! of that name, that is the parent, so a home that was moved or copied keeps its lineage, wherever the path leads by now. Only else it is the
//! session to whose transcript the path leads. Limits: what is archived has no say in it; a fork of a foreign transcript whose name is also a
//! session's of the home counts as that one's, which keeps a session more than need be.

use std::collections::HashMap;
use std::path::Path;

use latchwork_session::{SessionId, SessionSummary, TranscriptStore};

use super::{House, HouseError};

/// The parents of sessions, by their places in a list.
pub(super) fn parents(house: &House, sessions: &[SessionSummary]) -> Vec<Option<usize>> {
    let by_name: HashMap<&str, usize> = sessions
        .iter()
        .enumerate()
        .map(|(at, session)| (session.session.as_str(), at))
        .collect();
    let mut by_inode = None;
    let parent = |(own, session): (usize, &SessionSummary)| {
        let path = Path::new(session.parent.as_deref()?);
        let stem = path.file_name()?.to_str()?.strip_suffix(".jsonl");
        let named = stem.and_then(|stem| by_name.get(stem).copied());
        // A fork that has the name of a parent elsewhere is not its own.
        let named = named.filter(|at| *at != own);
        named.or_else(|| {
            let inode = inode(house, path)?;
            let all = by_inode.get_or_insert_with(|| inodes(house, sessions));
            all.get(&inode).copied().filter(|at| *at != own)
        })
    };
    sessions.iter().enumerate().map(parent).collect()
}

/// Which file a path leads to.
fn inode(house: &House, path: &Path) -> Option<(u64, u64)> {
    let facts = house.system.disk.facts_behind(path).ok()?;
    Some((facts.dev, facts.ino))
}

fn inodes(house: &House, sessions: &[SessionSummary]) -> HashMap<(u64, u64), usize> {
    let all = sessions.iter().enumerate();
    all.filter_map(|(at, session)| Some((inode(house, &house.place(&session.session))?, at)))
        .collect()
}

impl House {
    /// The sessions of the home that name this one as their parent.
    ///
    /// # Errors
    /// [`HouseError::Open`] when the home cannot be listed.
    pub async fn forks_of(&self, session: &SessionId) -> Result<Vec<SessionId>, HouseError> {
        let sessions = self.store.list().await?;
        let parents = parents(self, &sessions);
        Ok(children(&sessions, &parents, session))
    }

    /// The session of the home whose words this one begins with, and the sessions that begin with its own.
    pub(crate) async fn family_of(
        &self,
        session: &SessionId,
    ) -> Result<(Option<SessionId>, Vec<SessionId>), HouseError> {
        let sessions = self.store.list().await?;
        let parents = parents(self, &sessions);
        let own = sessions.iter().position(|one| one.session == *session);
        let parent = own.and_then(|own| parents.get(own).copied().flatten());
        let parent = parent.and_then(|at| Some(sessions.get(at)?.session.clone()));
        Ok((parent, children(&sessions, &parents, session)))
    }

    /// The same for their forks, too, and so on: each before the one that it descends from.
    ///
    /// # Errors
    /// [`HouseError::Open`] when the home cannot be listed.
    pub(super) async fn descendants(
        &self,
        session: &SessionId,
    ) -> Result<Vec<SessionId>, HouseError> {
        let sessions = self.store.list().await?;
        let parents = parents(self, &sessions);
        let mut found = vec![session.clone()];
        let mut next = 0;
        while let Some(parent) = found.get(next).cloned() {
            next += 1;
            for child in children(&sessions, &parents, &parent) {
                if !found.contains(&child) {
                    found.push(child);
                }
            }
        }
        found.reverse();
        found.pop();
        Ok(found)
    }
}

fn children(
    sessions: &[SessionSummary],
    parents: &[Option<usize>],
    of: &SessionId,
) -> Vec<SessionId> {
    let named = |parent: &Option<usize>| {
        parent
            .and_then(|at| sessions.get(at))
            .is_some_and(|parent| parent.session == *of)
    };
    let children = sessions.iter().zip(parents);
    children
        .filter(|(child, parent)| named(parent) && child.session != *of)
        .map(|(child, _)| child.session.clone())
        .collect()
}
