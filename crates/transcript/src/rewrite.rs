//! Entries of the active branch, replaced: a new branch from the first of them on.
//!
//! As OpenClaw does it, but in one write: the entries from the first replaced one to the head are appended anew with new
//! ids, and references among them (the boundary of a compaction, the target of a label or an edit) follow; everything else
//! of an entry that is not replaced stays to the byte. The old branch stays stored. Numbers are honest: what the branch saved, and what the file grew.

use std::collections::{HashMap, HashSet};

use latchwork_format::{Body, EntryId, RawEntry, RawObject};
use latchwork_session::{AppendError, Head, Key, Outcome, Rewrite, RewriteMode, Rewritten};

use crate::commit::{Target, Work};
use crate::in_place::in_place;
use crate::plan::{Own, Plan, PlannedLine};
use crate::state::Known;

/// The fields of an entry that name another.
const REFERENCES: [&str; 3] = ["firstKeptEntryId", "targetId", "fromId"];

/// Rewrites.
pub(crate) fn rewrite(
    work: &Work,
    base: &Head,
    rewrite: &Rewrite,
) -> Result<Rewritten, AppendError> {
    let new: HashMap<&EntryId, &Body> = rewrite
        .replacements
        .iter()
        .map(|(id, body)| (id, body))
        .collect();
    if new.is_empty() {
        return Ok(unchanged("no replacements were requested"));
    }
    if rewrite.mode == RewriteMode::InPlace {
        return in_place(work, base, &new);
    }
    work.on_file(base, None, |work, known, file| {
        let head = work.current_head(known, file, Some(base));
        let found = suffix(work, known, file, head, base, &new)?;
        let head = head.and_then(|head| known.outline.id(head));
        match found {
            Some(suffix) => anew(work, known, file, head, &suffix, &new),
            None => Ok(unchanged(
                "none of the entries is a message on the active branch",
            )),
        }
    })
}

pub(crate) fn unchanged(why: &str) -> Rewritten {
    Rewritten {
        reason: Some(why.to_owned()),
        ..Rewritten::default()
    }
}

/// Refuses a base that is no longer on the active branch.
pub(crate) fn on_branch(
    work: &Work,
    known: &Known,
    head: Option<u32>,
    base: &Head,
) -> Result<(), AppendError> {
    let is_there = |leaf: &EntryId| match (known.find(leaf), head) {
        (Some(leaf), Some(head)) => known.outline.is_ancestor(leaf, head),
        _ => false,
    };
    if base.leaf.as_ref().is_none_or(is_there) {
        return Ok(());
    }
    let head = head.and_then(|head| known.outline.id(head));
    Err(AppendError::Stale {
        session: work.session.id.clone(),
        head: Box::new(known.as_head(head)),
    })
}

/// The entries of the active branch from the first replaced one on, and what they hang below.
struct Suffix {
    parent: Option<EntryId>,
    entries: Vec<RawEntry>,
}

fn suffix(
    work: &Work,
    known: &mut Known,
    file: &Target<'_>,
    head: Option<u32>,
    base: &Head,
    new: &HashMap<&EntryId, &Body>,
) -> Result<Option<Suffix>, AppendError> {
    on_branch(work, known, head, base)?;
    let outline = &known.outline;
    let hits = new.keys().filter_map(|id| known.find(id));
    let hits: HashSet<u32> = hits
        .filter(|hit| {
            outline
                .row(*hit)
                .is_some_and(|row| row.kind().is_conversational())
        })
        .collect();
    let branch = head.map(|head| outline.branch(head)).unwrap_or_default();
    let Some(first) = branch.iter().position(|entry| hits.contains(entry)) else {
        return Ok(None);
    };
    let above = first.checked_sub(1).and_then(|above| branch.get(above));
    let parent = above.and_then(|above| outline.id(*above));
    let numbers = branch.get(first..).unwrap_or_default();
    let mut read: HashMap<u32, RawEntry> = match work.entries(known, file).read_all(numbers) {
        Ok(read) => read.into_iter().collect(),
        Err(error) => return Err(work.unread(known, error)),
    };
    // In the order of the branch, which need not be that of the file.
    let entries = numbers
        .iter()
        .filter_map(|number| read.remove(number))
        .collect();
    Ok(Some(Suffix { parent, entries }))
}

fn anew(
    work: &Work,
    known: &mut Known,
    file: &Target<'_>,
    head: Option<EntryId>,
    suffix: &Suffix,
    new: &HashMap<&EntryId, &Body>,
) -> Result<Rewritten, AppendError> {
    let ids = new_ids(work, known, &suffix.entries);
    let lines = suffix.entries.iter();
    let plan = Plan {
        parent: suffix.parent.clone(),
        lines: lines
            .map(|entry| line(entry, new.get(entry.id()).copied(), &ids))
            .collect(),
        own: (0..suffix.entries.len()).map(Own::Line).collect(),
        outcome: Outcome::Clean,
    };
    let before = known.outline.saved_through();
    let receipt = work.write(known, file, head, plan, None)?;
    let (mut freed, mut rewritten_entries) = (0_u64, 0);
    let is_hit =
        |entry: &&RawEntry| new.contains_key(entry.id()) && entry.kind().is_conversational();
    for entry in suffix.entries.iter().filter(is_hit) {
        rewritten_entries += 1;
        let now = ids.get(entry.id()).and_then(|id| known.find(id));
        let now = now.and_then(|now| known.outline.row(now));
        let now = now.map_or(0, |row| row.len() as usize);
        freed += entry.raw().len().saturating_sub(now) as u64;
    }
    let grown = known.outline.saved_through().saturating_sub(before);
    Ok(Rewritten {
        changed: true,
        branch_bytes_freed: freed,
        stored_bytes_delta: i64::try_from(grown).unwrap_or(i64::MAX),
        rewritten_entries,
        reason: None,
        receipt: Some(receipt),
    })
}

fn new_ids(work: &Work, known: &Known, suffix: &[RawEntry]) -> HashMap<EntryId, EntryId> {
    let mut taken = HashSet::new();
    let mut ids = HashMap::new();
    for entry in suffix {
        let id = work.new_id(known, &taken);
        taken.insert(id.clone());
        ids.insert(entry.id().clone(), id);
    }
    ids
}

fn line(
    entry: &RawEntry,
    replacement: Option<&Body>,
    ids: &HashMap<EntryId, EntryId>,
) -> PlannedLine {
    let mark = entry.mark();
    let key = entry.key().and_then(|key| Key::new(key).ok());
    PlannedLine {
        id: ids.get(entry.id()).cloned(),
        body: replacement.cloned().unwrap_or_else(|| same(entry, ids)),
        placement: mark.map_or(1, |mark| mark.placement) + u32::from(key.is_some()),
        key,
        aside: false,
        onto: None,
        again: false,
    }
}

/// The entry to the byte, with its references following.
fn same(entry: &RawEntry, ids: &HashMap<EntryId, EntryId>) -> Body {
    let mut object = RawObject::of(entry);
    for name in REFERENCES {
        let target = object.str(name).map(EntryId::new);
        if let Some(new) = target.and_then(|target| ids.get(&target)) {
            object = object.with_str(name, new.as_str());
        }
    }
    Body::Raw(object)
}
