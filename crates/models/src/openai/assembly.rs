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
                text.push_str(&more);
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
mod tests;
