//! A new session under the key of an old one, and an archive brought back.
//!
//! The old session is in hand meanwhile (its turn and its latch), so nobody writes to what is put away. Order: the row first, durably,
//! then the transcript. What a person set stays; what belongs to the conversation goes; what nobody here knows stays, too.
//! Limit: whoever holds the session's turn cannot reset it through here.

use latchwork_filelock::LatchError;
use latchwork_format::RawLine;
use latchwork_lock::Wait;
use latchwork_sys::{FileKind, IoDoing, OpenHow, PathError, read_at_most, uuid_v4};

use crate::index::SessionIndex;
use crate::maintenance::hold::Hold;
use crate::maintenance::references::{Names, Where, transcript};
use crate::maintenance::seen::SeenFile;
use crate::names::{ArchiveWhy, FileSort, archive_name, sort_of};
use crate::patch::{Activity, Patch};
use crate::reset::anew::begins_anew;
use crate::row::is_session_id;
use crate::store::{Patched, SessionsJson};
use crate::{Entry, IndexError, Row};

/// How many names are tried for an archive.
const NAMES_MAX: u32 = 16;
/// How much of an archive is read for its header, in bytes.
const HEADER_BYTES: usize = 8_192;

/// A session was not reset, or an archive not brought back. The row is as it was, unless the error says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResetError {
    /// Somebody is at work on the session.
    #[error("session {session:?} is in use: end its turn or wait for it, then try again")]
    InUse {
        /// The session.
        session: String,
    },
    /// There is no such row, or it is malformed.
    #[error("there is no row {key:?} that names a session")]
    NoRow {
        /// The key.
        key: String,
    },
    /// It is no archive of a transcript in the store's folder.
    #[error("{name:?} is no archived transcript of this store's folder")]
    NotAnArchive {
        /// The name.
        name: String,
    },
    /// A transcript stands where the archive is to go.
    #[error("{name:?} stands there already: put it away first")]
    Taken {
        /// The name of the transcript.
        name: String,
    },
    /// The store could not be read or written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A lock could not be looked at.
    #[error(transparent)]
    Latch(#[from] LatchError),
    /// The system refused something. The row may have its new session by now.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// A session that was reset.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResetDone {
    /// The session before.
    pub old_id: String,
    /// The session now.
    pub new_id: String,
    /// What the old transcript is called now; `None` if there was none, or another row refers to it.
    pub archive: Option<String>,
}

/// An archive that was brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreDone {
    /// The transcript.
    pub transcript: String,
    /// Whether a row leads to it now.
    pub row: bool,
}

impl SessionIndex {
    /// Begins a new session under a key, and puts the old transcript away.
    ///
    /// # Errors
    /// [`ResetError`].
    ///
    /// # Cancel safety
    /// May be dropped at any await; the row has its new session or not, and an old transcript that was not put away is one without a row.
    ///
    /// # Blocking
    /// As for [`SessionIndex::update`].
    pub async fn reset(&self, wait: Wait, key: &str) -> Result<ResetDone, ResetError> {
        let no_row = || ResetError::NoRow {
            key: key.to_owned(),
        };
        let old = self.entry(key)?.ok_or_else(no_row)?;
        let name = match transcript(&old, self.folder()) {
            Where::Here(name) => Some(name),
            Where::Elsewhere => None,
        };
        let stem = name.as_deref().and_then(|name| name.strip_suffix(".jsonl"));
        let stem = stem.unwrap_or(&old.session_id).to_owned();
        let in_use = ResetError::InUse {
            session: stem.clone(),
        };
        let hold = Hold::take(self.latches(), self.folder(), &stem)
            .await?
            .ok_or(in_use)?;
        let done = self.reset_in_hand(wait, key, &old, name).await;
        hold.give_back(self.latches(), self.folder()).await;
        done
    }

    async fn reset_in_hand(
        &self,
        wait: Wait,
        key: &str,
        old: &Entry,
        name: Option<String>,
    ) -> Result<ResetDone, ResetError> {
        let system = self.system();
        let (new_id, now_ms) = (uuid_v4(&*system.entropy), system.clock.wall_ms());
        let change = |rows: &mut SessionsJson| {
            let row = rows.get(key)?;
            // Reset by somebody else since: that is what was asked for, and once is enough.
            row.entry()
                .filter(|entry| entry.session_id == old.session_id)?;
            let patch = begins_anew(row, old, key, &new_id, now_ms);
            Some(rows.patch(key, &patch, Activity::Now, now_ms))
        };
        let updated = self.update(wait, change).await?;
        if updated.answer != Some(Patched::Changed) {
            let key = key.to_owned();
            return Err(ResetError::NoRow { key });
        }
        system.steps.reach("reset:row");
        let archive = match name {
            Some(name) if !others_refer(&updated.rows, key, &name, self) => {
                self.put_away(&name, now_ms)?
            }
            _ => None,
        };
        Ok(ResetDone {
            old_id: old.session_id.clone(),
            new_id,
            archive,
        })
    }

    /// Puts a transcript away, if it is there; what it is called now.
    fn put_away(&self, name: &str, now_ms: i64) -> Result<Option<String>, PathError> {
        let (disk, folder) = (&self.system().disk, self.folder());
        let path = folder.join(name);
        match disk.facts(&path) {
            Ok(facts) if facts.kind == FileKind::Regular => {}
            // Nothing, or nothing that a transcript can be.
            _ => return Ok(None),
        }
        for number in 0..NAMES_MAX {
            let to = archive_name(name, ArchiveWhy::Reset, now_ms, number);
            match disk.rename_new(&path, &folder.join(&to)) {
                Ok(()) => {
                    disk.sync_dir(folder)
                        .doing("make durable the names in", folder)?;
                    return Ok(Some(to));
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).doing("put away", &path),
            }
        }
        Err(std::io::ErrorKind::AlreadyExists.into()).doing("put away", &path)
    }

    /// Brings an archived transcript back under its name, and, if a key is given, makes that row lead to it.
    ///
    /// # Errors
    /// [`ResetError`]; nothing is ever replaced.
    ///
    /// # Cancel safety
    /// As for [`Self::reset`].
    ///
    /// # Blocking
    /// As for [`SessionIndex::update`].
    pub async fn restore(
        &self,
        wait: Wait,
        archive: &str,
        key: Option<&str>,
    ) -> Result<RestoreDone, ResetError> {
        let not = || ResetError::NotAnArchive {
            name: archive.to_owned(),
        };
        let store = self.path().file_name().and_then(|name| name.to_str());
        let sort = sort_of(archive, store.unwrap_or_default());
        let Some((stem, FileSort::Archive { .. })) = sort.filter(|_| !archive.contains('/')) else {
            return Err(not());
        };
        let in_use = ResetError::InUse {
            session: stem.to_owned(),
        };
        let hold = Hold::take(self.latches(), self.folder(), stem)
            .await?
            .ok_or(in_use)?;
        let done = self.restore_in_hand(wait, archive, stem, key).await;
        hold.give_back(self.latches(), self.folder()).await;
        done
    }

    async fn restore_in_hand(
        &self,
        wait: Wait,
        archive: &str,
        stem: &str,
        key: Option<&str>,
    ) -> Result<RestoreDone, ResetError> {
        let (disk, folder) = (&self.system().disk, self.folder());
        let (from, name) = (folder.join(archive), format!("{stem}.jsonl"));
        let file = disk.open(&from, &OpenHow::reading()).doing("open", &from)?;
        if file.facts().doing("look at", &from)?.kind != FileKind::Regular {
            let name = archive.to_owned();
            return Err(ResetError::NotAnArchive { name });
        }
        let bytes = read_at_most(&*file, HEADER_BYTES).doing("read", &from)?;
        match disk.rename_new(&from, &folder.join(&name)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(ResetError::Taken { name });
            }
            Err(error) => return Err(error).doing("bring back", &from)?,
        }
        disk.sync_dir(folder)
            .doing("make durable the names in", folder)?;
        let mut row = false;
        if let Some(key) = key {
            let (id, now_ms) = (id_in(&bytes, stem), self.system().clock.wall_ms());
            let patch = Patch::new()
                .text("sessionId", &id)
                .text("sessionFile", &name);
            let led = self.update(wait, |rows| {
                if rows.get(key).is_none() {
                    let new = serde_json::json!({ "sessionId": id, "updatedAt": now_ms });
                    // A map of strings and numbers has a JSON form.
                    let _written = rows.put(key, &new);
                }
                rows.patch(key, &patch, Activity::Now, now_ms)
            });
            row = led.await?.answer == Patched::Changed;
        }
        Ok(RestoreDone {
            transcript: name,
            row,
        })
    }
}

/// Whether any other row has this transcript for its own.
fn others_refer(rows: &SessionsJson, key: &str, name: &str, index: &SessionIndex) -> bool {
    let key = crate::normalized(key);
    let mut names = Names::default();
    let others = rows.rows().filter(|row| row.normalized_key() != key);
    for entry in others.filter_map(Row::entry) {
        names.add_own(&entry, index.folder());
    }
    let stem = name.strip_suffix(".jsonl").unwrap_or(name);
    names.holds(&SeenFile {
        name: name.to_owned(),
        stem: stem.to_owned(),
        sort: FileSort::Transcript,
        bytes: 0,
        modified_ms: 0,
        inode: 0,
        parent: None,
    })
}

/// The session that a transcript is of, by its header; else by its name.
fn id_in(bytes: &[u8], stem: &str) -> String {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    match RawLine::parse(line) {
        Ok(RawLine::Header(header)) if is_session_id(&header.id) => header.id,
        _ => stem.to_owned(),
    }
}
