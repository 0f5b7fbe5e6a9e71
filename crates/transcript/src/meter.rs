//! What is measured of transcripts, for whoever installs a recorder of the [`metrics`](https://docs.rs/metrics) crate.
//!
//! Without the feature `metrics` nothing is measured. A sync is a span of `tracing` as well, a commit and a quarantine are events. Nothing of a conversation, no
//! path and no session is a label.

use std::time::Duration;

use latchwork_session::Outcome;

/// How long a sync of a transcript to the device took: a histogram; one sync may serve many commits.
pub const SYNC: &str = "latchwork_transcript_sync_seconds";
/// Commits: a counter by `outcome` (`clean`, `rebased`, `diverged`, `aside`).
pub const COMMITS: &str = "latchwork_transcript_commits_total";
/// Fragments of damaged lines that were put in quarantine: a counter.
pub const QUARANTINES: &str = "latchwork_transcript_quarantines_total";

pub(crate) fn synced(time: Duration) {
    #[cfg(feature = "metrics")]
    metrics::histogram!(SYNC).record(time);
    let _ = time;
}

pub(crate) fn committed(outcome: &Outcome) {
    let outcome = match outcome {
        Outcome::Clean => "clean",
        Outcome::Rebased { .. } => "rebased",
        Outcome::Diverged { .. } => "diverged",
        Outcome::Aside { .. } => "aside",
        _ => "other",
    };
    #[cfg(feature = "metrics")]
    metrics::counter!(COMMITS, "outcome" => outcome).increment(1);
    tracing::debug!(outcome, "latchwork_transcript_commit");
}

pub(crate) fn put_in_quarantine() {
    #[cfg(feature = "metrics")]
    metrics::counter!(QUARANTINES).increment(1);
    tracing::warn!(
        "latchwork_transcript_quarantine: the end of a transcript was damaged; its bytes are kept beside it"
    );
}
