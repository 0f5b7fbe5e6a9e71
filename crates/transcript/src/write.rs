//! The one write of a commit, and what came of it.
//!
//! A commit stands whole or not at all. Of a write that failed nothing is left standing (`undo.rs`); where that cannot be
//! said, the answer is `Unknown` and the session is latched until it is opened again. What was written must be what a reader sees.

use latchwork_format::EntryId;
use latchwork_format::outline::Row;
use latchwork_session::{AppendError, Outcome};
use latchwork_sys::{DiskFile, IoDoing, PathError};

use crate::commit::Work;
use crate::lines::Written;
use crate::state::Known;
use crate::undo::{Left, undo};

impl Work {
    /// Appends the lines by one write.
    pub(crate) fn append(
        &self,
        known: &mut Known,
        file: &dyn DiskFile,
        written: &[Written],
        outcome: Outcome,
    ) -> Result<Outcome, AppendError> {
        let (system, place) = (self.system(), &self.session.place);
        let mut bytes = Vec::with_capacity(written.iter().map(|line| line.bytes.len()).sum());
        written
            .iter()
            .for_each(|line| bytes.extend_from_slice(&line.bytes));
        let from = known.outline.saved_through();
        system.steps.reach("commit:before-write");
        let wrote = file.append(&bytes);
        system.steps.reach("commit:written");
        let (error, out) = match wrote {
            Ok(out) if out == bytes.len() => {
                let facts = file.facts().doing("look at", &place.transcript);
                let facts = facts.map_err(|error| self.unknown(error))?;
                // Nobody wrote in between, so that what is there is what was known, and this.
                if known.append(&bytes, &facts) && self.stands(known, written) {
                    return Ok(outcome);
                }
                return self.seen(known, file, written, from, outcome);
            }
            Ok(out) => (cut_short(out, bytes.len()), Some(out)),
            Err(error) => (error, None),
        };
        let error = PathError {
            doing: "append to",
            path: place.transcript.clone(),
            source: error,
        };
        known.forget();
        let held = || self.check().map_err(std::io::Error::other);
        // What may be another's by now is not touched.
        let nothing_stands = match undo(file, from, &bytes, out, &held) {
            Ok(Left::Nothing) => true,
            // What may be anybody's fragment is put in quarantine, as the next writer would.
            Ok(Left::Unclear) => {
                known.catch_up(system, place, file).is_ok()
                    && self.mend_end(known, file).is_ok()
                    && !self.any_stands(known, written)
            }
            Err(_) => false,
        };
        Err(if nothing_stands {
            self.failed(error)
        } else {
            self.unknown(error)
        })
    }

    /// What was written must be what a reader sees; what others wrote in the same moment is told.
    fn seen(
        &self,
        known: &mut Known,
        file: &dyn DiskFile,
        written: &[Written],
        from: u64,
        outcome: Outcome,
    ) -> Result<Outcome, AppendError> {
        let (system, place) = (self.system(), &self.session.place);
        known
            .catch_up(system, place, file)
            .map_err(|error| self.unknown(error))?;
        // A fragment of somebody who takes no lock may have come just before: it is blanked, and ours is read.
        let stands = self.stands(known, written)
            || self.mend_end(known, file).is_ok() && self.stands(known, written);
        if !stands {
            let what =
                "what was written cannot be read back; another program wrote in the same moment";
            let what = Err(std::io::Error::other(what)).doing("read back", &place.transcript);
            return what.map_err(|error| self.unknown(error));
        }
        let outline = &known.outline;
        let first = written.first().and_then(|line| known.find(&line.id));
        let first = first.and_then(|first| outline.row(first));
        let first = first.map_or(from, Row::offset);
        let spoken: Vec<EntryId> = outline
            .rows(outline.position_at(from))
            .take_while(|(_, row)| row.offset() < first)
            .filter(|(_, row)| row.kind().is_conversational())
            .filter_map(|(entry, _)| outline.id(entry))
            .collect();
        Ok(beside(outcome, spoken))
    }

    fn any_stands(&self, known: &Known, written: &[Written]) -> bool {
        let is_there = |line: &Written| known.find(&line.id).is_some();
        written.iter().any(is_there)
    }

    fn stands(&self, known: &Known, written: &[Written]) -> bool {
        let is_there = |line: &Written| known.find(&line.id).is_some();
        written.iter().all(is_there)
    }

    /// Nobody can say what is written; nothing is acknowledged until it was looked at.
    pub(crate) fn unknown(&self, error: PathError) -> AppendError {
        self.session.sync.latch();
        AppendError::Unknown {
            session: self.session.id.clone(),
            doing: error.to_string(),
            source: Box::new(error.source),
        }
    }
}

/// The outcome, where others spoke between the decision and the write.
fn beside(outcome: Outcome, spoken: Vec<EntryId>) -> Outcome {
    match outcome {
        outcome if spoken.is_empty() => outcome,
        Outcome::Clean | Outcome::Rebased { .. } => Outcome::Diverged {
            again: Vec::new(),
            kept: spoken,
        },
        Outcome::Diverged { again, mut kept } => {
            kept.extend(spoken);
            Outcome::Diverged { again, kept }
        }
        aside => aside,
    }
}

fn cut_short(out: usize, of: usize) -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::StorageFull,
        format!("only {out} of {of} bytes were written"),
    )
}

/// One write into a file that nobody sees yet.
pub(crate) fn append_whole(file: &dyn DiskFile, bytes: &[u8]) -> std::io::Result<()> {
    match file.append(bytes)? {
        out if out == bytes.len() => Ok(()),
        out => Err(cut_short(out, bytes.len())),
    }
}
