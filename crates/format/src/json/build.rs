//! Writing one object, key by key, with values that may be raw text.
//!
//! Raw text stays as it was written, but for line breaks: a line holds none.

use std::fmt::Write as _;

use super::{Raw, on_one_line, push_quoted};

/// An object under construction. Keys come out in the order they were given, on one line.
pub(crate) struct ObjectBuilder(String);

impl ObjectBuilder {
    pub(crate) fn new() -> Self {
        ObjectBuilder::sized(0)
    }

    /// One that will hold about that many bytes.
    pub(crate) fn sized(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes + 64);
        text.push('{');
        ObjectBuilder(text)
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_quoted(&mut self.0, key);
        self.0.push(':');
    }

    pub(crate) fn raw(&mut self, key: &str, value: Raw<'_>) -> &mut Self {
        self.key(key);
        self.0.push_str(&on_one_line(value.text()));
        self
    }

    pub(crate) fn opt_raw(&mut self, key: &str, value: Option<Raw<'_>>) -> &mut Self {
        if let Some(value) = value {
            self.raw(key, value);
        }
        self
    }

    pub(crate) fn str(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        push_quoted(&mut self.0, value);
        self
    }

    pub(crate) fn opt_str(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.str(key, value);
        }
        self
    }

    pub(crate) fn u64(&mut self, key: &str, value: u64) -> &mut Self {
        self.key(key);
        // A string has no way to refuse what is written to it.
        let _ = write!(self.0, "{value}");
        self
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key);
        self.0.push_str(if value { "true" } else { "false" });
        self
    }

    /// A number, or `null` where there is none.
    pub(crate) fn i64_or_null(&mut self, key: &str, value: Option<i64>) -> &mut Self {
        self.key(key);
        match value {
            Some(value) => self.0.push_str(&value.to_string()),
            None => self.0.push_str("null"),
        }
        self
    }

    pub(crate) fn finish(&mut self) -> String {
        let mut text = std::mem::take(&mut self.0);
        text.push('}');
        text
    }
}
