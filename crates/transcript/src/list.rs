//! The sessions of a store, from the beginnings and ends of their files; bodies are not read, and a file that looks as it did when it was
//! listed last is not opened.
//!
//! Limit: a name is looked for in both ends of a file only.

use std::collections::HashSet;
use std::path::Path;

use latchwork_format::{RawEntry, RawLine, Role, Transcript};
use latchwork_session::{OpenError, SessionId, SessionSummary};
use latchwork_sys::{DiskFile, FileFacts, FileKind, IoDoing, OpenHow, PathError, System};

use crate::layout::{ENDING, Layout, Place};
use crate::listed::{self, Row, Rows, stamp};
use crate::records::count_waiting;
use crate::store::nameless;

/// How much of the beginning is read, in bytes.
const BEGIN_BYTES: usize = 16 << 10;
/// How much of the end is read, in bytes.
const END_BYTES: usize = 16 << 10;
/// The longest title, in characters.
const TITLE_CHARS: usize = 80;
/// How an inbox is called.
const INBOX: &str = ".inbox.jsonl";

/// Lists a layout, newest first. `rows` are what the last list said, if there was one in this process.
pub(crate) fn list(
    system: &System,
    layout: &Layout,
    rows: &mut Option<Rows>,
) -> Result<Vec<SessionSummary>, OpenError> {
    let names = match layout {
        Layout::Lone { session, .. } => Names::of_one(session.clone()),
        Layout::Folder { dir } => Names::read(system, dir).map_err(|error| OpenError::Backend {
            session: nameless(),
            doing: error.to_string(),
            source: Box::new(error.source),
        })?,
    };
    let known = match (rows.take(), layout) {
        (Some(rows), _) => rows,
        (None, Layout::Folder { dir }) if names.has_sidecars => listed::load(system, dir),
        (None, _) => Rows::default(),
    };
    let mut now = Rows::with_capacity(names.sessions.len());
    let mut found = Vec::with_capacity(names.sessions.len());
    for id in names.sessions {
        let Some(place) = layout.place(&id) else {
            continue;
        };
        let before = known.get(id.as_str());
        let has_inbox = names.inboxes.contains(id.as_str()) || names.is_lone;
        let stem = id.as_str().to_owned();
        if let Some((summary, row)) = summary(system, id, &place, has_inbox, before) {
            now.insert(stem, row);
            found.push(summary);
        }
    }
    if let Layout::Folder { dir } = layout
        && names.has_sidecars
        && now != known
    {
        listed::save(system, dir, &now);
    }
    *rows = Some(now);
    found.sort_by(|a, b| {
        b.modified_ms
            .cmp(&a.modified_ms)
            .then_with(|| a.session.as_str().cmp(b.session.as_str()))
    });
    Ok(found)
}

/// The sessions of a folder: those with a transcript, and those of which only an inbox is there yet.
#[derive(Default)]
struct Names {
    sessions: Vec<SessionId>,
    /// The stems of those that have an inbox.
    inboxes: HashSet<String>,
    has_sidecars: bool,
    is_lone: bool,
}

impl Names {
    fn of_one(session: SessionId) -> Self {
        Self {
            sessions: vec![session],
            is_lone: true,
            ..Self::default()
        }
    }

    fn read(system: &System, dir: &Path) -> Result<Self, PathError> {
        let mut names = Self::default();
        let ending = format!(".{ENDING}");
        for name in listing(system, dir)?.unwrap_or_default() {
            let stem = name.to_str().and_then(|name| name.strip_suffix(&ending));
            names
                .sessions
                .extend(stem.and_then(|stem| SessionId::new(stem).ok()));
        }
        let sidecars = listing(system, &dir.join(crate::SIDECARS))?;
        names.has_sidecars = sidecars.is_some();
        for name in sidecars.unwrap_or_default() {
            let stem = name.to_str().and_then(|name| name.strip_suffix(INBOX));
            if let Some(Ok(id)) = stem.map(SessionId::new) {
                names.inboxes.insert(id.as_str().to_owned());
                names.sessions.push(id);
            }
        }
        names.sessions.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        names.sessions.dedup();
        Ok(names)
    }
}

/// None where there is no such folder.
fn listing(system: &System, dir: &Path) -> Result<Option<Vec<std::ffi::OsString>>, PathError> {
    match system.disk.list(dir) {
        Ok(names) => Ok(Some(names)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).doing("list", dir),
    }
}

fn summary(
    system: &System,
    id: SessionId,
    place: &Place,
    has_inbox: bool,
    before: Option<&Row>,
) -> Option<(SessionSummary, Row)> {
    let shown = place.transcript.display().to_string();
    let facts = system.disk.facts(&place.transcript).ok();
    if facts
        .as_ref()
        .is_some_and(|facts| facts.kind != FileKind::Regular)
    {
        return None;
    }
    let inbox = has_inbox.then(|| system.disk.facts(&place.sidecar("inbox.jsonl")).ok());
    let inbox = inbox.flatten();
    let dates = facts.as_ref().or(inbox.as_ref())?;
    let bytes = facts.as_ref().map_or(0, |facts| facts.size);
    let mut summary = SessionSummary::new(id, shown, dates.modified_ms, bytes);
    let stamps = (facts.as_ref().map(stamp), inbox.as_ref().map(stamp));
    match before.filter(|row| (row.transcript, row.inbox) == stamps) {
        Some(row) => row.fill(&mut summary),
        None => look(system, place, facts.as_ref(), has_inbox, &mut summary),
    }
    // An inbox alone, in which nothing waits, is no session yet.
    if facts.is_none() && summary.waiting == 0 {
        return None;
    }
    let row = Row::of(&summary, stamps.0, stamps.1);
    Some((summary, row))
}

fn look(
    system: &System,
    place: &Place,
    facts: Option<&FileFacts>,
    has_inbox: bool,
    summary: &mut SessionSummary,
) {
    if has_inbox {
        summary.waiting = count_waiting(system, place);
    }
    if let Some(facts) = facts
        && let Ok(file) = system.disk.open(&place.transcript, &OpenHow::reading())
    {
        fill(summary, &*file, facts.size);
    }
}

/// What the beginning and the end of the file tell.
fn fill(summary: &mut SessionSummary, file: &dyn DiskFile, size: u64) {
    let bytes = piece(file, 0, BEGIN_BYTES);
    let begin = beginning(&bytes);
    if let Some(header) = begin.header() {
        summary.parent.clone_from(&header.parent_session);
        summary.cwd = Some(header.cwd.clone()).filter(|cwd| !cwd.is_empty());
        summary.created = Some(header.timestamp.clone()).filter(|time| !time.is_empty());
    }
    let first = begin
        .entries()
        .find(|entry| entry.role() == Some(&Role::User));
    summary.title = first
        .and_then(RawEntry::message)
        .map(|message| title(&message.text()));
    summary.session_key = begin.entries().find_map(RawEntry::kept_session_key);
    let start = size.saturating_sub(END_BYTES as u64);
    let end = match start {
        0 => None,
        start => name_in(&piece(file, start, END_BYTES)),
    };
    summary.name = end.unwrap_or_else(|| name_in(&bytes).flatten());
}

/// The lines up to the first words of a user; the name that a session is called by stands before them.
fn beginning(bytes: &[u8]) -> Transcript {
    let mut begin = Transcript::default();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let through = begin.saved_through();
        // Each begins where the one before ended, so they join.
        let _joined = begin.push_tail(line, through);
        let last = begin.lines().last().map(|line| &line.entry);
        if last.is_some_and(|entry| entry.role() == Some(&Role::User)) {
            break;
        }
    }
    begin
}

fn title(text: &str) -> String {
    let words = text.split_whitespace().flat_map(|word| [" ", word]).skip(1);
    words.flat_map(str::chars).take(TITLE_CHARS).collect()
}

/// The last name that is given in a piece of a file, if one is; an empty one takes it away.
fn name_in(bytes: &[u8]) -> Option<Option<String>> {
    const GIVEN: &[u8] = b"session_info";
    let mut end = bytes.len();
    while let Some(at) = memchr::memmem::rfind(bytes.get(..end)?, GIVEN) {
        let start = memchr::memrchr(b'\n', bytes.get(..at)?).map_or(0, |start| start + 1);
        let rest = bytes.get(start..)?;
        let line = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len()))?;
        if let Ok(RawLine::Entry(entry)) = RawLine::parse(line)
            && let Some(name) = entry.session_name()
        {
            return Some(name);
        }
        end = start;
    }
    None
}

fn piece(file: &dyn DiskFile, start: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(room, start + filled as u64) {
            Ok(read) if read > 0 => filled += read,
            _ => break,
        }
    }
    bytes.truncate(filled);
    bytes
}
