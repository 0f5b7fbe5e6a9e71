//! The facts of an entry's line in the form that programs write, in one pass over its bytes.
//!
//! Sound, not complete: what it takes, [`Draft`](crate::entry) takes too and with the same facts, for all of the line's
//! JSON is checked, inner values as well. Everything unusual (a byte below the space, space in front, an escape in a key,
//! a name that is not UTF-8, very many keys, a header) is answered with `None`, and the reader of the transcript decides.
//!
//! Deliberately absent: values that no fact needs; the rules of versions 1 and 2.

use std::borrow::Cow;
use std::ops::Range;

use super::Facts;
use crate::json::{MAX_FIELDS, Raw, decode};
use crate::kind::{Kind, Role};
use crate::mark::Mark;
use crate::ours;

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
    let mut found = Found::default();
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
            b"\"message\"" => self.message = Message::read(reader)?,
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

/// A place in a line without control characters.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    levels: usize,
}

impl<'a> Cursor<'a> {
    fn at_object(&self) -> bool {
        self.text.get(self.at) == Some(&b'{')
    }

    fn space(&mut self) {
        while self.text.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.text.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    /// Reads the object that begins here, at this level; `field` reads each value, given its key with its quotes.
    fn object(
        &mut self,
        level: usize,
        mut field: impl FnMut(&mut Self, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if level > self.levels {
            return None;
        }
        self.space();
        if self.take(b'}').is_some() {
            return Some(());
        }
        for _ in 0..MAX_FIELDS {
            let key = self.key()?;
            if key.contains(&b'\\') {
                return None;
            }
            field(self, key)?;
            self.space();
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
            self.space();
        }
        None
    }

    /// Reads a key and what leads to its value.
    fn key(&mut self) -> Option<&'a [u8]> {
        let key = self.string()?;
        self.space();
        self.take(b':')?;
        self.space();
        Some(key)
    }

    /// Reads the value that begins here, whose parent stands at level `above`.
    fn value(&mut self, above: usize) -> Option<&'a [u8]> {
        let start = self.at;
        // One bit for each level that is open: set for an object.
        let (mut open, mut depth) = (0_u64, 0_usize);
        loop {
            match self.text.get(self.at)? {
                b'"' => drop(self.string()?),
                bracket @ (b'{' | b'[') => {
                    self.at += 1;
                    self.space();
                    let object = *bracket == b'{';
                    let end = if object { b'}' } else { b']' };
                    if above + depth + 1 > self.levels {
                        return None;
                    }
                    if self.take(end).is_none() {
                        open = open << 1 | u64::from(object);
                        depth += 1;
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                _ => self.number()?,
            }
            // A value has ended, and with it maybe others around it.
            loop {
                if depth == 0 {
                    return Some(&self.text[start..self.at]);
                }
                self.space();
                let object = open & 1 == 1;
                if self.take(b',').is_some() {
                    self.space();
                    if object {
                        self.key()?;
                    }
                    break;
                }
                self.take(if object { b'}' } else { b']' })?;
                open >>= 1;
                depth -= 1;
            }
        }
    }

    /// Reads the string that begins here; gives it with its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        self.take(b'"')?;
        loop {
            self.at = self.next_special()?;
            if self.text[self.at] == b'"' {
                self.at += 1;
                return Some(&self.text[start..self.at]);
            }
            match self.text.get(self.at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
                b'u' => {
                    let digits = self.text.get(self.at + 2..self.at + 6)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    self.at += 6;
                }
                _ => return None,
            }
        }
    }

    /// Where the next quote or backslash stands.
    fn next_special(&self) -> Option<usize> {
        let rest = self.text.get(self.at..)?;
        // Keys and names are short, and starting the fast search costs more than looking.
        let near = &rest[..rest.len().min(16)];
        if let Some(found) = near.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            return Some(self.at + found);
        }
        let far = memchr::memchr2(b'"', b'\\', &rest[near.len()..])?;
        Some(self.at + near.len() + far)
    }

    fn literal(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..]
            .starts_with(word)
            .then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _ = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }
}
