//! What may be typed after `sessions`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Import;

/// `sessions`.
#[derive(Debug, Args)]
pub(crate) struct Sessions {
    /// One JSON object a session.
    #[arg(long)]
    pub(crate) json: bool,
    /// What to do; without it, the sessions of the home are listed.
    #[command(subcommand)]
    pub(crate) what: Option<SessionsWhat>,
}

/// What `sessions` does beyond the home.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionsWhat {
    /// List the rows of an OpenClaw home's session store, newest first.
    List(List),
    /// Say what maintenance would take out of an OpenClaw home's session store and folder, and why; with --enforce, do it.
    #[command(after_long_help = crate::help::SESSIONS_CLEANUP)]
    Cleanup(Cleanup),
    /// Take in sessions of Codex, Claude Code, goose or OpenClaw; what is there already is not written again.
    #[command(after_long_help = crate::help::IMPORT)]
    Import(Import),
}

impl SessionsWhat {
    pub(crate) const fn wants_json(&self) -> bool {
        match self {
            Self::List(typed) => typed.json,
            Self::Cleanup(typed) => typed.json,
            Self::Import(typed) => typed.json,
        }
    }
}

/// `sessions list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The store (sessions.json), or the folder that it lies in [default: that of the agent main of the setting `openclaw_home`].
    #[arg(long, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
    /// Only rows that were changed in the last so many minutes.
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) active: Option<u32>,
    /// At most so many rows, or `all`.
    #[arg(long, value_name = "N|all", default_value = "100")]
    pub(crate) limit: Limit,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `sessions cleanup`.
#[derive(Debug, Args)]
pub(crate) struct Cleanup {
    /// The store (sessions.json), or the folder that it lies in [default: that of the agent main of the setting `openclaw_home`].
    #[arg(long, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
    /// Only say what would go, and why.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do what is due, though the mode that is set only warns.
    #[arg(long)]
    pub(crate) enforce: bool,
    /// The key of a row that stays whatever else.
    #[arg(long, value_name = "KEY")]
    pub(crate) active_key: Option<String>,
    /// Rows whose transcript is not there go, too.
    #[arg(long)]
    pub(crate) fix_missing: bool,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Option<usize>);

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" => Ok(Self(None)),
            number => match number.parse() {
                Ok(number) if number > 0 => Ok(Self(Some(number))),
                _ => Err("it must be a whole number above 0, or `all`".to_owned()),
            },
        }
    }
}
