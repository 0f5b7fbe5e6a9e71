//! Which programs' sessions are read.

use std::fmt;
use std::str::FromStr;

/// The program that wrote a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceKind {
    /// OpenAI's Codex: rollout files, one JSON object a line.
    Codex,
    /// Claude Code: project files, one JSON object a line.
    ClaudeCode,
    /// goose: a SQLite database, formerly one JSON object a line.
    Goose,
    /// OpenClaw from 2026.8 on: the table `transcript_events` of a SQLite database.
    OpenClaw,
}

/// A name that is none of a [`SourceKind`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no sessions of {0:?} are read; there are codex, claude-code, goose and openclaw")]
pub struct UnknownKind(String);

impl SourceKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Codex, Self::ClaudeCode, Self::Goose, Self::OpenClaw];

    /// Its name, as it is typed and as it stands in keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::ClaudeCode => "claude-code",
            Self::Goose => "goose",
            Self::OpenClaw => "openclaw",
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SourceKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        found.ok_or_else(|| UnknownKind(name.to_owned()))
    }
}
