//! The plan of a maintenance: each row and each file, what becomes of it, and why. Pure.
//!
//! Rows go first: those of direct messages and those whose transcript is missing (if asked), those that are old, those beyond the cap, oldest first. Then files that
//! no row refers to any more; then, over the limit of room, whatever is oldest ([`budget`](super::budget)). What goes may free
//! others, so it is looked again until nothing changes; hence planning again finds nothing.

use std::fmt;

use crate::maintenance::MaintenanceOptions;
use crate::maintenance::planner::Planner;
use crate::maintenance::references::InUse;
use crate::maintenance::seen::{Seen, SeenFile};
use crate::store::SessionsJson;

/// What was asked for beyond what is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Rows whose transcript is not there go, too.
    pub fix_missing: bool,
    /// Rows of direct messages that have a session of their own go, too, as of a store of this agent whose direct messages share the main session.
    pub fix_dm_scope: Option<String>,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowAction {
    /// It stays.
    Keep,
    /// It is of a direct message, and those share the main session now.
    RetireDmScope,
    /// Its transcript is not there.
    PruneMissing,
    /// It was not changed for long.
    PruneStale,
    /// There are too many.
    CapOverflow,
    /// The folder takes too much room.
    EvictBudget,
}

impl RowAction {
    /// As OpenClaw spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::RetireDmScope => "retire-dm-scope",
            Self::PruneMissing => "prune-missing",
            Self::PruneStale => "prune-stale",
            Self::CapOverflow => "cap-overflow",
            Self::EvictBudget => "evict-budget",
        }
    }
}

/// What becomes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileAction {
    /// It stays.
    Keep,
    /// It gets this name.
    Archive {
        /// The name.
        to: String,
    },
    /// It goes.
    Delete,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// Nothing asks for its removal.
    NotDue,
    /// It was named as active.
    Active,
    /// Somebody holds a lock or a turn of it, or waits for one.
    Live,
    /// Messages were accepted for it, and may wait to be answered.
    Inbox,
    /// A run of it goes on, or a reply waits to be delivered.
    InUse,
    /// It is younger than the age floor.
    Young,
    /// It is a thread, a topic, a group or a channel.
    Kind,
    /// It cannot be read.
    Malformed,
    /// Something that stays leads to it.
    Referenced,
    /// Direct messages share the main session.
    DmScope,
    /// Its transcript is missing.
    Missing,
    /// It is older than is kept.
    Old,
    /// There are more than are kept.
    TooMany,
    /// The folder takes more room than it may.
    NoRoom,
    /// Its row goes.
    RowGone,
    /// No row refers to it, and it is older than is kept.
    Unreferenced,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotDue => "nothing asks for its removal",
            Self::Active => "it was named as active",
            Self::Live => "somebody holds a lock or a turn of it",
            Self::Inbox => "messages were accepted for it",
            Self::InUse => "a run goes on, or a reply waits to be delivered",
            Self::Young => "it is younger than the age floor",
            Self::Kind => "it is a thread, a topic, a group or a channel",
            Self::Malformed => "it cannot be read as a row",
            Self::Referenced => "something that stays leads to it",
            Self::DmScope => "direct messages share the main session",
            Self::Missing => "its transcript is missing",
            Self::Old => "it is older than is kept",
            Self::TooMany => "there are more than are kept",
            Self::NoRoom => "the folder takes more room than it may",
            Self::RowGone => "its row goes",
            Self::Unreferenced => "no row refers to it, and it is older than is kept",
        })
    }
}

/// A row of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowPlan {
    /// Its key, as it is compared.
    pub key: String,
    /// The texts of its spellings, by which it is known again.
    pub texts: Vec<String>,
    /// The session; `None` for a malformed one.
    pub session_id: Option<String>,
    /// When it was changed last, milliseconds since 1970.
    pub updated_at: Option<i64>,
    /// What becomes of it.
    pub action: RowAction,
    /// Why.
    pub why: Why,
    /// What it takes in the store, in bytes.
    pub bytes: u64,
    /// The stems of the transcripts that are its own, whether they are there or not.
    pub stems: Vec<String>,
}

/// A file of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilePlan {
    /// The file as it was seen.
    pub file: SeenFile,
    /// What becomes of it.
    pub action: FileAction,
    /// Why.
    pub why: Why,
}

/// What a limit of room comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskPlan {
    /// What the folder takes before anything is done for its sake, in bytes.
    pub total_before: u64,
    /// What it takes afterwards, in bytes.
    pub total_after: u64,
    /// How many files go for its sake.
    pub removed_files: usize,
    /// How many rows go for its sake.
    pub removed_entries: usize,
    /// What that frees, in bytes.
    pub freed: u64,
    /// The limit, in bytes.
    pub max: u64,
    /// Down to where it is brought, in bytes.
    pub high_water: u64,
    /// Whether the limit was passed.
    pub over: bool,
}

/// What would go, and why; and what stays, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// When it was made, milliseconds since 1970.
    pub at_ms: i64,
    /// Every row, in the order of the store; spellings of one key are one.
    pub rows: Vec<RowPlan>,
    /// Every file that is known by its name.
    pub files: Vec<FilePlan>,
    /// The limit of room, if there is one.
    pub disk: Option<DiskPlan>,
}

impl Plan {
    /// How many rows go for this.
    #[must_use]
    pub fn count(&self, action: RowAction) -> usize {
        self.rows.iter().filter(|row| row.action == action).count()
    }

    /// Whether anything would change.
    #[must_use]
    pub fn would_change(&self) -> bool {
        let keeps_files = |file: &FilePlan| file.action == FileAction::Keep;
        self.count(RowAction::Keep) < self.rows.len() || !self.files.iter().all(keeps_files)
    }
}

/// Plans. `now_ms` is the present, in milliseconds since 1970.
#[must_use]
pub fn plan(
    rows: &SessionsJson,
    seen: &Seen,
    in_use: &InUse,
    options: &MaintenanceOptions,
    asked: &Asked,
    now_ms: i64,
) -> Plan {
    let mut planner = Planner::new(rows, seen, in_use, options, asked, now_ms);
    loop {
        let before = planner.removals;
        planner.prune();
        planner.cap();
        planner.look_at_files();
        planner.fit();
        if planner.removals == before {
            return planner.ended();
        }
    }
}
