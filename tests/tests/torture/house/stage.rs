//! A home of a few sessions, prepared once for each operation and copied for each fault; and what it looks like from outside.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use latchwork_testkit::program::{Finished, Home, latchwork};
use serde_json::{Value, json};

use super::operations::Operation;

/// The worker that stops a program at a system call.
const AT_CALL: &str = env!("CARGO_BIN_EXE_at-call");
/// The words of the session that is worked on.
pub(crate) const WORDS: &str = "unmistakable heron";
/// The words of a branch that was left.
pub(crate) const LEFT: &str = "a branch that was left";
/// What else stands in it, so that it is written in more than one piece.
const PADDING: usize = 20_000;

/// One home.
#[derive(Debug)]
pub(crate) struct Stage {
    home: Home,
}

/// What is done to which call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) how: &'static str,
    /// 0 for none.
    pub(crate) number: u64,
    pub(crate) for_ever: bool,
}

/// What came of a fault.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) finished: Finished,
    /// How many calls there were.
    pub(crate) calls: u64,
    /// The one that was stopped, where it came to that.
    pub(crate) stopped: Option<String>,
}

impl Stage {
    /// Prepared for this operation.
    pub(crate) fn prepared(operation: &Operation) -> Self {
        let stage = Self { home: Home::new() };
        make_folder(&stage.sessions());
        put(&stage.sessions(), "main", &main_lines());
        put(
            &stage.sessions(),
            "beside",
            &few_lines("beside", "grey wagtail"),
        );
        put(
            &stage.sessions(),
            "third",
            &few_lines("third", "great crested grebe"),
        );
        stage.home.write("r.jsonl", rollout());
        stage.home.write("cc.jsonl", claude_code());
        if let Some((name, bytes)) = operation.elder {
            fs::write(stage.sessions().join(name), bytes()).unwrap();
            close(&stage.sessions().join(name), 0o600);
        }
        // It was worked on once, so that its head, its locks and its inbox are there.
        let line = json!({ "type": "message", "message": { "role": "assistant", "content": [{ "type": "text", "text": "and on" }] } });
        stage
            .run(&["append", "main"], &format!("{line}\n"))
            .expect_success();
        stage.run(&["sessions"], "").expect_success();
        for words in operation.before {
            stage.run(words, "").expect_success();
        }
        stage
    }

    /// A copy of it.
    pub(crate) fn copied(&self) -> Self {
        let home = Home::new();
        copy(&self.home.home(), &home.home());
        copy(&self.home.cwd(), &home.cwd());
        Self { home }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.home().join(".local/share/latchwork")
    }

    pub(crate) fn sessions(&self) -> PathBuf {
        self.data().join("sessions")
    }

    pub(crate) fn run(&self, words: &[&str], input: &str) -> Finished {
        self.home.latchwork(words).stdin(input).run()
    }

    /// The operation with a fault at one of its calls.
    pub(crate) fn with_fault(&self, operation: &Operation, fault: Fault) -> Came {
        let input = self.home.write("input", operation.input);
        let told = self.home.path("told");
        let number = fault.number.to_string();
        let mut words = vec![fault.how, number.as_str()];
        words.extend(fault.for_ever.then_some("--for-ever"));
        let (input, told_at) = (input.to_str().unwrap(), told.to_str().unwrap());
        words.extend(["--input", input, "--told", told_at]);
        words.push(latchwork().to_str().unwrap());
        words.extend(operation.words);
        let finished = self.home.program(AT_CALL, words).run();
        let text = fs::read_to_string(&told).unwrap_or_else(|error| panic!("{error}: {finished}"));
        let said: Value = serde_json::from_str(&text).unwrap();
        Came {
            finished,
            calls: said["calls"].as_u64().unwrap(),
            stopped: said["stopped"].as_str().map(str::to_owned),
        }
    }

    /// The names that the list gives.
    pub(crate) fn listed(&self) -> Result<Vec<String>, String> {
        let listed = self.run(&["sessions", "--json"], "");
        if listed.code() != Some(0) {
            return Err(format!("the list failed: {listed}"));
        }
        let lines = listed.json_lines();
        let mut names: Vec<String> = lines.iter().map(|one| one["session"].to_string()).collect();
        names.sort();
        Ok(names)
    }

    /// Which entries are found by a word that stands in every session.
    pub(crate) fn found(&self) -> Result<Vec<String>, String> {
        let words = [
            "sessions",
            "search",
            "--json",
            "--limit",
            "1000",
            "heron OR wagtail OR grebe",
        ];
        let found = self.run(&words, "");
        if found.code() != Some(0) {
            return Err(format!("the search failed: {found}"));
        }
        let said = found.json();
        let hits = said["hits"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<String> = hits
            .iter()
            .map(|hit| format!("{}/{}", hit["session"], hit["entryId"]))
            .collect();
        names.sort();
        Ok(names)
    }
}

fn make_folder(path: &Path) {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .unwrap();
}

fn close(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn put(sessions: &Path, name: &str, lines: &[Value]) {
    let path = sessions.join(format!("{name}.jsonl"));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&path, text).unwrap();
    close(&path, 0o600);
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let at = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&at).unwrap();
            close(&at, entry.metadata().unwrap().permissions().mode());
            copy(&entry.path(), &at);
        } else {
            fs::copy(entry.path(), &at).unwrap();
            let times = entry.metadata().unwrap().modified().unwrap();
            fs::File::options()
                .append(true)
                .open(&at)
                .unwrap()
                .set_modified(times)
                .unwrap();
        }
    }
}

fn header(name: &str) -> Value {
    json!({ "type": "session", "version": 3, "id": name, "timestamp": "2026-01-01T00:00:00.000Z", "cwd": "/" })
}

fn entry(id: &str, parent: Option<&str>, role: &str, text: &str) -> Value {
    json!({ "type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:00.000Z",
        "message": { "role": role, "content": [{ "type": "text", "text": text }], "timestamp": 1 } })
}

/// Questions and answers with a branch that was left and one that has a name.
fn main_lines() -> Vec<Value> {
    let label = json!({ "type": "label", "id": "000000d2", "parentId": "000000d1", "timestamp": "2026-01-01T00:00:00.000Z",
        "targetId": "000000d1", "label": "kept" });
    let padding = "x".repeat(PADDING);
    vec![
        header("main"),
        entry("000000a1", None, "user", WORDS),
        entry(
            "000000a2",
            Some("000000a1"),
            "assistant",
            "the secret of the heron",
        ),
        entry("000000c1", Some("000000a2"), "user", LEFT),
        entry("000000d1", Some("000000a2"), "user", "a branch with a name"),
        label,
        entry("000000b1", Some("000000a2"), "user", &padding),
        entry("000000b2", Some("000000b1"), "assistant", "yes, a heron"),
    ]
}

fn few_lines(name: &str, words: &str) -> Vec<Value> {
    vec![
        header(name),
        entry("000000e1", None, "user", words),
        entry("000000e2", Some("000000e1"), "assistant", "so it is"),
    ]
}

/// A session of Codex.
fn rollout() -> String {
    let line = |name: &str, payload: Value| {
        format!(
            "{}\n",
            json!({ "timestamp": "2026-01-01T10:00:00.000Z", "type": name, "payload": payload })
        )
    };
    let said = |role: &str, kind: &str, text: &str| {
        line(
            "response_item",
            json!({ "type": "message", "role": role, "content": [{ "type": kind, "text": text }] }),
        )
    };
    [
        line("session_meta", json!({ "id": "r1", "cwd": "/work" })),
        said("user", "input_text", "question"),
        line(
            "response_item",
            json!({ "type": "function_call", "name": "shell", "arguments": "{}", "call_id": "c1" }),
        ),
        line(
            "response_item",
            json!({ "type": "function_call_output", "call_id": "c1", "output": "output" }),
        ),
        said("assistant", "output_text", "answer"),
    ]
    .concat()
}

/// A session of Claude Code.
fn claude_code() -> String {
    let line = |uuid: &str, parent: Option<&str>, name: &str, message: Value| {
        format!(
            "{}\n",
            json!({ "parentUuid": parent, "isSidechain": false, "sessionId": "cc", "type": name, "uuid": uuid,
                "timestamp": "2026-01-01T10:00:00.000Z", "message": message })
        )
    };
    let text = json!([{ "type": "text", "text": "an answer" }]);
    [
        line(
            "u1",
            None,
            "user",
            json!({ "role": "user", "content": "start" }),
        ),
        line(
            "a1",
            Some("u1"),
            "assistant",
            json!({ "id": "m1", "role": "assistant", "model": "m", "content": text }),
        ),
        line(
            "u2",
            Some("a1"),
            "user",
            json!({ "role": "user", "content": "and more" }),
        ),
    ]
    .concat()
}

/// Why no program can be stopped at its calls here, if that is so: another processor or system, or one that forbids it.
pub(crate) fn traced_nothing() -> Option<String> {
    let home = Home::new();
    let told = home.path("told");
    let told = told.to_str().unwrap();
    let words = ["kill", "0", "--input", "/dev/null", "--told", told, "true"];
    let finished = home.program(AT_CALL, words).run();
    (finished.code() == Some(2)).then(|| finished.stderr.trim().to_owned())
}
