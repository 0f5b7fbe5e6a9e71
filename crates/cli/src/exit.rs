//! How the program ends: one number for each thing that a script may want to tell apart.

use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As asked.
    Ok,
    /// Something failed; the words on standard error say what.
    Failure,
    /// The command line makes no sense. clap ends with the same number.
    Usage,
    /// `doctor` or `verify` found something wrong that is not put in order, or a source is not what it should be (EX_DATAERR).
    Findings,
    /// The model's provider failed or refused (EX_UNAVAILABLE).
    Provider,
    /// Somebody else is at work on the session: trying again later may do (EX_TEMPFAIL).
    Busy,
    /// The settings cannot be used (EX_CONFIG).
    Settings,
    /// Interrupted by this signal; what was said is kept.
    Signal(u8),
    /// As the command of `lock` ended.
    Command(u8),
    /// The command of `lock` is there and cannot be started, as shells say it.
    CannotRun,
    /// There is no such command, as shells say it.
    NoSuchCommand,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Findings => 65,
            Self::Provider => 69,
            Self::Busy => 75,
            Self::Settings => 78,
            Self::CannotRun => 126,
            Self::NoSuchCommand => 127,
            Self::Signal(signal) => 128u8.saturating_add(signal),
            Self::Command(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table of numbers, for `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    as asked
  1    failed; standard error says what, where, why and what to do
  2    the command line makes no sense
  65   `doctor`, `verify`: something is wrong and is not put in order; `sessions import --diff`: no proof; `mirror`: nothing of Codex's
  69   the model's provider failed or refused
  75   somebody else is at work on the session: try again later
  78   the settings cannot be used
  126  `lock`: the command cannot be run; 127: there is no such command; else `lock` ends as its command did
  130  interrupted (Ctrl-C); what was said is kept (143: SIGTERM, 129: SIGHUP)";

#[cfg(test)]
mod tests {
    use super::{Exit, TABLE};

    #[test]
    fn every_number_is_explained() {
        let exits = [
            Exit::Ok,
            Exit::Failure,
            Exit::Usage,
            Exit::Provider,
            Exit::Busy,
            Exit::Settings,
            Exit::CannotRun,
            Exit::NoSuchCommand,
        ];
        let signals = [2, 15, 1].map(Exit::Signal);
        for exit in exits.into_iter().chain(signals) {
            assert!(TABLE.contains(&exit.code().to_string()), "{exit:?}");
        }
    }
}
