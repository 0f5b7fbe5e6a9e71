//! What a session consists of on disk: its transcript, and whatever among the sidecars is its own by name.
//!
//! One list, for whoever moves or removes a session, so that nothing of it is forgotten. What several sessions share (the cache of
//! the list) is nobody's own and not in it. Invariant: nothing is followed; a symlink counts as itself. Limit: a temporary file
//! that a killed writer left says by its name only that it is ours, not whose; the doctor clears those.

use std::path::PathBuf;

use latchwork_session::{OpenError, SessionId};
use latchwork_sys::{FileFacts, FileKind, IoDoing, PathError, System};

use crate::layout::Place;
use crate::sidecar::Sidecar;
use crate::store::FileStore;

/// What a belonging is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The transcript.
    Transcript,
    /// Something beside it.
    Sidecar(Sidecar),
}

/// Something that is a session's own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Belonging {
    /// What it is.
    pub part: Part,
    /// Where it lies.
    pub path: PathBuf,
    /// Files: 1, or as many as lie in a folder.
    pub files: usize,
    /// What they take, in bytes.
    pub bytes: u64,
}

impl Belonging {
    /// Whether it goes where the session goes. Locks stay: they are of a place, not of a conversation. What an earlier removal left
    /// is on its way out already.
    #[must_use]
    pub const fn moves(&self) -> bool {
        !matches!(
            self.part,
            Part::Sidecar(Sidecar::Lock(_) | Sidecar::Removed)
        )
    }
}

impl FileStore {
    /// Everything that is a session's own; nothing where there is no such session.
    ///
    /// # Errors
    /// [`OpenError`] when its folders cannot be looked at.
    pub async fn belongings(&self, session: &SessionId) -> Result<Vec<Belonging>, OpenError> {
        let failed = session.clone();
        self.reading(session, move |known| {
            belongings(&known.system, &known.place).map_err(|error| OpenError::Backend {
                session: failed,
                doing: error.to_string(),
                source: Box::new(error.source),
            })
        })
        .await
    }
}

/// Everything at this place, the transcript first.
pub(crate) fn belongings(system: &System, place: &Place) -> Result<Vec<Belonging>, PathError> {
    let mut found = Vec::new();
    if let Some(facts) = facts(system, &place.transcript)? {
        found.push(Belonging {
            part: Part::Transcript,
            path: place.transcript.clone(),
            files: 1,
            bytes: facts.size,
        });
    }
    let sidecars = place.sidecars();
    let names = match system.disk.list(&sidecars) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).doing("list", &sidecars),
    };
    let mut own: Vec<(Sidecar, PathBuf)> = names
        .iter()
        .filter_map(|name| Some((Sidecar::named(name.to_str()?)?, name)))
        .filter(|((stem, _), _)| *stem == place.stem)
        .map(|((_, what), name)| (what, sidecars.join(name)))
        .collect();
    own.sort_by(|a, b| a.1.cmp(&b.1));
    for (what, path) in own {
        let Some(seen) = facts(system, &path)? else {
            continue;
        };
        let (files, bytes) = match seen.kind {
            FileKind::Directory => crate::erase::weigh(system, &path)?,
            _ => (1, seen.size),
        };
        let part = Part::Sidecar(what);
        found.push(Belonging {
            part,
            path,
            files,
            bytes,
        });
    }
    Ok(found)
}

/// `None` where nothing stands.
pub(crate) fn facts(
    system: &System,
    path: &std::path::Path,
) -> Result<Option<FileFacts>, PathError> {
    match system.disk.facts(path) {
        Ok(facts) => Ok(Some(facts)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).doing("look at", path),
    }
}
