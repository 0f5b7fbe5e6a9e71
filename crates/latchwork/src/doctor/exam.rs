//! The examination: folder by folder, session by session. It reads, tries locks for a moment, and changes nothing.

use std::path::Path;

use latchwork_filelock::Latches;
use latchwork_sys::System;
use latchwork_transcript::{Depth, Layout, Place};
use tokio_util::sync::CancellationToken;

use super::catalogue::{FILE_NAME, FOLDER_MISSING, FOLDER_UNREADABLE, LEFT_UNKNOWN};
use super::finding::{Finding, Report};
use super::open::Open;
use super::peers::Seen;
use super::survey::{Surveyed, survey};
use super::targets::Target;
use super::{files, locks, machine, sessions, temporaries};

/// What the examination goes by.
#[derive(Debug)]
pub(super) struct Exam {
    pub(super) system: System,
    pub(super) latches: Latches,
    pub(super) stale_ms: u64,
    pub(super) allow_network_fs: bool,
    pub(super) depth: Depth,
    pub(super) own_user: Option<u32>,
    pub(super) seen: Seen,
    pub(super) cancel: CancellationToken,
    pub(super) progress: super::Progress,
}

impl Exam {
    /// Looks at all targets.
    ///
    /// # Blocking
    ///
    /// For as long as the looks take.
    pub(super) fn all(&self, targets: &[Target], report: &mut Report) -> Vec<Open> {
        let mut opens = Vec::new();
        let mut known = Vec::new();
        for target in targets {
            machine::filesystem(self, &target.dir, &mut known, &mut opens);
            self.folder(target, report, &mut opens);
            if self.cancel.is_cancelled() {
                report.interrupted = true;
                break;
            }
        }
        machine::clock(self, &mut opens);
        opens
    }

    fn folder(&self, target: &Target, report: &mut Report, opens: &mut Vec<Open>) {
        let dir = &target.dir;
        self.seen.begins();
        let surveyed = match survey(&self.system, target) {
            Ok(Some(surveyed)) => surveyed,
            Ok(None) => {
                let finding =
                    Finding::new(&FOLDER_MISSING, format!("there is no folder {dir:?} yet"));
                opens.push(Open::told(finding.at(dir)));
                return;
            }
            Err(error) => {
                let what = format!("{error}: {}", error.source);
                opens.push(Open::told(
                    Finding::new(&FOLDER_UNREADABLE, what).at(&error.path),
                ));
                return;
            }
        };
        report.folders.push(dir.clone());
        if target.is_ours {
            // The folder may be reached through a link: what it leads to is what counts.
            let real = self.system.disk.canonicalize(dir);
            files::folder(self, &real.unwrap_or_else(|_| dir.clone()), opens);
        }
        if surveyed.sidecars != Some(false) {
            files::folder(self, &dir.join(latchwork_transcript::SIDECARS), opens);
        }
        self.sessions(dir, &surveyed, report, opens);
        self.strays(target, &surveyed, opens);
        self.seen.tell(&self.system, dir, opens);
    }

    fn sessions(
        &self,
        dir: &Path,
        surveyed: &Surveyed,
        report: &mut Report,
        opens: &mut Vec<Open>,
    ) {
        let of = surveyed.sessions.len();
        for (done, (stem, found)) in surveyed.sessions.iter().enumerate() {
            if self.cancel.is_cancelled() {
                report.interrupted = true;
                return;
            }
            (self.progress.0)(done, of);
            report.sessions += usize::from(found.transcript);
            let place = place(dir, stem);
            if found.peer_lock {
                let path = dir.join(format!("{stem}.jsonl.lock"));
                locks::lock_file(self, place.as_ref(), &path, opens);
            }
            match &place {
                Some(place) => sessions::session(self, place, found, opens),
                None => nameless(&dir.join(format!("{stem}.jsonl")), opens),
            }
        }
        (self.progress.0)(of, of);
    }

    fn strays(&self, target: &Target, surveyed: &Surveyed, opens: &mut Vec<Open>) {
        for path in &surveyed.temporaries {
            temporaries::temporary(self, &target.dir, path, opens);
        }
        for path in &surveyed.nameless {
            if path.to_string_lossy().ends_with(".lock") {
                locks::lock_file(self, None, path, opens);
            }
            nameless(path, opens);
        }
        for path in &surveyed.unknown {
            let finding = Finding::new(&LEFT_UNKNOWN, format!("{path:?} is none of our files"));
            opens.push(Open::told(finding.at(path)));
        }
        if let Some(path) = &surveyed.quarantine {
            sessions::quarantine(self, None, path, opens);
        }
    }
}

fn nameless(path: &Path, opens: &mut Vec<Open>) {
    let what = format!("{path:?} has a name that no session can have");
    opens.push(Open::told(Finding::new(&FILE_NAME, what).at(path)));
}

/// The files of a session, whether its name is one of a folder's or a lone file's.
pub(super) fn place(dir: &Path, stem: &str) -> Option<Place> {
    // Names of sidecars that are made of a longer one would not fit.
    if stem.len() > latchwork_session::SessionId::MAX_BYTES {
        return None;
    }
    let layout = Layout::lone(dir.join(format!("{stem}.jsonl"))).ok()?;
    let Layout::Lone { session, .. } = &layout else {
        return None;
    };
    layout.place(session)
}
