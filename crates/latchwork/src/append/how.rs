//! How lines are appended: where they go, what they do when somebody else has spoken, and what they survive.

use latchwork_format::EntryId;
use latchwork_session::{Intent, Level};

/// How lines are appended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppendHow {
    /// What a line survives when it is answered. A message that waits in the inbox survives a loss of power in any case.
    pub level: Level,
    /// The entry that the first line continues; `None`: the head, as it is then.
    pub base: Option<EntryId>,
    /// What becomes of a line whose base is not the head any more.
    pub on_conflict: OnConflict,
}

/// What becomes of a line whose base is not the head any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnConflict {
    /// It goes to the head, wherever that is by now; a base that is named must still be on the active branch.
    #[default]
    Rebase,
    /// It is moved over what does not speak; where somebody spoke it stays on its base, on a branch of its own.
    Branch,
    /// It is refused.
    Fail,
}

impl Default for AppendHow {
    fn default() -> Self {
        Self {
            level: Level::Synced,
            base: None,
            on_conflict: OnConflict::default(),
        }
    }
}

impl AppendHow {
    /// Whether the caller says where the lines go.
    pub(super) const fn says_where(&self) -> bool {
        self.base.is_some() || !matches!(self.on_conflict, OnConflict::Rebase)
    }

    pub(super) const fn intent(&self) -> Intent {
        match self.on_conflict {
            OnConflict::Rebase => Intent::IfAncestor,
            OnConflict::Branch => Intent::Continue,
            OnConflict::Fail => Intent::Exact,
        }
    }
}
