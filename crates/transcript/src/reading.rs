//! Reading a session: a snapshot of what a view needs, with a report of what was found.
//!
//! No lock is taken and nothing is written. Of a session that this process does not know yet, a context or the end of the branch is read
//! from the end of the file; everything else needs the rows of all lines, and then the texts of the lines that are wanted. An old
//! version is read whole, as its lines do not speak for themselves. Deliberately absent: repairing anything.

use std::path::Path;
use std::sync::Arc;

use latchwork_format::transcript::Transcript;
use latchwork_format::{EntryId, Kind, Outline, Role, Tail, Version};
use latchwork_session::{Head, Key, OpenError, OpenReport, Position, Snapshot, View};
use latchwork_sys::{DiskFile, FileKind, IoDoing, OpenHow, PathError, System};

use crate::divergent::divergent;
use crate::end;
use crate::entries::{Entries, is_changed};
use crate::fold::{fold, from_nothing};
use crate::head_file::{self, SavedHead};
use crate::plan::newest_move;
use crate::session::Session;
use crate::state::{Known, read_from};

/// Why what stands at `path` can be no transcript, whatever it holds.
///
/// Looked at before it is opened: opening a device may already do something.
pub(crate) fn no_transcript(system: &System, path: &Path) -> Option<String> {
    let kind = system.disk.facts(path).ok()?.kind;
    let why = match kind {
        FileKind::Regular => return None,
        FileKind::Symlink => {
            "a symbolic link, and two names would have two locks; name the file it points to"
                .to_owned()
        }
        other => format!("{}; name a transcript", other.in_words()),
    };
    Some(format!("{path:?} is {why}"))
}

/// Opens the transcript for reading; `None` if there is none.
pub(crate) fn open_file(session: &Session) -> Result<Option<Box<dyn DiskFile>>, OpenError> {
    let path = &session.place.transcript;
    let refuse = |why: String| {
        Err(OpenError::Refused {
            session: session.id.clone(),
            why,
            source: None,
        })
    };
    if let Some(why) = no_transcript(&session.system, path) {
        return refuse(why);
    }
    match session.system.disk.open(path, &OpenHow::reading()) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => refuse(format!(
            "{path:?} may not be read; change its owner or its permissions"
        )),
        Err(error) => Err(error)
            .doing("open", path)
            .map_err(|error| backend(session, error)),
    }
}

pub(crate) fn backend(session: &Session, error: PathError) -> OpenError {
    OpenError::Backend {
        session: session.id.clone(),
        doing: error.to_string(),
        source: Box::new(error.source),
    }
}

/// What a reader asks for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub view: View,
    /// The newest placement of each, and every reply and move of the head behind it.
    pub keys: Option<Vec<Key>>,
}

/// A snapshot: the saved head first, then the file, so that what is folded on top is never missing.
pub(crate) fn open(session: &Session, ask: &Ask) -> Result<Snapshot, OpenError> {
    let saved = head_file::load(&session.system, &session.place);
    let Some(file) = open_file(session)? else {
        return Ok(nothing(session));
    };
    let look = Look {
        session,
        file: &*file,
        saved: saved.as_ref(),
        ask,
    };
    let opened = match session.known_unless_busy() {
        Some(mut known) => {
            if session.sync.is_latched() {
                // What the kernel has in memory is not what the device has: it is read from there.
                let path = &session.place.transcript;
                let dropped = file.forget_cached(0).doing("drop what is cached of", path);
                dropped.map_err(|error| backend(session, error))?;
                known.distrust();
                session.show_nothing();
                session.sync.unlatch();
            }
            look.open(&mut known)
        }
        None => look.open(&mut session.shown()),
    };
    opened.map_err(|error| backend(session, error))
}

fn nothing(session: &Session) -> Snapshot {
    Snapshot {
        session: session.id.clone(),
        exists: false,
        head: Head::default(),
        transcript: Arc::default(),
        report: OpenReport::clean(0),
    }
}

/// A look at a file.
struct Look<'a> {
    session: &'a Session,
    file: &'a dyn DiskFile,
    saved: Option<&'a SavedHead>,
    ask: &'a Ask,
}

impl Look<'_> {
    fn open(&self, known: &mut Known) -> Result<Snapshot, PathError> {
        let is_known = known.outline.saved_through() > 0;
        if !is_known && self.ask.keys.is_none() {
            match end::read(self.session, self.file, self.saved, self.ask.view) {
                Ok(Some(end)) => return Ok(self.snapshot(end.head, end.transcript)),
                Ok(None) => {}
                Err(error) if is_changed(&error) => {}
                Err(error) => return Err(error),
            }
        }
        match self.of_rows(known) {
            // The file was changed in place; what it holds now is read.
            Err(error) if is_changed(&error) => {
                known.distrust();
                self.of_rows(known)
            }
            done => done,
        }
    }

    fn of_rows(&self, known: &mut Known) -> Result<Snapshot, PathError> {
        let (session, file) = (self.session, self.file);
        let tail = known.catch_up(&session.system, &session.place, file)?;
        session.show(known);
        let believed = self.saved.filter(|saved| known.believes(file, saved));
        let mut head = match believed {
            Some(saved) => known.head_since(saved),
            None => from_nothing(&known.outline),
        };
        let mut outline = known.outline.clone();
        if tail > 0 {
            // A last line without a newline is read if it is whole; it may be a write that is under way.
            let from = u32::try_from(outline.len()).unwrap_or(u32::MAX);
            outline.settle();
            head = match believed {
                Some(_) => fold(&outline, head, from),
                None => from_nothing(&outline),
            };
        }
        let leaf = head.and_then(|head| outline.id(head));
        let transcript = match self.ask.view {
            _ if is_old(&outline) => self.old(&outline)?,
            View::Everything => self.whole(&outline)?,
            view => self.part(outline, head, view)?,
        };
        Ok(self.snapshot(known.as_head(leaf), transcript))
    }

    fn snapshot(&self, head: Head, transcript: Transcript) -> Snapshot {
        let report = report(&transcript, head.leaf.as_ref(), self.session);
        Snapshot {
            session: self.session.id.clone(),
            exists: true,
            head,
            transcript: Arc::new(transcript),
            report,
        }
    }

    /// Every entry. What cannot be read is not read again, however long it is.
    fn whole(&self, outline: &Outline) -> Result<Transcript, PathError> {
        let all: Vec<u32> = outline.rows(0).map(|(number, _)| number).collect();
        let entries = self.entries(outline).read_all(&all)?;
        let entries = entries.into_iter().map(|(_, entry)| entry).collect();
        let missing = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        Transcript::whole(outline, entries)
            .ok_or_else(missing)
            .doing("read", &self.session.place.transcript)
    }

    /// An old version as far as the outline goes, read from its bytes: its lines mean something together only.
    fn old(&self, outline: &Outline) -> Result<Transcript, PathError> {
        let end = outline.saved_through() + outline.pending();
        let mut bytes = read_from(self.file, 0).doing("read", &self.session.place.transcript)?;
        bytes.truncate(usize::try_from(end).unwrap_or(usize::MAX));
        Ok(Transcript::parse(&bytes))
    }

    fn entries<'a>(&'a self, outline: &'a Outline) -> Entries<'a> {
        Entries {
            outline,
            file: Some(self.file),
            place: &self.session.place,
        }
    }

    /// The lines that the view needs.
    fn part(
        &self,
        outline: Outline,
        head: Option<u32>,
        view: View,
    ) -> Result<Transcript, PathError> {
        let entries = self.entries(&outline);
        let mut above = Vec::new();
        let mut wanted = Vec::new();
        match (view, head) {
            (View::Context, Some(head)) => {
                let rows = outline.context(head);
                above = rows.above;
                wanted = rows.part;
            }
            (View::Last(count), Some(head)) => wanted = outline.branch_end(head, count.max(1)),
            (_, Some(head)) => wanted = outline.branch(head),
            (_, None) => {}
        }
        wanted.extend(outline.newest(&Kind::SessionInfo));
        if let Some(keys) = &self.ask.keys {
            wanted.extend(behind(&entries, keys)?);
        }
        let mut read = entries.read_all(&wanted)?;
        if self.ask.keys.is_some()
            && let Some(moved) = newest_move(&entries)?
        {
            read.extend(
                outline
                    .find(moved.id().as_str())
                    .map(|number| (number, moved)),
            );
        }
        let above = entries
            .read_all(&above)?
            .into_iter()
            .map(|(_, entry)| entry)
            .collect();
        Ok(Transcript::part(outline, read, above))
    }
}

/// The newest placements of these messages, and every reply and move of the head behind them.
fn behind(entries: &Entries<'_>, keys: &[Key]) -> Result<Vec<u32>, PathError> {
    let mut wanted = Vec::new();
    for key in keys {
        wanted.extend(entries.placement(key.as_str())?.map(|(number, _)| number));
    }
    let Some(first) = wanted.iter().min().copied() else {
        return Ok(wanted);
    };
    let later = entries
        .outline
        .rows(first)
        .filter(|(_, row)| row.is_head() || row.kind() == Kind::Message(Role::Assistant));
    wanted.extend(later.map(|(number, _)| number));
    Ok(wanted)
}

pub(crate) fn is_old(outline: &Outline) -> bool {
    let version = outline.header().map(|header| &header.version);
    matches!(version, Some(Version::One | Version::Two))
}

fn report(transcript: &Transcript, head: Option<&EntryId>, session: &Session) -> OpenReport {
    let count = transcript.file_entry_count();
    let mut report = OpenReport::clean(count.unwrap_or_else(|| transcript.entry_count()));
    report.of += transcript.damage().len();
    let flaws = latchwork_format::flaws(transcript);
    report.damage = flaws.iter().map(ToString::to_string).collect();
    report.saved_through = session.sync.saved_through().map(Position);
    // Nothing at all is no fault: who writes begins it.
    let is_empty = transcript.saved_through() == 0 && transcript.tail() == Tail::Clean;
    let fault = transcript.writable().err().filter(|_| !is_empty);
    report.read_only = fault.map(|fault| fault.to_string());
    if transcript.is_whole() {
        report.divergent = divergent(transcript, head);
    }
    report
}
