//! What may be typed after `sessions`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use latchwork::SessionArg;

use super::{Archive, Import, OwnHome, Restore, Rm, Search, SessionShow};

/// `sessions`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
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
    /// Say everything that is known of a session, but for its words.
    Show(SessionShow),
    /// Remove sessions with all that belongs to them, and write a receipt down. None that is in use, is waited for, or was forked.
    #[command(after_long_help = crate::help::SESSIONS_RM)]
    Rm(Rm),
    /// Put sessions away into the archive of the home, with all that belongs to them.
    Archive(Archive),
    /// Bring archived sessions back, byte for byte.
    Restore(Restore),
    /// List the rows of an OpenClaw home's session store, newest first; with --archived, the archived sessions of our own home.
    List(List),
    /// Say what is due in our own home (--older-than, --keep, --max-bytes), or what maintenance would take out of an OpenClaw home's store
    /// and folder, and why; with --enforce, do it.
    #[command(after_long_help = crate::help::SESSIONS_CLEANUP)]
    Cleanup(Cleanup),
    /// Take in sessions of Codex, Claude Code, goose or OpenClaw; what is there already is not written again.
    #[command(after_long_help = crate::help::IMPORT)]
    Import(Import),
    /// Export a session as Markdown, or as one HTML page with tree, search and charts that needs no network. Nothing is locked.
    Export(Export),
    /// Search what was said in all sessions. Nothing is locked; the index may be deleted at any time.
    #[command(after_long_help = crate::help::SESSIONS_SEARCH)]
    Search(Search),
}

impl SessionsWhat {
    pub(crate) const fn wants_json(&self) -> bool {
        match self {
            Self::Show(typed) => typed.json,
            Self::Rm(typed) => typed.json,
            Self::Archive(typed) => typed.json,
            Self::Restore(typed) => typed.json,
            Self::List(typed) => typed.json,
            Self::Cleanup(typed) => typed.json,
            Self::Import(typed) => typed.json,
            Self::Export(typed) => typed.json,
            Self::Search(typed) => typed.json,
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
    /// The archived sessions of our own home instead, what was changed last first.
    #[arg(long, conflicts_with_all = ["store", "active"])]
    pub(crate) archived: bool,
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
    /// Rows of direct messages that have a session of their own go, too, where OpenClaw's setting `session.dmScope` is `main`; their
    /// transcripts are put away.
    #[arg(long)]
    pub(crate) fix_dm_scope: bool,
    /// The stores of all agents of the setting `openclaw_home`, one after the other.
    #[arg(long, conflicts_with_all = ["store", "active_key"])]
    pub(crate) all_agents: bool,
    #[command(flatten)]
    pub(crate) own: OwnHome,
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

/// `sessions export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// What it becomes [default: what the name of --out ends in, else md].
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<Format>,
    /// The file that is made, readable for you alone [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// The branch that ends with this entry [default: the active one].
    #[arg(long, value_name = "ENTRY", conflicts_with = "all_branches")]
    pub(crate) leaf: Option<String>,
    /// Every branch.
    #[arg(long)]
    pub(crate) all_branches: bool,
    /// Leave out what the model thought.
    #[arg(long)]
    pub(crate) no_thinking: bool,
    /// Leave out what tools were called with and answered, and the user's own commands. The names of the tools stay.
    #[arg(long)]
    pub(crate) no_tools: bool,
    /// Name images only. Markdown does that unless --inline-images is given.
    #[arg(long)]
    pub(crate) no_images: bool,
    /// Put images into the Markdown, as data: URLs. A page has them unless --no-images is given.
    #[arg(long, conflicts_with = "no_images")]
    pub(crate) inline_images: bool,
    /// The title, in place of the session's name.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// With --out, what was made as one JSON object; without it only a failure is JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Markdown.
    Md,
    /// One HTML page.
    Html,
}

impl Export {
    /// What it becomes: as typed, else as the file's name says.
    pub(crate) fn format(&self) -> Format {
        let ending = self.out.as_deref().and_then(|out| out.extension());
        let is_page = ending.is_some_and(|ending| ending == "html" || ending == "htm");
        self.format
            .unwrap_or(if is_page { Format::Html } else { Format::Md })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Command, Typed};
    use super::{Export, Format, SessionsWhat};

    fn export(line: &str) -> Option<Export> {
        let words = "latchwork sessions".split(' ').chain(line.split(' '));
        let Command::Sessions(sessions) = Typed::try_parse_from(words).ok()?.command else {
            return None;
        };
        match sessions.what? {
            SessionsWhat::Export(export) => Some(export),
            _ => None,
        }
    }

    #[test]
    fn the_name_of_the_file_says_what_it_becomes_unless_that_is_typed() {
        let format = |line: &str| export(line).unwrap().format();
        assert_eq!(format("export main"), Format::Md);
        assert_eq!(format("export main --out a.html"), Format::Html);
        assert_eq!(format("export main --out a.txt"), Format::Md);
        assert_eq!(format("export main --out a.html --format md"), Format::Md);
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        assert!(export("export main --force --out x").is_some());
        for wrong in [
            "export",
            "export main --force",
            "export main --leaf a --all-branches",
            "export main --no-images --inline-images",
            "export main --format pdf",
            "--json export main",
        ] {
            assert!(export(wrong).is_none(), "{wrong}");
        }
    }
}
