//! The default engine: the transcript's own context, and compaction as an append with a boundary.
//!
//! Invariants: it keeps nothing of its own, so there is nothing to ingest and nothing to lose; a compaction always ends, by
//! a plain summary when the model fails; it is written only if its base is still on the active branch, and the whole
//! history stays stored. Deliberately absent: maintenance, and any guard.

use latchwork_format::{Body, Context, EntryId};
use latchwork_session::{
    AssembleInput, Assembled, Commit, CompactAsk, CompactReport, ContextEngine, EngineError,
    EngineInfo, EngineScope, Intent, NewEntry, ScopeError, SessionRef, View,
};
use serde_json::json;

use crate::cut::{Cut, cut};
use crate::summarise::{NoSummary, summarise};
use crate::{Options, digest};

/// The id of the default engine in a configuration.
pub const ID: &str = "transcript";

/// Shows the model what the transcript says, and makes a long conversation shorter when it is asked to.
#[derive(Clone, Debug, Default)]
pub struct TranscriptEngine {
    options: Options,
}

impl TranscriptEngine {
    /// An engine with these options.
    #[must_use]
    pub const fn new(options: Options) -> Self {
        Self { options }
    }

    /// The summary, and how it was made.
    async fn summary(
        &self,
        scope: &mut EngineScope<'_>,
        ask: &CompactAsk,
        cut: &Cut<'_>,
    ) -> Result<(String, Option<String>), EngineError> {
        let pieces = digest::chunks(&cut.summarised, self.options.chunk_chars);
        let instructions = ask.instructions.as_deref();
        match summarise(
            scope,
            &self.options,
            &ask.model,
            cut.previous.as_deref(),
            &pieces,
            instructions,
        )
        .await
        {
            Ok(text) => Ok((text, None)),
            Err(NoSummary::Failed(why)) => {
                let plain = digest::plain(cut.previous.as_deref(), &cut.summarised);
                Ok((
                    plain,
                    Some(format!("summarised without a model, since {why}")),
                ))
            }
            Err(NoSummary::Cancelled(error)) => Err(failed("summarise", error)),
        }
    }
}

fn failed(doing: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> EngineError {
    EngineError {
        engine: ID.to_owned(),
        doing: doing.to_owned(),
        source: source.into(),
    }
}

#[async_trait::async_trait]
impl ContextEngine for TranscriptEngine {
    fn info(&self) -> EngineInfo {
        EngineInfo::new(ID, "The transcript itself")
    }

    async fn ingest(
        &self,
        _: &mut EngineScope<'_>,
        _: &SessionRef,
        _: &EntryId,
    ) -> Result<bool, EngineError> {
        Ok(false)
    }

    async fn assemble(
        &self,
        _: &mut EngineScope<'_>,
        input: AssembleInput,
    ) -> Result<Assembled, EngineError> {
        let estimated_tokens = input.context.estimate_tokens();
        Ok(Assembled {
            context: input.context,
            estimated_tokens,
            system_prompt_addition: None,
        })
    }

    async fn compact(
        &self,
        scope: &mut EngineScope<'_>,
        ask: CompactAsk,
    ) -> Result<CompactReport, EngineError> {
        let transcript = &ask.snapshot.transcript;
        let leaf = ask.snapshot.head.leaf.as_ref();
        let path = leaf
            .and_then(|leaf| transcript.branch(leaf))
            .unwrap_or_default();
        let mut report = CompactReport::default();
        report.tokens_before = Context::of_branch(path.iter().copied()).estimate_tokens();
        let Some(cut) = cut(&path, self.keep(&ask), ask.force) else {
            report.reason = Some("there is nothing old enough to summarise".to_owned());
            return Ok(report);
        };
        let (summary, how) = self.summary(scope, &ask, &cut).await?;
        let files = digest::files(&cut.summarised);
        let body = Body::Compaction {
            summary,
            first_kept: cut.first_kept.clone(),
            tokens_before: report.tokens_before,
            details: Some(json!({ "readFiles": files.read, "modifiedFiles": files.modified })),
            system_message: None,
        };
        let commit = Commit {
            intent: Intent::IfAncestor,
            ..Commit::side(vec![NewEntry::new(body)])
        };
        let receipt = match scope.append(&ask.snapshot.head, commit).await {
            Ok(receipt) => receipt,
            Err(ScopeError::Append(latchwork_session::AppendError::Stale { .. })) => {
                report.reason = Some("the conversation went on elsewhere meanwhile".to_owned());
                return Ok(report);
            }
            Err(error) => return Err(failed("write the compaction", error)),
        };
        report.compacted = true;
        report.reason = how;
        report.entry = receipt.placed.first().map(|placed| placed.id.clone());
        let after = scope
            .snapshot(View::Context)
            .await
            .map_err(|error| failed("read the session again", error))?;
        let after = latchwork_format::context(&after.transcript, after.head.leaf.as_ref());
        report.tokens_after = Some(after.estimate_tokens());
        Ok(report)
    }
}

impl TranscriptEngine {
    /// How much is kept: what the options say, and no more than half of the budget.
    fn keep(&self, ask: &CompactAsk) -> u64 {
        let half = ask.token_budget.map_or(u64::MAX, |budget| budget / 2);
        self.options.keep_recent_tokens.min(half.max(1))
    }
}
