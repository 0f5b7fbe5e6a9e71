//! What Codex says, mirrored by the real program while it is said: each message once and in order, whatever is killed, and out of
//! everybody's way.

mod alongside;
mod killed;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use latchwork_testkit::program::{Home, Invocation, Live, Signal};
use latchwork_testkit::verify::Report;
use serde_json::{Value, json};

fn line(name: &str, payload: &Value) -> String {
    let line = json!({ "timestamp": "2026-01-01T10:00:00.000Z", "type": name, "payload": payload });
    format!("{line}\n")
}

fn item(payload: &Value) -> String {
    line("response_item", payload)
}

fn meta(thread: &str) -> String {
    line("session_meta", &json!({ "id": thread, "cwd": "/work" }))
}

/// A turn: a question, two calls at once, their outcomes, an answer, and its end.
fn round(n: usize) -> String {
    let said = |role: &str, kind: &str, text: String| {
        item(
            &json!({ "type": "message", "role": role, "content": [{ "type": kind, "text": text }] }),
        )
    };
    let call = |id: String| {
        item(&json!({ "type": "function_call", "name": "shell", "arguments": "{}", "call_id": id }))
    };
    let outcome = |id: String| {
        item(&json!({ "type": "function_call_output", "call_id": id, "output": "out" }))
    };
    [
        line(
            "turn_context",
            &json!({ "model": "gpt-5", "effort": "high" }),
        ),
        said("user", "input_text", format!("question {n}")),
        call(format!("a{n}")),
        call(format!("b{n}")),
        outcome(format!("a{n}")),
        outcome(format!("b{n}")),
        said("assistant", "output_text", format!("answer {n}")),
        line("event_msg", &json!({ "type": "task_complete" })),
    ]
    .concat()
}

fn rollout(rounds: usize) -> String {
    meta("r1") + &(0..rounds).map(round).collect::<String>()
}

fn texts(rounds: usize, what: &str) -> Vec<String> {
    (0..rounds).map(|n| format!("{what} {n}")).collect()
}

struct Stage {
    home: Home,
}

impl Stage {
    fn new() -> Self {
        Self { home: Home::new() }
    }

    fn source(&self) -> PathBuf {
        self.home.path("r.jsonl")
    }

    fn mirror(&self, args: &[&str]) -> Invocation {
        let first = ["mirror", "codex", "--session", "./into.jsonl"];
        self.home.latchwork([&first, args].concat())
    }

    fn once(&self) -> Value {
        let done = self
            .mirror(&["--once", "--json", "r.jsonl"])
            .run()
            .expect_success();
        done.json_lines().pop().unwrap()
    }

    fn report(&self) -> Report {
        Report::read(self.home.path("into.jsonl"))
    }

    /// Every message of so many rounds stands once, in order.
    fn assert_whole(&self, rounds: usize, when: &str) {
        let report = self.report();
        report.assert_sound();
        assert_eq!(
            report.texts_on_path("user"),
            texts(rounds, "question"),
            "{when}"
        );
        let answers = report.texts_on_path("assistant");
        let answers: Vec<_> = answers
            .into_iter()
            .filter(|text| text.starts_with("answer"))
            .collect();
        assert_eq!(answers, texts(rounds, "answer"), "{when}");
        assert_eq!(
            report.texts_on_path("toolResult").len(),
            2 * rounds,
            "{when}"
        );
        assert_eq!(report.unpaired(), Vec::<String>::new(), "{when}");
    }
}

fn grow(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn next(live: &mut Live, kind: &str) -> Value {
    live.event_where(kind, |event| event["type"] == kind)
}

fn written(event: &Value) -> usize {
    event["entries"].as_array().unwrap().len()
}

#[test]
fn a_rollout_is_followed_as_it_grows_to_a_torn_line_and_on_in_the_file_that_takes_its_place() {
    let stage = Stage::new();
    std::fs::write(stage.source(), rollout(1)).unwrap();
    let mut live = stage.mirror(&["--json", "r.jsonl"]).spawn();
    assert_eq!(written(&next(&mut live, "mirrored")), 5);
    // A line comes in two pieces, and in the middle of a character.
    let (whole, torn) = (round(1), "\u{e9}".as_bytes());
    let next_round = whole.replace("question 1", "question 1 \u{e9}");
    let cut = next_round.find('\u{e9}').unwrap() + 1;
    let bytes = next_round.as_bytes();
    assert_eq!(bytes[cut], torn[1]);
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(stage.source())
        .unwrap();
    file.write_all(&bytes[..cut]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    file.write_all(&bytes[cut..]).unwrap();
    let mut came = 0;
    while came < 5 {
        came += written(&next(&mut live, "mirrored"));
    }
    // Another file takes its place: another conversation, mirrored from its beginning.
    let other = stage.home.write("other.jsonl", meta("r2") + &round(2));
    std::fs::rename(other, stage.source()).unwrap();
    next(&mut live, "replaced");
    assert_eq!(written(&next(&mut live, "mirrored")), 5);
    live.signal(Signal::TERM);
    let ended = live.wait().expect_code(143).json_lines().pop().unwrap();
    assert_eq!(
        (&ended["type"], &ended["stopped"]),
        (&json!("ended"), &json!(true))
    );
    assert_eq!(
        (&ended["written"], &ended["waiting"]),
        (&json!(15), &json!(0))
    );
    let said = stage.report().texts_on_path("user");
    assert_eq!(said, ["question 0", "question 1 \u{e9}", "question 2"]);
}

#[test]
fn a_call_goes_with_its_outcome_and_is_told_as_waiting_until_that_comes() {
    let stage = Stage::new();
    let whole = rollout(1);
    let cut = whole.find("\"call_id\":\"b0\",\"output\"").unwrap();
    let cut = whole[..cut].rfind('\n').unwrap() + 1;
    std::fs::write(stage.source(), &whole[..cut]).unwrap();
    let first = stage.once();
    assert_eq!(
        (&first["written"], &first["waiting"]),
        (&json!(1), &json!(2)),
        "{first}"
    );
    assert_eq!(stage.report().unpaired(), Vec::<String>::new());
    std::fs::write(stage.source(), &whole).unwrap();
    assert_eq!(stage.once()["waiting"], 0);
    stage.assert_whole(1, "the outcomes have come");
}

#[test]
fn a_mirror_and_an_import_of_one_rollout_double_nothing_and_are_proven() {
    let stage = Stage::new();
    std::fs::write(stage.source(), rollout(3)).unwrap();
    assert_eq!(stage.once()["written"], 15);
    assert_eq!(stage.once()["already"], 15);
    let import = |args: &[&str]| {
        let all = [&["sessions", "import", "--json"], args].concat();
        stage.home.latchwork(all).run().expect_success().json()
    };
    let imported = import(&["r.jsonl", "--into", "./into.jsonl"]);
    assert_eq!(imported["already"], 15, "{imported}");
    stage.assert_whole(3, "imported on top");
    assert_eq!(
        import(&["--diff", "r.jsonl", "./into.jsonl"])["proven"],
        true
    );
    // The other way round, and by the name that both give the session.
    let into = import(&["r.jsonl"])["path"].clone();
    let again = stage
        .home
        .latchwork(["mirror", "codex", "--once", "--json", "r.jsonl"]);
    let again = again.run().expect_success().json();
    assert_eq!(
        (&again["path"], &again["written"]),
        (&into, &json!(0)),
        "{again}"
    );
}

#[test]
fn a_rollout_that_was_changed_since_is_read_to_its_end_and_what_it_says_anew_comes() {
    let stage = Stage::new();
    std::fs::write(stage.source(), rollout(2)).unwrap();
    stage.once();
    // The first reply, of two calls, has one call now: it begins as before and ends elsewhere.
    let whole = rollout(2);
    let begins = whole.find(r#""call_id":"b0""#).unwrap();
    let begins = whole[..begins].rfind('\n').unwrap() + 1;
    let ends = begins + whole[begins..].find('\n').unwrap();
    let changed = format!(
        "{}{}{}",
        &whole[..begins],
        line("event_msg", &json!({ "type": "other" })).trim(),
        &whole[ends..]
    );
    std::fs::write(stage.source(), changed).unwrap();
    let again = stage.once();
    assert_eq!(
        (&again["written"], &again["already"]),
        (&json!(1), &json!(9)),
        "{again}"
    );
    assert_eq!(stage.report().texts_on_path("user"), texts(2, "question"));
}

#[test]
fn rubbish_a_huge_line_and_the_future_are_counted_and_kept_and_nothing_foreign_reaches_the_terminal()
 {
    let stage = Stage::new();
    let hostile =
        "{\"timestamp\":\"T\",\"type\":\"\\u001b]0;x\\u0007\",\"payload\":{\"version\":99}}\n";
    let future = item(&json!({ "type": "of the future \u{1b}[2J", "text": "kept" }));
    let mut text = (meta("r1") + "{\"broken\u{1b}[31m\n" + hostile + &future).into_bytes();
    text.extend(b"\xff\xfe\n");
    text.extend(std::iter::repeat_n(b'x', 65 << 20));
    text.push(b'\n');
    text.extend(round(0).into_bytes());
    std::fs::write(stage.source(), text).unwrap();
    let told = stage.mirror(&["--once", "r.jsonl"]).run().expect_success();
    for part in [
        "line 2 left out",
        "line 5 left out",
        "line 6 left out",
        "7 entries written",
    ] {
        assert!(told.stdout.contains(part), "{part}: {told}");
    }
    let all = format!("{}{}", told.stdout, told.stderr);
    assert!(!all.contains(['\u{1b}', '\u{7}']), "{told:?}");
    stage.assert_whole(1, "beside the rubbish");
    let kept = std::fs::read_to_string(stage.home.path("into.jsonl")).unwrap();
    assert_eq!(
        kept.matches("latchwork.import.raw").count(),
        2,
        "what nobody knows is kept"
    );
    let shown = stage
        .home
        .latchwork(["show", "./into.jsonl", "--context", "--json"]);
    let shown = shown.run().expect_success().stdout;
    assert!(
        !shown.contains("of the future"),
        "and shown to no model: {shown}"
    );
}

#[test]
fn a_stream_on_standard_input_is_mirrored_under_openclaws_keys_until_it_ends() {
    let stage = Stage::new();
    let done = |item: Value| {
        let params = json!({ "threadId": "t1", "turnId": "u1", "item": item });
        format!(
            "{}\n",
            json!({ "method": "item/completed", "params": params })
        )
    };
    let asked = done(
        json!({ "type": "userMessage", "id": "i0", "content": [{ "type": "text", "text": "list \u{1b}[2J" }] }),
    );
    let said = done(json!({ "type": "agentMessage", "id": "i1", "text": "nothing there" }));
    let mut live = stage.mirror(&["--json", "-"]).stdin(asked.clone()).spawn();
    assert_eq!(written(&next(&mut live, "mirrored")), 1);
    live.send(&said);
    assert_eq!(written(&next(&mut live, "mirrored")), 1);
    live.close_stdin();
    assert_eq!(
        live.wait().expect_success().json_lines().pop().unwrap()["written"],
        2
    );
    let again = stage
        .mirror(&["-"])
        .stdin(asked + &said)
        .run()
        .expect_success();
    assert!(
        again.stdout.contains("0 entries written, 2 there already"),
        "{again}"
    );
    assert!(!again.stdout.contains('\u{1b}'), "{again:?}");
    let report = stage.report();
    assert_eq!(report.count_key("codex-app-server:t1:u1:prompt"), 1);
    assert_eq!(report.count_key("codex-app-server:t1:u1:item:i1"), 1);
    let nameless = stage
        .home
        .latchwork(["mirror", "codex", "-"])
        .run()
        .expect_code(2);
    assert!(nameless.stderr.contains("--session"), "{nameless}");
    let nowhere = stage
        .home
        .latchwork(["mirror", "codex", "nowhere.jsonl"])
        .run()
        .expect_code(1);
    assert!(nowhere.stderr.contains("nowhere.jsonl"), "{nowhere}");
}

#[test]
fn a_source_of_which_nothing_is_codex_s_ends_with_65_and_one_that_is_damaged_here_and_there_does_not()
 {
    let stage = Stage::new();
    let mirror = || stage.mirror(&["--once", "--json", "r.jsonl"]).run();
    let rubbish: Vec<u8> = (0..40_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
        .collect();
    for source in [rubbish.as_slice(), b"root:x:0:0:root:/root:/bin/sh\n"] {
        std::fs::write(stage.source(), source).unwrap();
        let ended = mirror().expect_code(65).json_lines().pop().unwrap();
        assert_eq!(ended["written"], 0, "{ended}");
        assert_ne!(ended["damagedLines"], 0, "{ended}");
        let again = stage.mirror(&["-"]).stdin(source).run().expect_code(65);
        assert!(again.stdout.contains("left out"), "{again}");
    }
    // Nothing at all is no rubbish: it may come yet.
    std::fs::write(stage.source(), "").unwrap();
    mirror().expect_success();
    std::fs::write(stage.source(), format!("rubbish\n{}", rollout(1))).unwrap();
    mirror().expect_success();
    stage.assert_whole(1, "a line of it is damaged");
}
