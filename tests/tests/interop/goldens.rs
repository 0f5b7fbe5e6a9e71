//! The golden sessions: computed by the packages that wrote them as recorded, by us the same, and continued by us.

use latchwork_testkit::endpoint::Reply;
use latchwork_testkit::peers::{Pi, PiVersion};
use serde_json::Value;

use crate::corpus::{Recorded, goldens_of};
use crate::each::with_each_pi;
use crate::stage::{Stage, ended, user};

const PROMPT: &str = "And what follows from it?";
const ANSWER: &str = "This follows.";

/// If the driver did not reproduce what was recorded, no comparison with it would mean anything.
#[test]
fn every_golden_session_is_computed_by_its_live_package_as_recorded() {
    with_each_pi(|pi, version| {
        for golden in goldens_of(version) {
            // A copy: opening is not promised to leave the file alone.
            let stage = Stage::with_file("session.jsonl", &golden.bytes());
            pi.open(stage.file()).expect("pi opens what pi wrote");
            assert_eq!(pi.inspect(), golden.expected, "{}", golden.name());
        }
    });
}

#[test]
fn every_golden_session_is_shown_as_recorded_and_showing_it_writes_nothing() {
    for version in PiVersion::ALL {
        for golden in goldens_of(version) {
            let stage = Stage::with_file("session.jsonl", &golden.bytes());
            // Equal as JSON objects: the set of fields is compared too.
            assert_eq!(stage.inspect(), golden.expected, "{}", golden.name());
            let after = std::fs::read(stage.file()).expect("the session");
            assert_eq!(after, golden.bytes(), "{}", golden.name());
            assert!(
                stage.beside().is_empty(),
                "{}: {:?}",
                golden.name(),
                stage.beside()
            );
        }
    }
}

#[test]
fn every_golden_session_is_continued_by_us_and_gone_on_with_by_its_package() {
    with_each_pi(|pi, version| {
        for golden in goldens_of(version) {
            continue_and_reopen(pi, &golden);
        }
    });
}

fn continue_and_reopen(pi: &mut Pi, golden: &Recorded) {
    let name = golden.name();
    let stage = Stage::with_file("session.jsonl", &golden.bytes());
    stage.endpoint.push(Reply::text(ANSWER).usage(7, 3));
    let turn = stage.run(PROMPT).run().expect_success().json_lines();
    assert_eq!(ended(&turn)["outcome"], "clean", "{name}");

    // What was there stands there, byte for byte; what we added is whole.
    let bytes = std::fs::read(stage.file()).expect("the session");
    assert!(bytes.starts_with(&golden.bytes()), "{name}");
    stage.report().assert_sound();
    let before = golden.expected["entryCount"].as_u64().expect("a count");
    let ids = stage.ids();
    let ours = &ids[usize::try_from(before).expect("a small number")..];

    pi.open(stage.file()).expect("pi opens what we continued");
    let seen = pi.inspect();
    assert_eq!(seen["entryCount"], before + ours.len() as u64, "{name}");
    assert_eq!(seen["name"], golden.expected["name"], "{name}");
    assert_eq!(seen["labels"], golden.expected["labels"], "{name}");
    let path = pi.active_path();
    assert!(path.ends_with(ours), "{name}: {ours:?} in {path:?}");
    assert_ends_with_our_exchange(&seen, &golden.expected, &name);
    assert_eq!(stage.inspect(), seen, "{name}");

    // The package goes on from there, and we see that too.
    let next = pi.append(user("then stop"));
    assert_eq!(stage.inspect(), pi.inspect(), "{name}");
    assert_eq!(stage.inspect()["leafId"], next.as_str(), "{name}");
}

/// The context is what it was, then our message and the reply; between them at most what we had to say of calls that
/// were left without an outcome.
fn assert_ends_with_our_exchange(seen: &Value, recorded: &Value, name: &str) {
    let messages = |of: &Value| {
        let messages = of["context"]["messages"].as_array();
        messages.expect("the messages of a context").clone()
    };
    let (seen, recorded) = (messages(seen), messages(recorded));
    assert!(seen.starts_with(&recorded), "{name}");
    let (recovered, exchange) = seen[recorded.len()..]
        .split_last_chunk::<2>()
        .unwrap_or_else(|| panic!("{name}: our exchange is not in the context"));
    for outcome in recovered {
        assert_eq!(outcome["role"], "toolResult", "{name}");
    }
    assert_eq!(exchange[0]["role"], "user", "{name}");
    assert_eq!(exchange[0]["content"][0]["text"], PROMPT, "{name}");
    assert_eq!(exchange[1]["role"], "assistant", "{name}");
    assert_eq!(exchange[1]["content"][0]["text"], ANSWER, "{name}");
    assert_eq!(exchange[1]["usage"]["output"], 3, "{name}");
}
