//! `mirror`.

use std::ffi::OsString;

use clap::{Args, Subcommand};
use latchwork::SessionArg;

use crate::duration::Span;

/// `mirror`.
#[derive(Debug, Args)]
pub(crate) struct Mirror {
    /// Whose.
    #[command(subcommand)]
    pub(crate) what: MirrorWhat,
}

/// The programs that can be mirrored.
#[derive(Debug, Subcommand)]
pub(crate) enum MirrorWhat {
    /// Codex: a rollout file that grows, or the stream of an app-server or of `codex exec --json`.
    #[command(after_long_help = crate::help::MIRROR)]
    Codex(MirrorCodex),
}

/// `mirror codex`.
#[derive(Debug, Args)]
pub(crate) struct MirrorCodex {
    /// The rollout, or `-` for a rollout or a stream on standard input.
    #[arg(value_name = "FILE|-")]
    pub(crate) source: OsString,
    /// The session that it goes to, by its key or path [default: codex-THREAD, as `sessions import` has it; needed with `-`].
    #[arg(long, value_name = "SESSION|PATH")]
    pub(crate) session: Option<SessionArg>,
    /// Go on when the end of the file is reached, until interrupted; that is the default.
    #[arg(long, conflicts_with = "once")]
    pub(crate) follow: bool,
    /// End when the end of the file is reached.
    #[arg(long)]
    pub(crate) once: bool,
    /// While a turn of the session is under way, wait this long for its end.
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    pub(crate) wait: Span,
    /// One object for each part that was written, and one at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

impl MirrorWhat {
    /// Whether `--json` was given.
    pub(crate) const fn wants_json(&self) -> bool {
        match self {
            Self::Codex(typed) => typed.json,
        }
    }
}
