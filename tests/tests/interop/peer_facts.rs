//! What we rely on in the peers, and what we guard against: each fact of theirs that our format depends on, asked of them.
//!
//! If a new release of a peer changes one of these, this fails, and `docs/format.md` has to be thought over.

use std::path::PathBuf;

use latchwork_testkit::peers::{Peers, PiVersion};
use latchwork_testkit::program::Home;
use latchwork_testkit::verify::Report;
use serde_json::{Value, json};

use crate::each::with_each_pi;
use crate::stage::{reply, user};

const HEADER: &str = r#"{"type":"session","version":3,"id":"01a20243-5da7-745b-9bd9-c9245d9e8cb2","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#;

fn user_line(id: &str, parent: Option<&str>, text: &str) -> String {
    entry("message", id, parent, json!({ "message": user(text) }))
}

fn entry(kind: &str, id: &str, parent: Option<&str>, fields: Value) -> String {
    let mut line = json!({"type": kind, "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:01.000Z"});
    let object = line.as_object_mut().expect("an object");
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    line.to_string()
}

fn session(home: &Home, lines: &[&str]) -> PathBuf {
    home.write("session.jsonl", format!("{}\n", lines.join("\n")))
}

/// Why a turn writes nothing to a transcript that has no reply yet.
#[test]
fn pi_0_75_doubles_a_session_that_it_finds_without_a_reply() {
    with_each_pi(|pi, version| {
        let home = Home::new();
        let file = session(&home, &[HEADER, &user_line("a", None, "hello")]);
        pi.open(&file).expect("it opens");
        pi.append(user("more"));
        pi.append(reply("hi"));
        let report = Report::read(&file);
        let doubled = report.count_user_text_anywhere("hello") == 2;
        assert_eq!(
            doubled,
            version == PiVersion::V0_75_1,
            "{:?}",
            report.problems
        );
    });
}

/// The same reason, from the other peer.
#[test]
fn openclaw_empties_a_session_that_it_finds_without_a_reply() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    let home = Home::new();
    let file = session(&home, &[HEADER, &user_line("a", None, "hello")]);
    openclaw.open_for_run(&file, "s").expect("it opens");
    assert_eq!(openclaw.inspect()["entryCount"], 0);
    assert_eq!(std::fs::read(&file).expect("the file"), b"");

    let answered = entry("message", "b", Some("a"), json!({"message": reply("hi")}));
    let file = session(&home, &[HEADER, &user_line("a", None, "hello"), &answered]);
    let before = std::fs::read(&file).expect("the file");
    openclaw.open_for_run(&file, "s").expect("it opens");
    assert_eq!(openclaw.inspect()["entryCount"], 2);
    assert_eq!(std::fs::read(&file).expect("the file"), before);
    openclaw.close();
}

/// Why a head that we save in the file is a `custom` entry below it.
#[test]
fn pi_stands_where_a_custom_entry_at_the_end_hangs_and_keeps_it_out_of_the_context() {
    with_each_pi(|pi, _| {
        let home = Home::new();
        let head = entry(
            "custom",
            "h",
            Some("a"),
            json!({"customType": "latchwork.head", "data": {"head": "a"}}),
        );
        let other = user_line("b", Some("a"), "another branch");
        let file = session(
            &home,
            &[HEADER, &user_line("a", None, "hello"), &other, &head],
        );
        pi.open(&file).expect("it opens");
        assert_eq!(pi.active_path(), ["a", "h"]);
        let seen = pi.inspect();
        assert_eq!(
            seen["context"]["messages"].as_array().map(Vec::len),
            Some(1)
        );
        assert_eq!(seen["name"], Value::Null);
    });
}

/// Why bytes that have to go are overwritten with spaces and not cut off.
#[test]
fn pi_skips_a_blanked_line_and_goes_on_below_the_entry_before_it() {
    with_each_pi(|pi, _| {
        let home = Home::new();
        let answered = entry("message", "b", Some("a"), json!({"message": reply("hi")}));
        let blank = " ".repeat(80);
        let file = session(
            &home,
            &[HEADER, &user_line("a", None, "hello"), &answered, &blank],
        );
        assert_eq!(pi.open(&file).expect("it opens").as_deref(), Some("b"));
        let next = pi.append(user("next"));
        assert_eq!(pi.active_path(), ["a", "b", next.as_str()]);
        Report::read(&file).assert_settled();
    });
}

/// Why a name that a live pi gives late must not move our head.
#[test]
fn a_live_pi_writes_below_the_leaf_that_it_read_whatever_stands_there_now() {
    with_each_pi(|pi, _| {
        let home = Home::new();
        let answered = entry("message", "b", Some("a"), json!({"message": reply("hi")}));
        let file = session(&home, &[HEADER, &user_line("a", None, "hello"), &answered]);
        pi.open(&file).expect("it opens");
        let mut text = std::fs::read_to_string(&file).expect("the file");
        text += &format!("{}\n", user_line("c", Some("b"), "ours, in the meantime"));
        std::fs::write(&file, text).expect("the file");
        pi.rename("late");
        let report = Report::read(&file);
        report.assert_sound();
        assert_eq!(report.entries[3]["parentId"], "b");
        assert_eq!(report.count_user_text("ours, in the meantime"), 0);
    });
}
