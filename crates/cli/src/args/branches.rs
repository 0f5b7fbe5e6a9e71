//! What may be typed about branches.

use clap::Args;
use latchwork::SessionArg;

/// `fork`.
#[derive(Debug, Args)]
pub(crate) struct Fork {
    /// The session whose active branch is copied.
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// The new session; it must not exist.
    #[arg(value_name = "NEW SESSION|PATH")]
    pub(crate) to: SessionArg,
    /// What was made, as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `rewind`.
#[derive(Debug, Args)]
pub(crate) struct Rewind {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// The entry that the conversation goes on after, by its id; `root`: before the first.
    #[arg(value_name = "ENTRY|root")]
    pub(crate) to: String,
    /// Why; it is kept in the transcript.
    #[arg(long, value_name = "TEXT", default_value = "rewound by the user")]
    pub(crate) why: String,
    /// Tell the conversation, where it goes on, what is left behind; `-` reads it from standard input.
    #[arg(long, value_name = "TEXT")]
    pub(crate) summary: Option<String>,
    /// A receipt as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `branches`.
#[derive(Debug, Args)]
pub(crate) struct Branches {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// One JSON object a branch.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `label`.
#[derive(Debug, Args)]
pub(crate) struct Label {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// The entry, by its id.
    #[arg(value_name = "ENTRY")]
    pub(crate) entry: String,
    /// Its name; without one, the name that it has is taken away.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// A receipt as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `merge`.
#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// The session whose head the entries are taken over to.
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// The entries, by their ids; with a reply that calls tools come the results.
    #[arg(value_name = "ENTRY", required = true)]
    pub(crate) entries: Vec<String>,
    /// The session that they stand in [default: the same one].
    #[arg(long, value_name = "SESSION|PATH")]
    pub(crate) from: Option<SessionArg>,
    /// A receipt as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
