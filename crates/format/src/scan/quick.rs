//! The facts of an entry's line in the form that programs write, in one pass over its bytes.
//!
//! Sound, not complete: what it takes, [`Draft`](crate::entry) takes too and with the same facts, for all of the line's
//! JSON is checked, inner values as well. Everything unusual (a byte below the space, space in front, an escape in a key,
//! a name that is not UTF-8, very many keys, a header) is answered with `None`, and the reader of the transcript decides.
//!
//! Deliberately absent: values that no fact needs; the rules of versions 1 and 2.

mod cursor;

use std::borrow::Cow;
use std::ops::Range;

use super::Facts;
use crate::json::{MAX_FIELDS, Raw, decode};
use crate::kind::{Kind, Role};
use crate::mark::Mark;
use crate::ours;
use cursor::Cursor;

/// The most levels that are followed here, whatever the limit.
const LEVELS: usize = 64;

/// An entry, with what is kept of it where its line is.
pub(crate) struct Whole<'a> {
    pub(crate) facts: Facts<'a>,
    /// When it was written, as written.
    pub(crate) timestamp: Option<Cow<'a, str>>,
    /// Its message, if that is an object.
    pub(crate) message: Option<Range<usize>>,
}

/// The facts of the entry that stands on this line, if it is of the usual form.
pub(crate) fn entry(line: &[u8], depth: usize) -> Option<Facts<'_>> {
    found(line, depth)?.facts()
}

/// The same with its time and the place of its message.
pub(crate) fn whole(line: &[u8], depth: usize) -> Option<Whole<'_>> {
    let found = found(line, depth)?;
    let timestamp = string(found.timestamp)?;
    let message = found.message.as_ref().map(|message| message.place.clone());
    let facts = found.facts()?;
    Some(Whole {
        message: message.filter(|_| matches!(facts.kind, Kind::Message(_))),
        facts,
        timestamp,
    })
}

/// What is kept of a line that [ends with its message](Facts::ends_with_message): it was checked when that was found, so only what stands
/// before the message is looked at.
pub(crate) fn known(line: &[u8]) -> Option<Whole<'_>> {
    let mut reader = Cursor {
        text: line,
        at: 0,
        levels: LEVELS,
    };
    let mut found = Found::default();
    reader.take(b'{')?;
    for _ in 0..MAX_FIELDS {
        reader.space();
        let key = reader.key()?;
        if key == b"\"message\"" {
            let place = reader.at..line.len().checked_sub(1)?;
            let timestamp = string(found.timestamp)?;
            return Some(Whole {
                facts: found.facts()?,
                timestamp,
                message: Some(place),
            });
        }
        found.field(&mut reader, key)?;
        reader.space();
        reader.take(b',')?;
    }
    None
}

/// What a line begins with in the order in which pi, OpenClaw and we write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beginning<'a> {
    pub(crate) kind: &'a [u8],
    pub(crate) id: &'a str,
    pub(crate) parent: Option<&'a str>,
}

/// The beginning of a line, and no look at what follows: whether it is whole, and JSON, is not known.
pub(crate) fn beginning(line: &[u8]) -> Option<Beginning<'_>> {
    let rest = line.strip_prefix(b"{\"type\":\"")?;
    let (kind, rest) = plain(rest)?;
    let (id, rest) = plain(rest.strip_prefix(b",\"id\":\"")?)?;
    let rest = rest.strip_prefix(b",\"parentId\":")?;
    let (parent, rest) = match rest.strip_prefix(b"null") {
        Some(rest) => (None, rest),
        None => {
            let (parent, rest) = plain(rest.strip_prefix(b"\"")?)?;
            (Some(std::str::from_utf8(parent).ok()?), rest)
        }
    };
    let id = std::str::from_utf8(id).ok()?;
    rest.starts_with(b",\"timestamp\":")
        .then_some(Beginning { kind, id, parent })
}

/// A short string without escapes, and what follows it.
fn plain(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let near = &text[..text.len().min(64)];
    let end = near
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))?;
    (end > 0 && text[end] == b'"').then(|| (&text[..end], &text[end + 1..]))
}

fn found(line: &[u8], depth: usize) -> Option<Found<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.first() != Some(&b'{') || has_control(line) {
        return None;
    }
    let mut reader = Cursor {
        text: line,
        at: 0,
        levels: depth.min(LEVELS),
    };
    let mut found = Found {
        len: line.len(),
        ..Found::default()
    };
    reader.object(1, |reader, key| found.field(reader, key))?;
    reader.space();
    (reader.at == line.len()).then_some(found)
}

/// Whether any byte is below the space. Without a branch in the loop, so that it is done many bytes at a time.
fn has_control(line: &[u8]) -> bool {
    line.chunks(1024)
        .any(|chunk| chunk.iter().fold(false, |any, byte| any | (*byte < b' ')))
}

/// The values that facts are made of, as written.
#[derive(Default)]
struct Found<'a> {
    kind: &'a [u8],
    id: &'a [u8],
    parent: &'a [u8],
    custom_type: &'a [u8],
    first_kept: &'a [u8],
    level: &'a [u8],
    timestamp: &'a [u8],
    message: Option<Message<'a>>,
    /// How often a message is given, and how long the line is.
    messages: usize,
    len: usize,
    mark: Option<Own<'a>>,
}

#[derive(Default)]
struct Message<'a> {
    role: &'a [u8],
    key: &'a [u8],
    /// Where it stands on the line.
    place: Range<usize>,
}

#[derive(Default)]
struct Own<'a> {
    key: &'a [u8],
    placement: &'a [u8],
    aside: bool,
}

impl<'a> Found<'a> {
    /// Reads the value of a top-level key. Of a repeated key the last value counts.
    fn field(&mut self, reader: &mut Cursor<'a>, key: &[u8]) -> Option<()> {
        match key {
            b"\"type\"" => self.kind = reader.value(1)?,
            b"\"id\"" => self.id = reader.value(1)?,
            b"\"parentId\"" => self.parent = reader.value(1)?,
            b"\"customType\"" => self.custom_type = reader.value(1)?,
            b"\"firstKeptEntryId\"" => self.first_kept = reader.value(1)?,
            b"\"thinkingLevel\"" => self.level = reader.value(1)?,
            b"\"timestamp\"" => self.timestamp = reader.value(1)?,
            b"\"message\"" => {
                self.messages += 1;
                self.message = Message::read(reader)?;
            }
            b"\"latchwork\"" => self.mark = Own::read(reader)?,
            _ => drop(reader.value(1)?),
        }
        Some(())
    }

    fn facts(self) -> Option<Facts<'a>> {
        let kind = string(self.kind)?.unwrap_or_default();
        if kind == "session" {
            return None;
        }
        let mut kind = Kind::of(&kind);
        let mut key = self
            .mark
            .as_ref()
            .map_or(Some(None), |mark| string(mark.key))?;
        if let (Kind::Message(role), Some(message)) = (&mut kind, &self.message) {
            *role = Role::of(&string(message.role)?.unwrap_or_default());
            key = key.or(string(message.key)?);
        }
        let last = self.message.as_ref().map(|message| message.place.end + 1);
        let ends_with_message = self.messages == 1
            && last == Some(self.len)
            && matches!(&kind, Kind::Message(role) if !matches!(role, Role::Other(_)));
        let custom =
            kind == Kind::Custom && string(self.custom_type)?.as_deref() == Some(ours::HEAD);
        let kept = (kind == Kind::Compaction).then(|| string(self.first_kept));
        let level = (kind == Kind::ThinkingLevelChange).then(|| string(self.level));
        Some(Facts {
            id: string(self.id)??,
            parent: string(self.parent)?.filter(|id| !id.is_empty()),
            placement: self.mark.as_ref().map_or(Some(1), Own::placement)?,
            ours: self.mark.is_some(),
            aside: self.mark.is_some_and(|mark| mark.aside),
            head: custom,
            first_kept: kept.map_or(Some(None), |kept| kept)?,
            sets_level: level.map_or(Some(None), |level| level)?.is_some(),
            ends_with_message,
            kind,
            key,
        })
    }
}

impl<'a> Message<'a> {
    /// A message that is no object is none.
    fn read(reader: &mut Cursor<'a>) -> Option<Option<Self>> {
        if !reader.at_object() {
            reader.value(1)?;
            return Some(None);
        }
        let mut message = Message::default();
        let start = reader.at;
        reader.object(2, |reader, key| {
            let value = reader.value(2)?;
            match key {
                b"\"role\"" => message.role = value,
                b"\"idempotencyKey\"" => message.key = value,
                _ => {}
            }
            Some(())
        })?;
        message.place = start..reader.at;
        Some(Some(message))
    }
}

impl<'a> Own<'a> {
    fn read(reader: &mut Cursor<'a>) -> Option<Option<Self>> {
        if !reader.at_object() {
            reader.value(1)?;
            return Some(None);
        }
        let mut mark = Own::default();
        reader.object(2, |reader, key| {
            let value = reader.value(2)?;
            match key {
                b"\"key\"" => mark.key = value,
                b"\"placement\"" => mark.placement = value,
                b"\"aside\"" => mark.aside = true,
                _ => {}
            }
            Some(())
        })?;
        Some(Some(mark))
    }

    /// As [`Mark::read`] reads it.
    fn placement(&self) -> Option<u32> {
        let text = std::str::from_utf8(self.placement).ok()?;
        let number = Raw::trusted(text).as_u64();
        let number = number.and_then(|number| u32::try_from(number).ok());
        Some(number.unwrap_or(Mark::default().placement))
    }
}

/// The string that a value is, if it is one. `None` outside if its bytes are not UTF-8.
fn string(value: &[u8]) -> Option<Option<Cow<'_, str>>> {
    if value.first() != Some(&b'"') {
        return Some(None);
    }
    std::str::from_utf8(value).ok().map(decode)
}
