//! OpenClaw's own mirror of a Codex app-server and ours, on one transcript: the same names, so nothing is there twice.

use latchwork_testkit::peers::Peers;
use serde_json::{Value, json};

use crate::stage::Stage;

const SCOPE: &str = "codex-app-server:t1";

/// A turn as the app-server tells it.
fn stream() -> String {
    let done = |item: Value| json!({ "method": "item/completed", "params": { "threadId": "t1", "turnId": "u1", "item": item } });
    let items = [
        json!({ "type": "userMessage", "id": "i0", "content": [{ "type": "text", "text": "list" }] }),
        json!({ "type": "commandExecution", "id": "i1", "command": "ls", "aggregatedOutput": "a.rs", "status": "completed" }),
        json!({ "type": "agentMessage", "id": "i2", "text": "one file" }),
    ];
    items.map(|item| format!("{}\n", done(item))).concat()
}

/// The same as OpenClaw's projector has it.
fn messages() -> [(Option<&'static str>, Value); 3] {
    let call = json!([{ "type": "toolCall", "id": "i1", "name": "bash", "arguments": { "command": "ls" } }]);
    let result = json!([{ "type": "text", "text": "a.rs" }]);
    [
        (
            Some("u1:prompt"),
            json!({ "role": "user", "content": "list", "timestamp": 1 }),
        ),
        (
            Some("u1:tool:i1:call"),
            json!({ "role": "assistant", "content": call, "stopReason": "toolUse", "timestamp": 2 }),
        ),
        (
            Some("u1:tool:i1:result"),
            json!({ "role": "toolResult", "toolCallId": "i1", "toolName": "bash", "content": result, "isError": false, "timestamp": 3 }),
        ),
    ]
}

fn ours(stage: &Stage) -> Value {
    let file = stage.file().to_string_lossy().into_owned();
    let mirror = stage
        .home
        .latchwork(["mirror", "codex", "-", "--json", "--session", &file]);
    let done = mirror.stdin(stream()).run().expect_success();
    done.json_lines().pop().expect("the last line")
}

fn assert_once(stage: &Stage) {
    let report = stage.report();
    report.assert_sound();
    for end in ["prompt", "tool:i1:call", "tool:i1:result", "item:i2"] {
        assert_eq!(report.count_key(&format!("{SCOPE}:u1:{end}")), 1, "{end}");
    }
    assert_eq!(report.texts_on_path("user"), ["list"]);
    assert_eq!(report.unpaired(), Vec::<String>::new());
}

#[test]
fn what_one_mirror_has_written_the_other_does_not_write_again() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    let first = Stage::empty();
    assert_eq!(ours(&first)["written"], 4);
    let before = std::fs::read(first.file()).expect("the session");
    openclaw.mirror(first.file(), SCOPE, &messages());
    assert_eq!(
        std::fs::read(first.file()).expect("the session"),
        before,
        "it found all of them"
    );
    assert_once(&first);

    let second = Stage::empty();
    openclaw.mirror(second.file(), SCOPE, &messages());
    let done = ours(&second);
    assert_eq!(
        (&done["already"], &done["written"]),
        (&json!(3), &json!(1)),
        "{done}"
    );
    assert_once(&second);
    openclaw.close();
}
