//! The model, the tools and the engine of these tests: each does what was written down, and remembers what it was asked.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use latchwork_format::request::{Block, Conversation, Exchange, Part, Thinking};
use latchwork_lock::Unlocked;
use latchwork_session::{
    AssembleInput, Assembled, CompactAsk, CompactReport, ContextEngine, EngineError, EngineInfo,
    EngineScope, EntryId, ModelError, ModelEvent, ModelProvider, ModelRequest, ModelStream,
    ProviderInfo, Reply, ReplyBlock, SessionRef, StopReason, ToolCall, ToolHost, ToolOutcome,
    ToolSpec, ToolStatus,
};
use serde_json::json;
use tokio::sync::Barrier;
use tokio_util::sync::CancellationToken;

pub(crate) type Deed = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// One thing that the model does.
pub(crate) enum Beat {
    Say(&'static str),
    Think(&'static str),
    /// Thinking with the model's own seal on it.
    Seal(&'static str),
    Call(&'static str, &'static str),
    /// Something happens elsewhere meanwhile; the model goes on when it is done.
    Meanwhile(Deed),
    Fail(ModelError),
    /// Nothing comes any more.
    Hang,
    /// The reply ends for this reason.
    Stop(StopReason),
}

pub(crate) fn meanwhile<F>(deed: impl FnOnce() -> F + Send + 'static) -> Beat
where
    F: Future<Output = ()> + Send + 'static,
{
    Beat::Meanwhile(Box::new(move || Box::pin(deed())))
}

pub(crate) fn broken() -> ModelError {
    ModelError::BrokenOff {
        provider: "script".into(),
        why: "the line went dead".into(),
    }
}

#[derive(Default)]
pub(crate) struct Script {
    replies: Mutex<VecDeque<Vec<Beat>>>,
    asked: Mutex<Vec<Vec<String>>>,
}

impl Script {
    pub(crate) fn reply(&self, beats: Vec<Beat>) {
        self.replies.lock().unwrap().push_back(beats);
    }

    pub(crate) fn says(&self, words: &'static str) {
        self.reply(vec![Beat::Say(words)]);
    }

    /// What was shown each time, one line for each thing said.
    pub(crate) fn asked(&self) -> Vec<Vec<String>> {
        self.asked.lock().unwrap().clone()
    }
}

fn words<'p>(parts: impl IntoIterator<Item = &'p Part>) -> String {
    let texts = parts.into_iter().map(|part| match part {
        Part::Text(words) => words.as_str(),
        Part::Image { .. } => "(image)",
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn shown(conversation: &Conversation) -> Vec<String> {
    let mut lines = Vec::new();
    for exchange in &conversation.exchanges {
        match exchange {
            Exchange::User(turn) => lines.push(format!("user: {}", words(&turn.parts))),
            Exchange::Assistant(turn) => {
                lines.push("assistant".to_owned());
                lines.extend(turn.blocks().filter_map(|block| match block {
                    Block::Thinking(Thinking::Sealed { signature, .. }) => {
                        Some(signature.to_string())
                    }
                    _ => None,
                }));
                for call in turn.calls() {
                    let result = words(&call.result.content);
                    lines.push(format!("{} -> {result}", call.id));
                }
            }
        }
    }
    lines
}

struct Telling {
    beats: VecDeque<Beat>,
    reply: Reply,
    over: bool,
}

impl Telling {
    async fn next(mut self) -> Option<(Result<ModelEvent, ModelError>, Self)> {
        if self.over {
            return None;
        }
        loop {
            let event = match self.beats.pop_front() {
                Some(Beat::Say(text)) => {
                    self.reply.blocks.push(ReplyBlock::Text {
                        text: text.into(),
                        signature: None,
                    });
                    ModelEvent::Text(text.into())
                }
                Some(Beat::Think(text)) => {
                    self.reply.blocks.push(ReplyBlock::Thinking {
                        thinking: text.into(),
                        signature: None,
                    });
                    ModelEvent::Thinking(text.into())
                }
                Some(Beat::Seal(text)) => {
                    self.reply.blocks.push(ReplyBlock::Thinking {
                        thinking: text.into(),
                        signature: Some(format!("seal of {text}")),
                    });
                    ModelEvent::Thinking(text.into())
                }
                Some(Beat::Call(id, name)) => {
                    self.reply.stop = StopReason::ToolUse;
                    self.reply.blocks.push(ReplyBlock::Call {
                        id: id.into(),
                        name: name.into(),
                        arguments: json!({}),
                        signature: None,
                    });
                    let index = self.reply.calls().count() - 1;
                    ModelEvent::CallStarted {
                        index,
                        id: id.into(),
                        name: name.into(),
                    }
                }
                Some(Beat::Meanwhile(deed)) => {
                    deed().await;
                    continue;
                }
                Some(Beat::Stop(stop)) => {
                    self.reply.stop = stop;
                    continue;
                }
                Some(Beat::Hang) => std::future::pending().await,
                Some(Beat::Fail(error)) => {
                    self.over = true;
                    return Some((Err(error), self));
                }
                None => {
                    self.over = true;
                    self.reply.usage.total_tokens = 10;
                    ModelEvent::Finished(Box::new(self.reply.clone()))
                }
            };
            return Some((Ok(event), self));
        }
    }
}

#[async_trait::async_trait]
impl ModelProvider for Script {
    fn info(&self) -> ProviderInfo {
        ProviderInfo::new("script", "script", None)
    }

    async fn stream<'a>(
        &'a self,
        _nothing_is_held: Unlocked<'a>,
        request: ModelRequest,
        _cancel: CancellationToken,
    ) -> Result<ModelStream<'a>, ModelError> {
        self.asked
            .lock()
            .unwrap()
            .push(shown(&request.conversation));
        let beats = self.replies.lock().unwrap().pop_front();
        let beats: VecDeque<Beat> = beats.expect("a reply that the test wrote down").into();
        if let Some(Beat::Fail(error)) = beats.front() {
            return Err(error.clone());
        }
        let reply = Reply::begun(&self.info(), request.model);
        let telling = Telling {
            beats,
            reply,
            over: false,
        };
        Ok(futures::stream::unfold(telling, Telling::next).boxed())
    }
}

/// Tools by name: what each does is in `call`.
pub(crate) struct Hands {
    pub(crate) together: Barrier,
    called: Mutex<Vec<String>>,
}

impl Hands {
    pub(crate) fn new() -> Self {
        Self {
            together: Barrier::new(2),
            called: Mutex::default(),
        }
    }

    pub(crate) fn called(&self) -> Vec<String> {
        self.called.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl ToolHost for Hands {
    fn specs(&self) -> Vec<ToolSpec> {
        Vec::new()
    }

    async fn call<'a>(
        &'a self,
        _nothing_is_held: Unlocked<'a>,
        call: ToolCall,
        cancel: CancellationToken,
    ) -> ToolOutcome {
        self.called.lock().unwrap().push(call.id.clone());
        match call.name.as_str() {
            // Ends only when two of them run at the same time.
            "together" => {
                self.together.wait().await;
            }
            "polite" => {
                cancel.cancelled().await;
                return ToolOutcome::text(ToolStatus::Aborted, "stopped");
            }
            "deaf" => std::future::pending().await,
            "clumsy" => panic!("dropped it"),
            _ => {}
        }
        ToolOutcome::text(ToolStatus::Ok, format!("did {}", call.id))
    }
}

/// Shows what the transcript says; may weigh it, fail, or pretend to compact.
#[derive(Default)]
pub(crate) struct Plain {
    /// What it says that the context weighs, one for each time; then the truth.
    pub(crate) weights: Mutex<VecDeque<u64>>,
    pub(crate) fails: bool,
    pub(crate) compacts: bool,
    pub(crate) compacted: AtomicUsize,
    pub(crate) told: Mutex<Vec<EntryId>>,
}

#[async_trait::async_trait]
impl ContextEngine for Plain {
    fn info(&self) -> EngineInfo {
        EngineInfo::new("plain", "Plain")
    }

    async fn ingest(
        &self,
        _scope: &mut EngineScope<'_>,
        _session: &SessionRef,
        entry: &EntryId,
    ) -> Result<bool, EngineError> {
        self.told.lock().unwrap().push(entry.clone());
        Ok(true)
    }

    async fn assemble(
        &self,
        _scope: &mut EngineScope<'_>,
        input: AssembleInput,
    ) -> Result<Assembled, EngineError> {
        if self.fails {
            return Err(EngineError {
                engine: "plain".into(),
                doing: "assemble".into(),
                source: "it is broken".into(),
            });
        }
        let truth = input.context.estimate_tokens();
        let weight = self.weights.lock().unwrap().pop_front();
        Ok(Assembled {
            context: input.context,
            estimated_tokens: weight.unwrap_or(truth),
            system_prompt_addition: None,
        })
    }

    async fn compact(
        &self,
        _scope: &mut EngineScope<'_>,
        _ask: CompactAsk,
    ) -> Result<CompactReport, EngineError> {
        self.compacted.fetch_add(1, Ordering::SeqCst);
        let mut report = CompactReport::default();
        report.compacted = self.compacts;
        report.reason = Some("as the test wishes".into());
        Ok(report)
    }
}
