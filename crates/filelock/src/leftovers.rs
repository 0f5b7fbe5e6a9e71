//! What the locks of a session left among the sidecars, once the session itself is gone.
//!
//! Such files hold nothing: a latch and a turn file hold notes for people, a claim and a request say whose turn it was of a
//! conversation that is not there any more. Still they are removed only with all of their locks in hand, so that nobody who
//! lives has any of them; a removed latch is noticed by whoever waits for it, as one that was deleted by hand is.
//! Deliberately not here: whether the session is gone in other respects (an inbox); who calls says so.

use std::path::PathBuf;

use latchwork_sys::{DiskFile, IoDoing, OpenHow, PathError, System};

use crate::claim_file::ClaimFiles;
use crate::latched::Parts;
use crate::locked::Locked;
use crate::place::Place;
use crate::{LatchError, Latches, Site, WritePermit};

/// What a file among the sidecars is to a session's locks, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockFile {
    /// The right to write.
    Latch,
    /// The turns of those who joined a latch.
    Joined,
    /// Whose turn it is.
    Claim,
    /// A request that it be handed over.
    Request,
}

impl LockFile {
    /// The session that a name among the sidecars belongs to, and what the file is; `None` for any other name.
    #[must_use]
    pub fn named(name: &str) -> Option<(&str, Self)> {
        let numbered = |name: &str, before: &str| {
            let (session, digits) = name.rsplit_once('.')?;
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let session = session.strip_suffix(before)?;
            plain.then_some(session.len())
        };
        let (session, what) = if let Some(session) = name.strip_suffix(".latch") {
            (session, Self::Latch)
        } else if let Some(session) = name.strip_suffix(".joined") {
            (session, Self::Joined)
        } else if let Some(len) = numbered(name, ".joined") {
            (name.get(..len)?, Self::Joined)
        } else if let Some(len) = numbered(name, ".claim") {
            (name.get(..len)?, Self::Claim)
        } else {
            let asked = name.strip_suffix(".ask")?;
            (name.get(..numbered(asked, ".claim")?)?, Self::Request)
        };
        (!session.is_empty()).then_some((session, what))
    }
}

/// What came of clearing up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleared {
    /// The files that were removed.
    pub removed: Vec<PathBuf>,
    /// A file whose lock somebody has: nothing was removed.
    pub in_use: Option<PathBuf>,
}

impl Latches {
    /// Whether nobody has the session's turn, asks for it, or is in one that was taken over. Each lock is tried for a moment.
    ///
    /// # Errors
    ///
    /// [`LatchError`] if the folder cannot be looked at.
    pub fn nobody_is_in_a_turn(&self, site: &Site) -> Result<bool, LatchError> {
        let system = &self.shared.system;
        if system.disk.facts(site.dir()).is_err() {
            return Ok(true);
        }
        let place = self.shared.place(site)?;
        Ok(lock_all(system, turn_files(system, &place)?)?.is_ok())
    }
}

impl WritePermit {
    /// Removes what the session's locks left, the latch that is held last, if there is no transcript and nobody has any of
    /// them locked. Afterwards the permit is good for nothing.
    ///
    /// # Errors
    ///
    /// [`PathError`]; what could not be removed stays, and does no harm.
    pub fn clear_leftovers(&self) -> Result<Cleared, PathError> {
        let core = &self.core;
        let (system, place) = (&core.shared.system, &core.place);
        let in_use = |path: PathBuf| {
            Ok(Cleared {
                in_use: Some(path),
                ..Cleared::default()
            })
        };
        if self.transcript().is_some() || system.disk.facts(&place.transcript).is_ok() {
            return in_use(place.transcript.clone());
        }
        let mut files = turn_files(system, place)?;
        files.extend(joined_files(system, place)?);
        let locked = match lock_all(system, files)? {
            Ok(locked) => locked,
            Err(path) => return in_use(path),
        };
        let mut cleared = Cleared::default();
        for file in &locked {
            remove(system, file, &mut cleared)?;
        }
        system.steps.reach("leftovers:removed");
        match core.state().parts.as_ref() {
            // A latch that was joined is its holder's.
            Some(Parts {
                latch,
                joined: None,
                ..
            }) => remove(system, latch, &mut cleared)?,
            _ => return in_use(place.latch.clone()),
        }
        Ok(cleared)
    }
}

/// Claims, the lowest first, each after its request: without its claim nobody would look for that again.
fn turn_files(system: &System, place: &Place) -> Result<Vec<PathBuf>, PathError> {
    let files = ClaimFiles { system, place };
    let mut paths = named(system, place, LockFile::Request)?;
    paths.extend(files.epochs()?.into_iter().map(|epoch| files.path(epoch)));
    Ok(paths)
}

fn joined_files(system: &System, place: &Place) -> Result<Vec<PathBuf>, PathError> {
    named(system, place, LockFile::Joined)
}

fn named(system: &System, place: &Place, what: LockFile) -> Result<Vec<PathBuf>, PathError> {
    let names = match system.disk.list(&place.sidecars) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).doing("list", &place.sidecars),
    };
    let meant = Some((place.session.as_str(), what));
    let names = names.iter().filter_map(|name| name.to_str());
    Ok(names
        .filter(|name| LockFile::named(name) == meant)
        .map(|name| place.sidecars.join(name))
        .collect())
}

/// Locks each file without waiting; the path of the first that somebody else has. What is not there is passed over.
fn lock_all(
    system: &System,
    paths: Vec<PathBuf>,
) -> Result<Result<Vec<Locked>, PathBuf>, PathError> {
    let mut locked = Vec::with_capacity(paths.len());
    for path in paths {
        let file: std::sync::Arc<dyn DiskFile> = match system.disk.open(&path, &OpenHow::reading())
        {
            Ok(file) => file.into(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).doing("open", &path),
        };
        if !file.try_lock().doing("try the lock of", &path)? {
            return Ok(Err(path));
        }
        locked.push(Locked::new(file, &path));
    }
    Ok(Ok(locked))
}

/// Removes a file whose lock is held, unless another one stands at its path by now.
fn remove(system: &System, locked: &Locked, cleared: &mut Cleared) -> Result<(), PathError> {
    if locked.in_place(system)?.is_none() {
        return Ok(());
    }
    match system.disk.remove(locked.path()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing("remove", locked.path())
        }
        _ => {
            cleared.removed.push(locked.path().to_path_buf());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LockFile::{self, Claim, Joined, Latch, Request};
    use proptest::prelude::*;

    #[test]
    fn names_are_told_apart_and_a_session_may_have_dots() {
        for (name, expected) in [
            ("a.latch", Some(("a", Latch))),
            ("a.b.latch", Some(("a.b", Latch))),
            ("a.joined", Some(("a", Joined))),
            ("a.joined.2", Some(("a", Joined))),
            ("a.claim.12", Some(("a", Claim))),
            ("a.claim.3.ask", Some(("a", Request))),
            ("a.claim.x", None),
            ("a.claim.", None),
            (".latch", None),
            ("a.head", None),
            ("a.ask", None),
        ] {
            assert_eq!(LockFile::named(name), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_read_without_a_panic(name in "\\PC{0,20}(\\.claim|\\.joined|\\.ask|\\.latch|\\.[0-9]{1,3}){0,3}") {
            if let Some((session, _)) = LockFile::named(&name) {
                prop_assert!(name.starts_with(session) && !session.is_empty());
            }
        }
    }
}
