//! Versions 1 and 2 as version 3: bytes in, bytes out.
//!
//! The result has the same entries under the same ids that [`Transcript`] reads from the old file in place, so
//! what was learnt before a migration holds after it. Lines that cannot be read are carried over as they are;
//! blank lines are not.

use super::{HeaderFault, Transcript};
use crate::entry::{RawEntry, RawLine};
use crate::header::{Header, Version};
use crate::json::{Fields, ObjectBuilder, Raw, quote};
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
    let mut offset = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        if let Some(entry) = entries.next_if(|entry| entry.offset == offset) {
            push_line(
                &mut out,
                entry_as_v3(&entry.entry, header).as_deref().unwrap_or(line),
            );
        } else if damage.next_if(|damage| damage.offset == offset).is_some() {
            push_line(&mut out, line);
        } else if let Ok(RawLine::Header(_)) = RawLine::parse(line) {
            push_line(&mut out, &header_as_v3(line));
        }
        offset += line.len() as u64 + 1;
    }
    Ok(out)
}

pub(super) fn push_line(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(line);
    out.push(b'\n');
}

fn header_as_v3(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let fields = Fields::read(text)
        .ok()
        .flatten()
        .unwrap_or_else(Fields::none);
    let mut object = ObjectBuilder::new();
    object
        .str("type", "session")
        .u64("version", Version::CURRENT);
    copy(&mut object, &fields, &["type", "version"]);
    object.finish().into_bytes()
}

/// The entry's line in version 3; `None` if it is that already.
pub(super) fn entry_as_v3(entry: &RawEntry, header: &Header) -> Option<Vec<u8>> {
    let hook_message = entry.legacy().hook_message;
    if header.version != Version::One && !hook_message {
        return None;
    }
    let fields = entry.fields();
    let message = entry.message_json().filter(|_| hook_message).map(as_custom);
    let mut object = ObjectBuilder::new();
    object
        .str("type", entry.kind().type_name())
        .str("id", entry.id().as_str());
    match entry.parent() {
        Some(parent) => object.str("parentId", parent.as_str()),
        None => object.raw("parentId", Raw::trusted("null")),
    };
    let mut written = vec!["type", "id", "parentId"];
    if let Some(message) = &message {
        object
            .opt_raw("timestamp", fields.get("timestamp"))
            .raw("message", Raw::trusted(message));
        written.extend(["timestamp", "message"]);
    }
    if *entry.kind() == Kind::Compaction && fields.get("firstKeptEntryIndex").is_some() {
        written.push("firstKeptEntryIndex");
        if let Some(first_kept) = &entry.legacy().first_kept {
            object.str("firstKeptEntryId", first_kept.as_str());
            written.push("firstKeptEntryId");
        }
    }
    copy(&mut object, &fields, &written);
    Some(object.finish().into_bytes())
}

pub(super) fn copy(object: &mut ObjectBuilder, fields: &Fields<'_>, except: &[&str]) {
    for (key, value) in fields.effective().filter(|(key, _)| !except.contains(key)) {
        object.raw(key, value);
    }
}

/// A `hookMessage` under its present name.
pub(crate) fn as_custom(message: Raw<'_>) -> String {
    let role = quote("custom");
    let mut object = ObjectBuilder::new();
    for (key, value) in message.fields().unwrap_or_else(Fields::none).effective() {
        object.raw(
            key,
            if key == "role" {
                Raw::trusted(&role)
            } else {
                value
            },
        );
    }
    object.finish()
}
