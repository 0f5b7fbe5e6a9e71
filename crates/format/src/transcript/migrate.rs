//! Versions 1 and 2 as version 3: bytes in, bytes out.
//!
//! The result has the same entries under the same ids that [`Transcript`] reads from the old file in place, so
//! what was learnt before a migration holds after it. Only what the version asks for changes, every other byte of an
//! entry stays where it stood. Lines that cannot be read are carried over as they are; blank lines are not, and entries
//! that stood side by side on one line get lines of their own.

use std::ops::Range;

use super::pieces::{BYTE_ORDER_MARK, side_by_side};
use super::{Damage, HeaderFault, Transcript};
use crate::entry::{RawEntry, RawLine};
use crate::header::{Header, Version};
use crate::id::EntryId;
use crate::json::splice::Object;
use crate::json::{Raw, quote};
use crate::kind::Kind;

/// Why a file is not migrated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// It is of the present version.
    #[error("the session has format version 3 already; there is nothing to migrate")]
    Current,
    /// It cannot be written at all.
    #[error("the session cannot be migrated")]
    Header(#[from] HeaderFault),
    /// The last line is cut off; what follows it would be glued to it.
    #[error(
        "the file ends in a fragment of {len} bytes at byte {offset}; close it with a newline first"
    )]
    Torn {
        /// The fragment's first byte.
        offset: u64,
        /// Its bytes.
        len: usize,
    },
}

/// Writes a file of version 1 or 2 as version 3.
///
/// # Errors
/// See [`MigrateError`].
pub fn migrate(bytes: &[u8]) -> Result<Vec<u8>, MigrateError> {
    let transcript = Transcript::parse(bytes);
    let header = transcript.writable()?;
    if header.version == Version::Three {
        return Err(MigrateError::Current);
    }
    if let super::Tail::Fragment { offset, len } = transcript.tail() {
        return Err(MigrateError::Torn { offset, len });
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
    let mut entries = transcript.lines().iter().peekable();
    let mut damage = transcript.damage().iter().peekable();
    let mut start = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        for part in parts(line, damage.peek().filter(|lost| lost.offset == start)) {
            let (offset, part) = (start + part.start as u64, &line[part]);
            if let Some(entry) = entries.next_if(|entry| entry.offset == offset) {
                push_line(
                    &mut out,
                    entry_as_v3(&entry.entry, header).as_deref().unwrap_or(part),
                );
            } else if damage.next_if(|lost| lost.offset == offset).is_some() {
                push_line(&mut out, part);
            } else if let Ok(RawLine::Header(_)) = RawLine::parse(part) {
                push_line(
                    &mut out,
                    &header_as_v3(part).unwrap_or_else(|| part.to_vec()),
                );
            }
        }
        start += line.len() as u64 + 1;
    }
    Ok(out)
}

/// The parts of a line that were read, or lost, each for itself.
fn parts(line: &[u8], lost: Option<&&Damage>) -> Vec<Range<usize>> {
    let whole = 0..line.len();
    let several = match lost {
        Some(lost) if lost.len == line.len() => None,
        _ => side_by_side(line),
    };
    several.unwrap_or_else(|| Vec::from([whole]))
}

pub(super) fn push_line(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(line);
    out.push(b'\n');
}

/// The header's line with the present version.
fn header_as_v3(line: &[u8]) -> Option<Vec<u8>> {
    // pi reads no header behind a byte order mark.
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    let mut object = Object::read(line)?;
    object.set(
        "version",
        Version::CURRENT.to_string().as_bytes(),
        object.behind("type"),
    );
    Some(object.to_bytes())
}

/// The entry's line in version 3; `None` if it is that already. Only what the version asks for changes.
pub(super) fn entry_as_v3(entry: &RawEntry, header: &Header) -> Option<Vec<u8>> {
    let hook_message = entry.legacy().hook_message;
    if header.version != Version::One && !hook_message {
        return None;
    }
    let mut object = Object::read(entry.raw())?;
    if header.version == Version::One {
        set_place(&mut object, entry.id(), entry.parent());
    }
    if *entry.kind() == Kind::Compaction && object.get("firstKeptEntryIndex").is_some() {
        if let Some(first_kept) = &entry.legacy().first_kept {
            let first_kept = quote(first_kept.as_str());
            object.replace(
                "firstKeptEntryIndex",
                "firstKeptEntryId",
                first_kept.as_bytes(),
            );
        }
        object.remove("firstKeptEntryIndex");
    }
    if hook_message && let Some(message) = object.get("message").and_then(with_role_custom) {
        object.set_or_add("message", &message);
    }
    Some(object.to_bytes())
}

/// Says where an entry of version 1 stands, which its line does not.
fn set_place(object: &mut Object<'_>, id: &EntryId, parent: Option<&EntryId>) {
    let behind = object.behind("type");
    object.set("id", quote(id.as_str()).as_bytes(), behind);
    set_parent(object, parent);
}

/// Sets the parent, behind the id if the line names none.
pub(super) fn set_parent(object: &mut Object<'_>, parent: Option<&EntryId>) {
    let parent = parent.map_or_else(|| "null".to_owned(), |parent| quote(parent.as_str()));
    object.set("parentId", parent.as_bytes(), object.behind("id"));
}

fn with_role_custom(message: &[u8]) -> Option<Vec<u8>> {
    let mut message = Object::read(message)?;
    message.set_or_add("role", quote("custom").as_bytes());
    Some(message.to_bytes())
}

/// A `hookMessage` under its present name.
pub(crate) fn as_custom(message: Raw<'_>) -> String {
    let text = message.text();
    // The change is of text by text.
    with_role_custom(text.as_bytes()).map_or_else(
        || text.to_owned(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}
