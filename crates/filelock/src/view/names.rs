//! Which sessions a folder has, by the names in it, and the facts of their lock files. Nothing is opened.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use latchwork_sys::{FileFacts, FileKey, IoDoing, PathError, System};

use crate::claim_file::epoch_of;
use crate::{SIDECARS, Site};

/// The ending of transcripts in a folder of sessions.
const ENDING: &str = ".jsonl";

/// The lock files of one session, as far as they are there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) session: String,
    pub(crate) transcript_path: PathBuf,
    pub(crate) sidecars: PathBuf,
    pub(crate) latch: Option<FileFacts>,
    /// The highest claim.
    pub(crate) claim: Option<(u64, FileFacts)>,
    /// The request for it.
    pub(crate) request: Option<FileFacts>,
    pub(crate) transcript: Option<FileFacts>,
    pub(crate) peer: Option<FileFacts>,
}

impl Files {
    pub(crate) fn latch_path(&self) -> PathBuf {
        self.sidecar("latch")
    }

    pub(crate) fn claim_path(&self, epoch: u64) -> PathBuf {
        self.sidecar(&format!("claim.{epoch}"))
    }

    pub(crate) fn request_path(&self, epoch: u64) -> PathBuf {
        self.sidecar(&format!("claim.{epoch}.ask"))
    }

    pub(crate) fn peer_path(&self) -> PathBuf {
        let mut path = self.transcript_path.clone().into_os_string();
        path.push(".lock");
        path.into()
    }

    fn sidecar(&self, ending: &str) -> PathBuf {
        self.sidecars.join(format!("{}.{ending}", self.session))
    }

    /// What the kernel is asked about.
    pub(crate) fn keys(&self) -> impl Iterator<Item = FileKey> {
        let claim = self.claim.map(|(_, facts)| facts);
        let all = [self.latch, claim, self.request, self.transcript];
        all.into_iter().flatten().map(|facts| facts.key())
    }
}

/// What the names tell of one session.
#[derive(Default)]
struct Named {
    latch: bool,
    claim: Option<u64>,
    requests: Vec<u64>,
    transcript: bool,
    peer: bool,
}

/// The sessions of a folder, by name.
pub(crate) fn in_folder(system: &System, dir: &Path) -> Result<Vec<Files>, PathError> {
    let mut named: BTreeMap<String, Named> = BTreeMap::new();
    for name in list(system, &dir.join(SIDECARS))? {
        if let Some((session, what)) = sidecar(&name) {
            named.entry(session.to_owned()).or_default().adds(what);
        }
    }
    for name in list(system, dir)? {
        if let Some(session) = name.strip_suffix(ENDING) {
            named.entry(session.to_owned()).or_default().transcript = true;
        } else if let Some(session) = name
            .strip_suffix(".lock")
            .and_then(|name| name.strip_suffix(ENDING))
        {
            named.entry(session.to_owned()).or_default().peer = true;
        }
    }
    let sites = named.into_iter().filter_map(|(session, named)| {
        let site = Site::new(dir, &session, &format!("{session}{ENDING}")).ok()?;
        Some(look(system, &site, &named))
    });
    Ok(sites.collect())
}

/// One session.
pub(crate) fn of_session(system: &System, site: &Site) -> Result<Files, PathError> {
    let mut named = Named {
        latch: true,
        transcript: true,
        peer: true,
        ..Named::default()
    };
    for name in list(system, &site.dir().join(SIDECARS))? {
        if let Some((session, what)) = sidecar(&name)
            && session == site.session()
        {
            named.adds(what);
        }
    }
    Ok(look(system, site, &named))
}

fn look(system: &System, site: &Site, named: &Named) -> Files {
    let facts = |path: &Path| system.disk.facts(path).ok();
    let mut files = Files {
        session: site.session().to_owned(),
        transcript_path: site.transcript(),
        sidecars: site.dir().join(SIDECARS),
        ..Files::default()
    };
    if named.latch {
        files.latch = facts(&files.latch_path());
    }
    if let Some(epoch) = named.claim {
        files.claim = facts(&files.claim_path(epoch)).map(|facts| (epoch, facts));
        if named.requests.contains(&epoch) {
            files.request = facts(&files.request_path(epoch));
        }
    }
    if named.transcript {
        files.transcript = facts(&files.transcript_path);
    }
    if named.peer {
        files.peer = facts(&files.peer_path());
    }
    files
}

/// The names in a folder; one that is not there has none. What is not Unicode is no name of ours.
fn list(system: &System, dir: &Path) -> Result<Vec<String>, PathError> {
    match system.disk.list(dir) {
        Ok(names) => Ok(names
            .into_iter()
            .filter_map(|n| n.into_string().ok())
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).doing("list", dir),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sidecar {
    Latch,
    Claim(u64),
    Request(u64),
}

impl Named {
    fn adds(&mut self, what: Sidecar) {
        match what {
            Sidecar::Latch => self.latch = true,
            Sidecar::Claim(epoch) => self.claim = self.claim.max(Some(epoch)),
            Sidecar::Request(epoch) => self.requests.push(epoch),
        }
    }
}

/// `<session>.latch`, `<session>.claim.<epoch>`, `<session>.claim.<epoch>.ask`.
fn sidecar(name: &str) -> Option<(&str, Sidecar)> {
    if let Some(session) = name.strip_suffix(".latch") {
        return Some((session, Sidecar::Latch));
    }
    let (claim, is_request) = match name.strip_suffix(".ask") {
        Some(claim) => (claim, true),
        None => (name, false),
    };
    let (session, epoch) = claim.rsplit_once(".claim.")?;
    let epoch = epoch_of(epoch)?;
    let what = if is_request {
        Sidecar::Request(epoch)
    } else {
        Sidecar::Claim(epoch)
    };
    Some((session, what))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_ours_are_told_from_others() {
        assert_eq!(sidecar("a.b.latch"), Some(("a.b", Sidecar::Latch)));
        assert_eq!(sidecar("a.claim.7"), Some(("a", Sidecar::Claim(7))));
        assert_eq!(sidecar("a.claim.7.ask"), Some(("a", Sidecar::Request(7))));
        for other in [
            "a.head",
            "a.claim.",
            "a.claim.x",
            "a.claim.07",
            "ask",
            ".7.tmp",
        ] {
            assert_eq!(sidecar(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_session_is_found_by_the_names_of_its_lock_files(session in "\\PC{1,40}", epoch in 1_u64..1 << 50) {
            let name = format!("{session}.claim.{epoch}.ask");
            prop_assert_eq!(sidecar(&name), Some((session.as_str(), Sidecar::Request(epoch))));
            let name = format!("{session}.latch");
            prop_assert_eq!(sidecar(&name), Some((session.as_str(), Sidecar::Latch)));
        }
    }
}
