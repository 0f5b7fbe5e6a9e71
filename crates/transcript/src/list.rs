//! The sessions of a store, from the beginnings and ends of their files; bodies are not read.

use std::path::Path;

use latchwork_format::{Role, Transcript};
use latchwork_session::{OpenError, SessionId, SessionSummary};
use latchwork_sys::{DiskFile, FileKind, IoDoing, OpenHow, PathError, System};

use crate::layout::{ENDING, Layout, Place};
use crate::records::count_waiting;
use crate::store::nameless;

/// How much of the beginning is read, in bytes.
const BEGIN_BYTES: usize = 16 << 10;
/// How much of the end is read, in bytes.
const END_BYTES: usize = 16 << 10;
/// The longest title, in characters.
const TITLE_CHARS: usize = 80;

/// Lists a layout, newest first.
pub(crate) fn list(system: &System, layout: &Layout) -> Result<Vec<SessionSummary>, OpenError> {
    let ids = match layout {
        Layout::Lone { session, .. } => vec![session.clone()],
        Layout::Folder { dir } => ids_in(system, dir).map_err(|error| OpenError::Backend {
            session: nameless(),
            doing: error.to_string(),
            source: Box::new(error.source),
        })?,
    };
    let mut found: Vec<SessionSummary> = ids
        .into_iter()
        .filter_map(|id| {
            let place = layout.place(&id)?;
            summary(system, id, &place)
        })
        .collect();
    found.sort_by(|a, b| {
        b.modified_ms
            .cmp(&a.modified_ms)
            .then_with(|| a.session.as_str().cmp(b.session.as_str()))
    });
    Ok(found)
}

/// The sessions of a folder: those with a transcript, and those of which only an inbox is there yet.
fn ids_in(system: &System, dir: &Path) -> Result<Vec<SessionId>, PathError> {
    let names = |dir: &Path| match system.disk.list(dir) {
        Ok(names) => Ok(names),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).doing("list", dir),
    };
    let mut ids: Vec<SessionId> = Vec::new();
    for (name, ending) in names(dir)?
        .into_iter()
        .map(|name| (name, format!(".{ENDING}")))
        .chain(
            names(&dir.join(crate::SIDECARS))?
                .into_iter()
                .map(|name| (name, ".inbox.jsonl".to_owned())),
        )
    {
        let stem = name.to_str().and_then(|name| name.strip_suffix(&ending));
        if let Some(Ok(id)) = stem.map(SessionId::new) {
            ids.push(id);
        }
    }
    ids.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    ids.dedup();
    Ok(ids)
}

fn summary(system: &System, id: SessionId, place: &Place) -> Option<SessionSummary> {
    let shown = place.transcript.display().to_string();
    let waiting = count_waiting(system, place);
    let Ok(facts) = system.disk.facts(&place.transcript) else {
        let inbox = system.disk.facts(&place.sidecar("inbox.jsonl")).ok()?;
        let mut summary = SessionSummary::new(id, shown, inbox.modified_ms, 0);
        summary.waiting = waiting;
        return (waiting > 0).then_some(summary);
    };
    if facts.kind != FileKind::Regular {
        return None;
    }
    let mut summary = SessionSummary::new(id, shown, facts.modified_ms, facts.size);
    summary.waiting = waiting;
    if let Ok(file) = system.disk.open(&place.transcript, &OpenHow::reading()) {
        fill(&mut summary, &*file, facts.size);
    }
    Some(summary)
}

/// What the beginning and the end of the file tell.
fn fill(summary: &mut SessionSummary, file: &dyn DiskFile, size: u64) {
    let begin = Transcript::parse(&piece(file, 0, BEGIN_BYTES));
    if let Some(header) = begin.header() {
        summary.cwd = Some(header.cwd.clone()).filter(|cwd| !cwd.is_empty());
        summary.created = Some(header.timestamp.clone()).filter(|time| !time.is_empty());
    }
    let first = begin
        .entries()
        .find(|entry| entry.role() == Some(&Role::User));
    summary.title = first
        .and_then(latchwork_format::RawEntry::message)
        .map(|message| {
            message
                .text()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .map(|text| text.chars().take(TITLE_CHARS).collect());
    summary.session_key = begin
        .entries()
        .find_map(latchwork_format::RawEntry::kept_session_key);
    let start = size.saturating_sub(END_BYTES as u64);
    let end = piece(file, start, END_BYTES);
    // The first line of a piece from the middle is cut; it reads as damage and counts for nothing.
    summary.name = Transcript::parse(&end)
        .name()
        .or(begin.name())
        .map(str::to_owned);
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
