//! Sessions of old versions: read where they stand, brought up to date by the first write.

use std::path::{Path, PathBuf};

use latchwork_testkit::endpoint::Reply;
use latchwork_testkit::peers::PiVersion;

use crate::corpus::legacy;
use crate::each::with_pi;
use crate::stage::{Stage, said};

#[test]
fn an_old_session_is_shown_with_the_context_that_pi_builds_and_showing_it_writes_nothing() {
    for old in legacy() {
        let stage = Stage::with_file("session.jsonl", &old.bytes());
        let shown = stage.inspect();
        assert_eq!(shown["context"], old.expected["context"], "{}", old.name());
        let after = std::fs::read(stage.file()).expect("the session");
        assert_eq!(after, old.bytes(), "{}", old.name());
        assert!(
            stage.beside().is_empty(),
            "{}: {:?}",
            old.name(),
            stage.beside()
        );
    }
}

#[test]
fn an_old_session_is_migrated_by_its_first_turn_and_pi_agrees_with_us_from_then_on() {
    with_pi(PiVersion::V0_87_1, |pi| {
        for old in legacy() {
            let name = old.name();
            let stage = Stage::with_file("session.jsonl", &old.bytes());
            stage.endpoint.push(Reply::text("welcome to version 3"));
            stage.run("continue").run().expect_success();
            stage.report().assert_sound();
            assert_eq!(stage.report().header["version"], 3, "{name}");
            assert_eq!(originals_of(stage.file()), [old.bytes()], "{name}");

            // Opening a migrated file, pi has nothing left to migrate.
            let bytes = std::fs::read(stage.file()).expect("the session");
            pi.open(stage.file()).expect("pi opens what we migrated");
            assert_eq!(
                std::fs::read(stage.file()).expect("the session"),
                bytes,
                "{name}"
            );
            let seen = pi.inspect();
            assert_eq!(seen, stage.inspect(), "{name}");
            let recorded = old.expected["context"]["messages"].as_array();
            let messages = seen["context"]["messages"].as_array();
            assert!(
                messages
                    .expect("messages")
                    .starts_with(recorded.expect("messages")),
                "{name}"
            );
            let user = said(&seen, "user");
            assert_eq!(user.last().map(String::as_str), Some("continue"), "{name}");
            let replies = said(&seen, "assistant");
            let last = replies.last().map(String::as_str);
            assert_eq!(last, Some("welcome to version 3"), "{name}");
        }
    });
}

/// The originals that are kept beside a migrated session.
fn originals_of(session: &Path) -> Vec<Vec<u8>> {
    let dir: PathBuf = session.with_file_name(".latchwork/session.quarantine");
    std::fs::read_dir(dir)
        .expect("the quarantine")
        .map(|entry| entry.expect("an entry of it").path())
        .map(|path| std::fs::read(path).expect("a file of it"))
        .collect()
}
