//! Sessions of other programs, taken in by the real program: whole, once, whatever happens meanwhile, and proven.

mod alongside;
mod sources;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use latchwork_testkit::program::{Finished, Home};
use latchwork_testkit::steps::{VARIABLE, kill_at};
use latchwork_testkit::verify::Report;
use serde_json::{Value, json};

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
fn a_line_that_was_changed_in_the_source_comes_beside_the_old_one_and_nothing_that_follows_is_lost()
{
    let stage = Stage::new();
    let whole = rollout(3);
    stage.source("r.jsonl", &whole);
    stage
        .import(&["r.jsonl", "--into", "into.jsonl"])
        .expect_success();
    stage.source("r.jsonl", &whole.replace("answer 1", "other 1"));
    let again = stage
        .import(&["r.jsonl", "--into", "into.jsonl"])
        .expect_success()
        .json();
    assert_eq!(
        again["written"], 2,
        "the answer, and the event that repeats it"
    );
    let report = stage.report();
    report.assert_sound();
    assert_eq!(report.texts_on_path("user"), texts(3, "question"));
    assert_eq!(report.texts_on_path("assistant").len(), 6);
    let found = stage
        .import(&["--diff", "r.jsonl", "into.jsonl"])
        .expect_code(65)
        .json();
    assert_eq!(found["differences"][0]["what"], "moved", "{found}");
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

#[test]
fn an_import_that_is_interrupted_ends_between_two_commits_and_the_next_one_goes_on_behind_it() {
    let home = Home::new();
    let rounds = 4_000;
    std::fs::write(home.path("r.jsonl"), rollout(rounds)).unwrap();
    let line = ["sessions", "import", "r.jsonl", "--into", "./into.jsonl"];
    let mut live = home.latchwork(line).spawn();
    let begun = || std::fs::metadata(home.path("into.jsonl")).is_ok_and(|facts| facts.len() > 0);
    while !begun() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    live.signal(latchwork_testkit::program::Signal::INT);
    live.wait().expect_code(130);
    let before = Report::read(home.path("into.jsonl"));
    before.assert_sound();
    let some = before.texts_on_path("user").len();
    assert!(some > 0 && some < rounds, "{some} of {rounds}");
    home.latchwork(line).run().expect_success();
    let report = Report::read(home.path("into.jsonl"));
    report.assert_sound();
    let whole: Vec<String> = (0..rounds).map(|n| format!("question {n}")).collect();
    assert_eq!(report.texts_on_path("user"), whole);
}
