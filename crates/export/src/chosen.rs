//! Which entries an export holds, what each hangs below, and what they are called: rows, not texts.
//!
//! Invariant: parents lead upwards only; a circle is cut, so that every walk in the exported page ends.
//! Limits: four bytes for each entry of the session, and eight for each that is exported; labels as they are long.

use std::collections::HashMap;

use latchwork_format::outline::Hang;
use latchwork_format::{Kind, Outline};

use crate::options::Which;
use crate::source::{ExportError, Session, Source};

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;

/// The entries of an export.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// Their numbers in the outline, in file order.
    pub(crate) rows: Vec<u32>,
    /// What each hangs below, as a place in `rows`; [`NONE`] at a root.
    pub(crate) parents: Vec<u32>,
    /// The end of the branch that is shown, as a place in `rows`.
    pub(crate) leaf: Option<u32>,
    /// The head, if it is among them.
    pub(crate) head: Option<u32>,
}

impl Chosen {
    /// # Errors
    /// [`ExportError::NoEntry`] for a leaf that is not there.
    pub(crate) fn of(session: &Session<'_>, which: &Which) -> Result<Self, ExportError> {
        let outline = session.outline;
        let (mut rows, leaf) = match which {
            Which::Active => (branch(outline, session.head), session.head),
            Which::Leaf(id) => {
                let leaf = outline.find(id.as_str());
                if leaf.is_none() {
                    return Err(ExportError::NoEntry(id.clone()));
                }
                (branch(outline, leaf), leaf)
            }
            Which::All => (outline.rows(0).map(|(row, _)| row).collect(), session.head),
        };
        rows.sort_unstable();
        let place = |row: u32| place(&rows, row);
        let parents = rows
            .iter()
            .map(|row| outline.hang(*row).parent().and_then(place).unwrap_or(NONE));
        let mut parents: Vec<u32> = parents.collect();
        cut_circles(&mut parents);
        Ok(Chosen {
            parents,
            leaf: leaf.and_then(place),
            head: session.head.and_then(place),
            rows,
        })
    }

    /// The places from the root to the leaf.
    pub(crate) fn path(&self, leaf: Option<u32>) -> Vec<u32> {
        let up = |at: &u32| {
            let parent = self.parents.get(*at as usize)?;
            (*parent != NONE).then_some(*parent)
        };
        let mut path: Vec<u32> = std::iter::successors(leaf, up).collect();
        path.reverse();
        path
    }

    /// The ends of all branches but the one that is shown, in file order.
    pub(crate) fn other_leaves(&self) -> Vec<u32> {
        let mut has_child = vec![false; self.rows.len()];
        for parent in &self.parents {
            if let Some(has) = has_child.get_mut(*parent as usize) {
                *has = true;
            }
        }
        let all = (0..).zip(has_child);
        let ends = all.filter(|(place, has)| !has && Some(*place) != self.leaf);
        ends.map(|(place, _)| place).collect()
    }
}

fn place(rows: &[u32], row: u32) -> Option<u32> {
    u32::try_from(rows.binary_search(&row).ok()?).ok()
}

fn branch(outline: &Outline, leaf: Option<u32>) -> Vec<u32> {
    leaf.map_or_else(Vec::new, |leaf| outline.branch(leaf))
}

/// Makes a root of one entry of every circle.
fn cut_circles(parents: &mut [u32]) {
    let mut walk = vec![0_u32; parents.len()];
    for start in 0..parents.len() {
        let mark = u32::try_from(start).unwrap_or(NONE).saturating_add(1);
        let mut at = start;
        while walk.get(at) == Some(&0) {
            walk[at] = mark;
            let above = parents[at] as usize;
            if walk.get(above) == Some(&mark) {
                parents[at] = NONE;
                break;
            }
            at = above;
        }
    }
}

/// What is said of entries elsewhere: labels, and the name of the session.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The label of each entry that has one, by its number in the outline.
    pub(crate) labels: HashMap<u32, String>,
    /// The name of the session.
    pub(crate) session: Option<String>,
}

impl Names {
    /// Reads the entries that give names, and no others.
    pub(crate) fn read(outline: &Outline, source: &mut dyn Source) -> Result<Self, ExportError> {
        let mut names = Names::default();
        for (number, row) in outline.rows(0) {
            let kind = row.kind();
            if !matches!(kind, Kind::Label | Kind::SessionInfo) {
                continue;
            }
            let Some(entry) = source.entry(number).map_err(ExportError::Read)? else {
                continue;
            };
            if let Some(name) = entry.session_name() {
                names.session = name;
            }
            let Some(label) = entry.label() else {
                continue;
            };
            let Some(target) = outline.find(label.target.as_str()) else {
                continue;
            };
            match label.label {
                Some(text) => names.labels.insert(target, text.into_owned()),
                None => names.labels.remove(&target),
            };
        }
        Ok(names)
    }
}

/// Whether entries are lost right above this one.
pub(crate) fn is_bridged(outline: &Outline, row: u32) -> bool {
    matches!(outline.hang(row), Hang::Bridged(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_walk_upwards_ends(wild in proptest::collection::vec(0_u32..12, 0..12)) {
            let count = u32::try_from(wild.len()).unwrap();
            let mut parents: Vec<u32> = wild.iter().map(|p| if *p < count { *p } else { NONE }).collect();
            let before = parents.clone();
            cut_circles(&mut parents);
            let chosen = Chosen { rows: (0..count).collect(), parents: parents.clone(), leaf: None, head: None };
            for start in 0..count {
                let steps = std::iter::successors(Some(start), |at| {
                    let parent = chosen.parents[*at as usize];
                    (parent != NONE).then_some(parent)
                });
                prop_assert!(steps.take(wild.len() + 1).count() <= wild.len());
            }
            let has_no_circle = |parents: &[u32]| (0..count).all(|start| {
                std::iter::successors(Some(start), |at| Some(parents[*at as usize]).filter(|p| *p != NONE)).take(20).count() < 20
            });
            prop_assert!(!has_no_circle(&before) || before == parents, "what has no circle is left alone");
        }
    }
}
