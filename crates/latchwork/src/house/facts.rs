//! Everything that is known of one session, without its words. Nothing is locked or written.
//!
//! Limit: the whole transcript is read once, line by line; what is kept of it is 64 bytes and some for each entry.

use std::path::PathBuf;

use latchwork_session::{
    Inbox, OpenError, SessionId, SessionLocks, SessionSummary, TranscriptStore, Waiting, WhatIsHeld,
};
use latchwork_transcript::{Belonging, Verified};

use super::HouseError;
use crate::{Latchwork, Session};

/// What is known of a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Facts {
    /// As a list shows it.
    pub summary: SessionSummary,
    /// Its transcript, looked through; `None` where there is none yet.
    pub verified: Option<Verified>,
    /// Messages that wait in it.
    pub waiting: Vec<Waiting>,
    /// Who holds what of it.
    pub held: WhatIsHeld,
    /// Everything that is its own on disk.
    pub parts: Vec<Belonging>,
    /// The session of the home that it begins with the words of; what its header names is in the summary.
    pub parent: Option<SessionId>,
    /// The sessions of the home that name it as their parent; none of a lone file.
    pub forks: Vec<SessionId>,
    /// What it is called in the archive, where copies of it are.
    pub archived: Vec<String>,
}

impl Latchwork {
    /// Everything that is known of a session.
    ///
    /// # Errors
    /// [`HouseError::NoSession`] when it is not there; else those of reading.
    pub async fn facts(&self, session: &Session) -> Result<Facts, HouseError> {
        let (store, id) = (session.store(), session.id());
        let listed = store.list().await?;
        let summary = listed.into_iter().find(|one| one.session == *id);
        let place: PathBuf = session.place();
        let summary = summary.ok_or_else(|| HouseError::NoSession {
            session: id.clone(),
            place: place.clone(),
        })?;
        let unread = |why: String| OpenError::Refused {
            session: id.clone(),
            why,
            source: None,
        };
        let verified = session.verify().await;
        let verified = verified.map_err(|error| unread(error.to_string()))?;
        let in_home = self.house().ok().filter(|house| house.place(id) == place);
        let ((parent, forks), archived) = match &in_home {
            Some(house) => (house.family_of(id).await?, house.copies(id)?),
            None => Default::default(),
        };
        let named = |folder: &PathBuf| {
            folder
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        Ok(Facts {
            verified,
            waiting: store.waiting(id).await?,
            // Who holds it is a courtesy.
            held: store.held(id).await.unwrap_or_default(),
            parts: store.belongings(id).await?,
            parent,
            forks,
            archived: archived.iter().filter_map(named).collect(),
            summary,
        })
    }
}
