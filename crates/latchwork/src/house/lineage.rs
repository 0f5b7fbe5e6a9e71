//! Which sessions of the home begin with the words of which.
//!
//! A fork names its parent by a path. It counts where the path leads to the session's transcript, and where it leads nowhere and ends
//! with that name: a home that was moved keeps its lineage. Limit: what is archived has no say in it.

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
    let parent = |session: &SessionSummary| {
        let path = Path::new(session.parent.as_deref()?);
        let stem = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
        let at = *by_name.get(stem)?;
        let parent = sessions.get(at)?;
        leads_to(house, path, &parent.session).then_some(at)
    };
    sessions.iter().map(parent).collect()
}

fn leads_to(house: &House, path: &Path, parent: &SessionId) -> bool {
    let place = house.place(parent);
    if path == place || std::path::absolute(&place).is_ok_and(|place| place == path) {
        return true;
    }
    let facts = |path: &Path| house.system.disk.facts_behind(path).ok();
    match (facts(path), facts(&place)) {
        (Some(named), Some(there)) => named.same_inode(&there),
        // Of another place at another time: the name is all there is.
        (None, _) => true,
        (Some(_), None) => false,
    }
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
