//! Ask: the model speaks. Deltas go to the watcher, never to the file, and nothing is held.
//!
//! What is said is gathered as it comes, so that an interruption keeps it: words and thinking; a call that is not whole
//! is dropped. Deliberately absent: asking again, and any other provider.

use futures::StreamExt;
use latchwork_format::request::{Prefix, Target, project};
use latchwork_lock::{LockScope, TurnClaim};
use latchwork_session::{
    ModelError, ModelEvent, ModelRequest, ProviderInfo, Reply, ReplyBlock, StopReason,
};

use super::Assembled;
use super::prepare::Seen;
use crate::turn::{Core, Over, Turn};
use crate::{Failed, TurnError, TurnPhase, What};

/// The model has said something.
#[derive(Debug)]
pub struct Answered {
    pub(crate) claim: TurnClaim,
    pub(crate) seen: Seen,
    pub(crate) reply: Reply,
    /// What the model was shown, if the seals of the reply may depend on it.
    pub(crate) shown: Option<Prefix>,
    /// Why the reply broke off, if it did.
    pub(crate) failure: Option<TurnError>,
}

impl From<Answered> for Over {
    fn from(answered: Answered) -> Self {
        Self {
            claim: Some(answered.claim),
        }
    }
}

impl Turn<Assembled> {
    /// Asks the model. A reply that broke off after some words is an answer too; recording it keeps the words.
    ///
    /// # Errors
    /// [`TurnError::Model`] or [`TurnError::Cancelled`], when nothing had been said.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection; what was said is lost then. Cancel by the token instead.
    pub async fn ask(mut self, scope: &mut LockScope) -> Result<Turn<Answered>, Failed<Assembled>> {
        let phase = self.core.log.phase(TurnPhase::Ask);
        self.core.tally.rounds += 1;
        let (request, shown) = self.request();
        let (reply, failure) = match converse(&self.core, scope, request).await {
            Ok(reply) => settle_reply(reply),
            Err(cut) => {
                let Cut { mut said, why } = *cut;
                let cancelled = matches!(why, ModelError::Cancelled { .. });
                if is_silent(&said) {
                    let error = if cancelled {
                        self.core.cancelled(false)
                    } else {
                        TurnError::Model(why)
                    };
                    return Err(Failed::new(error, self));
                }
                said.stop = if cancelled {
                    StopReason::Aborted
                } else {
                    StopReason::Error
                };
                said.error = (!cancelled).then(|| why.to_string());
                (
                    said,
                    Some(if cancelled {
                        self.core.cancelled(true)
                    } else {
                        TurnError::Model(why)
                    }),
                )
            }
        };
        self.core.tally.add_usage(&reply.usage);
        self.core.tally.text = reply.text();
        drop(phase);
        let Assembled { claim, seen, .. } = self.phase;
        let turn = Turn {
            core: self.core,
            phase: Answered {
                claim,
                seen,
                reply,
                shown,
                failure,
            },
        };
        turn.core.step("turn:answered").await;
        Ok(turn)
    }

    fn request(&self) -> (ModelRequest, Option<Prefix>) {
        let core = &self.core;
        let info = core.runtime.model.info();
        let target = Target::new(info.provider, core.ask.model.as_str(), info.api);
        let (mut conversation, report) = project(&self.phase.shown.context, &target);
        if !report.is_clean() {
            tracing::debug!(
                changes = report.adjustments.len(),
                "the context was made valid for the model"
            );
        }
        let shown = target.seals_a_prefix().then(|| conversation.prefix());
        let addition = self.phase.shown.system_prompt_addition.as_deref();
        let standing = [
            addition,
            core.ask.system_prompt.as_deref(),
            conversation.system.as_deref(),
        ];
        let standing: Vec<&str> = standing
            .into_iter()
            .flatten()
            .filter(|text| !text.trim().is_empty())
            .collect();
        conversation.system = (!standing.is_empty()).then(|| standing.join("\n\n"));
        let request = ModelRequest {
            model: core.ask.model.clone(),
            conversation,
            tools: core.runtime.tools.specs(),
            max_output_tokens: core.runtime.options.max_output_tokens,
            thinking: core.ask.thinking,
        };
        (request, shown)
    }
}

/// A reply that broke off, as far as it came.
struct Cut {
    said: Reply,
    why: ModelError,
}

fn is_silent(said: &Reply) -> bool {
    said.blocks.iter().all(|block| match block {
        ReplyBlock::Text { text, .. } => text.trim().is_empty(),
        ReplyBlock::Thinking { thinking, .. } => thinking.trim().is_empty(),
        _ => true,
    })
}

async fn converse(
    core: &Core,
    scope: &mut LockScope,
    request: ModelRequest,
) -> Result<Reply, Box<Cut>> {
    let model = &*core.runtime.model;
    let info = model.info();
    let mut said = Reply::begun(&info, request.model.clone());
    let cancelled = || ModelError::Cancelled {
        provider: info.provider.clone(),
    };
    let opened = tokio::select! {
        biased;
        () = core.cancel.cancelled() => Err(cancelled()),
        opened = model.stream(scope.unlocked(), request, core.cancel.clone()) => opened,
    };
    let mut events = match opened {
        Ok(events) => events,
        Err(why) => return Err(Box::new(Cut { said, why })),
    };
    core.step("turn:asked").await;
    loop {
        let event = tokio::select! {
            biased;
            () = core.cancel.cancelled() => Err(cancelled()),
            event = events.next() => event.unwrap_or_else(|| Err(without_end(&info))),
        };
        match event {
            Ok(ModelEvent::Finished(reply)) => return Ok(*reply),
            Ok(event) => take(core, &mut said, event),
            Err(why) => return Err(Box::new(Cut { said, why })),
        }
    }
}

fn without_end(info: &ProviderInfo) -> ModelError {
    ModelError::BrokenOff {
        provider: info.provider.clone(),
        why: "the stream ended without a reply".into(),
    }
}

/// Tells the words, and keeps them for the case that no more come.
fn take(core: &Core, said: &mut Reply, event: ModelEvent) {
    match event {
        ModelEvent::Text(text) => {
            match said.blocks.last_mut() {
                Some(ReplyBlock::Text { text: before, .. }) => before.push_str(&text),
                _ => said.blocks.push(ReplyBlock::Text {
                    text: text.clone(),
                    signature: None,
                }),
            }
            core.log.tell(What::Text { text });
        }
        ModelEvent::Thinking(text) => {
            match said.blocks.last_mut() {
                Some(ReplyBlock::Thinking { thinking, .. }) => thinking.push_str(&text),
                _ => said.blocks.push(ReplyBlock::Thinking {
                    thinking: text.clone(),
                    signature: None,
                }),
            }
            core.log.tell(What::Thinking { text });
        }
        _ => {}
    }
}

/// A reply that came whole may still say of itself that it broke off; its calls are not to be trusted then.
fn settle_reply(mut reply: Reply) -> (Reply, Option<TurnError>) {
    if !matches!(reply.stop, StopReason::Error | StopReason::Aborted) {
        name_calls(&mut reply);
        return (reply, None);
    }
    reply
        .blocks
        .retain(|block| !matches!(block, ReplyBlock::Call { .. }));
    let why = reply
        .error
        .clone()
        .unwrap_or_else(|| format!("it stopped with {:?}", reply.stop.as_str()));
    let failure = (reply.stop == StopReason::Error).then(|| {
        TurnError::Model(ModelError::BrokenOff {
            provider: reply.provider.clone(),
            why,
        })
    });
    (reply, failure)
}

/// A call without an id, or with one that another call of the reply has, gets one of its own: an outcome must find it.
fn name_calls(reply: &mut Reply) {
    let mut known = std::collections::HashSet::new();
    for (place, block) in reply.blocks.iter_mut().enumerate() {
        if let ReplyBlock::Call { id, .. } = block {
            if id.trim().is_empty() {
                *id = format!("call_{place}");
            }
            while !known.insert(id.clone()) {
                id.push_str("_again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{name_calls, settle_reply};
    use latchwork_session::{ProviderInfo, Reply, ReplyBlock, StopReason};
    use proptest::prelude::*;

    fn reply(ids: &[&str], stop: StopReason) -> Reply {
        let mut reply = Reply::begun(&ProviderInfo::new("p", "a", None), "m");
        reply.stop = stop;
        reply.blocks = ids
            .iter()
            .map(|id| ReplyBlock::Call {
                id: (*id).to_owned(),
                name: "ls".into(),
                arguments: serde_json::json!({}),
                signature: None,
            })
            .collect();
        reply
    }

    #[test]
    fn a_reply_that_says_it_broke_off_keeps_no_calls_and_fails_only_for_an_error() {
        let (kept, failure) = settle_reply(reply(&["c"], StopReason::Error));
        assert!(kept.blocks.is_empty() && failure.is_some());
        let (kept, failure) = settle_reply(reply(&["c"], StopReason::Aborted));
        assert!(kept.blocks.is_empty() && failure.is_none());
        let (kept, failure) = settle_reply(reply(&["c"], StopReason::ToolUse));
        assert!(kept.calls().count() == 1 && failure.is_none());
    }

    proptest! {
        #[test]
        fn calls_have_ids_of_their_own_and_good_ones_are_kept(ids in prop::collection::vec("[ab]{0,2}", 0..8)) {
            let names: Vec<&str> = ids.iter().map(String::as_str).collect();
            let mut reply = reply(&names, StopReason::ToolUse);
            name_calls(&mut reply);
            let given: Vec<&str> = reply.calls().map(|(id, ..)| id).collect();
            let unique: std::collections::HashSet<&&str> = given.iter().collect();
            prop_assert_eq!(unique.len(), given.len());
            prop_assert!(given.iter().all(|id| !id.is_empty()));
            if let Some(first) = names.first().filter(|id| !id.is_empty()) {
                prop_assert_eq!(&given[0], first);
            }
        }
    }
}
