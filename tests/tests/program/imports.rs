//! Sessions of other programs, taken in by the real program: whole, once, whatever happens meanwhile, and proven.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use latchwork_testkit::endpoint::{Gate, Reply};
use latchwork_testkit::program::{Finished, Home};
use latchwork_testkit::steps::{VARIABLE, kill_at};
use latchwork_testkit::verify::Report;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::bench::Bench;

/// A rollout of so many rounds, each a question, a call, its outcome and an answer.
fn rollout(rounds: usize) -> String {
    let line = |name: &str, payload: Value| {
        format!(
            "{}\n",
            json!({ "timestamp": "2026-01-01T10:00:00.000Z", "type": name, "payload": payload })
        )
    };
    let item = |payload| line("response_item", payload);
    let mut text = line("session_meta", json!({ "id": "r1", "cwd": "/work" }));
    text += &line(
        "turn_context",
        json!({ "model": "gpt-5", "effort": "high" }),
    );
    for n in 0..rounds {
        let call = format!("c{n}");
        text += &item(
            json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": format!("question {n}") }] }),
        );
        text += &item(
            json!({ "type": "function_call", "name": "shell", "arguments": "{\"command\":[\"ls\"]}", "call_id": call }),
        );
        text += &item(
            json!({ "type": "function_call_output", "call_id": call, "output": format!("output {n}") }),
        );
        text += &item(
            json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": format!("answer {n}") }] }),
        );
        text += &line(
            "event_msg",
            json!({ "type": "agent_message", "message": format!("answer {n}") }),
        );
    }
    text
}

struct Stage {
    home: Home,
}

impl Stage {
    fn new() -> Self {
        Self { home: Home::new() }
    }

    fn source(&self, name: &str, text: &str) -> PathBuf {
        self.home.write(name, text)
    }

    fn import(&self, args: &[&str]) -> Finished {
        let all = [&["sessions", "import", "--json"], args].concat();
        self.home.latchwork(all).run()
    }

    fn transcript(&self) -> PathBuf {
        self.home.path("into.jsonl")
    }

    fn report(&self) -> Report {
        Report::read(self.transcript())
    }

    fn proven(&self, source: &str) -> Value {
        let done = self
            .import(&["--diff", source, "into.jsonl"])
            .expect_success()
            .json();
        assert_eq!(done["proven"], true, "{done}");
        done
    }
}

fn texts(rounds: usize, what: &str) -> Vec<String> {
    (0..rounds).map(|n| format!("{what} {n}")).collect()
}

#[test]
fn a_rollout_is_taken_in_once_proven_and_never_shown_to_a_model_beyond_what_was_said() {
    let stage = Stage::new();
    stage.source("r.jsonl", &rollout(3));
    let done = stage
        .import(&["r.jsonl", "--into", "into.jsonl"])
        .expect_success()
        .json();
    assert_eq!(
        (&done["program"], &done["entries"]["toolResult"]),
        (&json!("codex"), &json!(3))
    );
    let report = stage.report();
    report.assert_sound();
    assert_eq!(report.unpaired(), Vec::<String>::new());
    assert_eq!(report.texts_on_path("user"), texts(3, "question"));
    stage.proven("r.jsonl");
    let written = std::fs::read(stage.transcript()).unwrap();
    let mode = std::fs::metadata(stage.transcript())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let again = stage
        .import(&["r.jsonl", "--into", "into.jsonl"])
        .expect_success()
        .json();
    assert_eq!(
        (&again["written"], &again["receipt"]),
        (&json!(0), &done["receipt"])
    );
    assert_eq!(
        std::fs::read(stage.transcript()).unwrap(),
        written,
        "nothing is doubled"
    );

    let shown = stage
        .home
        .latchwork(["show", "./into.jsonl", "--context", "--json"])
        .run()
        .expect_success()
        .json();
    let shown = shown.to_string();
    assert!(
        shown.contains("question 2") && shown.contains("output 2"),
        "{shown}"
    );
    for hidden in [
        "blake3:",
        "session_meta",
        "agent_message",
        "latchwork.import",
    ] {
        assert!(!shown.contains(hidden), "{hidden}: {shown}");
    }
}

#[test]
fn a_source_that_has_grown_is_continued_and_a_message_that_was_changed_since_is_found() {
    let stage = Stage::new();
    let whole = rollout(4);
    // The cut is in the middle of a round, and of a line.
    let cut = whole.find("output 2").unwrap();
    stage.source("r.jsonl", &whole[..cut]);
    let first = stage
        .import(&["r.jsonl", "--into", "into.jsonl"])
        .expect_success()
        .json();
    assert_eq!(first["damagedLines"], 1, "the torn line");
    stage.source("r.jsonl", &whole);
    let lacking = stage
        .import(&["--diff", "r.jsonl", "into.jsonl"])
        .expect_code(65)
        .json();
    assert_eq!(lacking["differences"][0]["what"], "missing", "{lacking}");
    stage
        .import(&["r.jsonl", "--into", "into.jsonl"])
        .expect_success();
    stage.proven("r.jsonl");
    let report = stage.report();
    report.assert_sound();
    assert_eq!(report.texts_on_path("user"), texts(4, "question"));
    assert_eq!(report.unpaired(), Vec::<String>::new());

    let changed = std::fs::read_to_string(stage.transcript())
        .unwrap()
        .replacen("answer 1", "answer 9", 1);
    std::fs::write(stage.transcript(), changed).unwrap();
    let found = stage
        .import(&["--diff", "r.jsonl", "into.jsonl"])
        .expect_code(65)
        .json();
    assert_eq!(found["different"], 1, "{found}");
    assert_eq!(
        (
            &found["differences"][0]["what"],
            &found["differences"][0]["parts"]
        ),
        (&json!("changed"), &json!(["text"]))
    );
}

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

#[test]
fn an_import_that_is_killed_at_any_step_goes_on_when_it_is_said_again() {
    let source = rollout(2);
    let mut killed = 0;
    for step in 1.. {
        let stage = Stage::new();
        stage.source("r.jsonl", &source);
        let done = stage
            .home
            .latchwork(["sessions", "import", "r.jsonl", "--into", "into.jsonl"])
            .env(VARIABLE, kill_at(step))
            .run();
        let over = done.signal().is_none();
        killed += usize::from(!over);
        stage
            .import(&["r.jsonl", "--into", "into.jsonl"])
            .expect_success();
        let report = stage.report();
        report.assert_sound();
        assert_eq!(
            report.texts_on_path("user"),
            texts(2, "question"),
            "killed at step {step}"
        );
        for n in 0..2 {
            assert_eq!(
                report.count_user_text_anywhere(&format!("question {n}")),
                1,
                "killed at step {step}"
            );
        }
        stage.proven("r.jsonl");
        if over {
            break;
        }
    }
    assert!(killed > 5, "{killed}");
}

#[test]
fn two_imports_of_one_source_at_once_write_every_entry_once() {
    let stage = Stage::new();
    stage.source("r.jsonl", &rollout(400));
    let begin = || {
        stage
            .home
            .latchwork([
                "sessions",
                "import",
                "r.jsonl",
                "--into",
                "into.jsonl",
                "--json",
            ])
            .spawn()
    };
    let both = [begin(), begin()].map(|live| live.wait().expect_success().json());
    let count = |field: &str| {
        both.iter()
            .map(|one| one[field].as_u64().unwrap())
            .sum::<u64>()
    };
    let items = both[0]["entries"]
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum::<u64>();
    assert_eq!((count("written"), count("already")), (items, items));
    let report = stage.report();
    report.assert_sound();
    assert_eq!(report.texts_on_path("user"), texts(400, "question"));
    stage.proven("r.jsonl");
}

#[test]
fn a_conversation_that_somebody_went_on_with_is_not_taken_away() {
    let bench = Bench::empty();
    let talk = bench.talk();
    let talk = talk.to_str().unwrap();
    let whole = rollout(3);
    let cut = whole.find("question 2").unwrap();
    let cut = whole[..cut].rfind('\n').unwrap() + 1;
    let source = bench.home.write("r.jsonl", &whole[..cut]);
    let source = source.to_str().unwrap();
    let import = || {
        bench
            .home
            .latchwork(["sessions", "import", source, "--into", talk, "--json"])
            .run()
            .expect_success()
            .json()
    };
    import();
    bench.endpoint.push(Reply::text("my answer"));
    bench.run(&["my question"]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(
        asked.texts_of("user"),
        ["question 0", "question 1", "my question"]
    );
    std::fs::write(source, &whole).unwrap();
    let done = import();
    assert!(done["aside"].as_u64().unwrap() > 0, "{done}");
    let report = bench.report();
    report.assert_sound();
    assert_eq!(
        report.texts_on_path("user"),
        ["question 0", "question 1", "my question"]
    );
    assert_eq!(report.count_user_text_anywhere("question 2"), 1);
    bench
        .home
        .latchwork(["sessions", "import", "--diff", source, talk])
        .run()
        .expect_success();
    // The way there is told.
    bench.rewind(done["leaf"].as_str().unwrap());
    assert_eq!(bench.context("user"), texts(3, "question"));
}

#[test]
fn an_import_into_a_session_whose_turn_is_under_way_disturbs_neither() {
    let bench = Bench::begun();
    let talk = bench.talk();
    let talk = talk.to_str().unwrap();
    let source = bench.home.write("r.jsonl", rollout(2));
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("the answer").held(&gate));
    let turn = bench.run(&["question"]).spawn();
    gate.wait_reached();
    bench
        .home
        .latchwork([
            "sessions",
            "import",
            source.to_str().unwrap(),
            "--into",
            talk,
        ])
        .run()
        .expect_success();
    gate.open();
    turn.wait().expect_success();
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.texts_on_path("user"), ["hello", "question"]);
    assert_eq!(report.texts_on_path("assistant"), ["hi", "the answer"]);
    assert_eq!(report.count_user_text_anywhere("question 1"), 1);
    bench
        .home
        .latchwork([
            "sessions",
            "import",
            "--diff",
            source.to_str().unwrap(),
            talk,
        ])
        .run()
        .expect_success();
}

#[test]
fn damage_is_named_by_its_line_everything_else_comes_and_nothing_foreign_reaches_the_terminal() {
    let stage = Stage::new();
    let whole = rollout(2);
    let mut lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let hostile = "{\"timestamp\":\"T\",\"type\":\"\\u001b]0;x\\u0007\",\"payload\":{}}\n";
    lines.insert(1, "{\"broken\n");
    lines.insert(2, hostile);
    stage.source("r.jsonl", &lines.concat());
    let told = stage
        .home
        .latchwork(["sessions", "import", "r.jsonl", "--into", "into.jsonl"])
        .run()
        .expect_success();
    assert!(told.stdout.contains("line 2 left out"), "{told}");
    assert!(
        !told.stdout.contains('\u{1b}') && !told.stdout.contains('\u{7}'),
        "{told:?}"
    );
    assert_eq!(stage.report().texts_on_path("user"), texts(2, "question"));
    stage.proven("r.jsonl");
}

#[test]
fn what_is_no_source_is_refused_with_a_way_out_and_the_others_come() {
    let stage = Stage::new();
    stage.source("r.jsonl", &rollout(1));
    stage.source("odd.txt", "nothing of the kind\n");
    let refused = stage.import(&["odd.txt"]).expect_code(1);
    assert!(refused.stderr.contains("--from"), "{refused}");
    let some = stage
        .import(&["odd.txt", "r.jsonl", "nowhere"])
        .expect_code(1);
    assert_eq!(some.json_lines().len(), 1);
    assert!(some.stderr.contains("2 of 3"), "{some}");
    let own = stage
        .import(&["r.jsonl", "--into", "into.jsonl"])
        .expect_success();
    drop(own);
    let transcript = stage.import(&["into.jsonl"]).expect_code(1);
    assert!(transcript.stderr.contains("already"), "{transcript}");
}
