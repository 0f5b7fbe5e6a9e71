//! Sessions put away in the home's archive, listed and brought back.
//!
//! `archive/<id>@<time>-<number>/` is a folder of sessions with one in it, so whatever reads a transcript by its path reads an archived one.
//! Everything is moved by renames: nothing is copied, and what comes back is the same bytes. Killed midway, the transcript is whole in one
//! of the two places; archiving or restoring again ends it.

use std::path::{Path, PathBuf};

use latchwork_format::time::iso_from_millis;
use latchwork_lock::LockScope;
use latchwork_session::{SessionId, SessionSummary, TranscriptStore};
use latchwork_sys::{IoDoing, hex_id, make_private_dir};
use latchwork_transcript::{Belonging, IfWaiting, Part, remove_shell};

use super::hold::{self, Look};
use super::{House, HouseError};
use crate::SessionKey;

/// A session in the archive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Archived {
    /// What it is restored by.
    pub name: String,
    /// The folder that it lies in.
    pub folder: PathBuf,
    /// The session as a list shows it.
    pub summary: SessionSummary,
}

/// A session was moved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Moved {
    /// The session.
    pub session: SessionId,
    /// What it is called in the archive.
    pub name: String,
    /// The transcript, where it is now.
    pub transcript: PathBuf,
    /// How many files were moved.
    pub files: usize,
    /// What they take, in bytes.
    pub bytes: u64,
}

impl Moved {
    fn of(session: &SessionId, name: String, transcript: PathBuf, parts: &[Belonging]) -> Self {
        Self {
            session: session.clone(),
            name,
            transcript,
            files: parts.iter().map(|one| one.files).sum(),
            bytes: parts.iter().map(|one| one.bytes).sum(),
        }
    }
}

impl House {
    /// Puts a session away, with all that belongs to it.
    ///
    /// # Errors
    /// [`HouseError`]: it is not there, somebody is at work on it, messages wait in it.
    ///
    /// # Cancel safety
    /// May be dropped at any await: the move, once begun, runs to its end.
    pub async fn archive(
        &self,
        scope: &mut LockScope,
        session: &SessionId,
        if_waiting: IfWaiting,
    ) -> Result<Moved, HouseError> {
        self.archive_as_seen(scope, session, if_waiting, None).await
    }

    pub(super) async fn archive_as_seen(
        &self,
        scope: &mut LockScope,
        session: &SessionId,
        if_waiting: IfWaiting,
        look: Option<Look>,
    ) -> Result<Moved, HouseError> {
        let parts = self.store.belongings(session).await?;
        let has_transcript = parts.iter().any(|one| one.part == Part::Transcript);
        let folder = match self.copies(session)?.pop() {
            _ if has_transcript => self.new_folder(session),
            // One that was interrupted: what is left follows its transcript.
            Some(begun) if parts.iter().any(Belonging::moves) => begun,
            _ => return Err(self.no_session(session)),
        };
        make_private_dir(&*self.system.disk, &self.archive_folder())?;
        let expected = look.map(|look| (&self.system, look));
        let moved = hold::away(&self.store, scope, session, &folder, if_waiting, expected).await;
        if moved.is_err() {
            // Nothing is in it where nothing was moved.
            remove_shell(&self.system, &folder);
        }
        let transcript = folder.join(format!("{session}.jsonl"));
        Ok(Moved::of(session, name_of(&folder), transcript, &moved?))
    }

    /// Brings an archived session back to its place: by its name in the archive, or by its key or id where only one is archived.
    ///
    /// # Errors
    /// [`HouseError`]: it is not archived, a session of that id is there, somebody is at work on it.
    ///
    /// # Cancel safety
    /// May be dropped at any await: the move, once begun, runs to its end.
    pub async fn restore(&self, scope: &mut LockScope, name: &str) -> Result<Moved, HouseError> {
        let (session, folder) = self.find(name)?;
        // Whoever has opened the archived transcript by its path is at work on it, too.
        let copy = self.store_at(&folder);
        hold::nobody(&copy, &session).await?;
        let parts = hold::back(&self.store, scope, &session, &folder).await?;
        remove_shell(&self.system, &folder);
        let transcript = self.place(&session);
        Ok(Moved::of(&session, name_of(&folder), transcript, &parts))
    }

    /// What is archived, what was changed last first.
    ///
    /// # Errors
    /// [`HouseError`] when the archive cannot be read; without one nothing is.
    pub async fn archived(&self) -> Result<Vec<Archived>, HouseError> {
        let mut found = Vec::new();
        for (session, folder) in self.entries()? {
            let listed = self.store_at(&folder).list().await?;
            let own = listed.into_iter().find(|one| one.session == session);
            found.extend(own.map(|summary| Archived {
                name: name_of(&folder),
                folder,
                summary,
            }));
        }
        found.sort_by(|a, b| {
            let newest = b.summary.modified_ms.cmp(&a.summary.modified_ms);
            newest.then_with(|| a.name.cmp(&b.name))
        });
        Ok(found)
    }

    /// The folders of a session's archived copies, the oldest first.
    pub(super) fn copies(&self, session: &SessionId) -> Result<Vec<PathBuf>, HouseError> {
        let entries = self.entries()?.into_iter();
        Ok(entries
            .filter(|(of, _)| of == session)
            .map(|(_, folder)| folder)
            .collect())
    }

    fn find(&self, name: &str) -> Result<(SessionId, PathBuf), HouseError> {
        let entries = self.entries()?;
        if let Some(exact) = entries.iter().find(|(_, folder)| name_of(folder) == name) {
            return Ok(exact.clone());
        }
        let session = SessionKey::new(name)
            .map(|key| key.session_id().clone())
            .ok();
        let is_meant = |of: &SessionId| Some(of) == session.as_ref() || of.as_str() == name;
        let mut meant: Vec<_> = entries.into_iter().filter(|(of, _)| is_meant(of)).collect();
        match (meant.pop(), meant.len()) {
            (Some(one), 0) => Ok(one),
            (Some(newest), _) => {
                meant.push(newest);
                let names = meant.iter().rev().map(|(_, folder)| name_of(folder));
                Err(HouseError::Ambiguous {
                    name: name.to_owned(),
                    found: names.collect(),
                })
            }
            (None, _) => Err(HouseError::NotArchived {
                name: name.to_owned(),
                folder: self.archive_folder(),
            }),
        }
    }

    /// What lies in the archive with a transcript, in the order of the names.
    fn entries(&self) -> Result<Vec<(SessionId, PathBuf)>, HouseError> {
        let folder = self.archive_folder();
        let names = match self.system.disk.list(&folder) {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).doing("list", &folder)?,
        };
        let mut found = Vec::new();
        for name in names {
            let Some(session) = name.to_str().and_then(session_of) else {
                continue;
            };
            let entry = folder.join(&name);
            let transcript = entry.join(format!("{session}.jsonl"));
            if self.system.disk.facts(&transcript).is_ok() {
                found.push((session, entry));
            }
        }
        found.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(found)
    }

    fn new_folder(&self, session: &SessionId) -> PathBuf {
        let now = iso_from_millis(self.system.clock.wall_ms());
        let time = now.split('.').next().unwrap_or(&now);
        let time = time.replace(['-', ':'], "").to_lowercase();
        let digits = hex_id(&*self.system.entropy, 3);
        self.archive_folder()
            .join(format!("{session}@{time}z-{digits}"))
    }
}

fn name_of(folder: &Path) -> String {
    folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The session that a name in the archive is of.
fn session_of(name: &str) -> Option<SessionId> {
    let (session, _) = name.rsplit_once('@')?;
    SessionId::new(session).ok()
}

#[cfg(test)]
mod tests {
    use super::session_of;

    #[test]
    fn a_name_in_the_archive_says_whose_it_is() {
        let session = session_of("main@20260101t000000z-0a1b2c").unwrap();
        assert_eq!(session.as_str(), "main");
        assert!(session_of("main").is_none() && session_of("@x").is_none());
        assert!(session_of("a/b@x").is_none());
    }
}
