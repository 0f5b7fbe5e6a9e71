//! What stands on a line that cannot be read as one: whole objects side by side, and fragments of writes that were cut off.
//!
//! A peer that appends behind a line without a newline glues its own to it. Whole objects side by side are told apart by
//! their brackets alone, and no fragment looks like one, unless bytes follow that are no text: they may have brought the bracket. An entry *behind a fragment* is believed only where the fragment
//! cannot have gone on with it: a torn line may well end in a whole object that is a part of it (a block, a call's
//! arguments, an entry within an entry). So it must have an entry's frame, and stand where the grammar of what was torn
//! lets no value begin. Where one may begin, nobody can tell, and the line is [doubtful](Pieces::doubtful).
//!
//! Invariant: a torn line has no entries but those that stood whole before it. Deliberately absent: changing anything.
//! Limits: [`TRIES`] objects are tried within a fragment, as each costs a reading; after them it is doubtful.

mod grammar;

use std::ops::Range;

use memchr::memmem;

use crate::entry::{RawEntry, RawLine};
use crate::json::lex::{nest_end, space_end};
use grammar::{Place, Within};

/// How every writer's entry begins.
const BEGINNING: &[u8] = b"{\"type\":\"";
/// How many objects are tried within a fragment.
const TRIES: usize = 256;
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What stands on a line that cannot be read as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pieces {
    /// Whole objects, entries most likely. No line that was cut off looks like one, so they are not to be changed.
    pub whole: Vec<Range<usize>>,
    /// The rest: beginnings of lines, rubbish.
    pub fragments: Vec<Range<usize>>,
    /// The last fragment ends in what may be a part of it, and may be another writer's entry. It is better left in place.
    pub doubtful: bool,
}

/// Takes a line apart that cannot be read as one.
#[must_use]
pub fn pieces(line: &[u8]) -> Pieces {
    let mut found = Pieces::default();
    let mut at = space_end(line, 0);
    while at < line.len() {
        if let Some(end) = object_end(line, at) {
            found.whole.push(at..end);
            at = space_end(line, end);
            continue;
        }
        if !found.whole.is_empty() && is_rubbish(line, at) {
            let all = std::iter::once(0..line.len());
            return Pieces {
                fragments: all.collect(),
                doubtful: true,
                ..Pieces::default()
            };
        }
        let next = behind_fragment(line, at);
        found.doubtful = next == Next::Doubtful;
        let end = match next {
            Next::Entry(next) => next,
            Next::Nothing | Next::Doubtful => line.len(),
        };
        found.fragments.push(at..end);
        at = end;
    }
    found
}

/// Where the objects stand of a line that holds several and nothing else.
pub(crate) fn side_by_side(line: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let mut at = space_end(line, 0);
    while at < line.len() {
        let end = object_end(line, at)?;
        found.push(at..end);
        at = space_end(line, end);
    }
    (found.len() > 1).then_some(found)
}

/// Whether what stands behind a whole object is no text, and neither the beginning of another write nor a hole where one is lost: a
/// sector of rubbish, and the bracket that makes the object whole may be a byte of it.
fn is_rubbish(line: &[u8], at: usize) -> bool {
    let rest = line.get(at..).unwrap_or_default();
    !matches!(rest.first(), Some(b'{' | b'\0')) && std::str::from_utf8(rest).is_err()
}

/// The end of the whole object at `at`, a byte order mark before it allowed.
fn object_end(line: &[u8], at: usize) -> Option<usize> {
    let mark = line.get(at..)?.starts_with(BYTE_ORDER_MARK);
    let open = at + usize::from(mark) * BYTE_ORDER_MARK.len();
    if line.get(open) != Some(&b'{') {
        return None;
    }
    let end = nest_end(line, open)?;
    let text = String::from_utf8_lossy(line.get(open..end)?);
    crate::Raw::parse(&text).is_ok().then_some(end)
}

/// What a fragment ends at.
#[derive(PartialEq, Eq)]
enum Next {
    Nothing,
    Entry(usize),
    Doubtful,
}

fn behind_fragment(line: &[u8], from: usize) -> Next {
    // Entries have parents: behind the last one none begins, and most fragments are told by that alone.
    let last = memmem::rfind(line, b"\"parentId\"").unwrap_or(0);
    let behind = line.get(from + 1..last).unwrap_or_default();
    if memmem::find(behind, BEGINNING).is_none() {
        return Next::Nothing;
    }
    let mut tries = 0;
    let mut within = Within::new(line, from);
    while let Some((at, place)) = within.next_beginning(BEGINNING) {
        let entry = at < last && is_whole_entry(line, at);
        tries += usize::from(at < last);
        match (entry, place) {
            _ if tries > TRIES => return Next::Doubtful,
            (true, Place::Value) => return Next::Doubtful,
            (true, Place::NoValue) => return Next::Entry(at),
            (false, Place::NoValue) => within = Within::new(line, at),
            (false, Place::Value) => {}
        }
    }
    Next::Nothing
}

/// Whether a whole entry stands at `at`, and no object goes on behind it.
fn is_whole_entry(line: &[u8], at: usize) -> bool {
    let Some(end) = nest_end(line, at) else {
        return false;
    };
    let rest = line.get(space_end(line, end)..).unwrap_or_default();
    if matches!(rest.first(), Some(b',' | b']' | b'}' | b':')) {
        return false;
    }
    let piece = line.get(at..end).unwrap_or_default();
    matches!(RawLine::parse(piece), Ok(RawLine::Entry(entry)) if has_frame(&entry))
}

/// Whether it has what every writer gives its entries.
fn has_frame(entry: &RawEntry) -> bool {
    let fields = entry.fields();
    let parent = fields.get("parentId");
    !entry.id().as_str().is_empty()
        && !entry.kind().type_name().is_empty()
        && parent.is_some_and(|parent| parent.is_null() || parent.as_str().is_some())
        && fields.str("timestamp").is_some()
}

#[cfg(test)]
mod tests;
