//! Where an entry stands: on the active branch or beside it, to which leaf it leads, and whether the model is shown it now.
//!
//! Told from the outline and the head. Law: [`Context::Shown`] is said of an entry exactly when
//! [`context`](latchwork_format::context()) gives its message as it stands there (and it is of a kind that models are shown).
//! Invariant: every walk ends. Limits: four bytes for each entry of a session whose hits stand beside its active branch.

use std::collections::{HashMap, HashSet};
use std::io;

use latchwork_format::views::Replacement;
use latchwork_format::{EntryId, Kind, Outline, Role};

use crate::reading::Reading;

/// Whether the model is shown an entry now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// It is part of the context.
    Shown,
    /// It is on the active branch, and a compaction's summary stands for it.
    Compacted,
    /// It is on the active branch, and a later edit leaves it out or puts something else in its place.
    Edited,
    /// It is on a branch that is not the active one.
    Beside,
    /// A later entry of the same id hides it: nothing leads to it.
    Hidden,
    /// No model is ever shown it: a copy of a delivery, a command that the user kept to themselves, a name, a label.
    Never,
}

impl Context {
    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Context::Shown => "shown",
            Context::Compacted => "compacted",
            Context::Edited => "edited",
            Context::Beside => "beside",
            Context::Hidden => "hidden",
            Context::Never => "never",
        }
    }
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is on the active branch.
    pub active: bool,
    /// The last that is said on its branch: on the active one, or on the newest that leads through it.
    pub leaf: EntryId,
    /// Whether the model is shown it.
    pub context: Context,
}

/// The tree of a session with its head.
pub(crate) struct Tree {
    head: Option<u32>,
    /// The part of the active branch that the context is made of, in order.
    part: Vec<u32>,
    members: HashSet<u32>,
    /// Of these the edit in force leaves nothing out, or replaces the content.
    edits: HashMap<u32, Edit>,
    parents: Vec<Option<u32>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edit {
    Omit,
    Content,
    Nothing,
}

impl Tree {
    /// The tree as it is read, with this head; a head that is not there is the last entry of the file.
    pub(crate) fn of(reading: &mut Reading, head: Option<Option<&EntryId>>) -> io::Result<Self> {
        let outline = &reading.outline;
        let head = match head {
            Some(None) => None,
            Some(Some(id)) => outline.find(id.as_str()).or_else(|| outline.leaf()),
            None => outline.leaf(),
        };
        let part = head
            .map(|head| outline.context(head).part)
            .unwrap_or_default();
        let mut tree = Tree {
            head,
            members: part.iter().copied().collect(),
            part,
            edits: HashMap::new(),
            parents: Vec::new(),
        };
        tree.read_edits(reading)?;
        Ok(tree)
    }

    /// The edits in the order of the context: of two, the later counts.
    fn read_edits(&mut self, reading: &mut Reading) -> io::Result<()> {
        for number in &self.part {
            let row = reading.outline.row(*number);
            if row.is_none_or(|row| row.kind() != Kind::ContextEdit) {
                continue;
            }
            let Some(entry) = reading.entry(*number)? else {
                continue;
            };
            let Some(edit) = entry.context_edit() else {
                continue;
            };
            let Some(target) = reading.outline.find(edit.target.as_str()) else {
                continue;
            };
            let what = match edit.replacement {
                Replacement::Omit => Edit::Omit,
                Replacement::Content(_) => Edit::Content,
                Replacement::Unreadable => Edit::Nothing,
            };
            self.edits.insert(target, what);
        }
        Ok(())
    }

    /// Where the entry stands; `never` where no model is shown it whatever its place.
    pub(crate) fn standing(
        &mut self,
        outline: &Outline,
        entry: u32,
        never: bool,
    ) -> Option<Standing> {
        let id = outline.id(entry)?;
        let hidden = outline.find(id.as_str()) != Some(entry);
        let active = !hidden
            && self
                .head
                .is_some_and(|head| outline.is_ancestor(entry, head));
        let leaf = match self.head.filter(|_| active) {
            Some(head) => last_said(outline, head),
            None => self.leads_to(outline, entry),
        };
        let context = match () {
            () if hidden => Context::Hidden,
            () if never => Context::Never,
            () if !active => Context::Beside,
            () => self.in_context(outline, entry),
        };
        Some(Standing {
            active,
            leaf: leaf.and_then(|leaf| outline.id(leaf)).unwrap_or(id),
            context,
        })
    }

    fn in_context(&self, outline: &Outline, entry: u32) -> Context {
        let Some(kind) = outline.row(entry).map(latchwork_format::outline::Row::kind) else {
            return Context::Hidden;
        };
        let is = |number: &u32, wanted: &Kind| {
            outline
                .row(*number)
                .is_some_and(|row| row.kind() == *wanted)
        };
        let boundary = self
            .part
            .iter()
            .rposition(|number| is(number, &Kind::Compaction));
        let at = self.part.iter().position(|number| *number == entry);
        let before = at.is_some() && at < boundary;
        if !self.members.contains(&entry)
            || (kind == Kind::Compaction && at != boundary)
            || (before && kind == Kind::Message(Role::System))
        {
            return Context::Compacted;
        }
        match self.edits.get(&entry) {
            Some(Edit::Omit) => Context::Edited,
            Some(Edit::Content) if takes_content(&kind) => Context::Edited,
            _ => Context::Shown,
        }
    }

    /// The newest entry that says something below this one; itself where none is.
    fn leads_to(&mut self, outline: &Outline, entry: u32) -> Option<u32> {
        let count = u32::try_from(outline.len()).unwrap_or(u32::MAX);
        if self.parents.is_empty() {
            self.parents = (0..count).map(|row| outline.hang(row).parent()).collect();
        }
        let below = below(&self.parents, entry);
        let newest = (0..count).rev().find(|row| {
            below.get(*row as usize) == Some(&true)
                && outline
                    .row(*row)
                    .is_some_and(|row| row.kind().is_conversational())
        });
        newest.or(Some(entry))
    }
}

/// Which entries are `top` or stand below it, whatever order parents and children stand in.
fn below(parents: &[Option<u32>], top: u32) -> Vec<bool> {
    let mut known: Vec<Option<bool>> = vec![None; parents.len()];
    if let Some(top) = known.get_mut(top as usize) {
        *top = Some(true);
    }
    let mut path = Vec::new();
    for start in 0..parents.len() {
        let mut at = Some(start);
        let answer = loop {
            let Some(place) = at else { break false };
            match known.get(place) {
                Some(Some(answer)) => break *answer,
                // Who is met again on the same way is in a circle without the top.
                Some(None) => {
                    path.push(place);
                    if let Some(place) = known.get_mut(place) {
                        *place = Some(false);
                    }
                }
                None => break false,
            }
            at = parents
                .get(place)
                .copied()
                .flatten()
                .map(|parent| parent as usize);
        };
        for place in path.drain(..) {
            if let Some(place) = known.get_mut(place) {
                *place = Some(answer);
            }
        }
    }
    known
        .into_iter()
        .map(|answer| answer == Some(true))
        .collect()
}

/// The last entry at or above `head` that says something.
fn last_said(outline: &Outline, head: u32) -> Option<u32> {
    let says = |entry: &u32| {
        outline
            .row(*entry)
            .is_some_and(|row| row.kind().is_conversational())
    };
    outline.upwards(head).find(says).or(Some(head))
}

/// Whether an edit can put another content into a message of this kind.
fn takes_content(kind: &Kind) -> bool {
    match kind {
        Kind::CustomMessage => true,
        Kind::Message(role) => matches!(
            role,
            Role::User | Role::Custom | Role::Assistant | Role::ToolResult
        ),
        _ => false,
    }
}
