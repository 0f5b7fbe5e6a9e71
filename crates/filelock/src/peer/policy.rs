//! Whether to take the peers' lock file at all.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use latchwork_sys::System;

use crate::PeerLock;
use crate::place::Place;

/// The policy, and the folders in which a peer was met.
#[derive(Debug)]
pub(crate) struct Policy {
    rule: PeerLock,
    met: Mutex<HashSet<(u64, u64)>>,
}

impl Policy {
    pub(crate) fn new(rule: PeerLock) -> Self {
        Self {
            rule,
            met: Mutex::default(),
        }
    }

    /// Whether the file is to be taken for this session.
    pub(crate) fn wants(&self, system: &System, place: &Place) -> bool {
        match self.rule {
            PeerLock::Always => true,
            PeerLock::Never => false,
            PeerLock::Auto => {
                self.has_met(place) || is_openclaws(system, place) || self.meets(system, place)
            }
        }
    }

    fn has_met(&self, place: &Place) -> bool {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.contains(&(place.dir_facts.dev, place.dir_facts.ino))
    }

    /// A lock file stands there now: from now on this folder has peers.
    fn meets(&self, system: &System, place: &Place) -> bool {
        let meets = system.disk.facts(&place.peer_lock).is_ok();
        if meets {
            let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
            met.insert((place.dir_facts.dev, place.dir_facts.ino));
        }
        meets
    }
}

/// OpenClaw keeps sessions in `agents/<agent>/sessions`, with its list of them beside.
fn is_openclaws(system: &System, place: &Place) -> bool {
    let name = |path: Option<&Path>| {
        path.and_then(|path| path.file_name())
            .map(std::ffi::OsStr::to_os_string)
    };
    let agents = place.dir.parent().and_then(Path::parent);
    let by_path = name(Some(&place.dir)).is_some_and(|name| name == "sessions")
        && name(agents).is_some_and(|name| name == "agents");
    by_path || system.disk.facts(&place.dir.join("sessions.json")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Site;

    fn place(dir: &Path) -> Place {
        Place::find(
            &*System::real().disk,
            &Site::new(dir, "s", "s.jsonl").unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn auto_takes_the_file_where_peers_live_or_were_met() {
        let (system, dir) = (System::real(), tempfile::tempdir().unwrap());
        let policy = Policy::new(PeerLock::Auto);
        let plain = place(dir.path());
        assert!(!policy.wants(&system, &plain));
        std::fs::write(&plain.peer_lock, b"{}").unwrap();
        assert!(policy.wants(&system, &plain));
        std::fs::remove_file(&plain.peer_lock).unwrap();
        assert!(policy.wants(&system, &plain), "a peer was met here");

        let home = dir.path().join("agents/main/sessions");
        std::fs::create_dir_all(&home).unwrap();
        assert!(policy.wants(&system, &place(&home)));
        assert!(!Policy::new(PeerLock::Never).wants(&system, &place(&home)));
    }
}
