//! What a recorded session's model said, in order.
//!
//! The replies are the assistant messages on the session's active branch. Replies that broke off (stop reason `error`
//! or `aborted`) are left out: the turn that they belong to went on with the next one. A call without a name cannot be
//! made again and is left out too; one without an id gets one when it is played.

use std::time::Duration;

use latchwork_format::{Block, Content, MessageView, RawEntry, Role, Transcript};
use latchwork_session::{ProviderInfo, Reply, ReplyBlock, StopReason, Usage};
use serde_json::{Map, Value};

/// One reply, and how long it took.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) reply: Reply,
    pub(crate) took: Duration,
}

/// The replies of a session, as said by `info`.
pub(crate) fn replies(transcript: &Transcript, info: &ProviderInfo) -> Vec<Recorded> {
    let branch = transcript
        .leaf()
        .and_then(|leaf| transcript.branch(leaf))
        .unwrap_or_default();
    let before = std::iter::once(None).chain(branch.iter().map(|entry| Some(*entry)));
    let pairs = before.zip(&branch);
    pairs
        .filter_map(|(before, entry)| recorded(before, entry, info))
        .collect()
}

fn recorded(before: Option<&RawEntry>, entry: &RawEntry, info: &ProviderInfo) -> Option<Recorded> {
    let message = entry
        .message()
        .filter(|message| matches!(message.role(), Role::Assistant) && !message.broke_off())?;
    let took = before.and_then(|before| {
        let took = written_ms(entry)?.checked_sub(written_ms(before)?)?;
        u64::try_from(took).ok().map(Duration::from_millis)
    });
    Some(Recorded {
        reply: reply(&message, info),
        took: took.unwrap_or_default(),
    })
}

/// When an entry was written: for a reply, when it had ended.
fn written_ms(entry: &RawEntry) -> Option<i64> {
    entry
        .timestamp_millis()
        .or_else(|| entry.message()?.timestamp_millis())
}

fn reply(message: &MessageView<'_>, info: &ProviderInfo) -> Reply {
    let model = message.model().map_or_else(
        || info.default_model.clone().unwrap_or_default(),
        Into::into,
    );
    let mut reply = Reply::begun(info, model);
    reply.blocks = match message.content() {
        Content::None => Vec::new(),
        Content::Text(text) => vec![ReplyBlock::Text {
            text: text.into_owned(),
            signature: None,
        }],
        Content::Blocks(blocks) => blocks.into_iter().filter_map(block).collect(),
    };
    reply.usage = message.usage().map_or_else(Usage::default, |usage| Usage {
        input: usage.input,
        output: usage.output,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        total_tokens: usage.total_tokens,
    });
    let calls_tools = reply.calls().next().is_some();
    reply.stop = match message.stop_reason().as_deref() {
        Some("length") => StopReason::Length,
        _ if calls_tools => StopReason::ToolUse,
        _ => StopReason::Stop,
    };
    reply
}

fn block(block: Block<'_>) -> Option<ReplyBlock> {
    let owned = |text: Option<std::borrow::Cow<'_, str>>| text.map(std::borrow::Cow::into_owned);
    match block {
        Block::Text { text, signature } => Some(ReplyBlock::Text {
            text: text.into_owned(),
            signature: owned(signature),
        }),
        Block::Thinking {
            text,
            signature,
            redacted: false,
        } => Some(ReplyBlock::Thinking {
            thinking: text.into_owned(),
            signature: owned(signature),
        }),
        Block::ToolCall(call) => Some(ReplyBlock::Call {
            id: owned(call.id).unwrap_or_default(),
            name: owned(call.name).filter(|name| !name.is_empty())?,
            arguments: call
                .arguments
                .and_then(|raw| serde_json::from_str(raw.text()).ok())
                .filter(Value::is_object)
                .unwrap_or_else(|| Value::Object(Map::new())),
            signature: owned(call.thought_signature),
        }),
        _ => None,
    }
}
