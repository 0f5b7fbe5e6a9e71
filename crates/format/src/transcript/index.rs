//! What is looked up by id: positions, labels, the name, and the ids of lines that were lost.

use std::collections::HashMap;

use super::{Damage, Line};
use crate::entry::RawEntry;
use crate::id::EntryId;
use crate::kind::Kind;

#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    by_id: HashMap<EntryId, usize>,
    labels: HashMap<EntryId, String>,
    name: Option<String>,
    /// Positions of entries that a later line of the same id hides.
    hidden: Vec<usize>,
    /// Damaged lines whose id could be made out.
    lost: HashMap<EntryId, usize>,
    /// Damaged lines whose id could not.
    nameless: Vec<usize>,
}

impl Index {
    pub(super) fn build(lines: &[Line], damage: &[Damage]) -> Self {
        let mut index = Index::default();
        for (position, line) in lines.iter().enumerate() {
            index.add(&line.entry, position);
        }
        for (place, damage) in damage.iter().enumerate() {
            index.lose(damage.id.as_ref(), place);
        }
        index
    }

    pub(super) fn add(&mut self, entry: &RawEntry, position: usize) {
        if let Some(earlier) = self.by_id.insert(entry.id().clone(), position) {
            self.hidden.push(earlier);
        }
        match entry.kind() {
            Kind::Label => self.add_label(entry),
            Kind::SessionInfo => self.name = entry.session_name().flatten(),
            _ => {}
        }
    }

    fn add_label(&mut self, entry: &RawEntry) {
        let Some(change) = entry.label() else { return };
        match change.label {
            Some(label) => drop(self.labels.insert(change.target, label.into_owned())),
            None => drop(self.labels.remove(&change.target)),
        }
    }

    pub(super) fn lose(&mut self, id: Option<&EntryId>, place: usize) {
        match id {
            Some(id) => drop(self.lost.insert(id.clone(), place)),
            None => self.nameless.push(place),
        }
    }

    pub(super) fn position(&self, id: &EntryId) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub(super) fn labels(&self) -> &HashMap<EntryId, String> {
        &self.labels
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn hidden(&self) -> &[usize] {
        &self.hidden
    }

    pub(super) fn lost(&self, id: &EntryId) -> Option<usize> {
        self.lost.get(id).copied()
    }

    pub(super) fn nameless(&self) -> &[usize] {
        &self.nameless
    }
}
