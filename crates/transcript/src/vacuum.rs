//! Dead branches dropped, on request alone: the file is written anew without the lines that nobody can come back to any more.
//!
//! A branch is *dead* when it says something and is not the active one. It stays all the same when an entry of it has a label, or
//! names the session; and, unless that is asked for too, when another program said it, or it was put aside as an orphaned reply: somebody may not have
//! seen that yet. A label's own line hangs on the branch on which it was given, and keeps that up to itself. Entries that say nothing stay. Looking takes no lock and writes nothing. Deliberately absent: what else keeps such words
//! (forks, quarantine); a copy of what goes.

use std::collections::HashMap;
use std::sync::Arc;

use latchwork_format::{EntryId, Kind, Outline};
use latchwork_lock::PhaseGuard;
use latchwork_session::{AppendError, Head, OpenError, Outcome, Receipt, SessionId};
use latchwork_sys::PathError;

use crate::commit::{Target, Work};
use crate::entries::Entries;
use crate::head_file;
use crate::reading::{backend, is_old, open_file};
use crate::session::Session;
use crate::splice::Edit;
use crate::state::Known;
use crate::store::{FileStore, run};
use crate::sync::Ticket;
use crate::updates::UpdateKind;

/// What is to be dropped beside branches that were left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Orphaned replies, and what other programs said beside the active branch.
    pub orphans: bool,
}

/// Why a dead branch stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stays {
    /// An entry of it has a label.
    Labelled,
    /// It holds the name of the session.
    Names,
    /// Another program said it, or it is an orphaned reply.
    Orphaned,
}

/// What hangs beside the active branch at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadBranch {
    /// The last of its entries that says something.
    pub leaf: EntryId,
    /// The entry of the active branch that it hangs on; `None`: it is a root.
    pub from: Option<EntryId>,
    /// How many of its entries go.
    pub entries: usize,
    /// As many bytes.
    pub bytes: u64,
    /// Why some of it, or all, stays.
    pub stays: Option<Stays>,
}

/// What was dropped, or would be.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Swept {
    /// Each dead branch, in the order of the file.
    pub branches: Vec<DeadBranch>,
    /// Entries that went, or would go.
    pub entries: usize,
    /// Bytes by which the stored session grew (positive) or shrank (negative), or would about.
    pub stored_bytes_delta: i64,
    /// The receipt of what was written, if anything was.
    pub receipt: Option<Receipt>,
}

impl FileStore {
    /// What [`vacuum`](Self::vacuum) would drop; `None` if there is no transcript. No lock is taken and nothing is written.
    ///
    /// # Errors
    /// [`OpenError`]: it cannot be read, or is not [fit](Self::vacuum) for it.
    pub async fn dead_branches(
        &self,
        session: &SessionId,
        sweep: Sweep,
    ) -> Result<Option<Swept>, OpenError> {
        self.reading(session, move |session| look(&session, sweep))
            .await
    }

    /// Drops the dead branches: the transcript is written anew without them. Nothing of them is kept.
    ///
    /// # Errors
    /// [`AppendError`]; [`Disturbed`](AppendError::Disturbed) where another program that takes no lock writes meanwhile, and
    /// [`ReadOnly`](AppendError::ReadOnly) where lines are damaged or entries in each other's way: that is repaired first.
    ///
    /// # Cancel safety
    /// Once begun, it runs to its end.
    pub async fn vacuum(
        &self,
        guard: &mut PhaseGuard<'_>,
        sweep: Sweep,
    ) -> Result<Swept, AppendError> {
        let swept = move |work: &Work| {
            let done = vacuum(work, sweep)?;
            if done.receipt.is_some() {
                work.tell_of(UpdateKind::Swept, Vec::new());
            }
            Ok(done)
        };
        run(self.work(guard)?, swept).await
    }
}

fn look(session: &Session, sweep: Sweep) -> Result<Option<Swept>, OpenError> {
    let saved = head_file::load(&session.system, &session.place);
    let Some(file) = open_file(session)? else {
        return Ok(None);
    };
    let failed = |error| backend(session, error);
    let mut known = Known::default();
    known
        .catch_up(&session.system, &session.place, &*file)
        .map_err(failed)?;
    if let Some(why) = unfit(&known.outline) {
        return Err(OpenError::Refused {
            session: session.id.clone(),
            why: why.to_owned(),
            source: None,
        });
    }
    let head = known.head(&*file, saved.as_ref());
    let entries = Entries {
        outline: &known.outline,
        file: Some(&*file),
        place: &session.place,
    };
    let labels = labelled(&entries).map_err(failed)?;
    let dead = dead(&known.outline, head, &labels, sweep);
    Ok(Some(swept(&known.outline, &dead)))
}

/// Why a transcript is left alone.
fn unfit(outline: &Outline) -> Option<&'static str> {
    if outline.is_crooked() {
        Some(
            "entries of it stand in each other's way (an id twice, a parent behind its child); repair it first",
        )
    } else if !outline.damage().is_empty() {
        Some("lines of it are damaged, so nobody can say what hangs on them; repair it first")
    } else if is_old(outline) {
        Some("it is of an old version; the first write brings it up to date")
    } else {
        None
    }
}

fn vacuum(work: &Work, sweep: Sweep) -> Result<Swept, AppendError> {
    work.on_stored(|work, known, file| {
        if let Some(why) = unfit(&known.outline) {
            return Err(AppendError::ReadOnly {
                session: work.session.id.clone(),
                why: why.to_owned(),
            });
        }
        let head = work.current_head(known, &Target::File(file), None);
        let labels = labelled(&work.entries(known, &Target::File(file)));
        let labels = match labels {
            Ok(labels) => labels,
            Err(error) => return Err(work.unread(known, error)),
        };
        let dead = dead(&known.outline, head, &labels, sweep);
        let mut swept = swept(&known.outline, &dead);
        if swept.entries == 0 {
            return Ok(swept);
        }
        let edits = without(&known.outline, &dead);
        let leaf = head.and_then(|head| known.outline.id(head));
        let spliced = work.splice(known, file, leaf, &edits)?;
        swept.stored_bytes_delta = spliced.grown;
        swept.receipt = Some(receipt(work, known, spliced.head));
        Ok(swept)
    })
}

/// The entries that have a label, and those that give it to them.
fn labelled(entries: &Entries<'_>) -> Result<Vec<u32>, PathError> {
    let lines = entries.outline.rows(0);
    let lines: Vec<u32> = lines
        .filter(|(_, row)| row.kind() == Kind::Label)
        .map(|(number, _)| number)
        .collect();
    let mut named: HashMap<EntryId, Option<u32>> = HashMap::new();
    for (number, entry) in entries.read_all(&lines)? {
        if let Some(label) = entry.label() {
            named.insert(label.target, label.label.map(|_| number));
        }
    }
    let kept = named.into_iter().filter_map(|(target, by)| {
        let target = entries.outline.find(target.as_str())?;
        Some([target, by?])
    });
    Ok(kept.flatten().collect())
}

/// What hangs beside the active branch at one place.
#[derive(Debug)]
struct Dead {
    from: Option<u32>,
    leaf: Option<u32>,
    /// Those that go, in the order of the file.
    goes: Vec<u32>,
    stays: Option<Stays>,
}

/// Of an outline in which every parent stands before its children.
fn dead(outline: &Outline, head: Option<u32>, labelled: &[u32], sweep: Sweep) -> Vec<Dead> {
    let mut kept: Vec<bool> = vec![false; outline.len()];
    let keep = |kept: &mut Vec<bool>, from: u32| {
        for entry in outline.upwards(from) {
            match kept.get_mut(entry as usize) {
                Some(kept) if !*kept => *kept = true,
                _ => break,
            }
        }
    };
    if let Some(head) = head {
        keep(&mut kept, head);
    }
    let active = kept.clone();
    let is = |of: &[bool], entry: u32| of.get(entry as usize).copied().unwrap_or(true);
    let mut why: HashMap<u32, Stays> = HashMap::new();
    let ours = outline.rows(0).find(|(_, row)| row.is_ours());
    let ours = ours.map_or(u32::MAX, |(first, _)| first);
    let orphaned = outline.rows(0).filter(|(entry, row)| {
        row.kind().is_conversational() && (row.is_aside() || *entry >= ours && !row.is_ours())
    });
    let orphaned = orphaned.filter(|_| !sweep.orphans).map(|(entry, _)| entry);
    let seeds = orphaned
        .map(|entry| (entry, Stays::Orphaned))
        .chain(
            outline
                .newest(&Kind::SessionInfo)
                .map(|entry| (entry, Stays::Names)),
        )
        .chain(labelled.iter().map(|entry| (*entry, Stays::Labelled)));
    for (entry, stays) in seeds.filter(|(entry, _)| !is(&active, *entry)) {
        keep(&mut kept, entry);
        why.insert(entry, stays);
    }
    grouped(outline, &active, &kept, &why)
}

/// The dead ones by the place that they hang on. What says nothing, and has nothing below it that does, stays.
fn grouped(
    outline: &Outline,
    active: &[bool],
    kept: &[bool],
    why: &HashMap<u32, Stays>,
) -> Vec<Dead> {
    let is = |of: &[bool], entry: u32| of.get(entry as usize).copied().unwrap_or(true);
    // From the end of the file: a parent says something when a child does.
    let mut speaks = vec![false; outline.len()];
    for (entry, row) in outline.rows(0).collect::<Vec<_>>().into_iter().rev() {
        let says = row.kind().is_conversational() || is(&speaks, entry);
        let parent = outline.hang(entry).parent();
        for entry in [Some(entry), parent].into_iter().flatten() {
            if let Some(speaks) = speaks.get_mut(entry as usize) {
                *speaks |= says;
            }
        }
    }
    let mut groups: Vec<Dead> = Vec::new();
    let mut group_of: HashMap<u32, usize> = HashMap::new();
    // Whatever hangs on what goes, goes.
    let mut gone = vec![false; outline.len()];
    for (entry, row) in outline.rows(0).filter(|(entry, _)| !is(active, *entry)) {
        let parent = outline.hang(entry).parent();
        let known = parent.and_then(|parent| group_of.get(&parent).copied());
        let group = known.unwrap_or_else(|| {
            groups.push(Dead {
                from: parent,
                leaf: None,
                goes: Vec::new(),
                stays: None,
            });
            groups.len() - 1
        });
        group_of.insert(entry, group);
        let Some(dead) = groups.get_mut(group) else {
            continue;
        };
        if row.kind().is_conversational() {
            dead.leaf = Some(entry);
        }
        if let Some(stays) = why.get(&entry) {
            dead.stays = Some(*stays);
        }
        let hangs_on_gone = parent.is_some_and(|parent| is(&gone, parent));
        if !is(kept, entry) && (is(&speaks, entry) || hangs_on_gone) {
            dead.goes.push(entry);
            if let Some(gone) = gone.get_mut(entry as usize) {
                *gone = true;
            }
        }
    }
    groups.retain(|dead| dead.leaf.is_some());
    groups
}

fn swept(outline: &Outline, dead: &[Dead]) -> Swept {
    let bytes = |dead: &Dead| -> u64 {
        let rows = dead.goes.iter().filter_map(|entry| outline.row(*entry));
        rows.map(|row| u64::from(row.len()) + 1).sum()
    };
    let id = |entry: u32| outline.id(entry);
    let branches: Vec<DeadBranch> = dead
        .iter()
        .filter_map(|dead| {
            Some(DeadBranch {
                leaf: dead.leaf.and_then(id)?,
                from: dead.from.and_then(id),
                entries: dead.goes.len(),
                bytes: bytes(dead),
                stays: dead.stays,
            })
        })
        .collect();
    let total: u64 = branches.iter().map(|branch| branch.bytes).sum();
    Swept {
        entries: branches.iter().map(|branch| branch.entries).sum(),
        stored_bytes_delta: i64::try_from(total).map_or(i64::MIN, |total| -total),
        branches,
        receipt: None,
    }
}

/// The file without them.
fn without(outline: &Outline, dead: &[Dead]) -> Vec<Edit> {
    let mut goes: Vec<u32> = dead.iter().flat_map(|dead| dead.goes.clone()).collect();
    goes.sort_unstable();
    let rows = goes.into_iter().filter_map(|entry| outline.row(entry));
    // With the newline, which every line has by now.
    let edits = rows.map(|row| Edit {
        at: row.offset(),
        len: u64::from(row.len()) + 1,
        with: Vec::new(),
        fewer: 1,
    });
    edits.collect()
}

fn receipt(work: &Work, known: &Known, head: Head) -> Receipt {
    let ticket = Ticket {
        group: work.session.sync.clone(),
        end: known.outline.saved_through(),
        found: Vec::new(),
    };
    Receipt::new(Vec::new(), head, Outcome::Clean, Arc::new(ticket))
}
