//! What lies among the sidecars, by name; and setting a file aside.
//!
//! Set aside means: renamed into a quarantine under a name that nothing has, and made durable. Nothing is copied and nothing is
//! removed, so no byte is lost wherever it is interrupted. Deliberately absent: deciding what is to be set aside.

use std::path::{Path, PathBuf};

use latchwork_filelock::LockFile;
use latchwork_sys::{FileKind, IoDoing, PathError, System, hex_id, make_private_dir};

use crate::layout::SIDECARS;

/// The fewest and the most random digits in the name of a temporary file of ours: 12 bytes, and a number behind them where
/// it is a lock file that is being made.
const TEMPORARY_DIGITS: std::ops::RangeInclusive<usize> = 24..=40;
/// The digits behind the name of a folder of something removed.
const REMOVED_DIGITS: usize = 16;
/// How often a name is tried.
const NAMES_MAX: usize = 8;

/// What a name among the sidecars, or beside the transcripts, stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sidecar {
    /// One of the files of the locks.
    Lock(LockFile),
    /// The saved head.
    Head,
    /// The index. Rebuildable; none is written yet.
    Index,
    /// Accepted messages.
    Inbox,
    /// The folder of what was set aside.
    Quarantine,
    /// The folder of a session that is being removed: the removal was decided, and its end was not reached yet.
    Removed,
}

impl Sidecar {
    /// The session that a name among the sidecars belongs to, and what it is; `None` for any other name.
    #[must_use]
    pub fn named(name: &str) -> Option<(&str, Self)> {
        let endings = [
            (".head", Self::Head),
            (".index", Self::Index),
            (".inbox.jsonl", Self::Inbox),
            (".quarantine", Self::Quarantine),
        ];
        let plain = endings
            .iter()
            .find_map(|(ending, what)| Some((name.strip_suffix(ending)?, *what)))
            .filter(|(session, _)| !session.is_empty());
        let plain = plain.or_else(|| removed(name).map(|session| (session, Self::Removed)));
        plain.or_else(|| LockFile::named(name).map(|(session, what)| (session, Self::Lock(what))))
    }

    /// Whether the name is one of those that our temporary files get, and that nothing else of ours gets.
    #[must_use]
    pub fn is_temporary(name: &str) -> bool {
        let digits = name
            .strip_prefix('.')
            .and_then(|name| name.strip_suffix(".tmp"));
        digits.is_some_and(|digits| {
            TEMPORARY_DIGITS.contains(&digits.len())
                && digits
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    }
}

/// Of a folder that is on its way out, the session.
fn removed(name: &str) -> Option<&str> {
    let (session, digits) = name.rsplit_once('.')?;
    let is_hex = digits.len() == REMOVED_DIGITS
        && digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let session = session.strip_suffix(".removed")?;
    (is_hex && !session.is_empty()).then_some(session)
}

/// A file that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetAside {
    /// Where it stood.
    pub from: PathBuf,
    /// Where it lies now.
    pub to: PathBuf,
}

impl SetAside {
    /// Moves what stands at `from`, in the folder `dir` of transcripts, to the quarantine of `stem`; `None` for one that belongs to no session.
    ///
    /// # Errors
    ///
    /// [`PathError`]; the file is at its old place or at its new one, whole.
    ///
    /// # Blocking
    ///
    /// For two syncs.
    pub fn file(
        system: &System,
        dir: &Path,
        stem: Option<&str>,
        from: &Path,
    ) -> Result<Self, PathError> {
        let sidecars = dir.join(SIDECARS);
        // No session is called nothing, so this name is nobody's.
        let quarantine = sidecars.join(format!("{}.quarantine", stem.unwrap_or_default()));
        make_private_dir(&*system.disk, &sidecars)?;
        make_private_dir(&*system.disk, &quarantine)?;
        let name = from
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("file");
        let ending = name.rsplit('.').next().unwrap_or("file");
        for attempt in 1..=NAMES_MAX {
            let to = quarantine.join(format!("aside-{}.{ending}", hex_id(&*system.entropy, 6)));
            match system.disk.rename_new(from, &to) {
                Err(error)
                    if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < NAMES_MAX => {
                }
                moved => {
                    moved.doing("set aside", from)?;
                    system.steps.reach("aside:moved");
                    for dir in [&*quarantine, &sidecars, from.parent().unwrap_or(dir)] {
                        system.disk.sync_dir(dir).doing("make durable", dir)?;
                    }
                    let from = from.to_path_buf();
                    return Ok(Self { from, to });
                }
            }
        }
        Err(std::io::ErrorKind::AlreadyExists.into()).doing("set aside", from)
    }
}

/// Whether what stands at the path is a regular file.
pub(crate) fn is_regular(system: &System, path: &Path) -> bool {
    let facts = system.disk.facts(path);
    facts.is_ok_and(|facts| facts.kind == FileKind::Regular)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_among_the_sidecars_are_told_apart() {
        for (name, expected) in [
            ("a.head", Some(("a", Sidecar::Head))),
            ("a.b.inbox.jsonl", Some(("a.b", Sidecar::Inbox))),
            ("a.quarantine", Some(("a", Sidecar::Quarantine))),
            ("a.claim.1", Some(("a", Sidecar::Lock(LockFile::Claim)))),
            ("a.removed.0123456789abcdef", Some(("a", Sidecar::Removed))),
            ("a.removed.0123", None),
            (".quarantine", None),
            ("notes.txt", None),
        ] {
            assert_eq!(Sidecar::named(name), expected, "{name}");
        }
    }

    #[test]
    fn only_names_of_our_own_making_are_temporary() {
        let made = latchwork_sys::temporary_beside(&latchwork_sys::RealEntropy, Path::new("/x/y"));
        assert!(Sidecar::is_temporary(
            made.file_name().unwrap().to_str().unwrap()
        ));
        let id = "0123456789abcdef01234567";
        assert!(Sidecar::is_temporary(&format!(".{id}a1.tmp")));
        for other in [
            format!("{id}.tmp"),
            format!(".{id}"),
            format!(".{}.tmp", id.to_uppercase()),
            format!(".{}.tmp", &id[1..]),
            ".tmp".to_owned(),
            format!(".{id}{id}.tmp"),
        ] {
            assert!(!Sidecar::is_temporary(&other), "{other}");
        }
    }

    #[test]
    fn a_file_that_is_set_aside_is_whole_elsewhere_and_two_of_one_name_are_both_kept() {
        let (system, dir) = (System::real(), tempfile::tempdir().unwrap());
        let from = dir.path().join("s.head");
        let mut kept = Vec::new();
        for content in ["one", "two"] {
            std::fs::write(&from, content).unwrap();
            let aside = SetAside::file(&system, dir.path(), Some("s"), &from).unwrap();
            assert!(!from.exists());
            kept.push(std::fs::read_to_string(aside.to).unwrap());
        }
        assert_eq!(kept, ["one", "two"]);
    }
}
