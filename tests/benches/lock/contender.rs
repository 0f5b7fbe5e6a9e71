//! Whose locks are measured.

use std::fmt;

/// One of those that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Our latch with the peers' file, as it is set when nothing is set.
    Always,
    /// Our latch without the peers' file.
    Never,
    /// `open`, `flock`, `close`.
    Flock,
    /// A temporary file, `link`, `unlink`; and `unlink` to release.
    Link,
    /// `open(O_EXCL)`, `write`, `close`; and `unlink` to release.
    Excl,
    /// OpenClaw's function under Node.
    OpenClaw,
    /// Ours with the peers' file, on a runtime with several threads.
    AlwaysThreaded,
    /// No lock: the control that shows that a broken exclusion is noticed.
    Nothing,
}

impl Contender {
    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Always => "ours",
            Self::Never => "ours, peers' file off",
            Self::Flock => "flock",
            Self::Link => "link",
            Self::Excl => "excl",
            Self::OpenClaw => "OpenClaw",
            Self::AlwaysThreaded => "ours, threaded runtime",
            Self::Nothing => "no lock (control)",
        }
    }

    /// The arguments that make our worker this contender; `None` for the one that is not of our worker.
    pub(crate) const fn arguments(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Always => &["--impl", "ours", "--peer-lock", "always"],
            Self::Never => &["--impl", "ours", "--peer-lock", "never"],
            Self::Flock => &["--impl", "flock"],
            Self::Link => &["--impl", "link"],
            Self::Excl => &["--impl", "excl"],
            Self::AlwaysThreaded => &["--impl", "ours", "--runtime", "multi"],
            Self::Nothing => &["--impl", "none"],
            Self::OpenClaw => return None,
        })
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
