//! Entries of the active branch, replaced: a new branch from the first of them on.
//!
//! As OpenClaw does it, but in one write: the entries from the first replaced one to the head are appended anew with new
//! ids, and references among them (the boundary of a compaction, the target of a label or an edit) follow; everything else
//! of an entry that is not replaced stays to the byte. The old branch stays stored. Numbers are honest: what the branch saved, and what the file grew.

use std::collections::{HashMap, HashSet};

use latchwork_format::{Body, EntryId, RawEntry, RawObject};
use latchwork_session::{AppendError, Head, Key, Outcome, Rewrite, Rewritten};

use crate::commit::{Target, Work};
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
    work.on_file(base, None, |work, known, file| {
        let head = work.current_head(known, file, Some(base));
        on_branch(work, known, file, head, base, &new)
    })
}

fn unchanged(why: &str) -> Rewritten {
    Rewritten {
        reason: Some(why.to_owned()),
        ..Rewritten::default()
    }
}

fn on_branch(
    work: &Work,
    known: &mut Known,
    file: &Target<'_>,
    head: Option<EntryId>,
    base: &Head,
    new: &HashMap<&EntryId, &Body>,
) -> Result<Rewritten, AppendError> {
    let transcript = known.transcript.clone();
    let branch = head
        .as_ref()
        .and_then(|head| transcript.branch(head))
        .unwrap_or_default();
    if base
        .leaf
        .as_ref()
        .is_some_and(|leaf| !branch.iter().any(|entry| entry.id() == leaf))
    {
        let head = Box::new(known.as_head(head));
        return Err(AppendError::Stale {
            session: work.session.id.clone(),
            head,
        });
    }
    let hit = |entry: &&RawEntry| new.contains_key(entry.id()) && entry.kind().is_conversational();
    let Some(first) = branch.iter().position(hit) else {
        return Ok(unchanged(
            "none of the entries is a message on the active branch",
        ));
    };
    let suffix = branch.get(first..).unwrap_or_default();
    let ids = new_ids(work, known, suffix);
    let lines = suffix
        .iter()
        .map(|entry| line(entry, new.get(entry.id()).copied(), &ids))
        .collect();
    let plan = Plan {
        parent: transcript
            .parent_of(suffix.first().map_or(&EntryId::new(""), |entry| entry.id()))
            .map(|e| e.id().clone()),
        lines,
        own: (0..suffix.len()).map(Own::Line).collect(),
        outcome: Outcome::Clean,
    };
    let before = transcript.saved_through();
    let receipt = work.write(known, file, head, plan, None)?;
    let (mut freed, mut rewritten_entries) = (0_u64, 0);
    for entry in suffix.iter().filter(|entry| hit(entry)) {
        rewritten_entries += 1;
        let now = ids
            .get(entry.id())
            .and_then(|id| known.transcript.entry(id))
            .map_or(0, |entry| entry.raw().len());
        freed += entry.raw().len().saturating_sub(now) as u64;
    }
    let grown = known.transcript.saved_through().saturating_sub(before);
    Ok(Rewritten {
        changed: true,
        branch_bytes_freed: freed,
        stored_bytes_delta: i64::try_from(grown).unwrap_or(i64::MAX),
        rewritten_entries,
        reason: None,
        receipt: Some(receipt),
    })
}

fn new_ids(work: &Work, known: &Known, suffix: &[&RawEntry]) -> HashMap<EntryId, EntryId> {
    let mut taken = HashSet::new();
    let mut ids = HashMap::new();
    for entry in suffix {
        let id = work.new_id(&known.transcript, &taken);
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
