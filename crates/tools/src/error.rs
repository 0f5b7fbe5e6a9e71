//! Why there is no toolbox. What goes wrong in a call is never here: that is an outcome, for the model.

use std::io;
use std::path::PathBuf;

/// Why a toolbox could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolboxError {
    /// A tool that is not one of ours.
    #[error("there is no tool `{}`; known are {}", name.escape_debug(), known.join(", "))]
    UnknownTool {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A number that cannot be obeyed.
    #[error("{option} = {value} is out of range: choose {at_least} to {at_most}")]
    OutOfRange {
        /// The option.
        option: &'static str,
        /// Its value.
        value: u64,
        /// The smallest that is taken.
        at_least: u64,
        /// The largest that is taken.
        at_most: u64,
    },
    /// A variable that no process can be given.
    #[error("the environment of commands has a variable `{}` with a `=` in its name, or a NUL, or no name", name.escape_debug())]
    BadVariable {
        /// Its name.
        name: String,
    },
    /// The working directory cannot be opened.
    #[error("cannot open the working directory {}: it must be a directory that you may read", path.display())]
    Root {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Bash is asked for, and no shell is there.
    #[error(
        "no shell for the tool `bash`: neither `bash` on the PATH {path:?} nor /bin/sh is there; leave the tool out, or name the right PATH"
    )]
    NoShell {
        /// Where `bash` was looked for.
        path: String,
    },
    /// A sandbox is required, and none holds.
    #[error(
        "a sandbox is required for the tool `bash`, and this system offers none: {why}; install bubblewrap, allow what is missing, or set the policy to `auto`"
    )]
    NoSandbox {
        /// What each kind lacks.
        why: String,
    },
}
