//! What each command really prints with `--json` is as its schema says, in every situation that can be brought about here.

mod anew;
mod housekeeping;

use std::collections::BTreeSet;
use std::path::Path;

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::endpoint::{Endpoint, Gate, Reply};
use latchwork_testkit::program::{Finished, Home, Invocation, Signal};
use serde_json::{Value, json};

use crate::schemas::Schemas;

struct Stage {
    home: Home,
    endpoint: Endpoint,
    schemas: Schemas,
}

impl Stage {
    fn new() -> Self {
        Self {
            home: Home::new(),
            endpoint: Endpoint::start(),
            schemas: Schemas::read(),
        }
    }

    /// The program, against the endpoint. `--json` is the caller's.
    fn invoke(&self, line: &str) -> Invocation {
        self.home
            .latchwork(line.split(' '))
            .endpoint(&self.endpoint)
    }

    fn run(&self, line: &str) -> Finished {
        self.invoke(line).run()
    }

    /// One value, as this schema says.
    #[track_caller]
    fn one(&self, schema: &str, line: &str) -> Value {
        let value = self.run(line).expect_success().json();
        self.schemas.hold(schema, &value);
        value
    }

    /// Lines, each as this schema says.
    #[track_caller]
    fn lines(&self, schema: &str, line: &str) -> Vec<Value> {
        let values = self.run(line).expect_success().json_lines();
        self.schemas.hold_all(schema, &values);
        values
    }

    /// What stands in the last line of standard error, as the schema of errors says, with the exit that it tells.
    #[track_caller]
    fn failure(&self, code: u8, line: &str) -> Value {
        self.failed(code, &self.run(line).expect_code(i32::from(code)))
    }

    #[track_caller]
    fn failed(&self, code: u8, done: &Finished) -> Value {
        let last = done
            .stderr
            .lines()
            .last()
            .expect("a line on standard error");
        let value = serde_json::from_str(last).unwrap_or_else(|no| panic!("{no}: {done}"));
        self.schemas.hold("error", &value);
        assert_eq!(value["exit"], code, "{value}");
        value
    }

    fn settings(&self, text: &str) {
        let folder = self.home.home().join(".config/latchwork");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), text).unwrap();
    }
}

fn tags(values: &[Value], tag: &str) -> BTreeSet<String> {
    let all = values.iter().filter_map(|value| value[tag].as_str());
    all.map(str::to_owned).collect()
}

const RUN: &str = "run --model openai/m --json";

#[test]
fn every_command_prints_what_its_schema_says() {
    let stage = Stage::new();
    turns(&stage);
    sessions(&stage);
    while_a_turn_is_under_way(&stage);
    while_it_is_locked(&stage);
    settings(&stage);
    doctor(&stage);
    failures(&stage);
    let demo = stage.lines("demo", "demo --pace 100ms --json");
    assert_eq!(tags(&demo, "type"), stage.schemas.shapes("demo", "type"));
    assert!(Path::new(demo.last().unwrap()["transcript"].as_str().unwrap()).exists());

    assert_eq!(stage.schemas.unused(), Vec::<&String>::new());
    let help = stage.run("-h").expect_success().stdout;
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let listed = list.lines().take_while(|line| !line.is_empty());
    let listed = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let commands: BTreeSet<&str> = listed
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let described = stage.schemas.commands();
    let silent: Vec<_> = commands.difference(&described).copied().collect();
    assert_eq!(
        silent,
        ["completions", "help", "lock", "man"],
        "they print nothing of their own as JSON"
    );
}

/// Turns of every kind but those with two clients.
fn turns(stage: &Stage) {
    let nothing = stage.lines("run", RUN);
    assert_eq!(nothing.last().unwrap()["report"]["end"]["how"], "nothing");
    let call = |name: &str, path: &str| Reply::tool_call("c", name, &json!({ "path": path }));
    stage.endpoint.push(call("ls", "."));
    stage.endpoint.push(call("read", "nowhere"));
    stage.endpoint.push(
        Reply::stream()
            .delta(json!({ "reasoning_content": "hm" }))
            .and_text("odd \u{9b} words")
            .usage(10, 2),
    );
    let events = stage.lines("run", &format!("{RUN} --key k Hello"));
    let again = stage.lines("run", &format!("{RUN} --key k Hello"));
    assert_eq!(
        again.last().unwrap()["report"]["end"]["how"],
        "alreadyAnswered"
    );
    stage.endpoint.push(Reply::unauthorized());
    let failed = stage.run(&format!("{RUN} More")).expect_code(69);
    stage.schemas.hold_all("run", &failed.json_lines());
    assert!(failed.json_lines().last().unwrap()["error"].is_string());
    stage.failed(69, &failed);
    let rare = ["askedToYield", "warning", "waiting"].map(str::to_owned);
    let seen: BTreeSet<String> = tags(&events, "type").into_iter().chain(rare).collect();
    assert_eq!(seen, stage.schemas.shapes("run", "type"));
}

/// The session store of an OpenClaw home.
fn store(stage: &Stage) {
    let store = serde_json::json!({
        "agent:main:old": { "sessionId": "old", "updatedAt": 1, "systemSent": true, "thinkingLevel": "high" },
        "cron:new": { "sessionId": "new", "acp": {}, "totalTokens": 3 },
        "broken": [],
    });
    let folder = stage.home.path("agents/main/sessions");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("sessions.json"), store.to_string()).unwrap();
    std::fs::write(folder.join("new.jsonl"), "").unwrap();
    let at = "--store agents/main/sessions";
    stage.one("sessions-list", &format!("sessions list {at} --json"));
    let cleanup = format!("sessions cleanup {at} --json");
    stage.one("sessions-cleanup", &format!("{cleanup} --dry-run"));
    let done = stage.one(
        "sessions-cleanup",
        &format!("{cleanup} --enforce --fix-missing"),
    );
    assert_eq!(done["applied"], true);
}

/// What is there, and changing it.
fn sessions(stage: &Stage) {
    let label = r#"{"type":"label","targetId":"x","label":"l","key":"label"}"#;
    let lines = [
        label,
        r#"{"role":"user","content":"a","key":"a"}"#,
        r#"{"role":"user","content":"a","key":"a"}"#,
        "nonsense",
    ];
    let done = stage
        .invoke("append main --json")
        .stdin(lines.join("\n"))
        .run()
        .expect_code(1);
    stage.schemas.hold_all("append", &done.json_lines());
    stage.failed(1, &done);
    let fresh = stage
        .invoke("append fresh --json")
        .stdin(lines[1])
        .run()
        .expect_success();
    stage.schemas.hold_all("append", &fresh.json_lines());
    let states = tags(&[done.json_lines(), fresh.json_lines()].concat(), "state");
    assert_eq!(states, ["pending", "placed"].map(str::to_owned).into());
    let without = stage
        .invoke("append main")
        .stdin(lines[0])
        .run()
        .expect_success();
    stage.schemas.hold("append", &without.json());

    stage.lines("sessions", "sessions --json");
    imports(stage);
    store(stage);
    stage.one(
        "sessions-export",
        "sessions export main --out main.html --json",
    );
    let found = stage.one("sessions-search", "sessions search word OR file --json");
    assert!(found["hits"].is_array(), "{found}");
    let shown = stage.one("show", "show main --json");
    assert!(!shown["entries"].as_array().unwrap().is_empty());
    let waiting = stage.one("show", "show fresh --json");
    assert!(waiting["exists"] == false && !waiting["waiting"].as_array().unwrap().is_empty());
    stage.one("show-tree", "show main --tree --json");
    stage.one("show-context", "show main --context --json");
    stage.one("fork", "fork main copy --json");
    let copy = stage.one("show", "show copy --json");
    let first = copy["entries"][0]["id"].as_str().unwrap();
    let foreign = stage.home.path("foreign.jsonl");
    std::fs::write(&foreign, "{\"type\":\"session\",\"version\":3,\"id\":\"f\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/\"}\nbroken\n").unwrap();
    let damaged = stage.one("show", "show ./foreign.jsonl --json");
    assert!(
        !damaged["damage"].as_array().unwrap().is_empty(),
        "{damaged}"
    );
    stage.one("verify", "verify copy --json");
    assert_eq!(stage.one("repair", "repair copy --json")["repaired"], false);
    stage.one("rewind", &format!("rewind copy {first} --json"));
    assert_eq!(
        stage.one("rewind", "rewind copy root --why because --json")["to"],
        Value::Null
    );
    stage.lines("branches", "branches copy --json");
    stage.one("label", &format!("label copy {first} start --json"));
    stage.one("label", &format!("label copy {first} --json"));
    let mut entries = copy["entries"].as_array().unwrap().iter();
    let said = entries.find(|entry| entry["type"] == "message").unwrap();
    let said = said["id"].as_str().unwrap();
    stage.one("merge", &format!("merge copy {said} --json"));
    stage.one("why", "why main --json");
    anew::hold(stage);
    housekeeping::hold(stage);
}

/// A session of another program, with what is odd about it.
fn imports(stage: &Stage) {
    let line = |name: &str, payload: &str| {
        format!(
            "{{\"timestamp\":\"2026-01-01T10:00:00Z\",\"type\":\"{name}\",\"payload\":{payload}}}\n"
        )
    };
    let said = |text: &str| {
        let text = format!(
            "{{\"type\":\"message\",\"role\":\"user\",\"content\":[{{\"type\":\"input_text\",\"text\":\"{text}\"}}]}}"
        );
        line("response_item", &text)
    };
    let source = stage.home.path("rollout.jsonl");
    let begun = [
        line("session_meta", r#"{"id":"o1"}"#),
        "broken\n".to_owned(),
        said("look"),
    ];
    std::fs::write(&source, begun.concat()).unwrap();
    let dry = stage.one(
        "sessions-import",
        "sessions import rollout.jsonl --dry-run --json",
    );
    assert!(dry["receipt"].is_null() && dry["written"] == 2, "{dry}");
    let done = stage.one("sessions-import", "sessions import rollout.jsonl --json");
    assert!(
        done["receipt"].is_string() && done["damagedLines"] == 1,
        "{done}"
    );
    let diff = "sessions import --diff rollout.jsonl codex-o1 --json";
    assert_eq!(stage.one("sessions-import-diff", diff)["proven"], true);
    std::fs::write(
        &source,
        [&begun[0], &said("lock"), &said("on")]
            .map(String::as_str)
            .concat(),
    )
    .unwrap();
    let found = stage.run(diff).expect_code(65).json();
    stage.schemas.hold("sessions-import-diff", &found);
    assert_eq!(found["different"], 2, "{found}");
    stage.failure(2, "sessions import --diff rollout.jsonl --json");
    stage.failure(1, "sessions import nowhere.jsonl --json");
    let mirror = "mirror codex rollout.jsonl --session mirrored --json";
    let mut live = stage.invoke(mirror).spawn();
    let mut lines = vec![live.event_where("a write", |event| event["type"] == "mirrored")];
    std::fs::write(&source, &begun[0]).unwrap();
    lines.push(live.event_where("the change", |event| event["type"] == "replaced"));
    live.signal(Signal::INT);
    lines.extend(live.wait().expect_code(130).json_lines().pop());
    stage.schemas.hold_all("mirror", &lines);
    assert_eq!(tags(&lines, "type"), stage.schemas.shapes("mirror", "type"));
    stage.failure(2, "mirror codex - --json");
    stage.failure(1, "mirror codex nowhere.jsonl --json");
}

/// One client has the turn, one asks for it, and others look.
fn while_a_turn_is_under_way(stage: &Stage) {
    stage.one("unlock", "unlock main --json");
    let gate = Gate::new();
    let call = Reply::tool_call("c", "ls", &json!({ "path": "." }));
    stage.endpoint.push(call.held(&gate));
    stage.endpoint.push(Reply::text("to the second"));
    let first = stage.invoke(&format!("{RUN} first")).spawn();
    gate.wait_reached();
    stage.failure(75, &format!("{RUN} also"));
    let queued = stage.lines("run", &format!("{RUN} --queue later"));
    assert_eq!(queued.last().unwrap()["report"]["end"]["how"], "queued");
    let second = stage
        .invoke(&format!("{RUN} --hand-over so-it-is --grace 10min second"))
        .spawn();
    let seen = eventually("an asker", || {
        let seen = stage.one("locks", "locks --json");
        (!seen["sessions"][0]["asked"].is_null()).then_some(seen)
    });
    let main = &seen["sessions"][0];
    assert!(
        main["turn"].is_object() && !main["waiters"].as_array().unwrap().is_empty(),
        "{seen}"
    );
    let why = stage.one("why", "why main --json");
    assert!(
        why["asked"].is_object() && !why["messages"].as_array().unwrap().is_empty(),
        "{why}"
    );
    assert!(why["lastTurn"]["phases"][0].is_object(), "{why}");
    assert!(stage.one("show", "show main --json")["asked"].is_object());
    let held = stage.run("unlock main --json").expect_code(75).json();
    stage.schemas.hold("unlock", &held);
    assert!(
        held["claim"].is_object() && held["asked"].is_object(),
        "{held}"
    );
    let watch = stage.invoke("watch main --json").spawn();
    let mut live = stage.invoke("locks --watch --json").spawn();
    let line = live.next_line().unwrap();
    stage
        .schemas
        .hold("locks", &serde_json::from_str(&line).unwrap());
    live.kill();
    gate.open();
    let given = first.wait().expect_code(75);
    stage.schemas.hold_all("run", &given.json_lines());
    assert!(
        tags(&given.json_lines(), "type").contains("askedToYield"),
        "{given}"
    );
    assert_eq!(given.stderr, "", "the number is an answer here");
    let answered = second.wait().expect_success();
    stage.schemas.hold_all("run", &answered.json_lines());
    let watched = watch.wait().expect_success();
    stage.schemas.hold_all("watch", &watched.json_lines());
}

/// A command has the lock, one waits, and the holder is ended.
fn while_it_is_locked(stage: &Stage) {
    let holder = stage.invoke("lock main --json -- cat").spawn();
    eventually("the lock", || {
        let seen = stage.one("locks", "locks --json");
        seen["sessions"][0]["lock"].is_object().then_some(())
    });
    assert!(stage.one("why", "why main --json")["lock"].is_object());
    let busy = stage
        .run("lock main --json --wait 0 -- true")
        .expect_code(75);
    assert!(
        stage.failed(75, &busy)["error"]
            .as_str()
            .unwrap()
            .contains("busy"),
        "{busy}"
    );
    let ended = stage.one("unlock", "unlock main --kill --json");
    assert!(
        !ended["kill"]["ended"].as_array().unwrap().is_empty(),
        "{ended}"
    );
    drop(holder);
    for (code, command) in [(127, "no-such-command"), (126, "/")] {
        stage.failure(code, &format!("lock main --json -- {command}"));
    }
    let own = stage.run("lock main --json -- echo mine").expect_success();
    assert_eq!((own.stdout.as_str(), own.stderr.as_str()), ("mine\n", ""));
    stage.run("lock main --json -- false").expect_code(1);
}

fn settings(stage: &Stage) {
    stage.settings("session = 'main'\n[turn]\nrounds_max = 4\n");
    stage.one("config-show", "config show --json");
    stage.one("config-show", "config show --origins --json");
    for key in [
        "session",
        "turn.rounds_max",
        "models.openai.key",
        "tools.tools",
        "models.local.base_url",
    ] {
        stage.one("config-explain", &format!("config explain {key} --json"));
    }
    stage.lines("config-path", "config path --json");
    assert_eq!(
        stage.one("config-check", "config check --json")["usable"],
        true
    );
    let set = stage.one("config-set", "config set turn.rounds_max 5 --json");
    assert_eq!(
        (&set["changed"], &set["overruledBy"]),
        (&json!(true), &Value::Null)
    );
    let over = stage
        .invoke("config set session x --json")
        .env("LATCHWORK_SESSION", "y")
        .run();
    let over = over.expect_success().json();
    stage.schemas.hold("config-set", &over);
    assert_eq!(over["overruledBy"]["variable"], "LATCHWORK_SESSION");
    let schema = stage.run("config schema --json").expect_success().json();
    jsonschema::meta::validate(&schema).unwrap();
    stage.settings("[turn]\nround_max = 4\nrounds_max = 0\n");
    let wrong = stage.run("config check --json").expect_code(78);
    stage.schemas.hold("config-check", &wrong.json());
    let failure = stage.failed(78, &wrong);
    assert_eq!(wrong.json()["faults"], failure["faults"]);
    assert_eq!(failure["faults"].as_array().unwrap().len(), 2);
    assert_eq!(failure["faults"][0]["origin"]["line"], 2);
    stage.settings("");
}

fn doctor(stage: &Stage) {
    let found = stage.run("doctor --json");
    stage.schemas.hold_all("doctor", &found.json_lines());
    let odd = stage.home.path("odd");
    std::fs::create_dir_all(odd.join(".latchwork")).unwrap();
    std::fs::write(odd.join("a.jsonl"), "no session at all\n").unwrap();
    std::fs::write(
        odd.join("a.jsonl.lock"),
        r#"{"pid":4194304,"createdAt":"2026-01-01T00:00:00.000Z"}"#,
    )
    .unwrap();
    std::fs::write(odd.join(".latchwork/gone.head"), "").unwrap();
    for line in ["doctor --json odd", "doctor --fix --deep --json odd"] {
        let found = stage.run(line).json_lines();
        stage.schemas.hold_all("doctor", &found);
        assert_eq!(tags(&found, "type"), stage.schemas.shapes("doctor", "type"));
    }
}

/// Whatever fails, in whatever room, says so in one way.
fn failures(stage: &Stage) {
    for (code, line) in [
        (2, "fly --json"),
        (2, "run --json --wiat 5s"),
        (2, "show --json"),
        (2, "completions bash --json"),
        (2, "config explain turn.round_max --json"),
        (1, "show nobody --json"),
        (1, "show nobody --tree --json"),
        (1, "why nobody --json"),
        (1, "rewind main nosuch --json"),
        (1, "fork main copy --json"),
        (1, "config check nowhere.toml --json"),
        (78, "config set turn.rounds_max -5 --json"),
        (78, "run --model opnai/x --json Hello"),
        (78, "demo --json --pace 1ms"),
        (78, "locks --json"),
        (78, "append main --json"),
        (78, "watch main --json"),
        (78, "unlock main --json"),
        (78, "lock main --json -- true"),
        (78, "sessions --json"),
        (78, "config show --json"),
        (78, "config path --json"),
    ] {
        let broken = code == 78 && !line.contains("set ") && !line.contains("opnai");
        stage.settings(if broken { "odd = 1\n" } else { "" });
        if line.starts_with("config path") {
            stage.lines("config-path", line);
            continue;
        }
        let failure = stage.failure(code, line);
        let (hints, faults) = (&failure["hints"], failure["faults"].as_array().unwrap());
        assert!(code != 2 || hints[0].is_string(), "{line}: {failure}");
        assert_eq!(
            broken,
            faults.iter().any(|fault| fault["key"] == "odd"),
            "{line}: {failure}"
        );
    }
    stage.settings("");
}
