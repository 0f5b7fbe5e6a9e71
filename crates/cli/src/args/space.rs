//! What may be typed about the space that sessions take.

use clap::Args;
use latchwork::SessionArg;

/// `du`.
#[derive(Debug, Args)]
pub(crate) struct Du {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl) [default: all sessions of the home].
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: Option<SessionArg>,
    /// So many of the largest entries.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=1_000))]
    pub(crate) largest: u16,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
