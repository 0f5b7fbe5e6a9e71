//! What was read, what was kept aside, and what was left out and why.
//!
//! Limit: names and reasons come from the source, so there are at most [`NAMES_MAX`] of each; the rest counts as one.

use std::collections::BTreeMap;

/// The most names that are counted apart.
const NAMES_MAX: usize = 64;
/// The longest name that is counted, in characters.
const NAME_CHARS_MAX: usize = 48;
/// The most damaged lines that are named.
const FAULTS_MAX: usize = 100;
/// What names beyond the limit are called.
const OTHERS: &str = "(others)";

/// A line that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Its number, from 1; of a database, the row's.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// Counts of what a source gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Items by their kind.
    pub entries: BTreeMap<&'static str, u64>,
    /// What was kept though it has no place in the format, by the source's own name for it.
    pub raw: BTreeMap<String, u64>,
    /// What was not kept, by the reason.
    pub left_out: BTreeMap<&'static str, u64>,
    /// What was done otherwise than one would expect, by the reason.
    pub notes: BTreeMap<&'static str, u64>,
    /// Lines that could not be taken, the first of them.
    pub damaged: Vec<Fault>,
    /// How many there are.
    pub damaged_lines: u64,
}

impl Report {
    pub(crate) fn damage(&mut self, line: u64, why: impl Into<String>) {
        self.damaged_lines += 1;
        if self.damaged.len() < FAULTS_MAX {
            let why = why.into();
            self.damaged.push(Fault { line, why });
        }
    }

    pub(crate) fn kept(&mut self, name: &str) {
        let shown: String = name.chars().take(NAME_CHARS_MAX).collect();
        let known = self.raw.contains_key(&shown) || self.raw.len() < NAMES_MAX;
        let shown = if known { shown } else { OTHERS.to_owned() };
        *self.raw.entry(shown).or_default() += 1;
    }

    pub(crate) fn left_out(&mut self, why: &'static str) {
        *self.left_out.entry(why).or_default() += 1;
    }

    pub(crate) fn note(&mut self, what: &'static str) {
        *self.notes.entry(what).or_default() += 1;
    }
}
