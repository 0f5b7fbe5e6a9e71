//! The rules of the projection, one test each.

use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::*;
use crate::request::{Block, Thinking};

mod seals;

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
    let (conversation, changes) = run(&[reply(&json!([{ "type": "thinking", "thinking": "hm" }]))]);
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

#[test]
fn calls_and_results_in_openclaws_forms_are_joined() {
    let forms = json!([
        { "type": "toolUse", "id": "1", "name": "ls", "input": { "a": 1 } },
        { "type": "function_call", "id": "fc_2", "call_id": "2", "name": "ls", "arguments": "{\"a\":2}" },
        { "type": "functionCall", "id": "3", "name": "ls", "arguments": "" },
        { "type": "tool_call", "id": "4", "name": "ls" },
        { "type": "tool_use", "id": "5", "name": "ls", "input": "no object" },
    ]);
    let mut late = result("1", "one");
    late["toolCallId"].take();
    late["toolUseId"] = "1".into();
    let messages = [
        reply(&forms),
        late,
        result("2", "two"),
        result("3", "three"),
    ];
    let (conversation, changes) = run(&messages);
    let told: Vec<_> = calls(&conversation)
        .into_iter()
        .map(|call| {
            (
                call.id.as_str(),
                call.arguments.as_str(),
                said(&call.result),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("1", r#"{"a":1}"#, "one"),
            ("2", r#"{"a":2}"#, "two"),
            ("3", "{}", "three")
        ]
    );
    assert_eq!(changes, [Change::DroppedCall, Change::DroppedCall]);
}

#[test]
fn an_image_that_the_model_cannot_be_shown_is_told_of() {
    let shown = |mime: &str, data: &str, api: &str| {
        let image = json!({ "role": "user", "content": [{ "type": "image", "data": data, "mimeType": mime }] });
        let context = Context {
            messages: vec![ContextMessage::new(None, &to_raw_value(&image).unwrap())],
            ..Context::default()
        };
        let (conversation, report) = project(&context, &Target::new("p", "m", api));
        let Exchange::User(turn) = &conversation.exchanges[0] else {
            panic!("no user")
        };
        let shown = matches!(turn.parts.as_slice()[0], Part::Image { .. });
        assert_eq!(report.count(&Change::ReplacedImage), usize::from(!shown));
        shown
    };
    assert!(shown("image/gif", "AA==", "anthropic-messages"));
    assert!(
        shown("image/jpg", "AAAA", "anthropic-messages"),
        "by the name that no registry knows"
    );
    assert!(!shown("image/gif", "AA==", "google-generative-ai"));
    assert!(shown("image/heic", "AA==", "google-generative-ai"));
    assert!(!shown("image/heic", "AA==", "openai-responses"));
    assert!(
        shown("image/x", "AA==", "later"),
        "a protocol that we do not know"
    );
    for data in ["AA=", "A A=", "====", "AA==AA==", "\u{e9}AAA"] {
        assert!(!shown("image/png", data, "anthropic-messages"), "{data}");
    }
}
