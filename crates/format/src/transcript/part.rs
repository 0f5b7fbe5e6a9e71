//! A transcript of which only some lines are held: those that somebody needs, out of a file that may be large.
//!
//! Its entries, labels and names are those of the lines held. A branch begins where the lines held begin. What needs no text
//! (ancestry, the leaf, damage, counts) is answered for the whole file by its [outline](crate::outline), where that was given;
//! of a part read from the [end](crate::backwards) it is answered for the lines held. Nothing can be read on into a part.

use std::collections::HashSet;

use super::index::Index;
use super::{Line, Transcript, Unsettled};
use crate::backwards::Found;
use crate::entry::RawEntry;
use crate::id::EntryId;
use crate::kind::Role;
use crate::outline::Outline;

/// What is known beyond the lines held.
#[derive(Clone, Debug)]
pub(super) struct Beyond {
    outline: Option<Outline>,
    /// The number of each line held.
    numbers: Vec<u32>,
    /// Entries further up that say how hard the model is to think and which one it is.
    pub(super) above: Vec<RawEntry>,
    pub(super) leaf: Option<EntryId>,
}

impl Transcript {
    /// These entries of the file that the outline is of, each with its number there; those that a later line hides are left out. `above` are entries further up of which a
    /// context takes the thinking level and the model.
    #[must_use]
    pub fn part(outline: Outline, mut entries: Vec<(u32, RawEntry)>, above: Vec<RawEntry>) -> Self {
        entries.sort_unstable_by_key(|(number, _)| *number);
        entries.dedup_by_key(|(number, _)| *number);
        // What a later line hides cannot be referred to, and must not stand for that line where it is not held.
        let hidden: HashSet<u32> = outline.hidden().iter().copied().collect();
        entries.retain(|(number, _)| !hidden.contains(number));
        let numbers = entries.iter().map(|(number, _)| *number).collect();
        let lines = entries.into_iter().filter_map(|(number, entry)| {
            let row = outline.row(number)?;
            Some(Line {
                entry,
                offset: row.offset(),
                len: row.len() as usize,
                number: u64::from(row.number()),
            })
        });
        let lines: Vec<Line> = lines.collect();
        let leaf = outline.leaf().and_then(|leaf| outline.id(leaf));
        let mut before = outline.reader().clone();
        before.offset = outline.saved_through();
        Transcript {
            limits: outline.limits(),
            damage: outline.damage().to_vec(),
            index: Index::build(&lines, outline.damage()),
            reader: before.clone(),
            tail: Some(Unsettled {
                tail: outline.tail(),
                before,
                entries: lines.len(),
            }),
            lines,
            beyond: Some(Box::new(Beyond {
                outline: Some(outline),
                numbers,
                above,
                leaf,
            })),
        }
    }

    /// All entries of the file that the outline is of, in its order, which were read by its rows. What cannot be read needs not be read
    /// again. `None` if an entry is missing.
    #[must_use]
    pub fn whole(outline: &Outline, entries: Vec<RawEntry>) -> Option<Self> {
        if entries.len() != outline.len() {
            return None;
        }
        let through = outline.saved_through();
        let rows = outline.rows(0).map(|(_, row)| row);
        let lines = entries.into_iter().zip(rows).map(|(entry, row)| Line {
            entry,
            offset: row.offset(),
            len: row.len() as usize,
            number: u64::from(row.number()),
        });
        let lines: Vec<Line> = lines.collect();
        let mut before = outline.reader().clone();
        before.offset = through;
        let tail = (outline.pending() > 0).then(|| Unsettled {
            tail: outline.tail(),
            before: before.clone(),
            entries: lines.partition_point(|line| line.offset < through),
        });
        Some(Transcript {
            limits: outline.limits(),
            damage: outline.damage().to_vec(),
            index: Index::build(&lines, outline.damage()),
            reader: before,
            lines,
            tail,
            beyond: None,
        })
    }

    /// The end of a branch that was read from the end of its file, whose beginning (with the header) was read into an outline. Which
    /// line of the file an entry is, nobody counted: they have the number 0.
    #[must_use]
    pub fn part_of_end(found: Found, beginning: &Outline) -> Self {
        let lines = found.part.into_iter().map(|placed| Line {
            entry: placed.entry,
            offset: placed.offset,
            len: placed.len,
            number: 0,
        });
        let lines: Vec<Line> = lines.collect();
        let mut before = beginning.reader().clone();
        before.offset = found.saved_through;
        Transcript {
            limits: beginning.limits(),
            damage: Vec::new(),
            index: Index::build(&lines, &[]),
            reader: before.clone(),
            tail: Some(Unsettled {
                tail: found.tail,
                before,
                entries: lines.len(),
            }),
            beyond: Some(Box::new(Beyond {
                outline: None,
                numbers: Vec::new(),
                above: found.above,
                leaf: lines.last().map(|line| line.entry.id().clone()),
            })),
            lines,
        }
    }

    /// Whether every line of the file is held.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.beyond.is_none()
    }

    /// How many entries the file has, if that is known.
    #[must_use]
    pub fn file_entry_count(&self) -> Option<usize> {
        match self.beyond.as_deref() {
            Some(beyond) => beyond.outline.as_ref().map(Outline::len),
            None => Some(self.lines.len()),
        }
    }

    /// Whether the file has a message from this role, as far as that is known.
    #[must_use]
    pub fn has_message_from(&self, role: &Role) -> bool {
        let outline = self
            .beyond
            .as_ref()
            .and_then(|beyond| beyond.outline.as_ref());
        match outline {
            Some(outline) => outline.newest_from(role).is_some(),
            None => self.entries().any(|entry| entry.role() == Some(role)),
        }
    }

    /// Whether the file has an entry of that id, as far as that is known.
    #[must_use]
    pub fn has_entry(&self, id: &EntryId) -> bool {
        match self.outline() {
            Some(outline) => outline.find(id.as_str()).is_some(),
            None => self.entry(id).is_some(),
        }
    }

    pub(super) fn outline(&self) -> Option<&Outline> {
        self.beyond.as_ref()?.outline.as_ref()
    }
}

impl Beyond {
    /// What a line held hangs below, if that is held as well.
    pub(super) fn parent(&self, child: usize) -> Option<usize> {
        let outline = self.outline.as_ref()?;
        let parent = outline.hang(*self.numbers.get(child)?).parent()?;
        self.numbers.binary_search(&parent).ok()
    }

    /// Whether parents are known by an outline.
    pub(super) fn knows_parents(&self) -> bool {
        self.outline.is_some()
    }
}
