//! Blocks and fields by every name that peers keep them under.

use super::*;

fn the_call(block: &str) -> (String, String, String) {
    let message = format!(r#"{{"role":"assistant","content":[{block}]}}"#);
    let view = MessageView::new(Raw::parse(&message).unwrap()).unwrap();
    let [call] = &view.tool_calls()[..] else {
        panic!("no call in {block}")
    };
    let said = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or("none").to_owned();
    let arguments = call.arguments.map_or("none", Raw::text).to_owned();
    (said(&call.id), said(&call.name), arguments)
}

#[test]
fn a_call_is_known_by_every_name_that_a_peer_keeps_it_under() {
    let kinds = [
        "toolCall",
        "toolUse",
        "functionCall",
        "tool_call",
        "tool_use",
        "function_call",
    ];
    for kind in kinds {
        for id in ["id", "call_id"] {
            for arguments in ["arguments", "input"] {
                let block = format!(
                    r#"{{"type":"{kind}","{id}":"c1","name":"ls","{arguments}":{{"a":1}}}}"#
                );
                assert_eq!(
                    the_call(&block),
                    ("c1".into(), "ls".into(), r#"{"a":1}"#.into()),
                    "{block}"
                );
            }
        }
    }
    for id in ["toolCallId", "toolUseId", "tool_call_id", "tool_use_id"] {
        let block = format!(r#"{{"type":"toolUse","id":" ","{id}":"c2","input":{{}}}}"#);
        assert_eq!(the_call(&block).0, "c2", "{block}");
    }
}

#[test]
fn of_an_item_of_openai_the_call_id_counts_as_results_name_it() {
    let block =
        r#"{"type":"function_call","id":"fc_1","call_id":"call_1","name":"ls","arguments":"{}"}"#;
    assert_eq!(the_call(block).0, "call_1");
}

#[test]
fn a_result_names_its_call_in_either_field() {
    for (message, id) in [
        (
            r#"{"role":"toolResult","toolCallId":"a","toolUseId":"b"}"#,
            Some("a"),
        ),
        (
            r#"{"role":"toolResult","toolCallId":"","toolUseId":"b"}"#,
            Some("b"),
        ),
        (r#"{"role":"toolResult","toolUseId":"b"}"#, Some("b")),
        (r#"{"role":"toolResult","toolCallId":""}"#, Some("")),
        (r#"{"role":"toolResult"}"#, None),
    ] {
        let view = MessageView::new(Raw::parse(message).unwrap()).unwrap();
        assert_eq!(view.tool_call_id().as_deref(), id, "{message}");
    }
}

#[test]
fn withheld_thinking_is_known_in_the_providers_own_form() {
    let message = r#"{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"}]}"#;
    let view = MessageView::new(Raw::parse(message).unwrap()).unwrap();
    let Content::Blocks(blocks) = view.content() else {
        panic!("no blocks")
    };
    assert_eq!(
        blocks,
        [Block::Thinking {
            text: "".into(),
            signature: Some("x".into()),
            redacted: true
        }]
    );
}
