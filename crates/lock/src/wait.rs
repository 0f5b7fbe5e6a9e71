//! How long to wait, and what for: both are values that a caller passes in.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

/// How long a request may wait. There is no default: the caller says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: an answer now, or the name of the holder.
    Never,
    /// Until this moment of the monotonic clock. One moment bounds all steps of a request together.
    Until(Instant),
    /// As long as it takes.
    Forever,
}

impl Wait {
    /// Until `limit` from now; a limit beyond the clock's range is [`Wait::Forever`].
    #[must_use]
    pub fn at_most(limit: Duration) -> Self {
        Instant::now()
            .checked_add(limit)
            .map_or(Self::Forever, Self::Until)
    }

    /// What is left: `Some(ZERO)` when the time is over, `None` when there is no end.
    #[must_use]
    pub fn left(self) -> Option<Duration> {
        match self {
            Self::Never => Some(Duration::ZERO),
            Self::Until(end) => Some(end.saturating_duration_since(Instant::now())),
            Self::Forever => None,
        }
    }
}

/// What a guard is taken for. The named phases are those of a turn; others are free.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Phase(Cow<'static, str>);

impl Phase {
    /// Recover, place messages, take the snapshot.
    pub const PREPARE: Self = Self(Cow::Borrowed("prepare"));
    /// Commit a reply with its tool calls.
    pub const RECORD: Self = Self(Cow::Borrowed("record"));
    /// Commit the outcome of a tool.
    pub const ACT: Self = Self(Cow::Borrowed("act"));
    /// Commit usage and what else ends a turn.
    pub const SETTLE: Self = Self(Cow::Borrowed("settle"));
    /// A rewrite or a compaction, on behalf of an engine.
    pub const MAINTAIN: Self = Self(Cow::Borrowed("maintain"));
    /// End a turn.
    pub const CLOSE: Self = Self(Cow::Borrowed("close"));
    /// A writer beside the turn: a label, a mirror, a message.
    pub const SIDE: Self = Self(Cow::Borrowed("side"));

    /// A phase of somebody else's making.
    #[must_use]
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Wait;
    use std::time::Duration;

    #[test]
    fn an_endless_limit_is_forever() {
        assert_eq!(Wait::at_most(Duration::MAX), Wait::Forever);
        assert_eq!(Wait::Never.left(), Some(Duration::ZERO));
        assert_eq!(Wait::Forever.left(), None);
    }
}
