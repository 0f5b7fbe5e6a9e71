//! A finding together with what can be done about it.

use std::path::PathBuf;

use latchwork_sys::FileFacts;
use latchwork_transcript::Place;

use super::finding::{Finding, Outcome};

/// A finding, and its remedy.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) finding: Finding,
    pub(super) remedy: Remedy,
    /// The session under whose guard the remedy is applied.
    pub(super) place: Option<Place>,
}

/// What can be done about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing.
    None,
    /// Taking the session's guard removes a dead owner's lock file.
    PeerLock(PathBuf),
    /// Files of the locks of a session that is gone.
    Leftovers,
    /// A saved head.
    Head,
    /// The end of the transcript.
    Mend,
    /// Permissions of a file of a session.
    Mode(PathBuf, FileFacts),
    /// Permissions of a folder.
    FolderMode(PathBuf, FileFacts),
    /// A temporary file, beside the transcripts of this folder.
    Temporary(PathBuf, PathBuf),
}

impl Open {
    pub(super) fn told(finding: Finding) -> Self {
        Self {
            finding,
            remedy: Remedy::None,
            place: None,
        }
    }

    pub(super) fn with(finding: Finding, remedy: Remedy) -> Self {
        Self {
            finding,
            remedy,
            place: None,
        }
    }

    pub(super) fn under(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    /// What became of it, unless that was said before.
    pub(super) fn ends(&mut self, outcome: Outcome) {
        if self.finding.outcome == Outcome::Told {
            self.finding.outcome = outcome;
        }
    }
}
