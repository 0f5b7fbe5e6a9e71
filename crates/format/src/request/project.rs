//! From a context to a conversation: one pass over the messages, results joined to their calls as they come.
//!
//! A result belongs to the latest call before it that has its id. What is left open at the end is closed
//! honestly: the outcome is unknown. Of a reply that broke off, text stays, and calls stay only with a result.

use std::collections::{HashMap, HashSet};

use super::report::{Change, ProjectionReport};
use super::system::System;
use super::turn::{self, DraftCall, DraftItem};
use super::{
    AssistantTurn, Call, CallResult, Conversation, Exchange, Item, NonEmpty, Outcome, Part, Target,
    UserTurn, Words, words,
};
use crate::context::{Context, ContextMessage};
use crate::id::EntryId;
use crate::kind::Role;
use crate::message::MessageView;

/// Makes a valid conversation for `target` of any context, and says what had to be changed.
#[must_use]
pub fn project(context: &Context, target: &Target) -> (Conversation, ProjectionReport) {
    let mut projection = Projection {
        target,
        turns: Vec::new(),
        system: System::default(),
        ids: Ids::default(),
        report: ProjectionReport::default(),
    };
    for message in &context.messages {
        projection.message(message);
    }
    projection.finish()
}

struct Projection<'t> {
    target: &'t Target,
    turns: Vec<Draft>,
    system: System,
    ids: Ids,
    report: ProjectionReport,
}

enum Draft {
    User(UserTurn),
    Assistant {
        items: Vec<DraftItem>,
        broke_off: bool,
        source: Option<EntryId>,
    },
}

/// Which ids are taken, and which call an id means at present.
#[derive(Default)]
struct Ids {
    taken: HashSet<String>,
    /// Turn and item of the latest call of that written id.
    latest: HashMap<String, (usize, usize)>,
    /// The next suffix to try for a written id that is taken.
    suffix: HashMap<String, u64>,
}

impl Ids {
    /// An id that no call has yet: the written one, if possible.
    fn unique(&mut self, written: &str) -> String {
        if self.taken.insert(written.to_owned()) {
            return written.to_owned();
        }
        let suffix = self.suffix.entry(written.to_owned()).or_insert(1);
        loop {
            *suffix += 1;
            let id = format!("{written}_{suffix}");
            if self.taken.insert(id.clone()) {
                return id;
            }
        }
    }
}

impl Projection<'_> {
    fn message(&mut self, message: &ContextMessage) {
        let source = message.source();
        let Some(view) = message.view() else {
            return self.report.note(source, Change::Unknown);
        };
        match view.role() {
            Role::System => self.system.fold(&view),
            Role::User | Role::Custom => self.user(&view, source),
            Role::Assistant => self.assistant(&view, source),
            Role::ToolResult => self.tool_result(&view, source),
            Role::BranchSummary => self.told(words::branch_summary, &view, source),
            Role::CompactionSummary => self.told(words::compaction_summary, &view, source),
            Role::BashExecution => self.bash_execution(&view, source),
            Role::Other(_) => self.report.note(source, Change::Unknown),
        }
    }

    fn user(&mut self, view: &MessageView<'_>, source: Option<&EntryId>) {
        let parts = turn::parts(view.content(), self.target, source, &mut self.report);
        match NonEmpty::new(parts) {
            Some(parts) => self.turns.push(Draft::User(UserTurn {
                parts,
                source: source.cloned(),
            })),
            None => self.report.note(source, Change::EmptyMessage),
        }
    }

    /// A summary, told as the user's.
    fn told(&mut self, wrap: fn(&str) -> String, view: &MessageView<'_>, source: Option<&EntryId>) {
        let summary = view.summary().unwrap_or_default();
        if summary.trim().is_empty() {
            return self.report.note(source, Change::EmptyMessage);
        }
        self.say(wrap(&summary), source);
    }

    fn bash_execution(&mut self, view: &MessageView<'_>, source: Option<&EntryId>) {
        if let Some(run) = view
            .bash_execution()
            .filter(|run| !run.exclude_from_context)
        {
            self.say(words::bash_execution(&run), source);
        }
    }

    fn say(&mut self, text: String, source: Option<&EntryId>) {
        let parts = NonEmpty::one(Part::Text(Words::ours(text)));
        self.turns.push(Draft::User(UserTurn {
            parts,
            source: source.cloned(),
        }));
    }

    fn assistant(&mut self, view: &MessageView<'_>, source: Option<&EntryId>) {
        let place = self.turns.len();
        let broke_off = view.broke_off();
        let mut items = Vec::new();
        for item in turn::items(view, self.target, source, &mut self.report) {
            match item {
                DraftItem::Call(call) => self.call(call, place, source, &mut items),
                said => items.push(said),
            }
        }
        self.turns.push(Draft::Assistant {
            items,
            broke_off,
            source: source.cloned(),
        });
    }

    fn call(
        &mut self,
        mut call: DraftCall,
        turn: usize,
        source: Option<&EntryId>,
        items: &mut Vec<DraftItem>,
    ) {
        let written = call.id.as_str().to_owned();
        if self
            .ids
            .latest
            .get(&written)
            .is_some_and(|&(earlier, _)| earlier == turn)
        {
            // No result could tell the two apart.
            return self.report.note(source, Change::DroppedCall);
        }
        let unique = self.ids.unique(&written);
        if unique != written {
            self.report.note(source, Change::RenamedCall);
            call.id = Words::ours(unique);
        }
        self.ids.latest.insert(written, (turn, items.len()));
        items.push(DraftItem::Call(call));
    }

    fn tool_result(&mut self, view: &MessageView<'_>, source: Option<&EntryId>) {
        let id = view.tool_call_id().unwrap_or_default();
        let place = self.ids.latest.get(id.as_ref()).copied();
        let result = turn::result(view, self.target, source, &mut self.report);
        let last = self.turns.len().saturating_sub(1);
        let change = match place.and_then(|(turn, item)| Some((turn, self.open_call(turn, item)?)))
        {
            None => Some(Change::OrphanResult),
            Some((_, slot)) if slot.is_some() => Some(Change::DuplicateResult),
            Some((turn, slot)) => {
                *slot = Some(result);
                (turn != last).then_some(Change::MovedResult)
            }
        };
        if let Some(change) = change {
            self.report.note(source, change);
        }
    }

    /// The place for the result of the call at `item` of `turn`.
    fn open_call(&mut self, turn: usize, item: usize) -> Option<&mut Option<CallResult>> {
        match self.turns.get_mut(turn)? {
            Draft::Assistant { items, .. } => match items.get_mut(item)? {
                DraftItem::Call(call) => Some(&mut call.result),
                DraftItem::Block(_) => None,
            },
            Draft::User(_) => None,
        }
    }

    fn finish(self) -> (Conversation, ProjectionReport) {
        let mut report = self.report;
        let mut exchanges = Vec::with_capacity(self.turns.len());
        for turn in self.turns {
            match turn {
                Draft::User(turn) => exchanges.push(Exchange::User(turn)),
                Draft::Assistant {
                    items,
                    broke_off,
                    source,
                } => {
                    exchanges.extend(
                        close(items, broke_off, source.as_ref(), &mut report)
                            .map(Exchange::Assistant),
                    );
                }
            }
        }
        (
            Conversation {
                system: self.system.finish(),
                exchanges,
            },
            report,
        )
    }
}

/// Gives every call its result; leaves the turn out if nothing is left of it.
fn close(
    items: Vec<DraftItem>,
    broke_off: bool,
    source: Option<&EntryId>,
    report: &mut ProjectionReport,
) -> Option<AssistantTurn> {
    let mut closed = Vec::with_capacity(items.len());
    for item in items {
        match item {
            DraftItem::Block(block) => closed.push(Item::Block(block)),
            DraftItem::Call(call) if call.result.is_none() && broke_off => {
                report.note(source, Change::DroppedCall);
            }
            DraftItem::Call(call) => {
                closed.push(Item::Call(finish_call(call, source, report)));
            }
        }
    }
    let only_thought = !closed.is_empty();
    let turn = AssistantTurn::new(closed, source.cloned());
    if turn.is_none() {
        report.note(
            source,
            if only_thought {
                Change::DroppedThinking
            } else {
                Change::EmptyMessage
            },
        );
    }
    turn
}

fn finish_call(call: DraftCall, source: Option<&EntryId>, report: &mut ProjectionReport) -> Call {
    let result = call.result.unwrap_or_else(|| {
        report.note(source, Change::OutcomeUnknown);
        CallResult {
            content: NonEmpty::one(Part::Text(Words::ours(words::OUTCOME_UNKNOWN))),
            is_error: true,
            outcome: Outcome::Unknown,
            source: None,
        }
    });
    Call {
        id: call.id,
        name: call.name,
        arguments: call.arguments,
        signature: call.signature,
        result,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;
    use serde_json::{Value, json};

    use super::*;
    use crate::request::{Block, Thinking};

    fn own(message: &Value) -> Value {
        let mut message = message.clone();
        for (key, value) in [("provider", "p"), ("model", "m"), ("api", "a")] {
            message[key] = value.into();
        }
        message
    }

    fn reply(blocks: &Value) -> Value {
        own(&json!({ "role": "assistant", "content": blocks, "stopReason": "toolUse" }))
    }

    fn broken_off(blocks: &Value) -> Value {
        own(&json!({ "role": "assistant", "content": blocks, "stopReason": "aborted" }))
    }

    fn call(id: &str) -> Value {
        json!({ "type": "toolCall", "id": id, "name": "ls", "arguments": { "path": "." } })
    }

    fn result(id: &str, text: &str) -> Value {
        json!({ "role": "toolResult", "toolCallId": id, "content": [{ "type": "text", "text": text }], "isError": false })
    }

    fn user(text: &str) -> Value {
        json!({ "role": "user", "content": text })
    }

    fn run(messages: &[Value]) -> (Conversation, Vec<Change>) {
        let message = |(place, message): (usize, &Value)| {
            ContextMessage::new(
                Some(format!("m{place}").into()),
                &to_raw_value(message).unwrap(),
            )
        };
        let context = Context {
            messages: messages.iter().enumerate().map(message).collect(),
            ..Context::default()
        };
        let (conversation, report) = project(&context, &Target::new("p", "m", "a"));
        (
            conversation,
            report
                .adjustments
                .into_iter()
                .map(|adjustment| adjustment.change)
                .collect(),
        )
    }

    fn calls(conversation: &Conversation) -> Vec<&Call> {
        let turns = conversation
            .exchanges
            .iter()
            .filter_map(|exchange| match exchange {
                Exchange::Assistant(turn) => Some(turn),
                Exchange::User(_) => None,
            });
        turns.flat_map(AssistantTurn::calls).collect()
    }

    fn said(result: &CallResult) -> &str {
        match &result.content.as_slice()[0] {
            Part::Text(text) => text.as_str(),
            Part::Image { .. } => "image",
        }
    }

    #[test]
    fn a_result_stands_behind_its_call_whatever_came_between() {
        let messages = [
            user("go"),
            reply(&json!([call("1"), call("2")])),
            result("2", "two"),
            user("hey"),
            result("1", "one"),
        ];
        let (conversation, changes) = run(&messages);
        let results: Vec<_> = calls(&conversation)
            .into_iter()
            .map(|call| said(&call.result))
            .collect();
        assert_eq!(results, ["one", "two"]);
        assert_eq!(changes, [Change::MovedResult]);
        assert_eq!(conversation.exchanges.len(), 3);
    }

    #[test]
    fn a_call_without_a_result_says_that_its_outcome_is_unknown() {
        let (conversation, changes) = run(&[reply(&json!([call("1")])), user("and?")]);
        let result = &calls(&conversation)[0].result;
        assert_eq!((result.outcome, result.is_error), (Outcome::Unknown, true));
        assert!(said(result).contains("unknown"));
        assert_eq!(changes, [Change::OutcomeUnknown]);
    }

    #[test]
    fn orphans_and_duplicates_are_left_out() {
        let messages = [
            result("0", "nobody asked"),
            reply(&json!([call("1")])),
            result("1", "one"),
            result("1", "again"),
            result("9", "?"),
        ];
        let (conversation, changes) = run(&messages);
        assert_eq!(said(&calls(&conversation)[0].result), "one");
        assert_eq!(
            changes,
            [
                Change::OrphanResult,
                Change::DuplicateResult,
                Change::OrphanResult
            ]
        );
    }

    #[test]
    fn an_id_that_is_used_again_is_renamed_and_keeps_its_own_result() {
        let messages = [
            reply(&json!([call("1")])),
            result("1", "first"),
            reply(&json!([call("1"), call("1")])),
            result("1", "second"),
        ];
        let (conversation, changes) = run(&messages);
        let pairs: Vec<_> = calls(&conversation)
            .into_iter()
            .map(|call| (call.id.as_str(), said(&call.result)))
            .collect();
        assert_eq!(pairs, [("1", "first"), ("1_2", "second")]);
        assert_eq!(changes, [Change::RenamedCall, Change::DroppedCall]);
    }

    #[test]
    fn of_a_reply_that_broke_off_text_stays_and_calls_only_with_results() {
        let blocks = json!([{ "type": "thinking", "thinking": "hm", "thinkingSignature": "half" }, { "type": "text", "text": "I will" }, call("1"), call("2")]);
        let (conversation, changes) = run(&[broken_off(&blocks), result("2", "ran")]);
        let kept: Vec<_> = calls(&conversation)
            .into_iter()
            .map(|call| call.id.as_str())
            .collect();
        assert_eq!(kept, ["2"]);
        assert_eq!(changes, [Change::DroppedThinking, Change::DroppedCall]);
        let (empty, _) = run(&[broken_off(&json!([call("1")]))]);
        assert!(empty.exchanges.is_empty());
    }

    #[test]
    fn a_seal_is_kept_for_the_model_that_set_it_and_for_no_other() {
        let blocks = json!([{ "type": "thinking", "thinking": "hm", "thinkingSignature": "seal" }, { "type": "text", "text": "so" }]);
        let thinking = |message: &Value| {
            let (conversation, changes) = run(std::slice::from_ref(message));
            let Exchange::Assistant(turn) = &conversation.exchanges[0] else {
                panic!("no reply")
            };
            let sealed = turn
                .blocks()
                .any(|block| matches!(block, Block::Thinking(Thinking::Sealed { .. })));
            let plain = turn.blocks().any(|block| matches!(block, Block::Thinking(Thinking::Plain(text)) if text.as_str() == "hm"));
            (sealed, plain, changes)
        };
        assert_eq!(thinking(&reply(&blocks)), (true, false, vec![]));
        for key in ["provider", "model", "api"] {
            let mut foreign = reply(&blocks);
            foreign[key] = "other".into();
            assert_eq!(
                thinking(&foreign),
                (false, true, vec![Change::ForeignSignature]),
                "{key}"
            );
        }
    }

    #[test]
    fn a_reply_of_thoughts_alone_is_left_out() {
        let (conversation, changes) =
            run(&[reply(&json!([{ "type": "thinking", "thinking": "hm" }]))]);
        assert!(conversation.exchanges.is_empty());
        assert_eq!(changes, [Change::DroppedThinking]);
    }

    #[test]
    fn what_is_not_from_a_person_is_told_as_the_users_text() {
        let messages = [
            json!({ "role": "compactionSummary", "summary": "earlier" }),
            json!({ "role": "branchSummary", "summary": "elsewhere" }),
            json!({ "role": "custom", "content": "from an extension" }),
            json!({ "role": "bashExecution", "command": "ls", "output": "a\nb", "exitCode": 2 }),
            json!({ "role": "bashExecution", "command": "secret", "output": "", "excludeFromContext": true }),
        ];
        let (conversation, changes) = run(&messages);
        let texts: Vec<_> = conversation
            .exchanges
            .iter()
            .map(|exchange| match exchange {
                Exchange::User(UserTurn { parts, .. }) => match &parts.as_slice()[0] {
                    Part::Text(text) => text.to_string(),
                    Part::Image { .. } => String::new(),
                },
                Exchange::Assistant(_) => String::new(),
            })
            .collect();
        assert_eq!(texts.len(), 4);
        assert!(texts[0].contains("<summary>\nearlier\n</summary>"));
        assert!(texts[1].contains("elsewhere"));
        assert_eq!(texts[2], "from an extension");
        assert!(texts[3].contains("```\na\nb\n```") && texts[3].contains("exit code 2"));
        assert!(changes.is_empty());
    }

    #[test]
    fn system_messages_are_folded_into_one_instruction() {
        let messages = [
            json!({ "role": "system", "content": "base", "sections": { "a": "A1", "b": "B" } }),
            user("hi"),
            json!({ "role": "system", "content": [{ "type": "text", "text": "more" }], "sections": { "a": "A2", "b": null } }),
        ];
        let (conversation, _) = run(&messages);
        assert_eq!(conversation.system.as_deref(), Some("base\n\nmore\n\nA2"));
        assert_eq!(conversation.exchanges.len(), 1);
    }

    #[test]
    fn a_model_that_reads_text_only_is_told_that_there_was_an_image() {
        let image = json!({ "role": "user", "content": [{ "type": "image", "data": "AA==", "mimeType": "image/png" }] });
        let message = ContextMessage::new(None, &to_raw_value(&image).unwrap());
        let context = Context {
            messages: vec![message],
            ..Context::default()
        };
        let blind = Target {
            images: false,
            ..Target::new("p", "m", "a")
        };
        let (conversation, report) = project(&context, &blind);
        assert_eq!(conversation.exchanges.len(), 1);
        assert_eq!(report.count(&Change::ReplacedImage), 1);
    }
}
