//! The rows and what finds them: by id, by key, by kind.

use std::sync::Arc;

use hashbrown::HashTable;

use super::chunks::Chunks;
use super::names::{Hashing, Name, Names};
use super::odd::Odd;
use super::row::{self, KINDS, MESSAGE, NONE, ROLES, Row, kind_code, role_code};
use super::walk::Column;
use crate::kind::{Kind, Role};
use crate::scan::{Facts, Seen, What};
use crate::transcript::Damage;

/// How many additions are kept apart from a table that may be shared.
const APART: usize = 1024;

#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) rows: Chunks<Row>,
    pub(super) names: Names,
    pub(super) hashing: Hashing,
    ids: Grown<u32>,
    /// Hashes of keys, with the entries that carry them.
    keys: Grown<(u64, u32)>,
    /// What each compaction keeps from, in file order.
    pub(super) kept: Chunks<(u32, Name)>,
    pub(super) newest: Newest,
    pub(super) odd: Arc<Odd>,
    pub(super) crooked: bool,
    pub(super) full: bool,
}

/// A table and the newest additions to it, so that a clone shares the one and a change copies only the other.
#[derive(Clone, Debug)]
struct Grown<T> {
    base: Arc<HashTable<T>>,
    apart: Arc<HashTable<T>>,
}

impl<T> Default for Grown<T> {
    fn default() -> Self {
        Grown {
            base: Arc::new(HashTable::new()),
            apart: Arc::new(HashTable::new()),
        }
    }
}

impl<T: Copy> Grown<T> {
    /// Adds an element, or puts it in the place of the one that is the `same`.
    fn put(
        &mut self,
        hash: u64,
        element: T,
        same: impl Fn(&T) -> bool,
        rehash: impl Fn(&T) -> u64,
    ) {
        if Arc::strong_count(&self.base) == 1 && self.apart.is_empty() {
            return replace(Arc::make_mut(&mut self.base), hash, element, same, rehash);
        }
        replace(Arc::make_mut(&mut self.apart), hash, element, same, rehash);
    }

    /// Brings both together once there are many additions; `same` is told of two elements of one hash.
    fn gather(&mut self, same: impl Fn(&T, &T) -> bool, rehash: impl Fn(&T) -> u64) {
        if self.apart.len() < APART {
            return;
        }
        let base = Arc::make_mut(&mut self.base);
        for element in self.apart.iter() {
            replace(
                base,
                rehash(element),
                *element,
                |other| same(element, other),
                &rehash,
            );
        }
        self.apart = Arc::new(HashTable::new());
    }

    fn find(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&T> {
        self.apart
            .find(hash, &same)
            .or_else(|| self.base.find(hash, &same))
    }
}

fn replace<T>(
    table: &mut HashTable<T>,
    hash: u64,
    element: T,
    same: impl Fn(&T) -> bool,
    rehash: impl Fn(&T) -> u64,
) {
    match table.find_mut(hash, same) {
        Some(place) => *place = element,
        None => drop(table.insert_unique(hash, element, rehash)),
    }
}

/// The last entry of each kind and from each role.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newest {
    kinds: [u32; KINDS],
    roles: [u32; ROLES],
}

impl Default for Newest {
    fn default() -> Self {
        Newest {
            kinds: [NONE; KINDS],
            roles: [NONE; ROLES],
        }
    }
}

impl Newest {
    pub(super) fn note(&mut self, entry: u32, row: &Row) {
        self.kinds[usize::from(row.kind)] = entry;
        if row.kind == MESSAGE {
            self.roles[usize::from(row.role)] = entry;
        }
    }

    pub(super) fn kind(&self, kind: &Kind) -> Option<u32> {
        Some(self.kinds[usize::from(kind_code(kind))]).filter(|&entry| entry != NONE)
    }

    pub(super) fn role(&self, role: &Role) -> Option<u32> {
        Some(self.roles[usize::from(role_code(role))]).filter(|&entry| entry != NONE)
    }
}

impl Table {
    pub(super) fn take(&mut self, seen: &Seen<'_>) {
        match &seen.what {
            What::Nothing => {}
            What::Entry(facts) => self.add(seen, facts),
            What::Damaged { why, id, parent } => self.lose(Damage {
                line: seen.number,
                offset: seen.offset,
                len: usize::try_from(seen.len).unwrap_or(usize::MAX),
                why: why.clone(),
                id: id.clone(),
                parent: parent.clone(),
                entries_before: self.rows.len(),
            }),
        }
    }

    fn add(&mut self, seen: &Seen<'_>, facts: &Facts<'_>) {
        let Some(entry) = u32::try_from(self.rows.len())
            .ok()
            .filter(|&entry| entry < NONE)
        else {
            self.full = true;
            return;
        };
        let name = self.names.name(&facts.id, &self.hashing);
        self.note_repetition(name);
        let hang = self.hang_new(entry, name, facts.parent.as_deref());
        let above = hang.parent.and_then(|parent| self.row(parent));
        let column = Column::below(above.copied(), hang.parent, |at| self.row(at).copied());
        let role = match &facts.kind {
            Kind::Message(role) => role_code(role),
            _ => role_code(&Role::Other("".into())),
        };
        let sets_model =
            facts.kind == Kind::ModelChange || facts.kind == Kind::Message(Role::Assistant);
        let or = |is: bool, above: u32| if is { entry } else { above };
        let row = Row {
            offset: seen.offset,
            bits: name.bits,
            form: name.form,
            len: u32::try_from(seen.len).unwrap_or(u32::MAX),
            number: u32::try_from(seen.number).unwrap_or(u32::MAX),
            sum: seen.sum,
            parent: hang.parent.unwrap_or(NONE),
            jump: column.jump.unwrap_or(entry),
            depth: column.depth,
            boundary: or(facts.kind == Kind::Compaction, column.boundary),
            level: or(facts.sets_level, column.level),
            model: or(sets_model, column.model),
            kind: kind_code(&facts.kind),
            role,
            flags: flags(facts) | hang.flags,
        };
        self.rows.push(row);
        self.newest.note(entry, &row);
        self.index(entry, name, facts);
    }

    fn index(&mut self, entry: u32, name: Name, facts: &Facts<'_>) {
        let (rows, hashing) = (&self.rows, &self.hashing);
        let name_of = |entry: &u32| rows.get(*entry as usize).map(Row::name);
        let rehash = |entry: &u32| name_of(entry).map_or(0, |name| hashing.name(name));
        self.ids.put(
            hashing.name(name),
            entry,
            |other| name_of(other) == Some(name),
            rehash,
        );
        self.ids
            .gather(|one, other| name_of(one) == name_of(other), rehash);
        if let Some(key) = &facts.key {
            let hash = hashing.text(key);
            self.keys.put(hash, (hash, entry), |_| false, |key| key.0);
            self.keys.gather(|_, _| false, |key| key.0);
        }
        if let Some(kept) = &facts.first_kept {
            let kept = self.names.name(kept, &self.hashing);
            self.kept.push((entry, kept));
        }
    }

    /// An id that was there or was asked for in vain: what hung somewhere may now hang elsewhere.
    fn note_repetition(&mut self, name: Name) {
        let earlier = self.position(name);
        self.crooked |= earlier.is_some() || self.odd.wanted.contains(&name);
        if let Some(earlier) = earlier {
            Arc::make_mut(&mut self.odd).hidden.push(earlier);
        }
    }

    fn hang_new(&mut self, entry: u32, name: Name, parent: Option<&str>) -> HangsNew {
        let Some(parent) = parent else {
            return HangsNew::default();
        };
        let parent = self.names.name(parent, &self.hashing);
        if parent == name {
            return HangsNew {
                parent: None,
                flags: row::ITSELF,
            };
        }
        let last = entry
            .checked_sub(1)
            .and_then(|last| Some((last, self.row(last)?)));
        let there = match last {
            Some((last, row)) if row.name() == parent => Some(last),
            _ => self.position(parent),
        };
        if there.is_some() {
            return HangsNew {
                parent: there,
                flags: 0,
            };
        }
        let mut asked = vec![parent];
        let bridge = self.bridge(parent, entry, &mut asked);
        let odd = Arc::make_mut(&mut self.odd);
        odd.missing.insert(entry, parent);
        odd.wanted.extend(asked);
        HangsNew {
            parent: bridge,
            flags: row::MISSING,
        }
    }

    /// What finds rows by their ids, made elsewhere.
    pub(super) fn know_ids(&mut self, ids: HashTable<u32>) {
        self.ids.base = Arc::new(ids);
    }

    /// What finds rows by their keys, made elsewhere.
    pub(super) fn know_keys(&mut self, keys: HashTable<(u64, u32)>) {
        self.keys.base = Arc::new(keys);
    }

    /// The hash of each key, and who carries it.
    pub(super) fn keys(&self) -> impl Iterator<Item = (u64, u32)> {
        self.keys.base.iter().chain(self.keys.apart.iter()).copied()
    }

    pub(super) fn lose(&mut self, damage: Damage) {
        let id = damage
            .id
            .as_ref()
            .map(|id| self.names.name(id.as_str(), &self.hashing));
        let parent = damage.parent.as_ref();
        let parent = parent.map(|parent| self.names.name(parent.as_str(), &self.hashing));
        let odd = Arc::make_mut(&mut self.odd);
        let place = odd.damage.len();
        odd.damage.push(damage);
        odd.parents.push(parent);
        match id {
            Some(id) => {
                self.crooked |= odd.wanted.contains(&id);
                odd.lost.insert(id, place);
            }
            None => odd.nameless.push(place),
        }
    }

    pub(super) fn row(&self, entry: u32) -> Option<&Row> {
        self.rows.get(entry as usize)
    }

    /// The last entry of that name.
    pub(super) fn position(&self, name: Name) -> Option<u32> {
        let same = |entry: &u32| self.row(*entry).map(Row::name) == Some(name);
        self.ids.find(self.hashing.name(name), same).copied()
    }

    pub(super) fn find(&self, id: &str) -> Option<u32> {
        self.position(self.names.known(id, &self.hashing)?)
    }

    pub(super) fn has_lost(&self, id: &str) -> bool {
        let name = self.names.known(id, &self.hashing);
        name.is_some_and(|name| self.odd.lost.contains_key(&name))
    }

    pub(super) fn keyed(&self, key: &str) -> Vec<u32> {
        let hash = self.hashing.text(key);
        let tables = [&self.keys.apart, &self.keys.base];
        let hits = tables.into_iter().flat_map(|table| table.iter_hash(hash));
        let mut found: Vec<u32> = hits.filter(|hit| hit.0 == hash).map(|hit| hit.1).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found
    }

    #[cfg(test)]
    pub(super) fn shares_its_base_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ids.base, &other.ids.base)
            && Arc::ptr_eq(&self.keys.base, &other.keys.base)
    }

    pub(super) fn damage(&self) -> &[Damage] {
        &self.odd.damage
    }

    pub(super) fn hidden(&self) -> &[u32] {
        &self.odd.hidden
    }
}

/// What a new entry hangs below.
#[derive(Default)]
struct HangsNew {
    parent: Option<u32>,
    flags: u8,
}

fn flags(facts: &Facts<'_>) -> u8 {
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    flag(facts.ours, row::OURS)
        | flag(facts.aside, row::ASIDE)
        | flag(facts.head, row::HEAD)
        | flag(facts.key.is_some(), row::KEYED)
        | flag(facts.ends_with_message, row::LAST)
}
