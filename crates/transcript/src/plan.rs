//! Where the entries of a commit go: a pure decision from the transcript, the head, the base and the commit.
//!
//! The rules are those of `docs/format.md`: a turn's commit is moved over metadata, mirrors and a compaction of older
//! entries; a conversational entry after the base makes it stay on the base, and our own keyed messages among those
//! entries are placed again after it, with the reply that came in with them; a replaced branch keeps it aside. Deliberately absent: ids, times, bytes.

use std::collections::HashMap;

use latchwork_format::{Body, Class, EntryId, RawEntry, RawObject, Role, Transcript, ours};
use latchwork_session::{Commit, Head, Intent, Key, NewEntry, Outcome, Replacement};

/// What is to be written, in order, and what to say of it.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The parent of the first line; each further line continues the one before, unless it says otherwise.
    pub parent: Option<EntryId>,
    /// The lines.
    pub lines: Vec<PlannedLine>,
    /// One for each entry of the commit.
    pub own: Vec<Own>,
    /// What became of the base; ids of lines to be written are filled in by the writer.
    pub outcome: Outcome,
}

/// One line to be written.
#[derive(Debug)]
pub(crate) struct PlannedLine {
    /// Its id, where others refer to it; else the writer finds one.
    pub id: Option<EntryId>,
    pub body: Body,
    pub key: Option<Key>,
    pub placement: u32,
    /// Written beside the active branch.
    pub aside: bool,
    /// A parent other than the line before.
    pub onto: Option<Option<EntryId>>,
    /// A message of ours that is placed again because it came in between.
    pub again: bool,
}

impl PlannedLine {
    /// The first placement of an entry.
    pub(crate) fn of(entry: NewEntry) -> Self {
        Self {
            id: None,
            body: entry.body,
            key: entry.key,
            placement: 1,
            aside: false,
            onto: None,
            again: false,
        }
    }
}

/// What becomes of one entry of the commit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// It is the line of this number.
    Line(usize),
    /// It stands there already.
    There(EntryId),
}

/// The commit was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The base is no longer on the active branch.
    Stale,
}

/// Placements of keyed messages: the newest entry and its number, by key.
pub(crate) type Placements = HashMap<String, (EntryId, u32)>;

/// Collects the placements of a transcript from position `from` on.
pub(crate) fn note_placements(placements: &mut Placements, transcript: &Transcript, from: usize) {
    for line in transcript.lines().get(from..).unwrap_or_default() {
        let Some(key) = line.entry.key() else {
            continue;
        };
        let number = line.entry.mark().map_or(1, |mark| mark.placement.max(1));
        match placements.get(&key) {
            Some((_, known)) if *known > number => {}
            _ => {
                placements.insert(key, (line.entry.id().clone(), number));
            }
        }
    }
}

/// Decides.
pub(crate) fn plan(
    transcript: &Transcript,
    head: Option<&EntryId>,
    placements: &Placements,
    base: &Head,
    commit: Commit,
) -> Result<Plan, Refusal> {
    let mut plan = match commit.intent {
        Intent::AtHead => begin(head, Outcome::Clean),
        Intent::IfAncestor => match way(transcript, beneath(transcript, base, head), head) {
            Way::Grown(over) => begin(head, after(over)),
            Way::Gone(_) => return Err(Refusal::Stale),
        },
        // What stands already is answered, whatever came after it.
        Intent::Exact if head == base.leaf.as_ref() || all_there(placements, &commit) => {
            begin(head, Outcome::Clean)
        }
        Intent::Exact => return Err(Refusal::Stale),
        Intent::Aside => begin(
            base.leaf
                .as_ref()
                .filter(|leaf| transcript.entry(leaf).is_some()),
            Outcome::Aside {
                because: Replacement::Superseded,
            },
        ),
        _ => continued(transcript, head, base),
    };
    let aside = matches!(plan.outcome, Outcome::Aside { .. });
    add_own(&mut plan, placements, commit.entries, aside);
    if aside && !plan.lines.is_empty() {
        let data = serde_json::json!({ "kept": base.leaf, "why": aside_why(&plan.outcome) });
        plan.lines.push(head_line(head.cloned(), data));
    }
    if !plan.lines.is_empty() {
        add_again(&mut plan, transcript, placements);
    }
    Ok(plan)
}

/// Whether every entry stands already, by its key.
fn all_there(placements: &Placements, commit: &Commit) -> bool {
    let there = |entry: &NewEntry| {
        let key = entry.key.as_ref().filter(|_| !entry.again);
        key.is_some_and(|key| placements.contains_key(key.as_str()))
    };
    !commit.entries.is_empty() && commit.entries.iter().all(there)
}

fn begin(parent: Option<&EntryId>, outcome: Outcome) -> Plan {
    Plan {
        parent: parent.cloned(),
        lines: Vec::new(),
        own: Vec::new(),
        outcome,
    }
}

fn after(over: Vec<EntryId>) -> Outcome {
    if over.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Rebased { over }
    }
}

fn aside_why(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Aside { because } => because.to_string(),
        _ => String::new(),
    }
}

/// An entry whose parent says where the head is.
pub(crate) fn head_line(head: Option<EntryId>, data: serde_json::Value) -> PlannedLine {
    PlannedLine {
        id: None,
        body: Body::Custom {
            custom_type: ours::HEAD.to_owned(),
            data: Some(data),
        },
        key: None,
        placement: 1,
        aside: false,
        onto: Some(head),
        again: false,
    }
}

/// An entry that keeps the name that a session is called by.
pub(crate) fn session_line(key: &str) -> PlannedLine {
    PlannedLine {
        id: None,
        body: Body::Custom {
            custom_type: ours::SESSION.to_owned(),
            data: Some(serde_json::json!({ "key": key })),
        },
        key: None,
        placement: 1,
        aside: false,
        onto: None,
        again: false,
    }
}

impl Plan {
    /// Puts a line before all others, unless there is nothing to write.
    pub(crate) fn say_first(&mut self, line: PlannedLine) {
        if self.lines.is_empty() {
            return;
        }
        self.lines.insert(0, line);
        for own in &mut self.own {
            if let Own::Line(number) = own {
                *number += 1;
            }
        }
    }
}

/// A turn goes on.
fn continued(transcript: &Transcript, head: Option<&EntryId>, base: &Head) -> Plan {
    let leaf = beneath(transcript, base, head);
    let over = match way(transcript, leaf, head) {
        Way::Grown(over) => over,
        Way::Gone(because) => {
            let parent = base
                .leaf
                .as_ref()
                .filter(|leaf| transcript.entry(leaf).is_some());
            return begin(parent, Outcome::Aside { because });
        }
    };
    let entries: Vec<&RawEntry> = over.iter().filter_map(|id| transcript.entry(id)).collect();
    let Some(spoken) = entries
        .iter()
        .position(|entry| speaks(transcript, entry, leaf))
    else {
        return begin(head, after(over));
    };
    let parent = match spoken {
        0 => leaf,
        later => over.get(later - 1),
    };
    let kept = entries
        .get(spoken..)
        .unwrap_or_default()
        .iter()
        .filter(|entry| entry.kind().is_conversational())
        .map(|entry| entry.id().clone())
        .collect();
    begin(
        parent,
        Outcome::Diverged {
            again: Vec::new(),
            kept,
        },
    )
}

/// The base, or the entry of the active branch that it hangs on by metadata of others alone: what a line that was mended has brought to
/// light may have moved those beside the branch, and nobody has replaced anything by that.
fn beneath<'a>(
    transcript: &'a Transcript,
    base: &'a Head,
    head: Option<&EntryId>,
) -> Option<&'a EntryId> {
    let is_active = |id: &EntryId| {
        head == Some(id) || head.is_some_and(|head| transcript.is_ancestor(id, head))
    };
    let mut at = base.leaf.as_ref();
    while let Some(id) = at.filter(|id| !is_active(id)) {
        let others =
            |entry: &&RawEntry| entry.mark().is_none() && !entry.kind().is_conversational();
        if transcript.entry(id).filter(others).is_none() {
            return base.leaf.as_ref();
        }
        at = transcript.parent_of(id).map(RawEntry::id);
    }
    at.or(base.leaf.as_ref())
}

/// How the head relates to a base.
enum Way {
    /// It descends from it, over these entries, oldest first.
    Grown(Vec<EntryId>),
    /// It does not.
    Gone(Replacement),
}

fn way(transcript: &Transcript, base: Option<&EntryId>, head: Option<&EntryId>) -> Way {
    if base == head {
        return Way::Grown(Vec::new());
    }
    let path = head
        .and_then(|head| transcript.branch(head))
        .unwrap_or_default();
    let mut ids = path.iter().map(|entry| entry.id());
    let Some(base) = base else {
        return Way::Grown(ids.cloned().collect());
    };
    if ids.any(|id| id == base) {
        return Way::Grown(ids.cloned().collect());
    }
    if transcript.entry(base).is_none() {
        return Way::Gone(Replacement::BaseGone);
    }
    Way::Gone(Replacement::Moved(why_moved(transcript)))
}

/// The reason in the newest entry that moved the head.
fn why_moved(transcript: &Transcript) -> String {
    let moved = transcript.entries().rev().find_map(RawEntry::head_move);
    moved.map_or_else(
        || "another branch was continued".to_owned(),
        |moved| moved.why,
    )
}

/// Whether an entry after the base keeps a reply from being moved over it.
fn speaks(transcript: &Transcript, entry: &RawEntry, base: Option<&EntryId>) -> bool {
    match entry.kind().class() {
        Class::Metadata => false,
        Class::Conversational => !entry.is_mirror(),
        // A compaction is passed if all that it replaces is older than the base: what it keeps begins at the base or
        // above it.
        Class::Compaction => {
            let kept = entry
                .compaction()
                .and_then(|compaction| compaction.first_kept);
            !matches!((kept, base), (Some(kept), Some(base)) if transcript.is_ancestor(&kept, base))
        }
    }
}

/// The entries of the commit itself, each once by its key.
fn add_own(plan: &mut Plan, placements: &Placements, entries: Vec<NewEntry>, aside: bool) {
    let mut sent: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        let there = entry
            .key
            .as_ref()
            .and_then(|key| placements.get(key.as_str()));
        if let (Some((id, _)), false) = (there, entry.again) {
            plan.own.push(Own::There(id.clone()));
            continue;
        }
        if let Some(line) = entry.key.as_ref().and_then(|key| sent.get(key.as_str())) {
            plan.own.push(Own::Line(*line));
            continue;
        }
        if let Some(key) = &entry.key {
            sent.insert(key.as_str().to_owned(), plan.lines.len());
        }
        plan.own.push(Own::Line(plan.lines.len()));
        plan.lines.push(PlannedLine {
            placement: there.map_or(1, |(_, number)| number + 1),
            aside,
            ..PlannedLine::of(entry)
        });
    }
}

/// Our own messages that came in between, placed once more behind the commit.
///
/// A message that came in with its reply is an exchange: both are placed again, so that nobody answers it twice. If the
/// reply is somebody else's, the exchange stays on its branch: the message is answered there.
fn add_again(plan: &mut Plan, transcript: &Transcript, placements: &Placements) {
    let Outcome::Diverged { kept, .. } = &mut plan.outcome else {
        return;
    };
    let between = std::mem::take(kept);
    let entries: Vec<&RawEntry> = between
        .iter()
        .filter_map(|id| transcript.entry(id))
        .collect();
    for exchange in entries.chunk_by(|_, next| is_reply(next)) {
        let lines: Option<Vec<PlannedLine>> = exchange
            .iter()
            .map(|entry| placed_again(entry, placements))
            .collect();
        match lines {
            Some(lines) if !exchange.first().is_some_and(|first| is_reply(first)) => {
                plan.lines.extend(lines);
            }
            _ => kept.extend(exchange.iter().map(|entry| entry.id().clone())),
        }
    }
}

/// Part of an answer: it belongs to the message before it.
fn is_reply(entry: &RawEntry) -> bool {
    matches!(entry.role(), Some(Role::Assistant | Role::ToolResult))
}

/// The line that says again what `entry` says, if it is a keyed one of ours whose newest placement this is.
fn placed_again(entry: &RawEntry, placements: &Placements) -> Option<PlannedLine> {
    if !entry.is_ours() {
        return None;
    }
    let key = Key::new(entry.key()?).ok()?;
    let (newest, number) = placements.get(key.as_str())?;
    if newest != entry.id() || (entry.message_json().is_none() && entry.custom_message().is_none())
    {
        return None;
    }
    Some(PlannedLine {
        id: None,
        body: Body::Raw(RawObject::of(entry)),
        key: Some(key),
        placement: number + 1,
        aside: false,
        onto: None,
        again: true,
    })
}
