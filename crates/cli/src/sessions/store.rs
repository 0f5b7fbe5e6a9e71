//! Which store is meant: the one that is typed, or that of the OpenClaw home that is set. And failures of it in words.

use std::path::{Path, PathBuf};

use latchwork::Latchwork;
use latchwork::openclaw_home::maintenance::CleanupError;
use latchwork::openclaw_home::{IndexError, STORE_NAME};

use crate::exit::Exit;
use crate::failure::Failure;

/// The store that is meant.
pub(super) fn of(typed: Option<&Path>, latchwork: &Latchwork) -> Result<PathBuf, Failure> {
    let Some(typed) = typed else {
        return latchwork.openclaw_store().ok_or_else(|| {
            Failure::usage("no session store is named")
                .hint("name one with --store PATH (…/agents/main/sessions/sessions.json)")
                .hint("or set LATCHWORK_OPENCLAW_HOME to an OpenClaw home, such as ~/.openclaw")
        });
    };
    Ok(if typed.is_dir() {
        typed.join(STORE_NAME)
    } else {
        typed.to_path_buf()
    })
}

/// The stores of all agents.
pub(super) fn of_all(latchwork: &Latchwork) -> Result<Vec<PathBuf>, Failure> {
    let found = latchwork
        .openclaw_stores()
        .map_err(|error| Failure::of(&error))?;
    if found.is_empty() {
        return Err(Failure::usage("no agent with a session store is known")
            .hint("set LATCHWORK_OPENCLAW_HOME to an OpenClaw home, such as ~/.openclaw"));
    }
    Ok(found.into_iter().map(|(_, store)| store).collect())
}

/// A store that is not there.
pub(super) fn missing(store: &Path) -> Failure {
    Failure::new(format!("there is no session store {store:?}"))
        .hint("name another with --store PATH")
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        let failure = Self::of(&error);
        match &error {
            IndexError::Latch(latchwork::filelock::LatchError::Busy { .. })
            | IndexError::Contended { .. } => failure.exit(Exit::Busy),
            IndexError::BadPath { .. } => failure.exit(Exit::Usage),
            _ => failure,
        }
    }
}

impl From<CleanupError> for Failure {
    fn from(error: CleanupError) -> Self {
        match error {
            CleanupError::Index(error) => error.into(),
            CleanupError::NoStore(store) => missing(&store),
            error => Self::of(&error),
        }
    }
}
