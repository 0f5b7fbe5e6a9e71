//! The source held against the transcript: is everything there, in its order, saying the same?
//!
//! First the transcript's entries are [seen](Diff::see), in stored order; then each item of the source, read again, is
//! [held](Diff::hold) against them. What an entry says is compared by fingerprints, part by part; the order by parents: an item must hang
//! below the item that it follows, with nothing of the same source in between. A reply that had grown since an earlier import
//! stands twice, and the shorter one is no difference.
//!
//! Memory: some 250 bytes for each imported entry, and 60 for each other one.

use std::collections::HashMap;

use latchwork_format::{EntryId, RawEntry, RawLine, line};

use crate::item::{Follows, Item};
use crate::key::{is_followed, place_of, start_of};
use crate::prints::{Part, Prints};

/// The most differences that are named.
const NAMED_MAX: usize = 1_000;
/// The time that both sides are given, where a line needs one.
const NO_TIME: &str = "";

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(
    tag = "what",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[non_exhaustive]
pub enum Difference {
    /// The source has it, the transcript has not.
    Missing {
        /// The line of the source.
        line: u64,
        /// What it is.
        kind: &'static str,
        /// Its key.
        key: String,
    },
    /// Both have it, and they do not say the same.
    Changed {
        /// The line of the source.
        line: u64,
        /// What it is.
        kind: &'static str,
        /// The entry.
        entry: EntryId,
        /// What differs in it.
        parts: Vec<Part>,
    },
    /// Both have it, and it does not follow the same.
    Moved {
        /// The line of the source.
        line: u64,
        /// What it is.
        kind: &'static str,
        /// The entry.
        entry: EntryId,
    },
    /// The transcript has it from this source, which has it no more.
    Extra {
        /// The entry.
        entry: EntryId,
        /// Its key.
        key: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffReport {
    /// Items of the source that stand in the transcript as they should.
    pub same: u64,
    /// How many differ, or are missing, moved or extra.
    pub different: u64,
    /// Entries of an earlier import that a longer one has taken the place of.
    pub superseded: u64,
    /// The differences, the first of them.
    pub differences: Vec<Difference>,
}

/// A hash of a place.
type Place = [u8; 16];

fn place(text: &str) -> Place {
    let hash = blake3::hash(text.as_bytes());
    let mut short = Place::default();
    for (to, from) in short.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    short
}

/// An imported entry.
struct Seen {
    id: EntryId,
    key: String,
    prints: Prints,
    /// The imported entry that it hangs below, by its number here.
    above: Option<usize>,
    matched: bool,
}

/// The source held against the transcript.
#[derive(Default)]
pub struct Diff {
    prefix: String,
    seen: Vec<Seen>,
    by_place: HashMap<Place, Vec<usize>>,
    /// By the id of any entry: the imported entry at or above it.
    at_or_above: HashMap<EntryId, Option<usize>>,
    /// By the number of an item: its entry, by its number here.
    entries: Vec<Option<usize>>,
    /// The beginnings of the places that the source has.
    starts: std::collections::HashSet<Place>,
    report: DiffReport,
}

impl Diff {
    /// Begins with a transcript, and the source whose entries count in it.
    #[must_use]
    pub fn of(kind: crate::SourceKind, session: &str) -> Self {
        Self {
            prefix: crate::key::prefix(kind, session),
            ..Self::default()
        }
    }

    /// Takes note of an entry of the transcript. In stored order, all of them.
    pub fn see(&mut self, entry: &RawEntry) {
        let above = entry
            .parent()
            .and_then(|parent| self.at_or_above.get(parent).copied().flatten());
        let key = entry.mark().and_then(|mark| mark.key);
        let key = key.filter(|key| key.starts_with(&self.prefix));
        let Some(key) = key else {
            self.at_or_above.insert(entry.id().clone(), above);
            return;
        };
        let named = place_of(&key).unwrap_or_default();
        let own = place(named);
        let stands = match is_followed(named) {
            true => Some(self.seen.len()),
            false => above,
        };
        self.at_or_above.insert(entry.id().clone(), stands);
        if named.ends_with(":~receipt") {
            return;
        }
        self.by_place.entry(own).or_default().push(self.seen.len());
        self.seen.push(Seen {
            id: entry.id().clone(),
            prints: Prints::of(entry),
            key,
            above,
            matched: false,
        });
    }

    /// Holds an item of the source against the transcript. In the order of the source, all of them.
    pub fn hold(&mut self, item: &Item) {
        let named = place_of(&item.key).unwrap_or_default().to_owned();
        let own = place(&named);
        self.starts.insert(place(start_of(&named)));
        let kind = item.kind.as_str();
        let line = item.lines.0;
        let Some(prints) = prints_of(item) else {
            return self.differ(Difference::Missing {
                line,
                kind,
                key: item.key.clone(),
            });
        };
        let candidates = self.by_place.get(&own).map_or(&[][..], Vec::as_slice);
        let whole = |index: &&usize| {
            self.seen
                .get(**index)
                .is_some_and(|seen| seen.prints == prints)
        };
        let best = candidates.iter().find(whole).or(candidates.last()).copied();
        self.stands(item, best);
        let expected = self.expected(item);
        let Some(seen) = best.and_then(|best| self.seen.get_mut(best)) else {
            return self.differ(Difference::Missing {
                line,
                kind,
                key: item.key.clone(),
            });
        };
        seen.matched = true;
        let entry = seen.id.clone();
        let parts = prints.differences(&seen.prints);
        let moved = expected.is_some_and(|expected| expected != seen.above);
        if !parts.is_empty() {
            self.differ(Difference::Changed {
                line,
                kind,
                entry,
                parts,
            });
        } else if moved {
            self.differ(Difference::Moved { line, kind, entry });
        } else {
            self.report.same += 1;
        }
    }

    /// What the entry of an item must hang below; `None` if anything will do.
    fn expected(&self, item: &Item) -> Option<Option<usize>> {
        match item.follows {
            Follows::Nothing => Some(None),
            Follows::Item(number) => {
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                Some(self.entries.get(number).copied().flatten())
            }
            Follows::Anything => None,
        }
    }

    /// Takes note of the entry of an item, for those that follow it.
    fn stands(&mut self, item: &Item, entry: Option<usize>) {
        let Some(number) = item.number.and_then(|number| usize::try_from(number).ok()) else {
            return;
        };
        if self.entries.len() <= number {
            self.entries.resize(number + 1, None);
        }
        if let Some(slot) = self.entries.get_mut(number) {
            *slot = entry;
        }
    }

    /// What came of it, when the source has come to its end.
    #[must_use]
    pub fn end(mut self) -> DiffReport {
        for seen in std::mem::take(&mut self.seen) {
            if seen.matched {
                continue;
            }
            let start = place(start_of(place_of(&seen.key).unwrap_or_default()));
            if self.starts.contains(&start) {
                self.report.superseded += 1;
            } else {
                self.differ(Difference::Extra {
                    entry: seen.id,
                    key: seen.key,
                });
            }
        }
        self.report
    }

    fn differ(&mut self, difference: Difference) {
        self.report.different += 1;
        if self.report.differences.len() < NAMED_MAX {
            self.report.differences.push(difference);
        }
    }
}

/// The fingerprints of an item as it would stand in a transcript.
fn prints_of(item: &Item) -> Option<Prints> {
    let own = EntryId::new("0");
    let body = item.body_with(|_| Some(own.clone()))?;
    let line = line(&own, None, NO_TIME, None, &body).ok()?;
    match RawLine::parse(line.strip_suffix(b"\n").unwrap_or(&line)).ok()? {
        RawLine::Entry(entry) => Some(Prints::of(&entry)),
        RawLine::Header(_) => None,
    }
}

impl DiffReport {
    /// Whether the transcript holds the source, all of it and as it is.
    #[must_use]
    pub const fn is_proof(&self) -> bool {
        self.different == 0
    }
}
