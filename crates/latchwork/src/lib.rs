//! The facade: settings become a store, models, tools and an engine, and sessions run turns.
//!
#![doc = include_str!("../README.md")]
//!
//! # Code map
//!
//! | file | idea |
//! |---|---|
//! | `facade` | settings become a store, models, tools and an engine |
//! | `session` | one session: look, accept, rewind |
//! | `branches` | its branches: which there are, names, summaries, taking over |
//! | `turn` | one turn of it |
//! | `tail` | the last entries, and what is added |
//! | `watch` | the turn under way, seen by a reader |
//! | `why` | what is held and waited for, and what a session does |
//! | `anew` | entries replaced, dead branches dropped |
//! | `append` | messages and entries from outside |
//! | `import` | sessions of other agents, taken in and held against their source |
//! | `mirror` | what another program's conversation says, mirrored: each message once, between turns |
//! | `text_turn` | the pair of a text-only backend |
//! | `by_hand` | a session's lock for a command; who keeps it, and ending them |
//! | `doctor` | everything on which sessions rest, looked at and repaired |
//! | `progress` | how far something long has come |
//! | `exporting` | a session as Markdown or as one HTML page |
//! | `searching` | search over all sessions of a home or a folder |
//! | `forgetting` | what is gone from a home, taken out of its search indexes |
//! | `blobs` | large pieces of messages out of line: moved, resolved, collected |
//! | `space` | what eats the space: of a session, of the home |
//! | `house` | the home kept in order: sessions removed, archived, restored, tidied up |
//! | `address` | what a person calls a session by, and where that leads |
//! | `openclaw` | an OpenClaw home's session store |
//! | `settings` | everything that can be set, and where it comes from |
//! | `live`, `follow` | settings that change while a process runs |
//! | `home` | where things lie for a user |

mod address;
mod anew;
mod append;
mod blobs;
mod branches;
mod by_hand;
pub mod doctor;
mod exporting;
mod facade;
mod follow;
mod forgetting;
pub mod home;
pub mod house;
mod import;
mod live;
#[cfg(feature = "prometheus")]
pub mod metrics;
mod mirror;
mod openclaw;
mod progress;
mod searching;
mod session;
mod settings;
mod space;
mod tail;
mod text_turn;
mod turn;
mod watch;
mod why;

pub use address::{AddressError, SessionArg, SessionKey};
pub use append::{AppendHow, AppendLineError, Appended, Appender, LineError, OnConflict, Stands};
pub use blobs::{BLOB_AGE_FLOOR, BLOB_BYTES_MIN, BlobsFailed, BlobsMoved, Collected};
pub use branches::{Branch, Origin};
pub use exporting::{ExportFailed, ExportFormat, ExportHow, ExportTo, SharedRedact};
pub use facade::{Latchwork, Secrets, SetupError};
pub use follow::{Follow, Judge, News, ReadSources};
pub use import::{ImportError, ImportHow, ImportSource, Imported};
pub use live::Change;
pub use mirror::{
    BeforeWrite, BeforeWriteHook, Following, MirrorError, MirrorHow, MirrorMessage, MirrorNews,
    MirrorReport, MirrorSource, MirrorStopped, Mirrored, OnWait, Sender, identity_of,
};
pub use progress::WatchBytes;
pub use searching::{SearchFailed, SearchHow};
pub use session::{Look, Session, WriteError};
pub use settings::{
    EditError, Effect, Endpoint, Flag, Kind, MAIN_SESSION, Name, OPENAI, SYSTEM_PROMPT, Settings,
    Sources, edited, meant_by, misnamed_model, name_of, names, reference, shown,
};
pub use space::{
    Counted, Elsewhere, HomeSpace, KindSpace, Largest, SessionSpace, Shown, SidecarSpace, Space,
    SpaceFailed, SpaceHow, SpaceKind, SpaceProgress, SpaceSession,
};
pub use tail::{Added, Tailing};
pub use text_turn::{Persisted, PersistedTurn, TextBackend, TextTurn};
pub use turn::{Ask, RunError};
pub use watch::Watching;
pub use why::{LastTurn, Next, PhaseOfTurn, Read, Why};

/// Settings with an origin for every value.
pub use latchwork_config as config;
/// Context engines.
pub use latchwork_context as context;
/// Sessions as Markdown and as HTML.
pub use latchwork_export as export;
/// Locks on files: what a command inherits, and who keeps a session.
pub use latchwork_filelock as filelock;
/// The pi session format.
pub use latchwork_format as format;
/// Sessions of other agents as entries, and the proof of an import.
pub use latchwork_import as importing;
/// What a task may hold.
pub use latchwork_lock as lock;
/// Model providers.
pub use latchwork_models as models;
/// The session store of an OpenClaw home.
pub use latchwork_openclaw as openclaw_home;
/// The turn.
pub use latchwork_runner as runner;
/// Search over the sessions of a folder.
pub use latchwork_search as search;
/// The seams.
pub use latchwork_session as seams;
/// Disk, clock, processes and randomness.
pub use latchwork_sys as sys;
/// Built-in tools.
pub use latchwork_tools as tools;
/// Transcripts in files.
pub use latchwork_transcript as transcript;
