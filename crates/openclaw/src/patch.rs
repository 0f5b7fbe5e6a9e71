//! A change of some fields of a row, the others kept to the byte and in their order.
//!
//! Deliberately absent: changes within a field. A field is replaced whole or taken out, as OpenClaw does it.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::raw_map::{RawMap, decoded};

/// What becomes of the activity of a session, which maintenance and resets go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// `updatedAt` becomes the greatest of the old one, the patch's, and now.
    Now,
    /// `updatedAt` stays as it is: somebody looked, or noted something, and nobody spoke.
    Kept,
}

/// Fields to set and to take out.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    fields: Vec<(String, Option<Box<RawValue>>)>,
}

impl Patch {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn set(mut self, field: &str, value: &impl Serialize) -> Result<Self, serde_json::Error> {
        let pretty = serde_json::to_string_pretty(value)?;
        self.put(field, Some(RawValue::from_string(pretty)?));
        Ok(self)
    }

    /// Sets a field to a number.
    #[must_use]
    pub fn number(self, field: &str, value: i64) -> Self {
        let raw = RawValue::from_string(value.to_string()).ok();
        self.with(field, raw)
    }

    /// Sets a field to a string.
    #[must_use]
    pub fn text(self, field: &str, value: &str) -> Self {
        let raw = serde_json::value::to_raw_value(value).ok();
        self.with(field, raw)
    }

    /// Takes a field out.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        self.put(field, None);
        self
    }

    /// The same without what it says of one field.
    pub(crate) fn forget(mut self, field: &str) -> Self {
        self.fields.retain(|(name, _)| name != field);
        self
    }

    /// Numbers and strings always have a JSON form.
    fn with(mut self, field: &str, raw: Option<Box<RawValue>>) -> Self {
        if raw.is_some() {
            self.put(field, raw);
        }
        self
    }

    fn put(&mut self, field: &str, value: Option<Box<RawValue>>) {
        self.fields.retain(|(name, _)| name != field);
        self.fields.push((field.to_owned(), value));
    }

    /// The number that the patch sets the field to.
    pub(crate) fn number_of(&self, field: &str) -> Option<i64> {
        let value = self.fields.iter().find(|(name, _)| name == field);
        let text = value.and_then(|(_, value)| value.as_ref())?;
        crate::row::millis(latchwork_format::Raw::parse(text.get()).ok()?)
    }

    /// The row with this change; `None` if it is no object.
    pub(crate) fn applied(&self, row: &str) -> Option<Box<RawValue>> {
        let RawMap(mut fields) = serde_json::from_str(row).ok()?;
        for (name, value) in &self.fields {
            let at = fields.iter().rposition(|(key, _)| decoded(key) == *name);
            match (at, value) {
                (Some(at), Some(value)) => {
                    if let Some((_, old)) = fields.get_mut(at) {
                        old.clone_from(value);
                    }
                }
                (None, Some(value)) => {
                    let key = serde_json::value::to_raw_value(name).ok()?;
                    fields.push((key, value.clone()));
                }
                (Some(_), None) => fields.retain(|(key, _)| decoded(key) != *name),
                (None, None) => {}
            }
        }
        object(&fields)
    }
}

/// An object as it stands in a row of the store: two spaces a level. What was already written keeps its own breaks.
fn object(fields: &[(Box<RawValue>, Box<RawValue>)]) -> Option<Box<RawValue>> {
    if fields.is_empty() {
        return RawValue::from_string("{}".to_owned()).ok();
    }
    let mut text = String::from("{");
    for (at, (key, value)) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let value = value.get();
        let _ = write!(text, "{comma}\n    {}: {}", key.get(), indented(value));
    }
    text.push_str("\n  }");
    RawValue::from_string(text).ok()
}

/// A value of our own making begins its lines at the margin; one that was in the store is indented already.
fn indented(value: &str) -> String {
    let ours = value.ends_with("\n}") || value.ends_with("\n]");
    if ours {
        value.replace('\n', "\n    ")
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_patched_keeps_its_text_and_its_place() {
        let row = "{\n    \"a\": 1.0,\n    \"b\": [\n      \"\\ud800\"\n    ],\n    \"c\": 2\n  }";
        let patch = Patch::new()
            .number("a", 3)
            .without("c")
            .set("d", &vec![1])
            .unwrap();
        let patched = patch.applied(row).unwrap();
        assert_eq!(
            patched.get(),
            "{\n    \"a\": 3,\n    \"b\": [\n      \"\\ud800\"\n    ],\n    \"d\": [\n      1\n    ]\n  }"
        );
        assert!(patch.applied("[]").is_none());
        assert_eq!(
            Patch::new()
                .without("a")
                .applied("{\"a\":1}")
                .unwrap()
                .get(),
            "{}"
        );
    }
}
