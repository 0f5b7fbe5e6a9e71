//! A session that was taken in from another program, read and gone on with by the real pi: it sees what we see.

use latchwork_testkit::endpoint::Reply;
use serde_json::json;

use crate::each::with_each_pi;
use crate::stage::{Stage, reply, said, user};

/// A fork, a helper beside it, a call with its outcome, thinking with its seal, and lines that have no place.
fn source() -> String {
    let line = |uuid: &str, parent: Option<&str>, side: bool, name: &str, message| {
        json!({ "parentUuid": parent, "isSidechain": side, "sessionId": "cc", "cwd": "/work", "type": name, "uuid": uuid,
            "timestamp": "2026-01-01T10:00:00.000Z", "message": message })
    };
    let asked = |uuid, parent, side, text: &str| {
        line(
            uuid,
            parent,
            side,
            "user",
            json!({ "role": "user", "content": text }),
        )
    };
    let replied = |uuid, parent, block| {
        let message = json!({ "id": format!("m-{uuid}"), "role": "assistant", "model": "m", "content": [block] });
        line(uuid, Some(parent), false, "assistant", message)
    };
    let outcome = json!([{ "type": "tool_result", "tool_use_id": "c1", "content": "a b" }]);
    let lines = [
        asked("u1", None, false, "start"),
        replied("a1", "u1", json!({ "type": "text", "text": "dead end" })),
        asked("h1", None, true, "help"),
        json!({ "type": "file-history-snapshot", "messageId": "u1", "snapshot": {} }),
        replied(
            "b1",
            "u1",
            json!({ "type": "tool_use", "id": "c1", "name": "Bash", "input": { "command": "ls" } }),
        ),
        line(
            "r1",
            Some("b1"),
            false,
            "user",
            json!({ "role": "user", "content": outcome }),
        ),
        replied("d1", "r1", json!({ "type": "text", "text": "found" })),
    ];
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn pi_reads_an_imported_session_as_we_do_and_goes_on_in_it() {
    with_each_pi(|pi, version| {
        let stage = Stage::empty();
        let source = stage.home.write("cc.jsonl", source());
        let into = stage.file().to_str().expect("a path").to_owned();
        let import = [
            "sessions",
            "import",
            source.to_str().expect("a path"),
            "--into",
            &into,
        ];
        stage.home.latchwork(import).run().expect_success();
        let written = std::fs::read(stage.file()).expect("the session");
        pi.open(stage.file()).expect("pi opens it");
        let after = std::fs::read(stage.file()).expect("the session");
        assert_eq!(after, written, "it has nothing to migrate");
        let seen = pi.inspect();
        assert_eq!(seen, stage.inspect(), "{version:?}");
        assert_eq!(said(&seen, "user"), ["start"]);
        assert_eq!(said(&seen, "toolResult"), ["a b"]);

        pi.append(user("in pi"));
        pi.append(reply("heard in pi"));
        stage.endpoint.push(Reply::text("heard by us"));
        stage.run("by us").run().expect_success();
        let asked = stage.endpoint.requests().pop().expect("a request");
        assert_eq!(asked.texts_of("user"), ["start", "in pi", "by us"]);
        stage.report().assert_settled();
    });
}
