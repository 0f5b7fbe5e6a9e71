//! What may be typed to keep the home in order: `sessions rm`, `archive`, `restore`, `show`, and the limits of `cleanup`; `tree` and `tail`.

use std::str::FromStr;

use clap::Args;
use latchwork::SessionArg;
use latchwork::config::{Bytes, Millis, QuantityError};

/// `sessions rm`.
#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// Sessions of the home, by their keys or ids.
    #[arg(value_name = "SESSION", required = true)]
    pub(crate) sessions: Vec<String>,
    /// Only say what would go, and what stands in the way.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Sessions that were forked from it go, too, and what was forked from those.
    #[arg(long, conflicts_with = "keep_forks")]
    pub(crate) with_forks: bool,
    /// Sessions that were forked from it stay; they have its words.
    #[arg(long)]
    pub(crate) keep_forks: bool,
    /// Messages that were accepted and not answered go, too.
    #[arg(long)]
    pub(crate) with_waiting: bool,
    /// Archived copies of it stay.
    #[arg(long)]
    pub(crate) keep_archived: bool,
    /// One receipt a line, as JSON; with --dry-run one object a session.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `sessions archive`.
#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// Sessions of the home, by their keys or ids.
    #[arg(value_name = "SESSION", required = true)]
    pub(crate) sessions: Vec<String>,
    /// Also with messages that were accepted and not answered; they come back with it.
    #[arg(long)]
    pub(crate) with_waiting: bool,
    /// One JSON object a session.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `sessions restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Archived sessions: by their names in the archive, or by key or id where one is archived only.
    #[arg(value_name = "SESSION", required = true)]
    pub(crate) sessions: Vec<String>,
    /// One JSON object a session.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `sessions show`.
#[derive(Debug, Args)]
pub(crate) struct SessionShow {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `sessions cleanup` keeps of the own home.
#[derive(Debug, Args)]
pub(crate) struct OwnHome {
    /// Of our own home: sessions that were not changed for so long are due.
    #[arg(long, value_name = "DURATION", conflicts_with_all = STORE_ONLY)]
    pub(crate) older_than: Option<Age>,
    /// Of our own home: beyond so many sessions the oldest are due.
    #[arg(long, value_name = "N", conflicts_with_all = STORE_ONLY)]
    pub(crate) keep: Option<usize>,
    /// Of our own home: while the transcripts take more room than this, the oldest are due.
    #[arg(long, value_name = "SIZE", conflicts_with_all = STORE_ONLY)]
    pub(crate) max_bytes: Option<Bytes>,
    /// Of our own home: what was changed in the last so long stays in any case.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1d",
        conflicts_with_all = STORE_ONLY
    )]
    pub(crate) floor: Age,
    /// Of our own home: what is due is removed, with a receipt, not archived.
    #[arg(long, requires = "enforce", conflicts_with_all = STORE_ONLY)]
    pub(crate) delete: bool,
}

/// What is said of an OpenClaw home's store only.
const STORE_ONLY: [&str; 5] = [
    "store",
    "active_key",
    "fix_missing",
    "fix_dm_scope",
    "all_agents",
];

impl OwnHome {
    /// Whether our own home is meant.
    pub(crate) const fn is_meant(&self) -> bool {
        self.older_than.is_some() || self.keep.is_some() || self.max_bytes.is_some() || self.delete
    }
}

/// `tree`.
#[derive(Debug, Args)]
pub(crate) struct Tree {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl super::Show {
    /// `show --tree`, said shorter.
    pub(crate) fn tree(typed: Tree) -> Self {
        Self {
            session: typed.session,
            tree: true,
            context: false,
            json: typed.json,
        }
    }
}

/// `tail`.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// So many entries of the active branch to begin with.
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    pub(crate) lines: usize,
    /// Go on with what is added, until interrupted.
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,
    /// Each entry as the JSON object that stands in the transcript.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A span of time that may be years: `90d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) u64);

impl FromStr for Age {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        text.parse::<Millis>().map(|millis| Self(millis.get()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use proptest::prelude::*;

    use super::super::Typed;
    use super::Age;

    fn is_sense(line: &str) -> bool {
        Typed::try_parse_from(line.split(' ')).is_ok()
    }

    #[test]
    fn an_age_may_be_years() {
        assert_eq!("400d".parse::<Age>().unwrap().0, 400 * 86_400_000);
        assert!("soon".parse::<Age>().is_err());
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        for line in [
            "l sessions rm a b --dry-run",
            "l sessions archive a",
            "l sessions restore a@b",
            "l sessions show a",
            "l sessions cleanup --older-than 30d --keep 5 --max-bytes 2gb --enforce --delete",
            "l sessions list --archived",
            "l tree a",
            "l tail -n 3 -f a",
        ] {
            assert!(is_sense(line), "{line}");
        }
        for line in [
            "l sessions rm",
            "l sessions rm a --with-forks --keep-forks",
            "l sessions cleanup --older-than 30d --store x",
            "l sessions cleanup --keep 3 --fix-missing",
            "l sessions cleanup --keep 3 --delete",
            "l sessions list --archived --store x",
            "l tail",
        ] {
            assert!(!is_sense(line), "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_age_is_read_without_a_panic(text in "\\PC{0,12}") {
            drop(text.parse::<Age>());
        }
    }
}
