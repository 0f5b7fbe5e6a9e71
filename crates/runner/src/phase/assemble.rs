//! Assemble: the engine chooses what the model is shown, and it is checked against the window. Nothing is held.

use latchwork_format::{Body, Context, ContextMessage};
use latchwork_lock::{LockScope, TurnClaim};
use latchwork_session::{AssembleInput, Assembled as Shown, CompactAsk, EngineScope};

use super::Prepared;
use super::prepare::Seen;
use crate::entries::has_assistant;
use crate::error::chain;
use crate::turn::{Core, Over, Turn};
use crate::{Failed, TurnError, TurnPhase};

/// What the model is to be shown is chosen.
#[derive(Debug)]
pub struct Assembled {
    pub(crate) claim: TurnClaim,
    pub(crate) seen: Seen,
    pub(crate) shown: Shown,
}

impl From<Assembled> for Over {
    fn from(assembled: Assembled) -> Self {
        Self {
            claim: Some(assembled.claim),
        }
    }
}

impl Turn<Prepared> {
    /// Chooses what the model is shown; a prompt that is too long is made shorter once. An engine that fails is warned
    /// of, and the transcript's own context is used.
    ///
    /// # Errors
    /// [`TurnError::TooLong`], [`TurnError::Cancelled`], or a session that cannot be read.
    ///
    /// # Cancel safety
    /// What an engine had written stays written.
    pub async fn assemble(
        mut self,
        scope: &mut LockScope,
    ) -> Result<Turn<Assembled>, Failed<Prepared>> {
        let phase = self.core.log.phase(TurnPhase::Assemble);
        let cancel = self.core.cancel.clone();
        let shown = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(self.core.cancelled(false)),
            shown = fit(&self.core, scope, &self.phase.claim, &mut self.phase.seen) => shown,
        };
        let shown = match shown {
            Ok(shown) => shown,
            Err(error) => return Err(Failed::new(error, self)),
        };
        drop(phase);
        let Prepared { claim, seen } = self.phase;
        let turn = Turn {
            core: self.core,
            phase: Assembled { claim, seen, shown },
        };
        turn.core.step("turn:assembled").await;
        Ok(turn)
    }
}

impl Turn<Assembled> {
    /// The provider says that the prompt is too long: compacts, whatever our own estimate says. Gives back whether the
    /// conversation is shorter now; the turn is to be assembled anew.
    ///
    /// # Errors
    /// A session that cannot be read.
    ///
    /// # Cancel safety
    /// What an engine had written stays written.
    pub async fn shorten(
        mut self,
        scope: &mut LockScope,
    ) -> Result<(Turn<Prepared>, bool), Failed<Assembled>> {
        let shorter = match shorten(
            &self.core,
            scope,
            &self.phase.claim,
            &mut self.phase.seen,
            true,
        )
        .await
        {
            Ok(shorter) => shorter,
            Err(error) => return Err(Failed::new(error, self)),
        };
        let Assembled { claim, seen, .. } = self.phase;
        Ok((
            Turn {
                core: self.core,
                phase: Prepared { claim, seen },
            },
            shorter,
        ))
    }
}

/// Assembles, and once more after a compaction if it does not fit.
async fn fit(
    core: &Core,
    scope: &mut LockScope,
    claim: &TurnClaim,
    seen: &mut Seen,
) -> Result<Shown, TurnError> {
    if seen.first && seen.snapshot.exists {
        let mut lent = EngineScope::new(scope, Some(claim), &core.ask.session, &core.parts);
        if let Err(error) = core
            .runtime
            .engine
            .bootstrap(&mut lent, &core.session_ref())
            .await
        {
            core.log.warn(chain(&error));
        }
    }
    seen.first = false;
    let shown = assemble(core, scope, claim, seen).await;
    let Some(token_budget) = core.runtime.options.token_budget else {
        return Ok(shown);
    };
    if weight(core, &shown) <= token_budget {
        return Ok(shown);
    }
    let shown = if shorten(core, scope, claim, seen, false).await? {
        assemble(core, scope, claim, seen).await
    } else {
        shown
    };
    let estimated_tokens = weight(core, &shown);
    if estimated_tokens <= token_budget {
        return Ok(shown);
    }
    Err(TurnError::TooLong {
        session: core.ask.session.clone(),
        estimated_tokens,
        token_budget,
    })
}

async fn assemble(core: &Core, scope: &mut LockScope, claim: &TurnClaim, seen: &Seen) -> Shown {
    let context = own_context(seen);
    let input = AssembleInput {
        session: core.session_ref(),
        context: context.clone(),
        token_budget: core.runtime.options.token_budget,
        tools: core
            .runtime
            .tools
            .specs()
            .into_iter()
            .map(|tool| tool.name)
            .collect(),
        model: core.ask.model.clone(),
    };
    let mut lent = EngineScope::new(scope, Some(claim), &core.ask.session, &core.parts);
    match core.runtime.engine.assemble(&mut lent, input).await {
        Ok(shown) => shown,
        Err(error) => {
            core.log.warn(format!(
                "{}; the transcript's own context is used",
                chain(&error)
            ));
            let estimated_tokens = context.estimate_tokens();
            Shown {
                context,
                estimated_tokens,
                system_prompt_addition: None,
            }
        }
    }
}

/// Has the engine compact the session and looks at it again. Whether it is shorter now.
async fn shorten(
    core: &Core,
    scope: &mut LockScope,
    claim: &TurnClaim,
    seen: &mut Seen,
    force: bool,
) -> Result<bool, TurnError> {
    // A turn does not write to a transcript that no model has spoken in, and there is nothing to summarise either.
    if !has_assistant(&seen.snapshot.transcript) {
        return Ok(false);
    }
    let ask = CompactAsk {
        session: core.session_ref(),
        snapshot: seen.snapshot.clone(),
        token_budget: core.runtime.options.token_budget,
        force,
        instructions: None,
        model: core.ask.model.clone(),
    };
    let mut lent = EngineScope::new(scope, Some(claim), &core.ask.session, &core.parts);
    let report = match core.runtime.engine.compact(&mut lent, ask).await {
        Ok(report) => report,
        Err(error) => {
            core.log.warn(chain(&error));
            return Ok(false);
        }
    };
    if let Some(reason) = report.reason.filter(|_| !report.compacted) {
        core.log.warn(format!(
            "the conversation is too long and was not compacted: {reason}"
        ));
    }
    let snapshot = core.storage().look(&[]).await.map_err(TurnError::Store)?;
    seen.snapshot = snapshot;
    Ok(report.compacted)
}

/// What the transcript itself yields, staged messages included.
fn own_context(seen: &Seen) -> Context {
    let leaf = seen.snapshot.head.leaf.as_ref();
    let mut context = match leaf {
        Some(leaf) => latchwork_format::context(&seen.snapshot.transcript, Some(leaf)),
        None => Context::default(),
    };
    let staged = seen.staged.iter().filter_map(|entry| match &entry.body {
        Body::Message(message) => Some(ContextMessage::new(None, message)),
        _ => None,
    });
    context.messages.extend(staged);
    context
}

/// The estimate of the whole prompt: four UTF-16 units are a token, as for messages.
fn weight(core: &Core, shown: &Shown) -> u64 {
    let units = |text: Option<&str>| text.map_or(0, |text| text.encode_utf16().count() as u64);
    let standing =
        units(core.ask.system_prompt.as_deref()) + units(shown.system_prompt_addition.as_deref());
    shown.estimated_tokens + standing.div_ceil(4)
}
