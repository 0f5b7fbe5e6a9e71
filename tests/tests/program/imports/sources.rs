//! Sources whose form is their own: a tree in lines, and rows of databases.

use latchwork_testkit::verify::Report;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::Stage;

#[test]
fn claude_codes_forks_and_helpers_keep_their_places() {
    let stage = Stage::new();
    let line = |uuid: &str, parent: Option<&str>, side: bool, name: &str, message: Value| {
        format!(
            "{}\n",
            json!({ "parentUuid": parent, "isSidechain": side, "sessionId": "cc", "type": name, "uuid": uuid, "timestamp": "2026-01-01T10:00:00.000Z", "message": message })
        )
    };
    let user = |uuid, parent, side, text: &str| {
        line(
            uuid,
            parent,
            side,
            "user",
            json!({ "role": "user", "content": text }),
        )
    };
    let said = |uuid, parent, side, block: Value| {
        line(
            uuid,
            Some(parent),
            side,
            "assistant",
            json!({ "id": format!("m-{uuid}"), "role": "assistant", "model": "m", "content": [block] }),
        )
    };
    let text = |text: &str| json!({ "type": "text", "text": text });
    let source = [
        user("u1", None, false, "start"),
        said("a1", "u1", false, text("first try")),
        user("h1", None, true, "help"),
        said("h2", "h1", true, text("helped")),
        user("u2", Some("a1"), false, "dead end"),
        said("a2", "u2", false, text("lost")),
        user("u3", Some("a1"), false, "other way"),
        said("a3", "u3", false, text("found")),
    ];
    stage.source("cc.jsonl", &source.concat());
    let done = stage
        .import(&["cc.jsonl", "--into", "into.jsonl"])
        .expect_success()
        .json();
    assert_eq!(
        (&done["program"], &done["aside"]),
        (&json!("claude-code"), &json!(2))
    );
    let report = stage.report();
    report.assert_sound();
    assert_eq!(report.texts_on_path("user"), ["start", "other way"]);
    assert_eq!(report.texts_on_path("assistant"), ["first try", "found"]);
    assert_eq!(report.count_user_text_anywhere("dead end"), 1);
    assert_eq!(report.count_user_text_anywhere("help"), 1);
    stage.proven("cc.jsonl");
    stage
        .import(&["cc.jsonl", "--into", "into.jsonl"])
        .expect_success();
    assert_eq!(
        stage.report().texts_on_path("assistant"),
        ["first try", "found"]
    );
}

#[test]
fn databases_of_goose_and_openclaw_are_taken_in_session_by_session() {
    let stage = Stage::new();
    let db = Connection::open(stage.home.path("sessions.db")).unwrap();
    db.execute_batch(
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT, working_dir TEXT NOT NULL);
         CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, role TEXT NOT NULL, content_json TEXT NOT NULL, created_timestamp INTEGER NOT NULL, metadata_json TEXT);",
    )
    .unwrap();
    for session in ["20260101_1", "20260101_2"] {
        db.execute(
            "INSERT INTO sessions VALUES (?1, 'talk', '/work')",
            [session],
        )
        .unwrap();
        for role in ["user", "assistant"] {
            let content =
                json!([{ "type": "text", "text": format!("{role} of {session}") }]).to_string();
            db.execute("INSERT INTO messages (session_id, role, content_json, created_timestamp) VALUES (?1, ?2, ?3, 1767261600)", params![session, role, content]).unwrap();
        }
    }
    let done = stage.import(&["sessions.db"]).expect_success().json_lines();
    assert_eq!(done.len(), 2);
    for (one, name) in done.iter().zip(["20260101_1", "20260101_2"]) {
        assert_eq!(one["session"], format!("goose-{name}"));
        let report = Report::read(one["path"].as_str().unwrap());
        report.assert_sound();
        assert_eq!(report.texts_on_path("user"), [format!("user of {name}")]);
        stage
            .import(&[
                "--diff",
                "--only",
                name,
                "sessions.db",
                one["session"].as_str().unwrap(),
            ])
            .expect_success();
    }

    let db = Connection::open(stage.home.path("agent.sqlite")).unwrap();
    db.execute_batch("CREATE TABLE transcript_events(session_id TEXT NOT NULL, seq INTEGER NOT NULL, event_json TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY(session_id, seq));").unwrap();
    let events = [
        json!({ "type": "session", "version": 3, "id": "oc", "timestamp": "2026-01-01T10:00:00.000Z", "cwd": "/work" }),
        json!({ "type": "message", "id": "a", "parentId": null, "timestamp": "2026-01-01T10:00:00.000Z", "message": { "role": "user", "content": "hello" } }),
        json!({ "type": "message", "id": "b", "parentId": "a", "timestamp": "2026-01-01T10:00:00.000Z", "message": { "role": "assistant", "content": [{ "type": "text", "text": "hi" }] } }),
        json!({ "type": "label", "id": "c", "parentId": "b", "timestamp": "2026-01-01T10:00:00.000Z", "targetId": "b", "label": "here" }),
        json!({ "type": "compaction", "id": "d", "parentId": "c", "timestamp": "2026-01-01T10:00:00.000Z", "summary": "s", "firstKeptEntryId": "b", "tokensBefore": 5 }),
    ];
    for (seq, event) in events.iter().enumerate() {
        db.execute(
            "INSERT INTO transcript_events VALUES ('oc', ?1, ?2, 0)",
            params![i64::try_from(seq).unwrap(), event.to_string()],
        )
        .unwrap();
    }
    let done = stage
        .import(&["agent.sqlite", "--into", "into.jsonl"])
        .expect_success()
        .json();
    assert_eq!(done["program"], "openclaw");
    let report = stage.report();
    report.assert_sound();
    assert_eq!(report.texts_on_path("assistant"), ["hi"]);
    let path = report.active_entries();
    let reply = path
        .iter()
        .find(|entry| entry["message"]["role"] == "assistant")
        .unwrap();
    for (name, field) in [("label", "targetId"), ("compaction", "firstKeptEntryId")] {
        let one = path.iter().find(|entry| entry["type"] == name).unwrap();
        assert_eq!(one[field], reply["id"], "{name}");
    }
    stage.proven("agent.sqlite");
}
