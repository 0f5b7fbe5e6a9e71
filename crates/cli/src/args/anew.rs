//! What may be typed to make a session's file another.

use clap::Args;
use latchwork::SessionArg;

/// `vacuum`.
#[derive(Debug, Args)]
pub(crate) struct Vacuum {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// Say what would go, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Orphaned replies, and what other programs said beside the active branch, go, too.
    #[arg(long)]
    pub(crate) orphans: bool,
    /// What went, as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `redact`.
#[derive(Debug, Args)]
pub(crate) struct Redact {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// What was done, as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
