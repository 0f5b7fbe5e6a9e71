//! An entry written again byte for byte.
//!
//! An entry that is moved, copied or taken from elsewhere gets its id, parent, time and mark anew, in front as on every line
//! of ours; of everything else each byte stays: space, the order of keys, repeated keys, number forms, escapes, bytes that are
//! not UTF-8. A document model would change most of these.

use crate::entry::RawEntry;
use crate::fault::LineFault;
use crate::id::EntryId;
use crate::json::splice::Object;
use crate::json::{MAX_FIELDS, Raw, on_one_line, quote};
use crate::mark::Mark;

use super::{WriteError, narrow};

/// One JSON object as the bytes that it was written in, on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct RawObject(Box<[u8]>);

impl RawObject {
    /// Reads `text` as one object; space around it is left out, and where there are line breaks, that between its tokens.
    ///
    /// # Errors
    /// [`LineFault`]: it is no JSON, no object, or has more keys than are looked into.
    pub fn parse(text: &str) -> Result<Self, LineFault> {
        let raw = Raw::parse(text).map_err(|error| LineFault::not_json(&error))?;
        if !raw.is_object() {
            return Err(LineFault::NotAnObject);
        }
        if raw.fields().is_none() {
            return Err(LineFault::TooWide { max: MAX_FIELDS });
        }
        let line = on_one_line(raw.text());
        Ok(RawObject(line.as_bytes().into()))
    }

    /// The object of an entry's line.
    #[must_use]
    pub fn of(entry: &RawEntry) -> Self {
        RawObject(entry.raw().into())
    }

    /// The object that is the value of `name`, if that is one.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Self> {
        let object = self.apart()?;
        let value = object.get(name)?;
        value.starts_with(b"{").then(|| RawObject(value.into()))
    }

    /// The value of `name`, if it is a string.
    #[must_use]
    pub fn str(&self, name: &str) -> Option<String> {
        self.apart()?.str(name)
    }

    /// Whether it has a field `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.apart()
            .is_some_and(|object| object.get(name).is_some())
    }

    /// The object without its fields `name`.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        self.changed(|object| object.remove(name))
    }

    /// The object with this string for `name`: in the place of the value that counts, else at the end.
    #[must_use]
    pub fn with_str(&self, name: &str, value: &str) -> Self {
        self.changed(|object| object.set_or_add(name, quote(value).as_bytes()))
    }

    /// The object with this one for `name`: in the place of the value that counts, else at the end.
    #[must_use]
    pub fn with_object(&self, name: &str, value: &RawObject) -> Self {
        self.changed(|object| object.set_or_add(name, &value.0))
    }

    /// The text; bytes that are not UTF-8 read as U+FFFD.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    fn changed(&self, change: impl FnOnce(&mut Object<'_>)) -> Self {
        match self.apart() {
            Some(mut object) => {
                change(&mut object);
                RawObject(object.to_bytes().into())
            }
            None => self.clone(),
        }
    }

    fn apart(&self) -> Option<Object<'_>> {
        Object::read(&self.0)
    }
}

impl std::fmt::Debug for RawObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

/// What we say of an entry anew.
pub(super) struct Frame<'a> {
    pub(super) id: &'a EntryId,
    pub(super) parent: Option<&'a EntryId>,
    pub(super) timestamp: &'a str,
    pub(super) mark: Option<&'a Mark>,
}

impl Frame<'_> {
    /// The object's line without its newline, in this frame.
    pub(super) fn around(&self, entry: &RawObject) -> Result<Vec<u8>, WriteError> {
        let object = entry.apart().ok_or(WriteError::NoType)?;
        if object.str("type").as_deref() == Some("session") {
            return Err(WriteError::NoType);
        }
        narrow(object.fields().count())?;
        let mut line = Vec::with_capacity(entry.0.len() + 256);
        let mut say = |name: &str, value: &[u8]| {
            line.push(if line.is_empty() { b'{' } else { b',' });
            line.extend_from_slice(quote(name).as_bytes());
            line.push(b':');
            line.extend_from_slice(value);
        };
        // What has no type is an entry too, of no kind that is known: it is written as it was read.
        if let Some(kind) = object.get("type") {
            say("type", kind);
        }
        say("id", quote(self.id.as_str()).as_bytes());
        let parent = self.parent.map(|parent| quote(parent.as_str()));
        say("parentId", parent.as_deref().unwrap_or("null").as_bytes());
        say("timestamp", quote(self.timestamp).as_bytes());
        if let Some(mark) = self.mark {
            say(Mark::FIELD, mark.to_json().as_bytes());
        }
        for (name, text) in object.fields() {
            if !matches!(name, "type" | "id" | "parentId" | "timestamp" | Mark::FIELD) {
                line.push(b',');
                line.extend_from_slice(text);
            }
        }
        line.push(b'}');
        Ok(line)
    }
}
