//! What confines a command: chosen once, by what the system offers, and said in every outcome.
//!
//! | kind | file | strength |
//! |---|---|---|
//! | bubblewrap | `bubblewrap` | namespaces: other files and processes are not there, nor is the network |
//! | Landlock | `landlock` | the kernel refuses other files, and TCP; see its head for what it cannot refuse |
//! | none | - | the outcome begins by saying so |
//!
//! Invariant: once a kind is chosen, a command runs in it or does not run. Deliberately absent: limits on memory, on the
//! number of processes and on disk space.

#[cfg(target_os = "linux")]
mod bubblewrap;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod grants;
#[cfg(target_os = "linux")]
mod landlock;
#[cfg(target_os = "linux")]
mod privileges;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

#[cfg(not(target_os = "linux"))]
use self::elsewhere::{Bubblewrap, Landlock};
pub(crate) use self::grants::Grants;
#[cfg(target_os = "linux")]
use self::{bubblewrap::Bubblewrap, landlock::Landlock};
use crate::error::ToolboxError;
use crate::options::{BashOptions, SandboxKind, SandboxPolicy};

/// What confines the commands of a toolbox.
#[derive(Debug)]
pub(crate) enum Sandbox {
    Bubblewrap(Bubblewrap),
    Landlock(Landlock),
    None(NotSandboxed),
}

/// Why there is none.
#[derive(Debug)]
pub(crate) enum NotSandboxed {
    /// By choice.
    Off,
    /// What each kind lacks.
    Unavailable(String),
}

impl Sandbox {
    /// The strongest that works, within what the options allow. Blocks: it may run a trivial command.
    pub(crate) fn choose(
        options: &BashOptions,
        grants: &Grants,
        bwrap: Option<PathBuf>,
    ) -> Result<Self, ToolboxError> {
        let required = match options.sandbox {
            SandboxPolicy::Off => return Ok(Self::None(NotSandboxed::Off)),
            SandboxPolicy::Require => true,
            SandboxPolicy::Auto => false,
        };
        let mut lacking = Vec::new();
        if options.sandbox_kind != SandboxKind::Landlock {
            match Bubblewrap::detect(bwrap, grants, &options.temporary) {
                Ok(found) => return Ok(Self::Bubblewrap(found)),
                Err(why) => lacking.push(format!("bubblewrap: {why}")),
            }
        }
        if options.sandbox_kind != SandboxKind::Bubblewrap {
            match Landlock::detect(required, grants.network) {
                Ok(found) => return Ok(Self::Landlock(found)),
                Err(why) => lacking.push(format!("Landlock: {why}")),
            }
        }
        let why = lacking.join("; ");
        if required {
            return Err(ToolboxError::NoSandbox { why });
        }
        tracing::warn!(%why, "commands will not be sandboxed");
        Ok(Self::None(NotSandboxed::Unavailable(why)))
    }

    /// As outcomes name it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Bubblewrap(_) => "bubblewrap".to_owned(),
            Self::Landlock(landlock) => landlock.name(),
            Self::None(_) => "none".to_owned(),
        }
    }

    /// What it does not hold of what is promised.
    pub(crate) fn gaps(&self, network: bool) -> Vec<&'static str> {
        match self {
            Self::Bubblewrap(_) => Vec::new(),
            Self::Landlock(landlock) => landlock.gaps(network),
            Self::None(_) => vec!["files", "processes", "network"],
        }
    }

    /// What an outcome begins with.
    pub(crate) const fn note(&self) -> Option<&'static str> {
        match self {
            Self::Bubblewrap(_) | Self::Landlock(_) => None,
            Self::None(_) => Some("not sandboxed"),
        }
    }

    /// Where commands run, in a sentence for a model.
    pub(crate) fn confinement(&self, network: bool) -> String {
        let free = |why: &str| {
            format!("Commands are NOT sandboxed ({why}): they can do whatever the user can.")
        };
        match self {
            Self::None(NotSandboxed::Off) => free("by choice of the operator"),
            Self::None(NotSandboxed::Unavailable(why)) => {
                free(&format!("this system offers none: {why}"))
            }
            Self::Bubblewrap(_) | Self::Landlock(_) => {
                let network = if network {
                    "the network is there"
                } else {
                    "there is no network"
                };
                format!(
                    "Commands are sandboxed ({}): only the working directory and $TMPDIR can be written, of the rest \
                     only the system can be read, and {network}.",
                    self.name()
                )
            }
        }
    }

    /// Whether the user's home cannot be read.
    pub(crate) const fn hides_home(&self) -> bool {
        !matches!(self, Self::None(_))
    }

    /// A command that runs `shell` with the arguments that are still to be added.
    pub(crate) fn command(&self, shell: &Path, grants: &Grants, private: &Path) -> Command {
        match self {
            Self::Bubblewrap(bubblewrap) => bubblewrap.command(shell, grants, private),
            Self::Landlock(_) | Self::None(_) => Command::new(shell),
        }
    }

    /// Starts it, confined. For bubblewrap the calling thread must live as long as the command.
    pub(crate) fn spawn(
        &self,
        command: &mut Command,
        grants: &Grants,
        private: &Path,
    ) -> io::Result<Child> {
        match self {
            Self::Landlock(landlock) => landlock.spawn(command, grants, private),
            Self::Bubblewrap(_) | Self::None(_) => command.spawn(),
        }
    }
}
