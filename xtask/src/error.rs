//! What can stop a task. A finding of `tidy` or a failed test is not an error of this kind until the end, when it is
//! counted into `Failed`: the tasks report all they see before they stop.

use std::{io, path::PathBuf};

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("could not start `{command}`")]
    Start { command: String, source: io::Error },
    #[error("could not follow the output of `{command}`")]
    Follow { command: String, source: io::Error },
    #[error("`{command}` failed ({status})")]
    Tool { command: String, status: String },
    #[error("could not {doing} {}", path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("could not read the answer of `cargo metadata`: {what}")]
    Metadata { what: String },
    #[error("no package `{name}` here; there are: {known}")]
    NoPackage { name: String, known: String },
    #[error("{0}")]
    Failed(String),
}
