//! What lies in a folder of sessions, by name: one listing of the folder, one of its sidecars.
//!
//! Names alone decide here; what stands behind them is looked at elsewhere. Files of others are passed over in the folder of
//! transcripts, where peers keep theirs too; among the sidecars they are told of.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use latchwork_openclaw::STORE_NAME;
use latchwork_sys::{FileKind, IoDoing, PathError, System};
use latchwork_transcript::{LISTED, SIDECARS, Sidecar};

use super::targets::Target;

const TRANSCRIPT: &str = ".jsonl";
const PEER_LOCK: &str = ".jsonl.lock";
/// The folder of what was set aside and belongs to no session.
const NOBODYS_QUARANTINE: &str = ".quarantine";

/// A folder, as its names tell.
#[derive(Debug, Default)]
pub(super) struct Surveyed {
    /// The sessions by the stem of their names.
    pub(super) sessions: BTreeMap<String, Found>,
    /// Temporary files of ours.
    pub(super) temporaries: Vec<PathBuf>,
    /// What lies among the sidecars and is none of ours.
    pub(super) unknown: Vec<PathBuf>,
    /// Transcripts and lock files whose names are not Unicode.
    pub(super) nameless: Vec<PathBuf>,
    /// What was set aside and belongs to no session.
    pub(super) quarantine: Option<PathBuf>,
    /// Whether there is a folder of sidecars; `None` if something else stands there.
    pub(super) sidecars: Option<bool>,
}

/// The files of one session.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) transcript: bool,
    pub(super) peer_lock: bool,
    pub(super) sidecars: Vec<(Sidecar, PathBuf)>,
}

impl Found {
    pub(super) fn has(&self, what: impl Fn(Sidecar) -> bool) -> bool {
        self.sidecars.iter().any(|(sidecar, _)| what(*sidecar))
    }
}

/// Lists a folder; `None` if there is none.
pub(super) fn survey(system: &System, target: &Target) -> Result<Option<Surveyed>, PathError> {
    let Some(names) = list(system, &target.dir)? else {
        return Ok(None);
    };
    let mut surveyed = Surveyed::default();
    let wanted = |stem: &str| target.only.as_deref().is_none_or(|only| only == stem);
    for name in names {
        let path = target.dir.join(&name);
        let Some(name) = name.to_str() else {
            let lossy = name.to_string_lossy();
            if lossy.ends_with(TRANSCRIPT) || lossy.ends_with(PEER_LOCK) {
                surveyed.nameless.push(path);
            }
            continue;
        };
        if let Some(stem) = name.strip_suffix(PEER_LOCK).filter(|stem| is_stem(stem)) {
            if wanted(stem) {
                surveyed.session(stem).peer_lock = true;
            }
        } else if let Some(stem) = name.strip_suffix(TRANSCRIPT).filter(|stem| is_stem(stem)) {
            if wanted(stem) && !is_kin(stem) {
                surveyed.session(stem).transcript = true;
            }
        } else if Sidecar::is_temporary(name) && target.only.is_none() {
            surveyed.temporaries.push(path);
        }
    }
    let sidecars = target.dir.join(SIDECARS);
    surveyed.sidecars = match system.disk.facts(&sidecars) {
        Ok(facts) if facts.kind == FileKind::Directory => Some(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(false),
        Ok(_) => None,
        Err(error) => return Err(error).doing("look at", &sidecars),
    };
    if surveyed.sidecars == Some(true) {
        for name in list(system, &sidecars)?.unwrap_or_default() {
            surveyed.sidecar(target, &name, sidecars.join(&name));
        }
    }
    surveyed.temporaries.sort();
    surveyed.unknown.sort();
    surveyed.nameless.sort();
    for found in surveyed.sessions.values_mut() {
        found.sidecars.sort_by(|a, b| a.1.cmp(&b.1));
    }
    Ok(Some(surveyed))
}

/// Transcripts' kin in OpenClaw's folders, which end like transcripts and are none: trajectories, and copies before a compaction.
fn is_kin(stem: &str) -> bool {
    stem.ends_with(".trajectory") || stem.contains(".checkpoint.")
}

/// The locks of an OpenClaw home's session store, and what was written to it lately: it is no session.
fn is_of_the_store(name: &str) -> bool {
    let rest = name.strip_prefix(STORE_NAME).unwrap_or_default();
    let is_lock = || Sidecar::named(name).is_some_and(|(stem, _)| stem == STORE_NAME);
    rest == ".recent" || is_lock()
}

/// A name of its own before the ending.
fn is_stem(stem: &str) -> bool {
    !stem.is_empty()
}

impl Surveyed {
    fn session(&mut self, stem: &str) -> &mut Found {
        self.sessions.entry(stem.to_owned()).or_default()
    }

    fn sidecar(&mut self, target: &Target, name: &OsString, path: PathBuf) {
        if name.to_str().is_some_and(is_of_the_store) {
            return;
        }
        let known = name.to_str().and_then(Sidecar::named);
        if let Some((stem, what)) = known {
            if target.only.as_deref().is_none_or(|only| only == stem) {
                self.session(stem).sidecars.push((what, path));
            }
        } else if target.only.is_some() {
            // Somebody else's business.
        } else if name == NOBODYS_QUARANTINE {
            self.quarantine = Some(path);
        } else if name == LISTED {
            // A cache that says nothing of any session that its files do not say.
        } else if name.to_str().is_some_and(Sidecar::is_temporary) {
            self.temporaries.push(path);
        } else {
            self.unknown.push(path);
        }
    }
}

fn list(system: &System, dir: &std::path::Path) -> Result<Option<Vec<OsString>>, PathError> {
    match system.disk.list(dir) {
        Ok(names) => Ok(Some(names)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).doing("list", dir),
    }
}
