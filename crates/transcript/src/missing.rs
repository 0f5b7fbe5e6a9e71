//! A transcript that is not there, or holds nothing: it is born, or it was taken away from under a writer.
//!
//! Invariant: what a writer has seen is never silently made anew. What was to be written is kept in quarantine then, and named.

use latchwork_format::{EntryId, Mark};
use latchwork_session::{AppendError, Birth, Head, NewEntry};
use latchwork_sys::{create_whole, hex_id};

use crate::commit::{Target, Work};
use crate::lines;
use crate::plan::PlannedLine;
use crate::state::Known;
use crate::tail::quarantine_folder;

/// What is looked for and not there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missing {
    /// There is no file.
    File,
    /// There is one, with nothing in it.
    Content,
}

impl Missing {
    const fn in_words(self) -> &'static str {
        match self {
            Self::File => "it is not there any more",
            Self::Content => "it is empty now",
        }
    }
}

impl Work {
    /// Begins the transcript, unless the writer had seen one.
    pub(crate) fn born<T>(
        &self,
        known: &mut Known,
        what: Missing,
        base: &Head,
        birth: Option<&Birth>,
        step: impl FnOnce(&Self, &mut Known, &Target<'_>) -> Result<T, AppendError>,
    ) -> Result<T, AppendError> {
        let seen = base.leaf.is_some() || known.outline.saved_through() > 0;
        known.forget();
        if seen {
            return Err(AppendError::Replaced {
                session: self.session.id.clone(),
                why: what.in_words().to_owned(),
            });
        }
        let birth = birth.ok_or_else(|| AppendError::NoSession {
            session: self.session.id.clone(),
        })?;
        step(self, known, &Target::Birth { birth, what })
    }

    /// Keeps what could not be written, and says where.
    pub(crate) fn keep_unwritten(&self, error: AppendError, entries: &[NewEntry]) -> AppendError {
        let AppendError::Replaced { session, why } = error else {
            return error;
        };
        if entries.is_empty() {
            return AppendError::Replaced { session, why };
        }
        let (system, place) = (self.system(), &self.session.place);
        let bytes = self.unwritten(entries);
        let kept = quarantine_folder(system, place).and_then(|folder| {
            let path = folder.join(format!("unwritten-{}.jsonl", hex_id(&*system.entropy, 4)));
            create_whole(&*system.disk, &*system.entropy, &path, &bytes, 0o600)?;
            Ok(path)
        });
        let why = match kept {
            Ok(path) => format!("{why}; what was to be written is kept in {path:?}"),
            Err(error) => format!("{why}; what was to be written could not be kept: {error}"),
        };
        AppendError::Replaced { session, why }
    }

    /// The entries as lines, each the parent of the next.
    fn unwritten(&self, entries: &[NewEntry]) -> Vec<u8> {
        let now = latchwork_format::time::iso_from_millis(self.system().clock.wall_ms());
        let (mut parent, mut bytes) = (None, Vec::new());
        for entry in entries.iter().cloned() {
            let id = EntryId::new(hex_id(&*self.system().entropy, 4));
            let line = PlannedLine::of(entry);
            let mark = Mark {
                key: line.key.as_ref().map(ToString::to_string),
                ..Mark::default()
            };
            // What cannot be written is refused before it comes here.
            if let Ok(line) = lines::render(&id, parent.as_ref(), &now, &mark, &line) {
                bytes.extend(line);
            }
            parent = Some(id);
        }
        bytes
    }
}
