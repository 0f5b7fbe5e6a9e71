//! What may be typed about pieces that are out of line.

use clap::{Args, Subcommand};
use latchwork::SessionArg;
use latchwork::config::Bytes;

use crate::duration::Span;

/// `blobs`.
#[derive(Debug, Args)]
pub(crate) struct Blobs {
    /// What is to be done.
    #[command(subcommand)]
    pub(crate) what: BlobsWhat,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum BlobsWhat {
    /// Move large tool outputs and images of a session out of line. Ids stay.
    Out(BlobsOut),
    /// Move everything of a session that is out of line back in, to the byte.
    In(BlobsIn),
    /// Remove the blobs of the home that nobody refers to.
    Gc(BlobsGc),
}

/// `blobs out`.
#[derive(Debug, Args)]
pub(crate) struct BlobsOut {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// Pieces of this size and more, as they stand in the file.
    #[arg(long, value_name = "SIZE", default_value = "64kb")]
    pub(crate) over: Bytes,
    /// Say what would be moved, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What was moved, as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `blobs in`.
#[derive(Debug, Args)]
pub(crate) struct BlobsIn {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// Say what would be moved, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What was moved, as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `blobs gc`.
#[derive(Debug, Args)]
pub(crate) struct BlobsGc {
    /// What was written in the last so long stays in any case.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub(crate) floor: Span,
    /// Say what would go, and remove nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What is gone, as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl BlobsWhat {
    /// Whether `--json` was given.
    pub(crate) const fn wants_json(&self) -> bool {
        match self {
            Self::Out(typed) => typed.json,
            Self::In(typed) => typed.json,
            Self::Gc(typed) => typed.json,
        }
    }
}
