//! The tree that the rows make: what an entry hangs below, the way up, and the part of it that a context shows.
//!
//! The rules are those of the transcript's tree, in rows instead of lines. Invariant: every walk ends.

use std::collections::HashSet;

use super::Outline;
use super::names::Name;
use super::row::{ITSELF, MISSING, NONE, Row};
use super::table::Table;
use crate::transcript::MAX_LOST_IN_A_ROW;

/// What an entry hangs below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hang {
    /// Nothing.
    Root,
    /// It names itself, which makes it a root.
    Itself,
    /// The parent that it names.
    At(u32),
    /// The parent that it names is not there; the nearest ancestor that is, if any.
    Bridged(Option<u32>),
}

impl Hang {
    /// The entry that is above.
    #[must_use]
    pub fn parent(self) -> Option<u32> {
        match self {
            Hang::Root | Hang::Itself => None,
            Hang::At(parent) => Some(parent),
            Hang::Bridged(parent) => parent,
        }
    }
}

/// The entries that a context is made of. [`Context::of_part`](crate::Context::of_part) makes it of their lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextRows {
    /// Entries further up that say how hard the model is to think and which one it is, where no shown entry does.
    pub above: Vec<u32>,
    /// The part of the branch that is shown: from what the last compaction keeps, or from the root, to the leaf.
    pub part: Vec<u32>,
}

/// The columns that a row takes from the one above.
pub(super) struct Column {
    /// None at a root, which jumps to itself.
    pub(super) jump: Option<u32>,
    pub(super) depth: u32,
    pub(super) boundary: u32,
    pub(super) level: u32,
    pub(super) model: u32,
}

impl Column {
    /// Jumps are as long as those of the skew binary numbers, which makes every way up logarithmic.
    pub(super) fn below(
        above: Option<Row>,
        parent: Option<u32>,
        row: impl Fn(u32) -> Option<Row>,
    ) -> Self {
        let Some(above) = above else {
            return Column {
                jump: None,
                depth: 0,
                boundary: NONE,
                level: NONE,
                model: NONE,
            };
        };
        let one = row(above.jump);
        let two = one.and_then(|one| row(one.jump));
        let jump = match (one, two) {
            (Some(one), Some(two)) if above.depth - one.depth == one.depth - two.depth => {
                Some(one.jump)
            }
            _ => parent,
        };
        Column {
            jump,
            depth: above.depth.saturating_add(1),
            boundary: above.boundary,
            level: above.level,
            model: above.model,
        }
    }
}

impl Table {
    /// What `entry` hangs below, whatever came after it.
    fn hang(&self, entry: u32) -> Hang {
        let Some(row) = self.row(entry) else {
            return Hang::Root;
        };
        if !self.crooked {
            let parent = Some(row.parent).filter(|&parent| parent != NONE);
            return match parent {
                _ if row.has(MISSING) => Hang::Bridged(parent),
                _ if row.has(ITSELF) => Hang::Itself,
                Some(parent) => Hang::At(parent),
                None => Hang::Root,
            };
        }
        let Some(named) = self.named_parent(entry, row) else {
            return Hang::Root;
        };
        match self.position(named) {
            Some(parent) if parent == entry => Hang::Itself,
            Some(parent) => Hang::At(parent),
            None => Hang::Bridged(self.bridge(named, entry, &mut Vec::new())),
        }
    }

    fn named_parent(&self, entry: u32, row: &Row) -> Option<Name> {
        if row.has(MISSING) {
            self.odd.missing.get(&entry).copied()
        } else if row.has(ITSELF) {
            Some(row.name())
        } else {
            self.row(row.parent).map(Row::name)
        }
    }

    /// The nearest ancestor of `child` that can be found though its parent cannot; `asked` gathers the names looked for.
    pub(super) fn bridge(&self, missing: Name, child: u32, asked: &mut Vec<Name>) -> Option<u32> {
        let (mut missing, mut before) = (missing, None);
        for _ in 0..MAX_LOST_IN_A_ROW.min(self.odd.damage.len()) {
            let Some(&place) = self.odd.lost.get(&missing) else {
                break;
            };
            before = Some(self.odd.damage[place].entries_before);
            missing = self.odd.parents[place]?;
            asked.push(missing);
            if let Some(found) = self.position(missing).filter(|&found| found != child) {
                return Some(found);
            }
        }
        let child_at = child as usize;
        let before = before
            .or_else(|| self.odd.nameless_before(child_at))
            .filter(|&before| before <= child_at);
        let candidates = (0..before.unwrap_or(child_at)).rev().take(16);
        candidates
            .filter_map(|at| self.position(self.rows.get(at)?.name()))
            .find(|&at| at != child)
    }
}

impl Outline {
    /// What `entry` hangs below.
    #[must_use]
    pub fn hang(&self, entry: u32) -> Hang {
        self.table.hang(entry)
    }

    /// The entries from `from` up to the root, both included; ends where it would meet an entry again.
    pub fn upwards(&self, from: u32) -> impl Iterator<Item = u32> + '_ {
        let mut seen = HashSet::from([from]);
        let start = self.row(from).map(|_| from);
        std::iter::successors(start, move |&entry| {
            let parent = self.table.hang(entry).parent()?;
            // Without a crooked step every step goes back in the file, so nothing needs to be remembered.
            (!self.table.crooked || seen.insert(parent)).then_some(parent)
        })
    }

    /// The entries from the root to `leaf`, both included.
    #[must_use]
    pub fn branch(&self, leaf: u32) -> Vec<u32> {
        let mut path: Vec<u32> = self.upwards(leaf).collect();
        path.reverse();
        path
    }

    /// The last `count` entries of the branch that ends with `leaf`, in the branch's order.
    #[must_use]
    pub fn branch_end(&self, leaf: u32, count: usize) -> Vec<u32> {
        let mut path: Vec<u32> = self.upwards(leaf).take(count).collect();
        path.reverse();
        path
    }

    /// Whether `ancestor` is `of` or stands above it.
    #[must_use]
    pub fn is_ancestor(&self, ancestor: u32, of: u32) -> bool {
        let Some(target) = self.row(ancestor) else {
            return false;
        };
        if self.table.crooked {
            return self.upwards(of).any(|entry| entry == ancestor);
        }
        self.hops(of, target.depth).last() == Some(ancestor)
    }

    /// From `of` up to the entry above it that has so many above itself, by jumps.
    pub(super) fn hops(&self, of: u32, depth: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(of), move |&at| {
            let row = self.row(at).filter(|row| row.depth > depth)?;
            let jumps = self.row(row.jump).is_some_and(|far| far.depth >= depth);
            Some(if jumps { row.jump } else { row.parent })
        })
    }

    /// The entries that the context at `leaf` is made of.
    #[must_use]
    pub fn context(&self, leaf: u32) -> ContextRows {
        let Some(row) = self.row(leaf) else {
            return ContextRows::default();
        };
        if self.table.crooked {
            return self.crooked_context(leaf);
        }
        let top = self.row(row.boundary).map(|_| self.top_of(row.boundary));
        let mut part = Vec::new();
        for entry in self.upwards(leaf) {
            part.push(entry);
            if Some(entry) == top {
                break;
            }
        }
        part.reverse();
        let first = part.first().copied().unwrap_or(leaf);
        let mut above: Vec<u32> = [row.level, row.model]
            .into_iter()
            .filter(|&entry| entry != NONE && entry < first)
            .collect();
        above.sort_unstable();
        above.dedup();
        ContextRows { above, part }
    }

    /// Where the part begins that a compaction shows.
    fn top_of(&self, compaction: u32) -> u32 {
        self.first_kept(compaction)
            .filter(|&kept| kept != compaction && self.is_ancestor(kept, compaction))
            .unwrap_or(compaction)
    }

    /// The entry from which a compaction keeps on, if it is there.
    #[must_use]
    pub fn first_kept(&self, compaction: u32) -> Option<u32> {
        self.table.position(self.kept_from(compaction)?)
    }

    /// The id from which a compaction keeps on.
    fn kept_from(&self, compaction: u32) -> Option<Name> {
        let kept = &self.table.kept;
        let (mut low, mut high) = (0, kept.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match kept.get(middle) {
                Some((entry, _)) if *entry < compaction => low = middle + 1,
                _ => high = middle,
            }
        }
        kept.get(low)
            .filter(|(entry, _)| *entry == compaction)
            .map(|(_, name)| *name)
    }

    fn crooked_context(&self, leaf: u32) -> ContextRows {
        let path = self.branch(leaf);
        let is = |entry: &u32, test: &dyn Fn(&Row) -> bool| self.row(*entry).is_some_and(test);
        let at = path
            .iter()
            .rposition(|entry| is(entry, &Row::is_compaction));
        let top = at.map_or(0, |at| {
            let kept = self
                .kept_from(path[at])
                .and_then(|kept| self.table.position(kept));
            path[..at]
                .iter()
                .position(|&entry| Some(entry) == kept)
                .unwrap_or(at)
        });
        let sets = |column: fn(&Row) -> u32| {
            let own =
                move |entry: &&u32| self.row(**entry).is_some_and(|row| column(row) == **entry);
            path.iter()
                .rposition(|entry| own(&entry))
                .filter(|&at| at < top)
        };
        let mut above: Vec<usize> = [sets(|row| row.level), sets(|row| row.model)]
            .into_iter()
            .flatten()
            .collect();
        above.sort_unstable();
        above.dedup();
        ContextRows {
            above: above.into_iter().map(|at| path[at]).collect(),
            part: path[top..].to_vec(),
        }
    }
}
