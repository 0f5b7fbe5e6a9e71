//! One whole turn: which phase follows which, and what is tried again.
//!
//! The phases themselves are in `phase/`. Invariant: whatever happens, the turn is closed, and what a model said is
//! recorded, kept beside, or was never said.

use std::sync::Arc;

use latchwork_lock::LockScope;
use latchwork_session::ModelError;
use tokio_util::sync::CancellationToken;

use crate::phase::{
    Answered, Assembled, Claiming, Next, Over, Preparation, Prepared, Recorded, Round, Written,
    Yielding,
};
use crate::turn::{Begun, Turn};
use crate::{Failed, Runtime, TurnAsk, TurnEnd, TurnError, TurnReport, Watch};

/// A turn that only needs to be closed, and how it ended.
type Ending = (Turn<Over>, Result<TurnEnd, TurnError>);

/// Runs one turn: accepts the message, answers it, records everything.
///
/// `scope` is the one of the calling task; nothing may be held in it. `cancel` interrupts the turn: what was said is kept.
///
/// # Errors
/// See [`TurnError`]; the session can be used at once.
///
/// # Cancel safety
/// Dropping the future frees everything that is held and leaves a sound session: an accepted message stays accepted, a
/// commit that had begun ends whole, and calls without an outcome are found by the next turn. Words that were streamed and
/// not recorded are lost; cancel by the token to keep them.
pub async fn run_turn(
    runtime: &Runtime,
    scope: &mut LockScope,
    ask: TurnAsk,
    watch: Arc<dyn Watch>,
    cancel: CancellationToken,
) -> Result<TurnReport, TurnError> {
    let turn = Turn::begin(runtime, ask, watch, cancel);
    let (turn, end) = match drive(turn, scope).await {
        Ok(ending) => ending,
        Err(Failed { error, turn }) => (*turn, Err(error)),
    };
    turn.close(scope, end).await
}

async fn drive(turn: Turn<Begun>, scope: &mut LockScope) -> Result<Ending, Failed<Over>> {
    let turn = turn.admit().await.map_err(Failed::over)?;
    let turn = match turn.claim(scope).await.map_err(Failed::over)? {
        Claiming::Claimed(turn) => turn,
        Claiming::Queued(turn) => return Ok((turn.over(), Ok(TurnEnd::Queued))),
    };
    let mut turn = match turn.prepare(scope).await.map_err(Failed::over)? {
        Preparation::Owed(turn) => turn,
        Preparation::Done(turn, end) => return Ok((turn.over(), Ok(end))),
    };
    loop {
        let answered = match answer(turn, scope).await? {
            Yielding::GoesOn(turn) => turn,
            Yielding::Yields(turn) => return Ok(finish(turn, scope).await),
        };
        let written = write(answered, scope).await?;
        let acting = match written.confirm().await.map_err(Failed::over)? {
            Next::Recorded(turn) => return Ok(finish(turn, scope).await),
            Next::Acting(turn) => turn,
        };
        let acting = acting.yield_if_asked(scope).await;
        let acted = acting.act(scope).await.map_err(Failed::over)?;
        turn = match acted.look_again().await.map_err(Failed::over)? {
            Round::Again(turn) => turn,
            Round::Over(turn) => return Ok(finish(turn, scope).await),
        };
    }
}

/// Assembles and asks; once more after a compaction if the provider says that the prompt is too long. Gives the turn up
/// instead if somebody asks for it before the model is.
async fn answer(
    turn: Turn<Prepared>,
    scope: &mut LockScope,
) -> Result<Yielding<Answered>, Failed<Over>> {
    let assembled = match assemble(turn, scope).await? {
        Yielding::GoesOn(turn) => turn,
        Yielding::Yields(turn) => return Ok(Yielding::Yields(turn)),
    };
    let Failed { error, turn } = match assembled.ask(scope).await {
        Ok(answered) => return Ok(Yielding::GoesOn(answered)),
        Err(failed) => failed,
    };
    if !matches!(error, TurnError::Model(ModelError::TooLong { .. })) {
        return Err(Failed {
            error,
            turn: Box::new(turn.over()),
        });
    }
    let (turn, shorter) = turn.shorten(scope).await.map_err(Failed::over)?;
    if !shorter {
        return Err(Failed::new(error, turn).over());
    }
    let assembled = match assemble(turn, scope).await? {
        Yielding::GoesOn(turn) => turn,
        Yielding::Yields(turn) => return Ok(Yielding::Yields(turn)),
    };
    let answered = assembled.ask(scope).await.map_err(Failed::over)?;
    Ok(Yielding::GoesOn(answered))
}

/// Assembles, unless somebody asks for the turn before or after it.
async fn assemble(
    turn: Turn<Prepared>,
    scope: &mut LockScope,
) -> Result<Yielding<Assembled>, Failed<Over>> {
    let turn = match turn.yield_if_asked(scope).await {
        Yielding::GoesOn(turn) => turn,
        Yielding::Yields(turn) => return Ok(Yielding::Yields(turn)),
    };
    let assembled = turn.assemble(scope).await.map_err(Failed::over)?;
    Ok(assembled.yield_if_asked(scope).await)
}

/// Records the reply. It is tried again rather than lost; after a take-over it is kept beside.
async fn write(turn: Turn<Answered>, scope: &mut LockScope) -> Result<Turn<Written>, Failed<Over>> {
    let mut turn = turn;
    let mut attempt = 1;
    loop {
        let Failed { error, turn: back } = match turn.record(scope).await {
            Ok(written) => return Ok(written),
            Err(failed) => failed,
        };
        turn = *back;
        match error {
            TurnError::Superseded { lost, .. } => {
                return Err(turn.keep_aside(scope, lost).await.over());
            }
            error if error.may_pass() && attempt < turn.core.runtime.options.write_attempts_max => {
                turn.core.before_another_attempt(&error).await;
                attempt += 1;
            }
            error => return Err(Failed::new(error, turn).over()),
        }
    }
}

async fn finish(turn: Turn<Recorded>, scope: &mut LockScope) -> Ending {
    turn.settle(scope).await.maintain(scope).await.ended()
}
