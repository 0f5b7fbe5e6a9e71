//! From chunks to a reply: what was said, in order, and whole calls only.
//!
//! Invariant: a [`Reply`] leaves this room only after the provider said why the model stopped, and each of its calls
//! then has a name, an id that is new in the conversation, and arguments that are a JSON object. Events before that are
//! for the eye; nothing of them becomes history by itself.
//!
//! Deliberately absent: I/O and errors of transport.

use std::collections::HashMap;

use latchwork_session::{ModelEvent, Reply, ReplyBlock, StopReason, Usage};
use serde_json::Value;

use super::chunk::{CallPiece, Chunk, Piece};
use crate::ids::FreshIds;

/// A reply that is being built.
#[derive(Debug)]
pub(crate) struct Assembly {
    reply: Reply,
    ids: FreshIds,
    blocks: Vec<Building>,
    calls: Vec<Call>,
    /// Which call a provider means by its index.
    by_index: HashMap<u64, usize>,
    finish: Option<String>,
}

#[derive(Debug)]
enum Building {
    Text(String),
    Thinking { text: String, field: &'static str },
    Call(usize),
}

#[derive(Debug, Default)]
struct Call {
    /// The provider's id, before the call was announced.
    wire_id: Option<String>,
    name: String,
    arguments: String,
    /// The id under which the call was announced.
    announced: Option<String>,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// The provider never said that the model had stopped.
    NotFinished,
    /// It said so, but the reply cannot be read: why.
    Malformed(String),
}

impl Assembly {
    /// Begins with an empty reply.
    pub(crate) fn new(reply: Reply, ids: FreshIds) -> Self {
        Self {
            reply,
            ids,
            blocks: Vec::new(),
            calls: Vec::new(),
            by_index: HashMap::new(),
            finish: None,
        }
    }

    /// Whether the provider has said why the model stopped: only usage may follow.
    pub(crate) fn has_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Takes the next chunk and appends what it adds, as events.
    pub(crate) fn take(&mut self, chunk: Chunk, events: &mut impl Extend<ModelEvent>) {
        if self.reply.response_id.is_none() {
            self.reply.response_id = chunk.response_id;
        }
        if let Some(usage) = chunk.usage.filter(|usage| *usage != Usage::default()) {
            self.reply.usage = usage;
        }
        for piece in chunk.pieces {
            match piece {
                Piece::Text(text) => self.text(text, events),
                Piece::Thinking { text, field } => self.thinking(text, field, events),
                Piece::Call(piece) => self.call(piece, events),
            }
        }
        if self.finish.is_none() {
            self.finish = chunk.finish;
        }
    }

    fn text(&mut self, more: String, events: &mut impl Extend<ModelEvent>) {
        match self.blocks.last_mut() {
            Some(Building::Text(text)) => text.push_str(&more),
            _ => self.blocks.push(Building::Text(more.clone())),
        }
        events.extend([ModelEvent::Text(more)]);
    }

    fn thinking(
        &mut self,
        more: String,
        field: &'static str,
        events: &mut impl Extend<ModelEvent>,
    ) {
        match self.blocks.last_mut() {
            Some(Building::Thinking { text, field: begun }) if *begun == field => {
                text.push_str(&more)
            }
            _ => self.blocks.push(Building::Thinking {
                text: more.clone(),
                field,
            }),
        }
        events.extend([ModelEvent::Thinking(more)]);
    }

    fn call(&mut self, piece: CallPiece, events: &mut impl Extend<ModelEvent>) {
        let index = self.meant_by(&piece);
        let Some(call) = self.calls.get_mut(index) else {
            return;
        };
        if call.wire_id.is_none() {
            call.wire_id = piece.id;
        }
        if call.name.is_empty() {
            call.name = piece.name.unwrap_or_default();
        }
        call.arguments.push_str(&piece.arguments);
        if call.announced.is_some() {
            if !piece.arguments.is_empty() {
                events.extend([ModelEvent::CallArguments {
                    index,
                    json: piece.arguments,
                }]);
            }
        } else if !call.name.is_empty() && (call.wire_id.is_some() || !call.arguments.is_empty()) {
            call.announce(index, &mut self.ids, events);
        }
    }

    /// The call that a piece belongs to; a new one if it belongs to none.
    ///
    /// The index says so, but some servers leave it out and some say 0 for all: there, a name with another id begins
    /// another call, and so does another name.
    fn meant_by(&mut self, piece: &CallPiece) -> usize {
        let known = match (piece.index, &piece.id) {
            (Some(index), _) => self.by_index.get(&index).copied(),
            (None, Some(id)) => {
                let same = self
                    .calls
                    .iter()
                    .position(|call| call.wire_id.as_ref() == Some(id));
                same.or_else(|| {
                    if piece.name.is_none() {
                        self.calls.len().checked_sub(1)
                    } else {
                        None
                    }
                })
            }
            (None, None) if piece.name.is_none() => self.calls.len().checked_sub(1),
            (None, None) => None,
        };
        if let Some(at) = known.filter(|at| {
            self.calls
                .get(*at)
                .is_some_and(|call| !call.is_another(piece))
        }) {
            return at;
        }
        let at = self.calls.len();
        self.calls.push(Call::default());
        self.blocks.push(Building::Call(at));
        self.by_index.extend(piece.index.map(|index| (index, at)));
        at
    }

    /// The whole reply. Calls that were not announced yet are, as events.
    ///
    /// # Errors
    /// [`NoReply`]; then nothing of the reply may be taken for whole.
    pub(crate) fn finish(mut self, events: &mut impl Extend<ModelEvent>) -> Result<Reply, NoReply> {
        let Some(finish) = self.finish.take() else {
            return Err(NoReply::NotFinished);
        };
        let stop = stop_reason(&finish, !self.calls.is_empty());
        let cut_short = matches!(stop, StopReason::Length | StopReason::Error);
        for (index, call) in self.calls.iter_mut().enumerate() {
            if call.name.is_empty() {
                return Err(NoReply::Malformed(
                    "it calls a tool without naming it".into(),
                ));
            }
            if call.announced.is_none() {
                call.announce(index, &mut self.ids, events);
            }
        }
        let mut reply = self.reply;
        for block in self.blocks {
            reply.blocks.push(match block {
                Building::Text(text) => ReplyBlock::Text {
                    text,
                    signature: None,
                },
                Building::Thinking { text, field } => ReplyBlock::Thinking {
                    thinking: text,
                    signature: Some(field.into()),
                },
                Building::Call(at) => {
                    let call = self
                        .calls
                        .get_mut(at)
                        .map(std::mem::take)
                        .unwrap_or_default();
                    call.into_block(cut_short).map_err(NoReply::Malformed)?
                }
            });
        }
        reply.stop = stop;
        reply.error =
            (stop == StopReason::Error).then(|| format!("the provider ended the answer: {finish}"));
        Ok(reply)
    }
}

impl Call {
    /// Whether a piece that came under this call's index or id is about another call.
    fn is_another(&self, piece: &CallPiece) -> bool {
        let Some(name) = &piece.name else {
            return false;
        };
        let other_id = matches!((&self.wire_id, &piece.id), (Some(mine), Some(its)) if mine != its);
        other_id || (!self.name.is_empty() && self.name != *name)
    }

    fn announce(&mut self, index: usize, ids: &mut FreshIds, events: &mut impl Extend<ModelEvent>) {
        let id = ids.take(self.wire_id.as_deref());
        events.extend([ModelEvent::CallStarted {
            index,
            id: id.clone(),
            name: self.name.clone(),
        }]);
        if !self.arguments.is_empty() {
            events.extend([ModelEvent::CallArguments {
                index,
                json: self.arguments.clone(),
            }]);
        }
        self.announced = Some(id);
    }

    /// The call, whole. Arguments that were never said are no arguments, unless the answer was cut short.
    fn into_block(self, cut_short: bool) -> Result<ReplyBlock, String> {
        let name = self.name;
        let arguments = match self.arguments.trim() {
            "" | "null" if !cut_short => Value::Object(serde_json::Map::new()),
            "" => {
                return Err(format!(
                    "the answer was cut short before the arguments of a call of {name:?}"
                ));
            }
            text => serde_json::from_str(text).map_err(|error| {
                format!("the arguments of a call of {name:?} are not JSON ({error})")
            })?,
        };
        if !arguments.is_object() {
            return Err(format!(
                "the arguments of a call of {name:?} are not a JSON object"
            ));
        }
        Ok(ReplyBlock::Call {
            id: self.announced.unwrap_or_default(),
            name,
            arguments,
            signature: None,
        })
    }
}

/// Our word for a provider's. Many servers say `stop` though they call tools; a word that nobody knows is a stop.
fn stop_reason(finish: &str, has_calls: bool) -> StopReason {
    match finish {
        "length" | "max_tokens" | "model_length" => StopReason::Length,
        "content_filter" | "error" | "network_error" | "sensitive" => StopReason::Error,
        _ if has_calls => StopReason::ToolUse,
        _ => StopReason::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchwork_session::ProviderInfo;
    use proptest::prelude::*;
    use serde_json::json;

    fn assemble(chunks: &[Value]) -> (Vec<ModelEvent>, Result<Reply, NoReply>) {
        let info = ProviderInfo::new("p", "openai-completions", None);
        let mut assembly = Assembly::new(
            Reply::begun(&info, "m"),
            FreshIds::beside(["old".to_owned()]),
        );
        let mut events = Vec::new();
        for chunk in chunks {
            if let Ok(chunk) = Chunk::read(&chunk.to_string(), false) {
                assembly.take(chunk, &mut events);
            }
        }
        let reply = assembly.finish(&mut events);
        (events, reply)
    }

    fn calls(pieces: Value) -> Value {
        json!({"choices": [{"delta": {"tool_calls": pieces}}]})
    }

    fn finish(reason: &str) -> Value {
        json!({"choices": [{"delta": {}, "finish_reason": reason}]})
    }

    fn called(chunks: &[Value]) -> Vec<(String, String, String)> {
        let (_, reply) = assemble(chunks);
        let reply = reply.unwrap();
        assert_eq!(reply.stop, StopReason::ToolUse);
        reply
            .calls()
            .map(|(id, name, arguments)| (id.into(), name.into(), arguments.to_string()))
            .collect()
    }

    fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
        (id.into(), name.into(), arguments.into())
    }

    #[test]
    fn parallel_calls_split_over_chunks_are_put_together_by_index() {
        let chunks = [
            calls(json!([{"index": 0, "id": "a", "function": {"name": "ls", "arguments": ""}}])),
            calls(
                json!([{"index": 1, "id": "b", "function": {"name": "read", "arguments": "{\"p\""}}]),
            ),
            calls(
                json!([{"index": 0, "function": {"arguments": "{\"x\":"}}, {"index": 1, "function": {"arguments": ":2}"}}]),
            ),
            calls(json!([{"index": 0, "id": "", "function": {"name": null, "arguments": "1}"}}])),
            finish("tool_calls"),
        ];
        assert_eq!(
            called(&chunks),
            [
                call("a", "ls", r#"{"x":1}"#),
                call("b", "read", r#"{"p":2}"#)
            ]
        );
        let (events, _) = assemble(&chunks);
        let said: String = events
            .iter()
            .filter_map(|event| match event {
                ModelEvent::CallArguments { index: 0, json } => Some(json.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(said, r#"{"x":1}"#);
    }

    #[test]
    fn whole_calls_are_told_apart_though_the_index_is_missing_or_always_0() {
        let with_ids = |index: Option<u32>| {
            let piece = |id: &str| {
                let mut piece =
                    json!({"id": id, "function": {"name": "ls", "arguments": {"id": id}}});
                if let Some(index) = index {
                    piece["index"] = json!(index);
                }
                piece
            };
            [calls(json!([piece("a"), piece("b")])), finish("stop")]
        };
        let expected = [
            call("a", "ls", r#"{"id":"a"}"#),
            call("b", "ls", r#"{"id":"b"}"#),
        ];
        assert_eq!(called(&with_ids(None)), expected);
        assert_eq!(called(&with_ids(Some(0))), expected);
    }

    #[test]
    fn a_missing_id_is_made_up_and_a_used_one_gets_a_suffix() {
        let chunks = [
            calls(json!([{"function": {"name": "ls", "arguments": "{}"}}])),
            calls(json!([{"function": {"name": "ls"}}])),
            calls(json!([{"id": "old", "function": {"name": "ls", "arguments": "{}"}}])),
            finish("weird_new_reason"),
        ];
        assert_eq!(
            called(&chunks),
            [
                call("call_0", "ls", "{}"),
                call("call_1", "ls", "{}"),
                call("old-2", "ls", "{}")
            ]
        );
    }

    #[test]
    fn a_name_repeated_in_each_chunk_is_still_one_call() {
        let piece = |arguments: &str| {
            calls(
                json!([{"index": 0, "id": "a", "function": {"name": "ls", "arguments": arguments}}]),
            )
        };
        assert_eq!(
            called(&[piece("{"), piece("}"), piece(""), finish("tool_calls")]),
            [call("a", "ls", "{}")]
        );
    }

    #[test]
    fn a_call_that_is_not_whole_is_never_part_of_a_reply() {
        let half = calls(
            json!([{"index": 0, "id": "a", "function": {"name": "ls", "arguments": "{\"x\":"}}]),
        );
        let bare = calls(json!([{"index": 0, "id": "a", "function": {"name": "ls"}}]));
        let nameless = calls(json!([{"index": 0, "id": "a", "function": {"arguments": "{}"}}]));
        let list =
            calls(json!([{"index": 0, "id": "a", "function": {"name": "ls", "arguments": "[]"}}]));
        for chunks in [
            [half.clone(), finish("tool_calls")],
            [half, finish("length")],
            [bare, finish("length")],
            [nameless, finish("stop")],
            [list, finish("stop")],
        ] {
            assert!(
                matches!(assemble(&chunks).1, Err(NoReply::Malformed(_))),
                "{chunks:?}"
            );
        }
    }

    #[test]
    fn the_reasons_to_stop_are_translated_and_unknown_ones_tolerated() {
        let stop = |reason: &str| assemble(&[finish(reason)]).1.map(|reply| reply.stop);
        assert_eq!(stop("stop"), Ok(StopReason::Stop));
        assert_eq!(stop("tool_calls"), Ok(StopReason::Stop));
        assert_eq!(stop("length"), Ok(StopReason::Length));
        assert_eq!(stop("content_filter"), Ok(StopReason::Error));
        assert_eq!(stop("moon_phase"), Ok(StopReason::Stop));
        assert_eq!(stop(""), Err(NoReply::NotFinished));
        let (_, filtered) = assemble(&[finish("content_filter")]);
        assert!(filtered.unwrap().error.unwrap().contains("content_filter"));
    }

    #[test]
    fn blocks_keep_the_order_in_which_they_were_said() {
        let said =
            |field: &str, text: &str| json!({"choices": [{"delta": {field: text}}], "id": "r-1"});
        let (_, reply) = assemble(&[
            said("reasoning", "h"),
            said("reasoning", "m"),
            said("content", "a"),
            said("content", "b"),
            said("reasoning", "!"),
            finish("stop"),
            json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
        ]);
        let reply = reply.unwrap();
        let thinking = |text: &str| ReplyBlock::Thinking {
            thinking: text.into(),
            signature: Some("reasoning".into()),
        };
        let text = ReplyBlock::Text {
            text: "ab".into(),
            signature: None,
        };
        assert_eq!(reply.blocks, [thinking("hm"), text, thinking("!")]);
        assert_eq!(
            (reply.usage.total_tokens, reply.response_id.as_deref()),
            (3, Some("r-1"))
        );
    }

    /// Chunks near enough to real ones that every branch is met, with anything in any place.
    fn chunk() -> impl Strategy<Value = Value> {
        let word = || {
            prop_oneof![
                Just(json!(null)),
                Just(json!("")),
                "[ab]".prop_map(Value::from),
                Just(json!(0)),
                Just(json!({}))
            ]
        };
        let arguments = prop_oneof![
            Just(json!("{")),
            Just(json!("}")),
            Just(json!("{}")),
            Just(json!("\"a\":1")),
            Just(json!({"x": 1})),
            Just(json!(null))
        ];
        let index = prop_oneof![
            Just(json!(0)),
            Just(json!(1)),
            Just(json!(u64::MAX)),
            Just(json!(null)),
            Just(json!("0"))
        ];
        let call = (index, word(), word(), arguments)
            .prop_map(|(index, id, name, arguments)| json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}}));
        let calls =
            prop::collection::vec(prop_oneof![4 => call, 1 => word()], 0..3).prop_map(Value::from);
        let finish =
            prop_oneof![3 => word(), 1 => Just(json!("tool_calls")), 1 => Just(json!("length"))];
        (calls, word(), word(), finish).prop_map(|(calls, content, reasoning, finish)| {
            json!({"choices": [{"delta": {"tool_calls": calls, "content": content, "reasoning": reasoning}, "finish_reason": finish}]})
        })
    }

    proptest! {
        #[test]
        fn whatever_chunks_come_a_reply_has_whole_calls_with_ids_of_their_own(chunks in prop::collection::vec(chunk(), 0..8)) {
            let (events, reply) = assemble(&chunks);
            let Ok(reply) = reply else { return Ok(()) };
            let mut ids = std::collections::HashSet::from(["old".to_owned()]);
            for (index, (id, name, arguments)) in reply.calls().enumerate() {
                prop_assert!(ids.insert(id.to_owned()));
                prop_assert!(!name.is_empty() && arguments.is_object());
                let announced = events.iter().any(|event| matches!(event,
                    ModelEvent::CallStarted { index: at, id: its, name: called } if *at == index && its == id && called == name));
                prop_assert!(announced);
            }
        }

        #[test]
        fn any_json_is_taken_without_a_panic(text in "[\\[\\]{}:,\"a-c0-9 ]{0,60}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let _ = assemble(&[value.clone(), json!({"choices": value}), json!({"choices": [{"delta": value}]}), finish("stop")]);
            }
        }
    }
}
