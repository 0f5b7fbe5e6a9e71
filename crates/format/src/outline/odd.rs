//! What most files have none of: lines that cannot be read, parents that are not there, ids that come twice.

use std::collections::{HashMap, HashSet};

use super::names::Name;
use crate::transcript::Damage;

#[derive(Clone, Debug, Default)]
pub(super) struct Odd {
    pub(super) damage: Vec<Damage>,
    /// The parents that lost lines name, beside them.
    pub(super) parents: Vec<Option<Name>>,
    /// Lost lines whose id could be made out; of several with one id, the last.
    pub(super) lost: HashMap<Name, usize>,
    /// Lost lines whose id could not.
    pub(super) nameless: Vec<usize>,
    /// Entries whose parent was not there when they were read, with that parent.
    pub(super) missing: HashMap<u32, Name>,
    /// Ids that were asked for in vain: where one turns up later, an entry hangs elsewhere than it did.
    pub(super) wanted: HashSet<Name>,
    /// Entries that a later line of the same id hides.
    pub(super) hidden: Vec<u32>,
}

impl Odd {
    /// How many entries stand before the last line before `child` that was lost with its names.
    pub(super) fn nameless_before(&self, child: usize) -> Option<usize> {
        let known = |&place: &usize| self.damage[place].entries_before <= child;
        let end = self.nameless.partition_point(known);
        let last = self.nameless[..end].last();
        last.map(|&place| self.damage[place].entries_before)
    }
}
