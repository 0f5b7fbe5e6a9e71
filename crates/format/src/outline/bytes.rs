//! An outline as bytes, to be kept beside its file and read again by the same program: a cache, never the truth.
//!
//! What is written is the whole of it up to the last newline; rows as they are, everything else in one JSON text, the hashes of
//! keys last. Read back, every number is held against its bounds, so that no walk leaves the rows or runs in a circle
//! whatever the bytes say; that they belong to the file, the caller sees to, and each line to its [sum](super::Row::fits).
//!
//! Limits: version 3 only, as lines of the older ones do not speak for themselves. Numbers are little-endian.

use std::sync::Arc;

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::names::{Form, Hashing, Name, Names};
use super::odd::Odd;
use super::row::{ITSELF, MISSING, NONE, ROW_BYTES, Row};
use super::table::{Newest, Table};
use super::{Outline, Unsettled};
use crate::entry::RawLine;
use crate::fault::Limits;
use crate::header::Version;
use crate::scan::Scanner;
use crate::transcript::Damage;

/// What the bytes begin with; the last is the version of this form.
const MAGIC: [u8; 8] = *b"lwrows\n\x02";
/// The magic, the checksum of all that follows, the lengths of the text, the rows and the keys.
const HEAD_BYTES: usize = 8 + 4 * 4;
const KEY_BYTES: usize = 12;
/// A name whose hash tells whether hashes are still made as they were.
const PROBE: &str = "probe";

#[derive(Serialize, Deserialize)]
struct Rest {
    header: String,
    through: u64,
    lines: u64,
    seed: u64,
    probe: u64,
    crooked: bool,
    texts: Vec<String>,
    kept: Vec<(u32, Held)>,
    damage: Vec<Damage>,
    missing: Vec<(u32, Held)>,
    wanted: Vec<Held>,
    hidden: Vec<u32>,
}

/// A name.
type Held = (u8, u64, u64);

fn held(name: Name) -> Held {
    (name.form as u8, name.bits[0], name.bits[1])
}

impl Outline {
    /// Everything before the last newline as bytes; none where that is of an older version, without a header, or
    /// [full](Outline::is_full).
    #[must_use]
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let (scanner, table) = match self.tail.as_deref() {
            Some(Unsettled { scanner, table, .. }) => (scanner, table),
            None => (&self.scanner, &self.table),
        };
        let header = scanner
            .header()
            .filter(|header| header.version == Version::Three)?;
        let odd = &table.odd;
        let mut missing: Vec<_> = odd
            .missing
            .iter()
            .map(|(entry, name)| (*entry, held(*name)))
            .collect();
        missing.sort_unstable();
        let rest = Rest {
            header: header.raw.to_string(),
            through: scanner.saved_through(),
            lines: scanner.lines_read(),
            seed: table.hashing.seed(),
            probe: table.hashing.text(PROBE),
            crooked: table.crooked,
            texts: table.names.texts().map(str::to_owned).collect(),
            kept: table
                .kept
                .iter()
                .map(|(entry, name)| (*entry, held(*name)))
                .collect(),
            damage: odd.damage.clone(),
            missing,
            wanted: odd.wanted.iter().map(|name| held(*name)).collect(),
            hidden: odd.hidden.clone(),
        };
        table.to_bytes(&rest).filter(|_| !table.full)
    }

    /// What was kept of an outline, to be read on with [`Outline::push`]. None if that cannot be right, which says
    /// nothing about the file.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], limits: Limits) -> Option<Self> {
        let mut outline = Outline::with_limits(limits);
        let parts = Parts::of(bytes)?;
        let rest: Rest = serde_json::from_slice(parts.text).ok()?;
        let Ok(RawLine::Header(header)) =
            RawLine::parse_within(rest.header.as_bytes(), outline.scanner.limits())
        else {
            return None;
        };
        let is_known = header.version == Version::Three;
        outline.table = Table::from_parts(&parts, &rest).filter(|_| is_known)?;
        outline.scanner =
            Scanner::resumed(outline.scanner.limits(), header, rest.through, rest.lines);
        Some(outline)
    }
}

struct Parts<'a> {
    text: &'a [u8],
    rows: &'a [u8],
    keys: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let sized = |at: usize, each: usize| usize::try_from(number(at)?).ok()?.checked_mul(each);
        let body = bytes.get(HEAD_BYTES..)?;
        let (text, rows, keys) = (sized(12, 1)?, sized(16, ROW_BYTES)?, sized(20, KEY_BYTES)?);
        let fits = bytes.starts_with(&MAGIC)
            && text.checked_add(rows)?.checked_add(keys)? == body.len()
            && crc32fast::hash(bytes.get(12..)?) == number(8)?;
        let (text, rest) = body.split_at_checked(text)?;
        let (rows, keys) = rest.split_at_checked(rows)?;
        fits.then_some(Parts { text, rows, keys })
    }
}

impl Table {
    fn to_bytes(&self, rest: &Rest) -> Option<Vec<u8>> {
        let text = serde_json::to_vec(rest).ok()?;
        let keys: Vec<(u64, u32)> = self.keys().collect();
        let mut bytes = Vec::with_capacity(
            HEAD_BYTES + text.len() + self.rows.len() * ROW_BYTES + keys.len() * KEY_BYTES,
        );
        bytes.extend(MAGIC);
        bytes.extend([0; 4]);
        for len in [text.len(), self.rows.len(), keys.len()] {
            bytes.extend(u32::try_from(len).ok()?.to_le_bytes());
        }
        bytes.extend(text);
        self.rows.iter().for_each(|row| bytes.extend(row.bytes()));
        for (hash, entry) in keys {
            bytes.extend(hash.to_le_bytes());
            bytes.extend(entry.to_le_bytes());
        }
        let sum = crc32fast::hash(bytes.get(12..)?);
        bytes.get_mut(8..12)?.copy_from_slice(&sum.to_le_bytes());
        Some(bytes)
    }

    fn from_parts(parts: &Parts<'_>, rest: &Rest) -> Option<Self> {
        let hashing = Hashing::seeded(rest.seed);
        if hashing.text(PROBE) != rest.probe {
            return None;
        }
        let mut names = Names::default();
        for text in &rest.texts {
            names.name(text, &hashing);
        }
        let mut table = Table::default();
        (table.names, table.hashing, table.crooked) = (names, hashing, rest.crooked);
        let strings = u32::try_from(rest.texts.len()).ok()?;
        let name = |(form, high, low): Held| {
            let form = Form::of(form)?;
            let is_known = form != Form::Long || high < u64::from(strings);
            is_known.then_some(Name {
                form,
                bits: [high, low],
            })
        };
        table.take_rows(parts.rows, strings, rest.through)?;
        let count = u32::try_from(table.rows.len()).ok()?;
        let mut before = None;
        for &(entry, kept) in &rest.kept {
            (entry < count && before < Some(entry)).then_some(())?;
            before = Some(entry);
            table.kept.push((entry, name(kept)?));
        }
        let mut odd = Odd {
            hidden: rest.hidden.clone(),
            ..Odd::default()
        };
        odd.hidden
            .iter()
            .all(|entry| *entry < count)
            .then_some(())?;
        for &(entry, missing) in &rest.missing {
            (entry < count).then_some(())?;
            odd.missing.insert(entry, name(missing)?);
        }
        for &wanted in &rest.wanted {
            odd.wanted.insert(name(wanted)?);
        }
        table.odd = Arc::new(odd);
        table.take_damage(&rest.damage)?;
        table.take_keys(parts.keys, count)?;
        Some(table)
    }

    /// The rows, and what is found by them.
    fn take_rows(&mut self, bytes: &[u8], strings: u32, through: u64) -> Option<()> {
        let count = bytes.len() / ROW_BYTES;
        let mut ids = HashTable::with_capacity(count);
        let mut newest = Newest::default();
        let mut end = 0;
        for (entry, bytes) in (0_u32..).zip(bytes.as_chunks::<ROW_BYTES>().0) {
            let row = Row::of_bytes(bytes)?;
            self.is_sound(entry, &row, strings).then_some(())?;
            (row.offset() >= end).then_some(())?;
            end = row.offset().checked_add(u64::from(row.len()))?;
            newest.note(entry, &row);
            self.rows.push(row);
            let hash = self.hashing.name(row.name());
            let (rows, hashing) = (&self.rows, &self.hashing);
            let of = |entry: &u32| rows.get(*entry as usize).map(Row::name);
            let rehash = |entry: &u32| of(entry).map_or(0, |name| hashing.name(name));
            match ids.find_mut(hash, |other| of(other) == Some(row.name())) {
                Some(place) => *place = entry,
                None => drop(ids.insert_unique(hash, entry, rehash)),
            }
        }
        self.newest = newest;
        self.know_ids(ids);
        (end <= through).then_some(())
    }

    /// Whether a row names rows before it only, as one does that was made from a file.
    fn is_sound(&self, entry: u32, row: &Row, strings: u32) -> bool {
        let before = |other: u32| other < entry;
        let or_none = |other: u32| other == NONE || other <= entry;
        let columns = [row.boundary, row.level, row.model]
            .into_iter()
            .all(or_none);
        let names = row.form != Form::Long || row.bits[0] < u64::from(strings);
        let hangs = match self.row(row.parent) {
            Some(parent) if before(row.parent) => {
                let jump = self.row(row.jump).filter(|_| before(row.jump));
                row.depth == parent.depth.saturating_add(1)
                    && jump.is_some_and(|jump| jump.depth < row.depth)
            }
            _ => row.parent == NONE && row.jump == entry && row.depth == 0,
        };
        columns && names && hangs && row.flags & (ITSELF | MISSING) != ITSELF | MISSING
    }

    fn take_damage(&mut self, lines: &[Damage]) -> Option<()> {
        let count = self.rows.len();
        for damage in lines {
            (damage.entries_before <= count).then_some(())?;
            let crooked = self.crooked;
            self.lose(damage.clone());
            self.crooked = crooked;
        }
        Some(())
    }

    fn take_keys(&mut self, bytes: &[u8], count: u32) -> Option<()> {
        let mut keys = HashTable::with_capacity(bytes.len() / KEY_BYTES);
        for bytes in bytes.as_chunks::<KEY_BYTES>().0 {
            let (hash, entry) = bytes.split_first_chunk()?;
            let (hash, entry) = (
                u64::from_le_bytes(*hash),
                u32::from_le_bytes(entry.try_into().ok()?),
            );
            (entry < count).then_some(())?;
            keys.insert_unique(hash, (hash, entry), |key: &(u64, u32)| key.0);
        }
        self.know_keys(keys);
        Some(())
    }
}

#[cfg(test)]
mod tests;
