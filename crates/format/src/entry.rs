//! One entry: its exact line, and the few facts that a tree needs, read once.
//!
//! The raw line is the truth. What is typed here is a reading of it; an entry of a kind we do not know, or
//! with fields of the wrong type, keeps its place in the tree.
//!
//! Not here: where in a file it stands ([`crate::Line`]), typed payloads ([`crate::views`]).
//!
//! Entries of versions 1 and 2 are read in place, so for them a few facts are not the line's own: ids and
//! parents of version 1 come from its position, and a `hookMessage` has the role `custom`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::fault::{Limits, LineFault};
use crate::header::Header;
use crate::id::EntryId;
use crate::json::{self, Fields, Raw};
use crate::kind::{Kind, Role};
use crate::mark::Mark;
use crate::message::MessageView;
use crate::scan::quick;

/// What one line can be.
#[derive(Clone, Debug)]
pub enum RawLine {
    /// A session header.
    Header(Header),
    /// An entry.
    Entry(RawEntry),
}

impl RawLine {
    /// Reads one line of version 3, without its newline. A byte order mark and a carriage return are allowed.
    ///
    /// # Errors
    /// See [`LineFault`].
    pub fn parse(line: &[u8]) -> Result<Self, LineFault> {
        RawLine::parse_within(line, Limits::default())
    }

    /// [`RawLine::parse`] with other limits.
    ///
    /// # Errors
    /// See [`LineFault`].
    pub fn parse_within(line: &[u8], limits: Limits) -> Result<Self, LineFault> {
        if let Some(entry) = RawEntry::quick(line, limits) {
            return Ok(RawLine::Entry(entry));
        }
        let draft = Draft::read(line, limits)?;
        match draft.header {
            Some(header) => Ok(RawLine::Header(header)),
            None => draft.into_entry().map(RawLine::Entry),
        }
    }
}

/// One entry of a session. Cheap to clone.
#[derive(Clone)]
pub struct RawEntry(Arc<Inner>);

struct Inner {
    /// The line, decoded.
    text: Box<str>,
    /// The line itself where it is not UTF-8.
    bytes: Option<Box<[u8]>>,
    id: EntryId,
    parent: Option<EntryId>,
    kind: Kind,
    timestamp: Box<str>,
    /// Where the message stands in `text`.
    message: Option<Range<usize>>,
    legacy: Legacy,
}

/// What the reader of an old version knows about an entry that its line does not say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Legacy {
    /// The message is a `hookMessage`.
    pub(crate) hook_message: bool,
    /// The entry that `firstKeptEntryIndex` means.
    pub(crate) first_kept: Option<EntryId>,
}

impl RawEntry {
    /// The entry of a line in the form that programs write, where all that [`Draft`] would say is found in one pass.
    pub(crate) fn quick(line: &[u8], limits: Limits) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        if line.len() > limits.line_bytes {
            return None;
        }
        let whole = quick::whole(line, limits.depth)?;
        let kind = whole.facts.kind.clone();
        Some(RawEntry::of_parts(text, kind, whole))
    }

    /// The entry of a line that was read before and [ends with its message](crate::Facts::ends_with_message), of this kind.
    pub(crate) fn known(line: &[u8], kind: Kind) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        Some(RawEntry::of_parts(text, kind, quick::known(line)?))
    }

    fn of_parts(text: &str, kind: Kind, whole: quick::Whole<'_>) -> Self {
        let facts = whole.facts;
        RawEntry(Arc::new(Inner {
            id: EntryId::new(&facts.id),
            parent: facts.parent.map(|parent| EntryId::new(&parent)),
            kind,
            timestamp: whole.timestamp.unwrap_or_default().into(),
            message: whole.message,
            legacy: Legacy::default(),
            text: text.into(),
            bytes: None,
        }))
    }

    /// The exact bytes of the line, without its newline.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        self.0.bytes.as_deref().unwrap_or(self.0.text.as_bytes())
    }

    /// The line as text; bytes that are not UTF-8 read as U+FFFD.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The line as a JSON value.
    #[must_use]
    pub fn json(&self) -> Raw<'_> {
        Raw::trusted(body(&self.0.text))
    }

    /// The line's fields.
    #[must_use]
    pub fn fields(&self) -> Fields<'_> {
        // The line was read as an object when the entry was made; it reads again.
        Fields::read(body(&self.0.text))
            .ok()
            .flatten()
            .unwrap_or_else(Fields::none)
    }

    /// The entry's id.
    #[must_use]
    pub fn id(&self) -> &EntryId {
        &self.0.id
    }

    /// The parent that the line names; whether that exists is the tree's business.
    #[must_use]
    pub fn parent(&self) -> Option<&EntryId> {
        self.0.parent.as_ref()
    }

    /// What sort of entry this is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// When it was written, as written; empty if it is not said.
    #[must_use]
    pub fn timestamp(&self) -> &str {
        &self.0.timestamp
    }

    /// When it was written, in Unix milliseconds.
    #[must_use]
    pub fn timestamp_millis(&self) -> Option<i64> {
        if let Some(time) = crate::time::millis_from_iso(&self.0.timestamp) {
            return Some(time);
        }
        let number = self.fields().get("timestamp")?.as_f64()?;
        number.is_finite().then_some(number as i64)
    }

    /// The role, if this is a message.
    #[must_use]
    pub fn role(&self) -> Option<&Role> {
        match &self.0.kind {
            Kind::Message(role) => Some(role),
            _ => None,
        }
    }

    /// The message, if this is one.
    #[must_use]
    pub fn message(&self) -> Option<MessageView<'_>> {
        let view = MessageView::new(self.message_json()?)?;
        Some(match self.role() {
            Some(role) => view.with_role(role.clone()),
            None => view,
        })
    }

    /// The message's JSON as written, if this is a message.
    #[must_use]
    pub fn message_json(&self) -> Option<Raw<'_>> {
        self.0.text.get(self.0.message.clone()?).map(Raw::trusted)
    }

    /// What we noted on the line when we wrote it.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        // Lines of peers never hold the word, and most lines need not be opened again.
        memchr::memmem::find(self.0.text.as_bytes(), Mark::FIELD.as_bytes())?;
        self.fields().get(Mark::FIELD).and_then(Mark::read)
    }

    /// The key that names this message within its session: ours, or OpenClaw's on the message.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        let ours = self.mark().and_then(|mark| mark.key);
        ours.or_else(|| Some(self.message()?.idempotency_key()?.into_owned()))
    }

    pub(crate) fn legacy(&self) -> &Legacy {
        &self.0.legacy
    }
}

impl PartialEq for RawEntry {
    /// The same line under the same name.
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id && self.0.parent == other.0.parent && self.raw() == other.raw()
    }
}

impl Eq for RawEntry {}

impl fmt::Debug for RawEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawEntry")
            .field("kind", &self.0.kind)
            .field("id", &self.0.id)
            .field("parent", &self.0.parent)
            .field("bytes", &self.raw().len())
            .finish_non_exhaustive()
    }
}

/// A line that was read, before it is known which version's rules name it.
pub(crate) struct Draft {
    pub(crate) header: Option<Header>,
    pub(crate) id: Option<EntryId>,
    pub(crate) parent: Option<EntryId>,
    pub(crate) kind: Kind,
    pub(crate) legacy: Legacy,
    /// A compaction's boundary in version 1.
    pub(crate) first_kept_index: Option<u64>,
    text: Box<str>,
    bytes: Option<Box<[u8]>>,
    timestamp: Box<str>,
    message: Option<Range<usize>>,
}

impl Draft {
    pub(crate) fn read(line: &[u8], limits: Limits) -> Result<Self, LineFault> {
        if line.len() > limits.line_bytes {
            return Err(LineFault::TooLong {
                bytes: line.len(),
                max: limits.line_bytes,
            });
        }
        if json::deeper_than(line, limits.depth) {
            return Err(LineFault::TooDeep { max: limits.depth });
        }
        let text = String::from_utf8_lossy(line);
        let bytes = matches!(text, Cow::Owned(_)).then(|| Box::from(line));
        let object = body(&text);
        if !object.trim_start().starts_with('{') {
            let value = Raw::parse(object);
            return Err(value.map_or_else(
                |error| LineFault::not_json(&error),
                |_| LineFault::NotAnObject,
            ));
        }
        let fields = Fields::read(object).map_err(|error| LineFault::not_json(&error))?;
        let fields = fields.ok_or(LineFault::TooWide {
            max: json::MAX_FIELDS,
        })?;
        Draft::from_fields(&text, bytes, &fields)
    }

    fn from_fields(
        text: &str,
        bytes: Option<Box<[u8]>>,
        fields: &Fields<'_>,
    ) -> Result<Self, LineFault> {
        let type_name = fields.str("type").unwrap_or_default();
        let header = (type_name == "session")
            .then(|| Header::read(text, fields))
            .transpose()?;
        let mut kind = Kind::of(&type_name);
        let mut message = None;
        if let (Kind::Message(role), Some(raw)) = (&mut kind, fields.get("message"))
            && let Some(view) = MessageView::new(raw)
        {
            *role = view.role().clone();
            message = Some(place(text, raw.text()));
        }
        let first_kept_index = match kind {
            Kind::Compaction => fields.get("firstKeptEntryIndex").and_then(Raw::as_u64),
            _ => None,
        };
        Ok(Draft {
            header,
            id: fields.str("id").map(EntryId::new),
            // pi takes every false value, the empty string too, for "no parent".
            parent: fields
                .str("parentId")
                .filter(|id| !id.is_empty())
                .map(EntryId::new),
            kind,
            legacy: Legacy::default(),
            first_kept_index,
            timestamp: fields.str("timestamp").unwrap_or_default().into(),
            text: text.into(),
            bytes,
            message,
        })
    }

    pub(crate) fn into_entry(self) -> Result<RawEntry, LineFault> {
        Ok(RawEntry(Arc::new(Inner {
            id: self.id.ok_or(LineFault::NoId)?,
            text: self.text,
            bytes: self.bytes,
            parent: self.parent,
            kind: self.kind,
            timestamp: self.timestamp,
            message: self.message,
            legacy: self.legacy,
        })))
    }
}

/// A line without the byte order mark that some editors put in front.
fn body(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Where `part`, a slice of `whole`, stands in it.
fn place(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start + part.len()
}

#[cfg(test)]
mod tests;
