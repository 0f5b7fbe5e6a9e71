//! Reading a session: a snapshot with a report of what was found.
//!
//! No lock is taken and nothing is written. Deliberately absent: repairing anything.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use latchwork_format::{EntryId, Tail, Transcript};
use latchwork_session::{Divergence, Head, OpenError, OpenReport, Position, Snapshot};
use latchwork_sys::{DiskFile, FileKind, IoDoing, OpenHow, PathError, System};

use crate::head_file::{self, SavedHead};
use crate::session::Session;
use crate::state::Known;

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
fn open_file(session: &Session) -> Result<Option<Box<dyn DiskFile>>, OpenError> {
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

fn backend(session: &Session, error: PathError) -> OpenError {
    OpenError::Backend {
        session: session.id.clone(),
        doing: error.to_string(),
        source: Box::new(error.source),
    }
}

/// A snapshot: the saved head first, then the file, so that what is folded on top is never missing.
pub(crate) fn open(session: &Session) -> Result<Snapshot, OpenError> {
    let saved = head_file::load(&session.system, &session.place);
    let Some(file) = open_file(session)? else {
        return Ok(Snapshot {
            session: session.id.clone(),
            exists: false,
            head: Head::default(),
            transcript: Arc::default(),
            report: OpenReport::clean(0),
        });
    };
    match session.known_unless_busy() {
        Some(mut known) => {
            if session.sync.is_latched() {
                // What the kernel has in memory is not what the device has: it is read from there.
                let path = &session.place.transcript;
                let dropped = file.forget_cached(0).doing("drop what is cached of", path);
                dropped.map_err(|error| backend(session, error))?;
                known.forget();
                session.sync.unlatch();
            }
            snapshot(session, &mut known, &*file, saved.as_ref())
        }
        None => snapshot(session, &mut Known::default(), &*file, saved.as_ref()),
    }
}

fn snapshot(
    session: &Session,
    known: &mut Known,
    file: &dyn DiskFile,
    saved: Option<&SavedHead>,
) -> Result<Snapshot, OpenError> {
    let rest = known
        .catch_up(&session.system, &session.place, file)
        .map_err(|error| backend(session, error))?;
    let mut snapshot = Snapshot {
        session: session.id.clone(),
        exists: true,
        head: known.as_head(known.head(file, saved)),
        transcript: known.transcript.clone(),
        report: OpenReport::default(),
    };
    if !rest.is_empty() {
        let believed = saved.is_some_and(|saved| known.believes(file, saved));
        add_tail(&mut snapshot, &rest, believed);
    }
    snapshot.report = report(&snapshot, session);
    Ok(snapshot)
}

/// A last line without a newline is read if it is whole; it may be a write that is under way.
fn add_tail(snapshot: &mut Snapshot, rest: &[u8], believed: bool) {
    let mut transcript = Transcript::clone(&snapshot.transcript);
    let (from, through) = (transcript.entry_count(), transcript.saved_through());
    if transcript.push_tail(rest, through).is_err() {
        return;
    }
    let head = snapshot.head.leaf.clone();
    snapshot.head.leaf = match believed {
        true => crate::fold::fold(&transcript, head, from),
        false => crate::fold::from_nothing(&transcript),
    };
    snapshot.transcript = Arc::new(transcript);
}

fn report(snapshot: &Snapshot, session: &Session) -> OpenReport {
    let transcript = &snapshot.transcript;
    let mut report = OpenReport::clean(transcript.entry_count());
    report.of += transcript.damage().len();
    for damage in transcript.damage() {
        report.damage.push(format!(
            "line {} ({} bytes at {}) cannot be read: {}; it was left in place",
            damage.line, damage.len, damage.offset, damage.why
        ));
    }
    report.damage.extend(
        transcript
            .tree_faults()
            .iter()
            .map(|fault| format!("{fault:?}")),
    );
    if let Tail::Fragment { offset, len } = transcript.tail() {
        report.damage.push(format!(
            "{len} bytes at {offset} are the beginning of a line: a write that is under way or was cut off"
        ));
    }
    report.saved_through = session.sync.saved_through().map(Position);
    // Nothing at all is no fault: who writes begins it.
    let is_empty = transcript.saved_through() == 0 && transcript.tail() == Tail::Clean;
    let fault = transcript.writable().err().filter(|_| !is_empty);
    report.read_only = fault.map(|fault| fault.to_string());
    report.divergent = divergent(transcript, snapshot.head.leaf.as_ref());
    report
}

/// Branches of conversation that others began after we first wrote here, and that are not the active one.
fn divergent(transcript: &Transcript, head: Option<&EntryId>) -> Vec<Divergence> {
    let mut found: Vec<Divergence> = Vec::new();
    let ours = transcript
        .entries()
        .position(|entry| entry.mark().is_some());
    let (Some(head), Some(ours)) = (head, ours) else {
        return found;
    };
    // One walk for all of them.
    let active: HashSet<&EntryId> = transcript
        .branch(head)
        .unwrap_or_default()
        .iter()
        .map(|entry| entry.id())
        .collect();
    for line in transcript.lines().get(ours..).unwrap_or_default() {
        let entry = &line.entry;
        if !entry.kind().is_conversational()
            || entry.mark().is_some()
            || active.contains(entry.id())
        {
            continue;
        }
        let parent = transcript
            .parent_of(entry.id())
            .map(|parent| parent.id().clone());
        match found
            .iter_mut()
            .find(|known| Some(&known.leaf) == parent.as_ref())
        {
            Some(known) => {
                known.leaf = entry.id().clone();
                known.entries += 1;
            }
            None => found.push(Divergence {
                from: parent,
                leaf: entry.id().clone(),
                entries: 1,
            }),
        }
    }
    found
}
