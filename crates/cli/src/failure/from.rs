//! What each error of the library means here: the number that the program ends with, and what can be typed instead.

use std::error::Error;
use std::io;

use latchwork::config::nearest;
use latchwork::models::{ModelsError, ReplayError};
use latchwork::runner::TurnError;
use latchwork::seams::{AcquireError, AppendError, ClaimError, InboxError, ModelError, OpenError};
use latchwork::{
    AddressError, ImportError, MirrorError, MirrorStopped, RunError, SetupError, WriteError,
};

use super::Failure;
use crate::exit::Exit;

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        let failure = Self::of(&error);
        match &error {
            SetupError::NoHome => failure
                .exit(Exit::Settings)
                .hint("set LATCHWORK_HOME to a folder of yours, or name a file by its path"),
            SetupError::Address(AddressError::Path(_)) => failure,
            SetupError::Address(_) => failure.exit(Exit::Usage),
            _ => failure.exit(Exit::Settings),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        if let RunError::Turn(error) = &error {
            return of_turn(error);
        }
        let failure = Self::of(&error);
        match &error {
            RunError::NoModel => failure
                .exit(Exit::Settings)
                .hint("name one with --model PROVIDER/MODEL, LATCHWORK_MODEL or the setting `model` (OPENAI_API_KEY or OPENAI_BASE_URL for openai/...)")
                .hint("offline, --model replay:FILE answers with the replies of a recorded session"),
            RunError::BadModel(_) => failure.exit(Exit::Usage),
            RunError::Models(ModelsError::Replay(ReplayError::Read(error))) => failure.near(&error.path, false),
            RunError::Models(ModelsError::Replay(_)) => failure,
            RunError::Models(ModelsError::UnknownProvider { provider, model, known }) => failure
                .exit(Exit::Settings)
                .hint(provider_meant(provider, model.as_deref(), known)),
            RunError::Secret { .. } | RunError::Provider(_) | RunError::Models(_) | RunError::Tools(_) => {
                failure.exit(Exit::Settings)
            }
            _ => failure,
        }
    }
}

/// What to type instead of a provider that there is not.
fn provider_meant(provider: &str, model: Option<&str>, known: &[String]) -> String {
    match (nearest(provider, known.iter().map(String::as_str)), model) {
        (Some(meant), Some(model)) => format!("did you mean `{meant}/{model}`?"),
        (Some(meant), None) => format!("did you mean `{meant}/MODEL`?"),
        (None, None) => format!("if it is a model of OpenAI's, write `openai/{provider}`"),
        (None, Some(_)) => "check the part before the `/`, or set the provider up".to_owned(),
    }
}

fn of_turn(error: &TurnError) -> Failure {
    let failure = Failure::of(error);
    if error.is_contention() {
        let failure = failure.exit(Exit::Busy);
        return match error {
            TurnError::Claimed(ClaimError::Claimed { .. }) => failure.hint(
                "wait for it with --wait 5min, leave the message with --queue, have that turn yield with --hand-over REASON, or end it with --take-over REASON",
            ).hint("`latchwork watch` shows what that turn does; `latchwork fork` begins a session of your own from what was said"),
            TurnError::Superseded { .. } => failure,
            _ => failure.hint("try again; whoever holds the session is named above"),
        };
    }
    match error {
        TurnError::Model(error) => of_model(failure.exit(Exit::Provider), error),
        TurnError::Cancelled { .. } => failure.exit(Exit::Signal(2)),
        TurnError::TooLong { .. } => {
            failure.hint("the setting is turn.token_budget (LATCHWORK_TOKEN_BUDGET)")
        }
        TurnError::TooManyRounds { .. } => {
            failure.hint("run again to let it go on, or raise turn.rounds_max")
        }
        _ => failure,
    }
}

fn of_model(failure: Failure, error: &ModelError) -> Failure {
    match error {
        ModelError::Key { .. } => failure
            .hint("the key is looked for where models.NAME.key says (OPENAI_API_KEY for openai)"),
        ModelError::Unreachable { .. } => failure
            .hint("check the address (OPENAI_BASE_URL, or models.NAME.base_url) and the network"),
        ModelError::Limited { .. } => {
            failure.hint("wait a little, or choose another model with --model")
        }
        ModelError::TooLong { .. } => {
            failure.hint("choose a model with a larger window, or begin another session")
        }
        ModelError::Status { .. } => failure.hint("check the model's name and the address"),
        ModelError::Malformed { .. } => failure.hint(
            "is it an OpenAI-compatible endpoint? check OPENAI_BASE_URL, or models.NAME.base_url",
        ),
        ModelError::Stalled { .. } => {
            failure.hint("try again, or allow more silence with models.NAME.idle_timeout_ms")
        }
        ModelError::BrokenOff { .. } => failure.hint("try again"),
        _ => failure,
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::of(&error)
    }
}

impl From<AcquireError> for Failure {
    fn from(error: AcquireError) -> Self {
        Self::from(WriteError::Acquire(error))
    }
}

impl From<InboxError> for Failure {
    fn from(error: InboxError) -> Self {
        Self::of(&error)
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Write(error) => (*error).into(),
            ImportError::Open(error) => {
                let failure = Self::of(&error);
                failure.near(&error.path, false)
            }
            error @ ImportError::Unknown(_) => Self::of(&error)
                .hint("say whose it is with --from codex, claude-code, goose or openclaw"),
            error @ ImportError::Transcript(_) => Self::of(&error)
                .hint("use it by its path, or `latchwork fork` it into a session of the home"),
            error @ (ImportError::BrokeOff(_) | ImportError::Disturbed) => {
                Self::of(&error).hint("say it again: it goes on from there")
            }
            error => Self::of(&error),
        }
    }
}

impl From<MirrorStopped> for Failure {
    fn from(error: MirrorStopped) -> Self {
        match error {
            MirrorStopped::Mirror(MirrorError::Write(error)) => error.into(),
            MirrorStopped::Mirror(error @ MirrorError::Claimed { .. }) => Self::of(&error)
                .exit(Exit::Busy)
                .hint("say it again: it goes on from there; --wait allows more time"),
            MirrorStopped::File(error) => {
                let failure = Self::of(&error);
                failure.near(&error.path, false)
            }
            error @ MirrorStopped::Unnamed(_) => {
                Self::of(&error).hint("name the session that it goes to, with --session")
            }
            error => Self::of(&error).hint("say it again: it goes on from there"),
        }
    }
}

/// Whether the system refused it to this user.
fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |cause| Error::source(*cause));
    causes
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| {
            matches!(
                cause.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            )
        })
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        let failure = Self::of(&error);
        match &error {
            error if is_refused(error) => failure.hint(
                "make it writable for you, or set LATCHWORK_HOME to a folder that is; reading needs no such right",
            ),
            WriteError::Acquire(AcquireError::Busy { .. }) => failure
                .exit(Exit::Busy)
                .hint("try again; whoever holds the session is named above"),
            WriteError::Append(AppendError::NoSession { .. }) => {
                failure.hint("`latchwork sessions` lists what there is")
            }
            WriteError::Append(AppendError::BadEntry { .. }) => {
                failure.hint("`latchwork show SESSION --tree` lists the entries")
            }
            _ => failure,
        }
    }
}
