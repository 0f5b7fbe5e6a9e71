//! Who is measured: a name for the tables, and what is asked of which program.

use std::fmt;

use latchwork_tests::measure::Who;

/// One of those that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// `write` through a descriptor that is held.
    Raw,
    /// Our store, of what is in the file alone.
    Ours,
    /// Our store, which makes JSON of a message's values first.
    OursOfValues,
    /// Our store, with whatever a writer of ours has saved beside the transcript.
    OursSaved,
    /// Our store, every message of the context with its blocks decoded.
    OursViews,
    /// Our store, every message of the context as a tree of values.
    OursValues,
    /// The pi that OpenClaw carries.
    Pi,
    /// The newest pi.
    NewPi,
    /// OpenClaw's functions for one file.
    OpenClaw,
    /// OpenClaw's state of a transcript.
    OpenClawState,
}

impl Contender {
    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw calls",
            Self::Ours => "ours",
            Self::OursOfValues => "ours, from values",
            Self::OursSaved => "ours, saved index",
            Self::OursViews => "ours, decoded",
            Self::OursValues => "ours, as values",
            Self::Pi => "pi 0.75.1",
            Self::NewPi => "pi 0.87.1",
            Self::OpenClaw => "OpenClaw",
            Self::OpenClawState => "OpenClaw's state",
        }
    }

    /// What its program is asked for.
    pub(crate) const fn who(self) -> Who {
        match self {
            Self::Raw => Who::Raw,
            Self::OursOfValues => Who::OursOfValues,
            Self::Ours | Self::OursSaved | Self::OursViews | Self::OursValues => Who::Ours,
            Self::Pi | Self::NewPi => Who::Pi,
            Self::OpenClaw => Who::Openclaw,
            Self::OpenClawState => Who::OpenclawState,
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
