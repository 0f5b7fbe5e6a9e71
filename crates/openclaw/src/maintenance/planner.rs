//! What a plan is made on: rows by their keys, files, and what keeps each of them.
//!
//! Invariant: what goes once stays gone; so planning ends. Deliberately absent: the order in which things go (`rows`, `files`, `budget`).

use std::collections::{BTreeMap, HashMap};

use crate::key::{KeyKind, kind};
use crate::maintenance::MaintenanceOptions;
use crate::maintenance::plan::{
    Asked, DiskPlan, FileAction, FilePlan, Plan, RowAction, RowPlan, Why,
};
use crate::maintenance::references::{InUse, Names, Where, transcript};
use crate::maintenance::seen::{Seen, SeenFile};
use crate::row::Entry;
use crate::store::SessionsJson;

/// A key with all its spellings.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) plan: RowPlan,
    pub(super) entries: Vec<Entry>,
    /// What keeps it from every removal.
    pub(super) firm: Option<Why>,
    /// What keeps it from being evicted for number or room.
    pub(super) soft: Option<Why>,
    /// Whether its kind keeps it from age, too.
    pub(super) is_kept_kind: bool,
    pub(super) missing: bool,
    /// The rows that name this one as where they came from.
    pub(super) children: Vec<usize>,
    /// How many rows of the file it is.
    pub(super) spellings: usize,
}

#[derive(Debug)]
pub(super) struct Planner<'a> {
    pub(super) seen: &'a Seen,
    pub(super) in_use: &'a InUse,
    pub(super) options: &'a MaintenanceOptions,
    pub(super) now_ms: i64,
    pub(super) fix_missing: bool,
    pub(super) fix_dm_scope: Option<String>,
    pub(super) groups: Vec<Group>,
    pub(super) files: Vec<FilePlan>,
    /// What rows that go referred to, and no row that stays does.
    pub(super) gone: Names,
    /// How many rows and files go so far.
    pub(super) removals: usize,
    pub(super) store_bytes: u64,
    pub(super) disk: Option<DiskPlan>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        rows: &SessionsJson,
        seen: &'a Seen,
        in_use: &'a InUse,
        options: &'a MaintenanceOptions,
        asked: &Asked,
        now_ms: i64,
    ) -> Self {
        let files = seen.files.iter().map(|file| FilePlan {
            file: file.clone(),
            action: FileAction::Keep,
            why: Why::NotDue,
        });
        let mut planner = Self {
            seen,
            in_use,
            options,
            now_ms,
            fix_missing: asked.fix_missing,
            fix_dm_scope: asked.fix_dm_scope.as_deref().map(str::to_lowercase),
            groups: Vec::new(),
            files: files.collect(),
            gone: Names::default(),
            removals: 0,
            store_bytes: rows.to_text().len() as u64,
            disk: None,
        };
        planner.gather(rows);
        planner
    }

    fn gather(&mut self, rows: &SessionsJson) {
        let mut known: HashMap<String, usize> = HashMap::new();
        for row in rows.rows() {
            let key = row.normalized_key().to_owned();
            let at = *known.entry(key.clone()).or_insert_with(|| {
                self.groups.push(Group::new(key));
                self.groups.len() - 1
            });
            if let Some(group) = self.groups.get_mut(at) {
                group.add(row);
            }
        }
        let files: BTreeMap<&str, &SeenFile> = self
            .seen
            .files
            .iter()
            .map(|file| (file.name.as_str(), file))
            .collect();
        let mut children: Vec<(usize, usize)> = Vec::new();
        for (at, group) in self.groups.iter().enumerate() {
            let parents = group.entries.iter().flat_map(|entry| &entry.parents);
            let parents = parents.filter_map(|key| known.get(key).copied());
            children.extend(
                parents
                    .filter(|parent| *parent != at)
                    .map(|parent| (parent, at)),
            );
        }
        for (parent, child) in children {
            if let Some(group) = self.groups.get_mut(parent) {
                group.children.push(child);
            }
        }
        let mut groups = std::mem::take(&mut self.groups);
        for group in &mut groups {
            self.judge(group, &files);
        }
        self.groups = groups;
    }

    /// What keeps a row, whatever asks for its removal.
    fn judge(&self, group: &mut Group, files: &BTreeMap<&str, &SeenFile>) {
        let places: Vec<Where> = group
            .entries
            .iter()
            .map(|entry| transcript(entry, &self.seen.folder))
            .collect();
        let own: Vec<&SeenFile> = places
            .iter()
            .filter_map(|place| match place {
                Where::Here(name) => files.get(name.as_str()).copied(),
                Where::Elsewhere => None,
            })
            .collect();
        let mut names = Names::default();
        for entry in &group.entries {
            names.add_own(entry, &self.seen.folder);
        }
        let named = own.iter().map(|file| file.stem.clone());
        let ids = group.entries.iter().map(|entry| entry.session_id.clone());
        group.plan.stems = named.chain(ids).collect();
        group.plan.stems.sort();
        group.plan.stems.dedup();
        let elsewhere = places.contains(&Where::Elsewhere);
        group.missing = !group.entries.is_empty() && own.is_empty() && !elsewhere;
        let is_live = self
            .in_use
            .live
            .iter()
            .any(|stem| names.holds_session(stem) || own.iter().any(|file| file.stem == *stem));
        let written = own.iter().map(|file| file.modified_ms).max();
        let young = group.plan.updated_at.max(written);
        group.firm = if group.entries.len() < group.spellings {
            Some(Why::Malformed)
        } else if self.in_use.keys.contains(&group.plan.key) {
            Some(Why::Active)
        } else if is_live {
            Some(Why::Live)
        } else if group
            .plan
            .stems
            .iter()
            .any(|stem| self.seen.inboxes.contains(stem))
        {
            Some(Why::Inbox)
        } else if young.is_some_and(|at| self.is_young(at)) {
            Some(Why::Young)
        } else {
            None
        };
        let chat = |entry: &Entry| {
            let chat = entry.chat_type.as_deref();
            matches!(chat, Some("group" | "channel" | "thread"))
        };
        group.is_kept_kind = match kind(&group.plan.key) {
            KeyKind::Synthetic => false,
            KeyKind::Kept => true,
            KeyKind::Plain => group.entries.iter().any(chat),
        };
        group.soft = if group.is_kept_kind {
            Some(Why::Kind)
        } else {
            let runs = group.entries.iter().any(|entry| entry.in_use);
            runs.then_some(Why::InUse)
        };
    }

    pub(super) fn is_young(&self, at_ms: i64) -> bool {
        at_ms >= self.now_ms.saturating_sub(self.options.age_floor_ms)
    }

    pub(super) fn is_older(&self, at_ms: i64, than_ms: i64) -> bool {
        at_ms < self.now_ms.saturating_sub(than_ms)
    }

    pub(super) fn is_of_gone_row(&self, file: &SeenFile) -> bool {
        self.gone.holds(file)
    }

    pub(super) fn ended(self) -> Plan {
        Plan {
            at_ms: self.now_ms,
            rows: self.groups.into_iter().map(|group| group.plan).collect(),
            files: self.files,
            disk: self.disk,
        }
    }
}

impl Group {
    fn new(key: String) -> Self {
        Self {
            plan: RowPlan {
                key,
                texts: Vec::new(),
                session_id: None,
                updated_at: None,
                action: RowAction::Keep,
                why: Why::NotDue,
                bytes: 0,
                stems: Vec::new(),
            },
            entries: Vec::new(),
            firm: None,
            soft: None,
            is_kept_kind: false,
            missing: false,
            children: Vec::new(),
            spellings: 0,
        }
    }

    fn add(&mut self, row: &crate::Row) {
        self.spellings += 1;
        self.plan.bytes += (row.key().len() + row.text().len() + 8) as u64;
        self.plan.texts.push(row.text().to_owned());
        let updated = row.updated_at();
        if let Some(entry) = row.entry() {
            if self.plan.session_id.is_none() || updated > self.plan.updated_at {
                self.plan.session_id = Some(entry.session_id.clone());
            }
            self.entries.push(entry);
        }
        self.plan.updated_at = self.plan.updated_at.max(updated);
    }
}
