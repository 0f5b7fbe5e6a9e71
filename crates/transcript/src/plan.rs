//! Where the entries of a commit go: a decision from the rows of the transcript, the head, the base and the commit. Texts are read
//! only where somebody else wrote since the base.
//!
//! The rules are those of `docs/format.md`: a turn's commit is moved over metadata, mirrors and a compaction of older
//! entries; a conversational entry after the base makes it stay on the base, and our own keyed messages among those
//! entries are placed again after it, with the reply that came in with them; a replaced branch keeps it aside. Deliberately absent: ids, times, bytes.

use std::collections::HashMap;

use latchwork_format::outline::Row;
use latchwork_format::{Body, Class, EntryId, Kind, Outline, RawEntry, RawObject, Role, ours};
use latchwork_session::{Commit, Head, Intent, Key, NewEntry, Outcome, Replacement};
use latchwork_sys::PathError;

use crate::entries::Entries;

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
    There(There),
}

/// An entry that stands already, by its key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct There {
    pub id: EntryId,
    pub key: Key,
}

/// The commit was refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The base is no longer on the active branch.
    Stale,
    /// What is there could not be read.
    Disk(PathError),
}

impl From<PathError> for Refusal {
    fn from(error: PathError) -> Self {
        Self::Disk(error)
    }
}

/// What a commit meets.
pub(crate) struct Ground<'a> {
    pub entries: Entries<'a>,
    /// Where the active branch ends.
    pub head: Option<u32>,
}

impl Ground<'_> {
    fn outline(&self) -> &Outline {
        self.entries.outline
    }

    fn find(&self, id: &EntryId) -> Option<u32> {
        self.outline().find(id.as_str())
    }

    fn id(&self, entry: u32) -> Option<EntryId> {
        self.outline().id(entry)
    }

    fn head_id(&self) -> Option<EntryId> {
        self.id(self.head?)
    }

    /// An entry of a base, if it is there.
    fn there(&self, base: &Head) -> Option<EntryId> {
        base.leaf.clone().filter(|leaf| self.find(leaf).is_some())
    }
}

/// Decides.
pub(crate) fn plan(ground: &Ground<'_>, base: &Head, commit: Commit) -> Result<Plan, Refusal> {
    let mut plan = match commit.intent {
        Intent::AtHead => begin(ground.head_id(), Outcome::Clean),
        Intent::IfAncestor => match way(ground, beneath(ground, base))? {
            Way::Grown(over) => begin(ground.head_id(), after(ground, &over)),
            Way::Gone(_) => return Err(Refusal::Stale),
        },
        // What stands already is answered, whatever came after it.
        Intent::Exact if ground.head_id() == base.leaf || all_there(ground, &commit)? => {
            begin(ground.head_id(), Outcome::Clean)
        }
        Intent::Exact => return Err(Refusal::Stale),
        Intent::Aside => begin(
            ground.there(base),
            Outcome::Aside {
                because: Replacement::Superseded,
            },
        ),
        _ => continued(ground, base)?,
    };
    let aside = matches!(plan.outcome, Outcome::Aside { .. });
    add_own(&mut plan, ground, commit.entries, aside)?;
    if aside && !plan.lines.is_empty() {
        let data = serde_json::json!({ "kept": base.leaf, "why": aside_why(&plan.outcome) });
        plan.lines.push(head_line(ground.head_id(), data));
    }
    if !plan.lines.is_empty() {
        add_again(&mut plan, ground)?;
    }
    Ok(plan)
}

/// Whether every entry stands already, by its key.
fn all_there(ground: &Ground<'_>, commit: &Commit) -> Result<bool, PathError> {
    for entry in &commit.entries {
        let key = entry.key.as_ref().filter(|_| !entry.again);
        match key {
            Some(key) if ground.entries.placement(key.as_str())?.is_some() => {}
            _ => return Ok(false),
        }
    }
    Ok(!commit.entries.is_empty())
}

fn begin(parent: Option<EntryId>, outcome: Outcome) -> Plan {
    Plan {
        parent,
        lines: Vec::new(),
        own: Vec::new(),
        outcome,
    }
}

fn after(ground: &Ground<'_>, over: &[u32]) -> Outcome {
    let over: Vec<EntryId> = over.iter().filter_map(|entry| ground.id(*entry)).collect();
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
fn continued(ground: &Ground<'_>, base: &Head) -> Result<Plan, PathError> {
    let leaf = beneath(ground, base);
    let over = match way(ground, leaf)? {
        Way::Grown(over) => over,
        Way::Gone(because) => {
            return Ok(begin(ground.there(base), Outcome::Aside { because }));
        }
    };
    let mut spoken = None;
    for (place, entry) in over.iter().enumerate() {
        if speaks(ground, *entry, leaf)? {
            spoken = Some(place);
            break;
        }
    }
    let Some(spoken) = spoken else {
        return Ok(begin(ground.head_id(), after(ground, &over)));
    };
    let parent = match spoken {
        0 => leaf.there(),
        later => over.get(later - 1).copied(),
    };
    let kept = over
        .get(spoken..)
        .unwrap_or_default()
        .iter()
        .filter(|entry| {
            let row = ground.outline().row(**entry);
            row.is_some_and(|row| row.kind().is_conversational())
        });
    let outcome = Outcome::Diverged {
        again: Vec::new(),
        kept: kept.filter_map(|entry| ground.id(*entry)).collect(),
    };
    Ok(begin(parent.and_then(|parent| ground.id(parent)), outcome))
}

/// What a commit builds on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    /// The beginning.
    Nothing,
    Entry(u32),
    /// An entry that is not there.
    Lost,
}

impl Below {
    fn there(self) -> Option<u32> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Nothing | Self::Lost => None,
        }
    }
}

/// The base, or the entry of the active branch that it hangs on by metadata of others alone: what a line that was mended has brought to
/// light may have moved those beside the branch, and nobody has replaced anything by that.
fn beneath(ground: &Ground<'_>, base: &Head) -> Below {
    let Some(leaf) = &base.leaf else {
        return Below::Nothing;
    };
    let Some(leaf) = ground.find(leaf) else {
        return Below::Lost;
    };
    let outline = ground.outline();
    let is_active = |entry: u32| {
        ground
            .head
            .is_some_and(|head| outline.is_ancestor(entry, head))
    };
    let mut at = leaf;
    while !is_active(at) {
        let row = outline.row(at);
        if row.is_none_or(|row| row.is_ours() || row.kind().is_conversational()) {
            return Below::Entry(leaf);
        }
        match outline.hang(at).parent() {
            // Whatever the parents say, this ends.
            Some(parent) if parent < at => at = parent,
            _ => return Below::Entry(leaf),
        }
    }
    Below::Entry(at)
}

/// How the head relates to a base.
enum Way {
    /// It descends from it, over these entries, oldest first.
    Grown(Vec<u32>),
    /// It does not.
    Gone(Replacement),
}

fn way(ground: &Ground<'_>, base: Below) -> Result<Way, PathError> {
    let outline = ground.outline();
    let path = match (base, ground.head) {
        (Below::Lost, _) => return Ok(Way::Gone(Replacement::BaseGone)),
        (Below::Nothing, None) => Vec::new(),
        (Below::Nothing, Some(head)) => outline.branch(head),
        (Below::Entry(base), Some(head)) if outline.is_ancestor(base, head) => {
            let mut path: Vec<u32> = outline
                .upwards(head)
                .take_while(|entry| *entry != base)
                .collect();
            path.reverse();
            path
        }
        (Below::Entry(_), _) => return Ok(Way::Gone(Replacement::Moved(why_moved(ground)?))),
    };
    Ok(Way::Grown(path))
}

/// The reason in the newest entry that moved the head.
fn why_moved(ground: &Ground<'_>) -> Result<String, PathError> {
    let moved = newest_move(&ground.entries)?.and_then(|entry| entry.head_move());
    Ok(moved.map_or_else(
        || "another branch was continued".to_owned(),
        |moved| moved.why,
    ))
}

/// The newest entry that moved the head.
pub(crate) fn newest_move(entries: &Entries<'_>) -> Result<Option<RawEntry>, PathError> {
    let outline = entries.outline;
    let count = u32::try_from(outline.len()).unwrap_or(u32::MAX);
    let speaks_of_heads = |entry: &u32| outline.row(*entry).is_some_and(Row::is_head);
    for number in (0..count).rev().filter(speaks_of_heads) {
        let entry = entries.read(number)?;
        if entry.head_move().is_some() {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Whether an entry after the base keeps a reply from being moved over it.
fn speaks(ground: &Ground<'_>, entry: u32, base: Below) -> Result<bool, PathError> {
    let outline = ground.outline();
    let Some(row) = outline.row(entry) else {
        return Ok(false);
    };
    Ok(match row.kind().class() {
        Class::Metadata => false,
        // Only what looks like a reply can be a copy of one.
        Class::Conversational if row.kind() == Kind::Message(Role::Assistant) => {
            !ground.entries.read(entry)?.is_mirror()
        }
        Class::Conversational => true,
        // A compaction is passed if all that it replaces is older than the base: what it keeps begins at the base or
        // above it.
        Class::Compaction => {
            let kept = outline.first_kept(entry);
            !matches!((kept, base), (Some(kept), Below::Entry(base)) if outline.is_ancestor(kept, base))
        }
    })
}

/// The entries of the commit itself, each once by its key.
fn add_own(
    plan: &mut Plan,
    ground: &Ground<'_>,
    entries: Vec<NewEntry>,
    aside: bool,
) -> Result<(), PathError> {
    let mut sent: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        let there = match &entry.key {
            Some(key) => ground.entries.placement(key.as_str())?,
            None => None,
        };
        if let (Some((there, _)), Some(key), false) = (there, &entry.key, entry.again)
            && let Some(id) = ground.id(there)
        {
            let key = key.clone();
            plan.own.push(Own::There(There { id, key }));
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
    Ok(())
}

/// Our own messages that came in between, placed once more behind the commit.
///
/// A message that came in with its reply is an exchange: both are placed again, so that nobody answers it twice. If the
/// reply is somebody else's, the exchange stays on its branch: the message is answered there.
fn add_again(plan: &mut Plan, ground: &Ground<'_>) -> Result<(), PathError> {
    let Outcome::Diverged { kept, .. } = &mut plan.outcome else {
        return Ok(());
    };
    let numbers: Vec<u32> = kept.iter().filter_map(|id| ground.find(id)).collect();
    kept.clear();
    // In the order of the branch, which need not be that of the file.
    let entries = numbers.iter().map(|number| ground.entries.read(*number));
    let entries: Vec<RawEntry> = entries.collect::<Result<_, _>>()?;
    for exchange in entries.chunk_by(|_, next| is_reply(next)) {
        let again = exchange.iter().map(|entry| placed_again(ground, entry));
        let lines: Option<Vec<PlannedLine>> = again.collect::<Result<_, _>>()?;
        match lines {
            Some(lines) if !exchange.first().is_some_and(is_reply) => plan.lines.extend(lines),
            _ => kept.extend(exchange.iter().map(|entry| entry.id().clone())),
        }
    }
    Ok(())
}

/// Part of an answer: it belongs to the message before it.
fn is_reply(entry: &RawEntry) -> bool {
    matches!(entry.role(), Some(Role::Assistant | Role::ToolResult))
}

/// The line that says again what `entry` says, if it is a keyed one of ours whose newest placement this is.
fn placed_again(ground: &Ground<'_>, entry: &RawEntry) -> Result<Option<PlannedLine>, PathError> {
    let key = entry.key().filter(|_| entry.is_ours());
    let Some(key) = key.and_then(|key| Key::new(key).ok()) else {
        return Ok(None);
    };
    let newest = ground.entries.placement(key.as_str())?;
    let newest = newest.filter(|(newest, _)| ground.find(entry.id()) == Some(*newest));
    let says = entry.message_json().is_some() || entry.custom_message().is_some();
    let Some((_, number)) = newest.filter(|_| says) else {
        return Ok(None);
    };
    Ok(Some(PlannedLine {
        id: None,
        body: Body::Raw(RawObject::of(entry)),
        key: Some(key),
        placement: number + 1,
        aside: false,
        onto: None,
        again: true,
    }))
}
