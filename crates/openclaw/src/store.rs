//! `sessions.json` as rows of text: read, looked up, changed row by row, written again.
//!
//! Invariants: a row that nobody changed is written as it was read, to the byte, in its place; order, unknown fields, forms of
//! numbers and malformed rows stay. Keys are compared trimmed and in lower case; spellings of one key are merged when that row is
//! written, and not before: the row that was changed last wins. Deliberately absent: files.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::key::normalized;
use crate::patch::{Activity, Patch};
use crate::raw_map::RawMap;
use crate::row::Row;

/// The rows of a store.
#[derive(Clone, Debug, Default)]
pub struct SessionsJson {
    rows: Vec<Row>,
    /// Whether the text ends with a line break.
    ends_line: bool,
    /// The keys whose rows were changed, each with the text that it had before.
    touched: BTreeMap<String, Option<String>>,
}

/// What came of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Patched {
    /// The row has the new fields.
    Changed,
    /// There is no such row.
    Missing,
    /// The row is malformed, and stays as it is.
    Malformed,
}

/// A row that cannot be read as one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MalformedRow {
    /// Its key, as it is written.
    pub key: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl SessionsJson {
    /// Reads the text of a store.
    ///
    /// # Errors
    /// When it is not exactly one JSON object.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let RawMap(fields) = serde_json::from_str(text)?;
        let rows = fields.into_iter().map(|(key, value)| Row::new(key, value));
        Ok(Self {
            rows: rows.collect(),
            ends_line: text.ends_with('\n'),
            touched: BTreeMap::new(),
        })
    }

    /// All rows, in the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows that cannot be read as such. They are kept.
    #[must_use]
    pub fn malformed(&self) -> Vec<MalformedRow> {
        let told = |row: &Row| {
            let (key, why) = (row.key().to_owned(), row.malformed()?);
            Some(MalformedRow { key, why })
        };
        self.rows.iter().filter_map(told).collect()
    }

    /// The row of a key, in whatever spelling; of several the one that was changed last.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Row> {
        self.at(&normalized(key)).and_then(|at| self.rows.get(at))
    }

    fn at(&self, key: &str) -> Option<usize> {
        let spelled = |row: &Row| row.normalized_key() == key;
        let of_key = self.rows.iter().enumerate().filter(|(_, row)| spelled(row));
        // Of equals, the one in the usual spelling.
        let rank = |row: &Row| {
            let sound = row.malformed().is_none();
            (sound, row.updated_at(), row.key() == key)
        };
        of_key.max_by_key(|(_, row)| rank(row)).map(|(at, _)| at)
    }

    /// Makes this the row of the key.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn put(&mut self, key: &str, value: &impl Serialize) -> Result<(), serde_json::Error> {
        let text = serde_json::to_string_pretty(value)?.replace('\n', "\n  ");
        self.put_text(key, RawValue::from_string(text)?)
    }

    /// Changes fields of a row. `now_ms` is for [`Activity::Now`].
    pub fn patch(&mut self, key: &str, patch: &Patch, activity: Activity, now_ms: i64) -> Patched {
        let Some(row) = self.get(key) else {
            return Patched::Missing;
        };
        if row.malformed().is_some() {
            return Patched::Malformed;
        }
        let old = row.updated_at();
        let updated = match activity {
            Activity::Now => old.max(patch.number_of("updatedAt")).max(Some(now_ms)),
            Activity::Kept => old,
        };
        let patch = match updated {
            // The number keeps the form it has, if it stays.
            Some(updated) if Some(updated) != old => patch.clone().number("updatedAt", updated),
            _ => patch.clone().forget("updatedAt"),
        };
        let patched = patch.applied(row.text());
        match patched.map(|text| self.put_text(key, text)) {
            Some(Ok(())) => Patched::Changed,
            _ => Patched::Malformed,
        }
    }

    /// Takes a row out, in all its spellings; whether there was one. Malformed rows stay.
    pub fn remove(&mut self, key: &str) -> bool {
        let key = normalized(key);
        self.touch(&key);
        let before = self.rows.len();
        self.rows
            .retain(|row| row.normalized_key() != key || row.malformed().is_some());
        self.rows.len() < before
    }

    /// Makes this text the row of the key, where its best spelling stood, and takes the other spellings out but malformed ones.
    pub(crate) fn put_text(
        &mut self,
        key: &str,
        text: Box<RawValue>,
    ) -> Result<(), serde_json::Error> {
        let key = normalized(key);
        let written = Row::new(serde_json::value::to_raw_value(&key)?, text);
        self.touch(&key);
        match self.at(&key) {
            Some(at) => {
                if let Some(row) = self.rows.get_mut(at) {
                    *row = written;
                }
                let mut number = 0;
                self.rows.retain(|row| {
                    number += 1;
                    let other = row.normalized_key() != key || row.malformed().is_some();
                    number == at + 1 || other
                });
            }
            None => self.rows.push(written),
        }
        Ok(())
    }

    fn touch(&mut self, key: &str) {
        if !self.touched.contains_key(key) {
            let before = self.get(key).map(|row| row.text().to_owned());
            self.touched.insert(key.to_owned(), before);
        }
    }

    /// The changes so far that changed something: the key, the text before, and the text now.
    pub(crate) fn edits(&self) -> impl Iterator<Item = (&str, Option<&str>, Option<&str>)> {
        let edits = self.touched.iter().map(|(key, before)| {
            let now = self.get(key).map(Row::text);
            (key.as_str(), before.as_deref(), now)
        });
        edits.filter(|(_, before, now)| before != now)
    }

    /// Whether it would be written otherwise than it was read.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.edits().next().is_some()
    }

    /// The text of the store: two spaces a level, as OpenClaw writes it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let sum = |row: &Row| row.key_text().len() + row.text().len() + 6;
        let mut text = String::with_capacity(self.rows.iter().map(sum).sum::<usize>() + 4);
        text.push('{');
        for (at, row) in self.rows.iter().enumerate() {
            text.push_str(if at == 0 { "\n  " } else { ",\n  " });
            text.push_str(row.key_text());
            text.push_str(": ");
            text.push_str(row.text());
        }
        text.push_str(if self.rows.is_empty() { "}" } else { "\n}" });
        if self.ends_line {
            text.push('\n');
        }
        text
    }
}
