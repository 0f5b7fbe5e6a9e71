//! The end of the active branch, read from the end of a file that this process does not know.
//!
//! Costs what the branch's end costs, whatever the size of the file. Invariant: what is found is what all lines would say; wherever
//! that is not sure, nothing is given and all lines are read.

use std::collections::HashSet;

use latchwork_format::backwards::{self, FromEnd, Reach};
use latchwork_format::{EntryId, Limits, Outline, RawEntry, RawLine, Tail, Transcript};
use latchwork_session::{Head, Position, View};
use latchwork_sys::{DiskFile, IoDoing, PathError, read_exact_at};

use crate::fold::moves;
use crate::head_file::{SavedHead, Settings, end_before, witness};
use crate::session::Session;

/// In so many bytes from its beginning a file must show its header; nearly each does in the first of these.
const BEGINNINGS: [usize; 2] = [4 << 10, 64 << 10];

/// If no more bytes than these came since the head was saved, they are looked at.
const SINCE_MAX: u64 = 1 << 20;

/// What was found.
pub(crate) struct End {
    pub head: Head,
    pub transcript: Transcript,
}

/// The end of the branch, as far as the view needs it; `None` where all lines must be read.
pub(crate) fn read(
    session: &Session,
    file: &dyn DiskFile,
    saved: Option<&SavedHead>,
    view: View,
) -> Result<Option<End>, PathError> {
    let path = &session.place.transcript;
    let reach = match view {
        View::Context => Reach::Context,
        View::Last(count) => Reach::Last(count.max(1)),
        _ => return Ok(None),
    };
    let size = file.facts().doing("look at", path)?.size;
    session.system.steps.reach("read:before");
    let Some(beginning) = beginning(file, size).doing("read", path)? else {
        return Ok(None);
    };
    let leaf = match saved {
        Some(saved) => match believed(file, saved, size).doing("read", path)? {
            Some(leaf) => Some(leaf),
            None => return Ok(None),
        },
        None => None,
    };
    // Without anything behind it, the head is where its settings were looked up.
    let settings = saved
        .filter(|saved| saved.at == size)
        .and_then(|saved| saved.settings.as_ref());
    let reach = match (reach, settings) {
        (Reach::Context, Some(_)) => Reach::Shown,
        (reach, _) => reach,
    };
    let read_at = |offset: u64, bytes: &mut [u8]| read_exact_at(file, bytes, offset);
    let found = backwards::read(size, leaf.as_ref(), reach, Limits::default(), read_at);
    let mut found = match found.doing("read the end of", path)? {
        FromEnd::Found(found) => found,
        FromEnd::NeedAll(why) => {
            tracing::debug!(session = %session.id, %why, "the end of the transcript is not enough");
            return Ok(None);
        }
    };
    // A line without a newline may continue the saved head; and what was put aside is no head.
    let aside = found.part.last().is_some_and(|last| last.entry.is_aside());
    if saved.is_some() && found.tail != Tail::Clean || saved.is_none() && aside {
        return Ok(None);
    }
    if let (Reach::Shown, Some(settings)) = (reach, settings) {
        match above(file, settings).doing("read", path)? {
            Some(above) => found.above = above,
            None => return Ok(None),
        }
    }
    let through = found.saved_through;
    let end = end_before(file, through).doing("read", path)?;
    let transcript = Transcript::part_of_end(found, &beginning);
    let head = Head {
        leaf: transcript.leaf().cloned(),
        seen: Position(through),
        witness: if through == 0 { 0 } else { witness(&end) },
    };
    Ok(Some(End { head, transcript }))
}

/// The entries that say how hard the model is to think and which one it is; `None` if something else stands there.
fn above(file: &dyn DiskFile, settings: &Settings) -> std::io::Result<Option<Vec<RawEntry>>> {
    let mut spots = [settings.level, settings.model];
    spots.sort_unstable();
    let mut above = Vec::new();
    for (offset, len, sum) in spots.into_iter().flatten() {
        let mut line = vec![0; len as usize];
        read_exact_at(file, &mut line, offset)?;
        match RawLine::parse(&line) {
            Ok(RawLine::Entry(entry)) if crc32fast::hash(&line) == sum => above.push(entry),
            _ => return Ok(None),
        }
    }
    Ok(Some(above))
}

/// The file's beginning, if its header is there.
fn beginning(file: &dyn DiskFile, size: u64) -> std::io::Result<Option<Outline>> {
    for most in BEGINNINGS {
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(most).min(most)];
        read_exact_at(file, &mut bytes, 0)?;
        let mut outline = Outline::default();
        // At the beginning everything joins.
        if outline.push(&bytes, 0).is_ok() && outline.header().is_some() {
            return Ok(Some(outline));
        }
    }
    Ok(None)
}

/// The head that was saved, with what came since folded on top of it. `None` where it is not of this file, nothing is saved, much
/// came since, or what came is not enough to tell: an entry whose parent may be lost.
fn believed(file: &dyn DiskFile, saved: &SavedHead, size: u64) -> std::io::Result<Option<EntryId>> {
    let since = size
        .checked_sub(saved.at)
        .filter(|since| *since <= SINCE_MAX);
    let (Some(since), Some(leaf)) = (since, &saved.leaf) else {
        return Ok(None);
    };
    if witness(&end_before(file, saved.at)?) != saved.witness {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(since).unwrap_or(0)];
    read_exact_at(file, &mut bytes, saved.at)?;
    Ok(folded(leaf, &bytes))
}

/// As `fold` does, from the lines alone.
fn folded(leaf: &EntryId, bytes: &[u8]) -> Option<EntryId> {
    let mut head = leaf.clone();
    let mut since = HashSet::from([head.clone()]);
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.try_for_each(|line| {
        let RawLine::Entry(entry) = RawLine::parse(line.strip_suffix(b"\n")?).ok()? else {
            return None;
        };
        let known = entry.parent().is_none_or(|parent| since.contains(parent));
        let repeated = !since.insert(entry.id().clone());
        // What is ours moves the head whatever it hangs below.
        if repeated || !(known || entry.is_ours()) {
            return None;
        }
        let continues = entry.parent() == Some(&head);
        if moves(continues, entry.is_ours(), entry.is_aside()) {
            head = entry.id().clone();
        }
        Some(())
    })?;
    Some(head)
}
