//! `sessions import`.

use std::ffi::OsString;

use clap::Args;
use latchwork::SessionArg;
use latchwork::importing::SourceKind;

/// `sessions import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Files of those programs; a database may hold many sessions. With --diff: the one source, and the session.
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<OsString>,
    /// Whose they are: codex, claude-code, goose or openclaw [default: told by their content].
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) from: Option<SourceKind>,
    /// Of a database, this session alone, by that program's name for it.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// The session that they go to, by its key or path [default: a session for each, called PROGRAM-NAME].
    #[arg(long, value_name = "SESSION|PATH", conflicts_with = "diff")]
    pub(crate) into: Option<SessionArg>,
    /// Say what would be written, and write nothing.
    #[arg(long, conflicts_with = "diff")]
    pub(crate) dry_run: bool,
    /// Hold a source against a session: whether everything of it is there, in its order, saying the same.
    #[arg(long)]
    pub(crate) diff: bool,
    /// One JSON object for each session that was taken in or held against.
    #[arg(long)]
    pub(crate) json: bool,
}
