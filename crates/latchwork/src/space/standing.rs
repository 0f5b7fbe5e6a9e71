//! Which entries the model is shown, which of the active branch it is not, and which are dead.
//!
//! Law: what is called shown is what [`context`](latchwork_format::context()) gives as it stands. Memory: two bits for each entry, and the
//! numbers of the context's.

use std::collections::HashMap;
use std::io;

use latchwork_export::Source as _;
use latchwork_format::views::Replacement;
use latchwork_format::{Kind, Outline, RawEntry, Role};

use super::Shown;
use crate::exporting::reading::Entries;

/// The standing of every entry.
pub(super) struct Standing {
    active: Vec<bool>,
    part: HashMap<u32, At>,
    /// Entries that an edit changes: left out, or with another content.
    edits: HashMap<u32, bool>,
}

/// Where an entry of the context's part stands to its last compaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Before,
    Boundary,
    Behind,
}

impl Standing {
    pub(super) fn of(
        outline: &Outline,
        head: Option<u32>,
        entries: &mut Entries<'_>,
    ) -> io::Result<Self> {
        let mut active = vec![false; outline.len()];
        for entry in head.into_iter().flat_map(|head| outline.upwards(head)) {
            if let Some(place) = active.get_mut(entry as usize) {
                *place = true;
            }
        }
        let part = head
            .map(|head| outline.context(head).part)
            .unwrap_or_default();
        let boundary = part
            .iter()
            .rposition(|entry| kind_of(outline, *entry) == Some(Kind::Compaction));
        let mut standing = Self {
            active,
            part: HashMap::with_capacity(part.len()),
            edits: HashMap::new(),
        };
        for (place, entry) in part.iter().enumerate() {
            let at = match boundary {
                Some(boundary) if place < boundary => At::Before,
                Some(boundary) if place == boundary => At::Boundary,
                _ => At::Behind,
            };
            standing.part.insert(*entry, at);
            if kind_of(outline, *entry) == Some(Kind::ContextEdit)
                && let Some(edit) = entries.entry(*entry)?
            {
                standing.note_edit(outline, &edit);
            }
        }
        Ok(standing)
    }

    /// Of two edits of one entry, the later counts.
    fn note_edit(&mut self, outline: &Outline, entry: &RawEntry) {
        let Some(edit) = entry.context_edit() else {
            return;
        };
        let Some(target) = outline.find(edit.target.as_str()) else {
            return;
        };
        let changes = match edit.replacement {
            Replacement::Omit => true,
            Replacement::Content(_) => {
                kind_of(outline, target).is_some_and(|kind| takes_content(&kind))
            }
            Replacement::Unreadable => false,
        };
        self.edits.insert(target, changes);
    }

    /// Whether the model is shown the entry; `read` is what stands there, where that could be read.
    pub(super) fn shown(&self, number: u32, kind: &Kind, read: Option<&RawEntry>) -> Shown {
        if self.active.get(number as usize) != Some(&true) {
            return Shown::Dead;
        }
        let said = match (self.part.get(&number), kind) {
            (None, _) => false,
            (Some(at), Kind::Compaction) => *at == At::Boundary,
            (Some(at), Kind::Message(Role::System)) => *at != At::Before,
            (Some(_), kind) => is_said(kind),
        };
        let edited = self.edits.get(&number) == Some(&true);
        match said && !edited && !read.is_some_and(is_kept_back) {
            true => Shown::InContext,
            false => Shown::OffContext,
        }
    }
}

fn kind_of(outline: &Outline, entry: u32) -> Option<Kind> {
    outline.row(entry).map(latchwork_format::outline::Row::kind)
}

const fn is_said(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Message(_) | Kind::CustomMessage | Kind::BranchSummary
    )
}

/// A copy of a delivery, or a command that the user kept to themselves.
fn is_kept_back(entry: &RawEntry) -> bool {
    entry.message().is_some_and(|message| {
        message.is_mirror()
            || message
                .bash_execution()
                .is_some_and(|bash| bash.exclude_from_context)
    })
}

/// Whether an edit can put another content into a message of this kind.
const fn takes_content(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::CustomMessage
            | Kind::Message(Role::User | Role::Custom | Role::Assistant | Role::ToolResult)
    )
}
