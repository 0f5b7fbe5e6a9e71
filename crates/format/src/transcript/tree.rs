//! The tree that parents make of the lines, as it can be walked: bridged where a parent is lost, cut where it
//! runs in a circle.
//!
//! An entry whose parent cannot be found hangs below the nearest ancestor that can: the lost line's own
//! parent, if that could be made out, else what was read before the lost line, else what was read before the
//! entry itself. A parent that stands later in the file is found like any other.

use super::Transcript;
use crate::entry::RawEntry;
use crate::id::EntryId;

/// How many lost lines are followed upwards by their names before file order decides.
pub(crate) const MAX_LOST_IN_A_ROW: usize = 1000;

/// An oddity of the tree, and what was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TreeFault {
    /// The parent is not there; the entry hangs below another.
    Bridged {
        /// The entry.
        child: EntryId,
        /// The parent that it names.
        missing: EntryId,
        /// What it hangs below; `None` makes it a root.
        to: Option<EntryId>,
    },
    /// The entry is its own parent or ancestor; it was made a root.
    Circle {
        /// The entry.
        at: EntryId,
    },
    /// A later line has the same id; this one cannot be referred to.
    Hidden {
        /// The id of both.
        id: EntryId,
        /// The hidden line, counted from 1.
        line: u64,
    },
}

/// Where an entry hangs, as positions among the lines.
enum Parent<'a> {
    Root,
    /// It names itself, which makes it a root.
    Itself,
    At(usize),
    Bridged(&'a EntryId, Option<usize>),
}

impl Parent<'_> {
    fn position(&self) -> Option<usize> {
        match *self {
            Parent::Root | Parent::Itself => None,
            Parent::At(position) => Some(position),
            Parent::Bridged(_, to) => to,
        }
    }
}

impl Transcript {
    /// The entries from the root (of a [part](Transcript::part), from where it begins) to `leaf`, both included; `None` if there is no such entry.
    #[must_use]
    pub fn branch(&self, leaf: &EntryId) -> Option<Vec<&RawEntry>> {
        let start = self.index.position(leaf)?;
        let mut path: Vec<_> = self
            .upwards(start)
            .map(|position| &self.lines[position].entry)
            .collect();
        path.reverse();
        Some(path)
    }

    /// Whether `ancestor` is `of` or stands above it.
    #[must_use]
    pub fn is_ancestor(&self, ancestor: &EntryId, of: &EntryId) -> bool {
        if let Some(outline) = self.outline() {
            let both = (outline.find(ancestor.as_str()), outline.find(of.as_str()));
            return matches!(both, (Some(ancestor), Some(of)) if outline.is_ancestor(ancestor, of));
        }
        let (Some(ancestor), Some(start)) =
            (self.index.position(ancestor), self.index.position(of))
        else {
            return false;
        };
        self.upwards(start).any(|position| position == ancestor)
    }

    /// The entry that `id` hangs below, bridged if need be.
    #[must_use]
    pub fn parent_of(&self, id: &EntryId) -> Option<&RawEntry> {
        let parent = self.parent(self.index.position(id)?).position()?;
        self.lines.get(parent).map(|line| &line.entry)
    }

    /// The entries directly below `parent`, or the roots, in file order. Looks at every line; see [`Transcript::tree`].
    #[must_use]
    pub fn children(&self, parent: Option<&EntryId>) -> Vec<&RawEntry> {
        let tree = self.tree();
        let positions = match parent.map(|id| self.index.position(id)) {
            None => tree.roots(),
            Some(None) => &[],
            Some(Some(position)) => tree.children(position),
        };
        positions
            .iter()
            .map(|&position| &self.lines[position].entry)
            .collect()
    }

    /// The whole tree, in positions among [`Transcript::lines`].
    #[must_use]
    pub fn tree(&self) -> Tree {
        let mut parents: Vec<_> = (0..self.lines.len())
            .map(|position| self.parent(position).position())
            .collect();
        let cuts = cut_circles(&mut parents);
        let mut tree = Tree {
            roots: Vec::new(),
            children: vec![Vec::new(); parents.len()],
            cuts,
        };
        for (position, parent) in parents.into_iter().enumerate() {
            match parent {
                Some(parent) => tree.children[parent].push(position),
                None => tree.roots.push(position),
            }
        }
        tree
    }

    /// Every oddity of the tree.
    #[must_use]
    pub fn tree_faults(&self) -> Vec<TreeFault> {
        let id = |position: usize| self.lines[position].entry.id().clone();
        let mut faults = Vec::new();
        for child in 0..self.lines.len() {
            match self.parent(child) {
                Parent::Itself => faults.push(TreeFault::Circle { at: id(child) }),
                Parent::Bridged(missing, to) => faults.push(TreeFault::Bridged {
                    child: id(child),
                    missing: missing.clone(),
                    to: to.map(id),
                }),
                Parent::Root | Parent::At(_) => {}
            }
        }
        faults.extend(
            self.tree()
                .cuts
                .iter()
                .map(|&at| TreeFault::Circle { at: id(at) }),
        );
        let hidden = self.index.hidden().iter();
        faults.extend(hidden.map(|&at| TreeFault::Hidden {
            id: id(at),
            line: self.lines[at].number,
        }));
        faults
    }

    /// Walks from `start` to the root; ends where it would meet an entry again.
    pub(crate) fn upwards(&self, start: usize) -> impl Iterator<Item = usize> {
        // A circle needs a step that does not go back in the file. As long as there is none, nothing
        // needs to be remembered; files without such a step are nearly all of them.
        let mut seen: Option<std::collections::HashSet<usize>> = None;
        let mut lowest = start;
        std::iter::successors(Some(start), move |&from| {
            let to = self.parent(from).position()?;
            if seen.is_none() && to < lowest {
                lowest = to;
                return Some(to);
            }
            // What was walked so far went down from `start` by parents, so it is walked once more to be known.
            let known = seen.get_or_insert_with(|| self.descent(start, from));
            known.insert(to).then_some(to)
        })
    }

    /// The positions from `start` to `end`, where every step goes back in the file.
    fn descent(&self, start: usize, end: usize) -> std::collections::HashSet<usize> {
        let steps = std::iter::successors(Some(start), |&at| {
            if at == end {
                None
            } else {
                self.parent(at).position()
            }
        });
        steps.collect()
    }

    fn parent(&self, child: usize) -> Parent<'_> {
        let Some(id) = self.lines[child].entry.parent() else {
            return Parent::Root;
        };
        // A part does not know all lines, so that nothing is bridged by what is held.
        if let Some(beyond) = &self.beyond {
            let held = match beyond.knows_parents() {
                true => beyond.parent(child),
                false => self
                    .index
                    .position(id)
                    .filter(|position| *position != child),
            };
            return held.map_or(Parent::Root, Parent::At);
        }
        match self.index.position(id) {
            Some(position) if position == child => Parent::Itself,
            Some(position) => Parent::At(position),
            None => Parent::Bridged(id, self.bridge(id, child)),
        }
    }

    fn bridge(&self, missing: &EntryId, child: usize) -> Option<usize> {
        let mut missing = missing;
        let mut before = None;
        // Lost lines may name each other in a circle.
        for _ in 0..MAX_LOST_IN_A_ROW.min(self.damage.len()) {
            let Some(place) = self.index.lost(missing) else {
                break;
            };
            let lost = &self.damage[place];
            before = Some(lost.entries_before);
            missing = lost.parent.as_ref()?;
            // A lost line may stand twice: once torn and once whole, as the entry that asks.
            if let Some(position) = self
                .index
                .position(missing)
                .filter(|&position| position != child)
            {
                return Some(position);
            }
        }
        let before = before
            .or_else(|| self.nameless_before(child))
            .filter(|&before| before <= child);
        // An entry that a later line hides stands for that line. Some steps back, so that a file of nothing
        // but one id costs no more than any other.
        let candidates = (0..before.unwrap_or(child)).rev().take(16);
        candidates
            .filter_map(|at| self.index.position(self.lines[at].entry.id()))
            .find(|&at| at != child)
    }

    /// How many entries stand before the last line before `child` that was lost with its names.
    fn nameless_before(&self, child: usize) -> Option<usize> {
        let nameless = self.index.nameless();
        let end = nameless.partition_point(|&place| self.damage[place].entries_before <= child);
        nameless[..end]
            .last()
            .map(|&place| self.damage[place].entries_before)
    }
}

/// Makes a root of one entry of every circle; gives those entries.
fn cut_circles(parents: &mut [Option<usize>]) -> Vec<usize> {
    let mut visit = vec![0_usize; parents.len()];
    let mut cuts = Vec::new();
    for start in 0..parents.len() {
        let mark = start + 1;
        let mut at = start;
        while visit[at] == 0 {
            visit[at] = mark;
            let Some(parent) = parents[at] else { break };
            if visit[parent] == mark {
                parents[at] = None;
                cuts.push(at);
                break;
            }
            at = parent;
        }
    }
    cuts
}

/// The tree in positions among the lines.
#[derive(Clone, Debug)]
pub struct Tree {
    roots: Vec<usize>,
    children: Vec<Vec<usize>>,
    cuts: Vec<usize>,
}

impl Tree {
    /// The entries without a parent, in file order.
    #[must_use]
    pub fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// The entries directly below the one at `position`, in file order.
    #[must_use]
    pub fn children(&self, position: usize) -> &[usize] {
        self.children.get(position).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
