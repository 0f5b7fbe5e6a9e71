//! OpenClaw's own write lock and ours, on one transcript: who holds it keeps the other out.

use std::path::PathBuf;

use latchwork_testkit::endpoint::Reply;
use latchwork_testkit::peers::Peers;
use latchwork_testkit::steps::{StepDir, VARIABLE};
use serde_json::{Value, json};

use crate::stage::{Stage, said, user};

/// How long OpenClaw tries for its lock where it must not get it, in milliseconds: several of its attempts.
const TRIES_MS: u32 = 1000;
/// The same where it must.
const LONG_MS: u32 = 60_000;

fn label() -> Value {
    json!({"type": "session_info", "name": "named by us"})
}

fn lock_file(stage: &Stage) -> PathBuf {
    stage.file().with_file_name("talk.jsonl.lock")
}

#[test]
fn an_append_of_ours_waits_while_openclaw_holds_its_lock() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    let stage = Stage::begun();
    let before = std::fs::read(stage.file()).expect("the session");
    openclaw.lock(stage.file(), LONG_MS).expect("its lock");

    // With little patience: refused, and the owner is named; the file and the lock are as they were.
    let owned = std::fs::read(lock_file(&stage)).expect("its lock file");
    let refused = stage
        .append(&[label()])
        .env("LATCHWORK_ACQUIRE_TIMEOUT_MS", "300")
        .run()
        .expect_refusal();
    let error = refused.json_lines()[0]["error"].to_string();
    assert!(
        error.contains(&openclaw.pid().to_string()),
        "the owner {} is named: {refused}",
        openclaw.pid()
    );
    assert_eq!(std::fs::read(stage.file()).expect("the session"), before);
    assert_eq!(std::fs::read(lock_file(&stage)).expect("its lock"), owned);

    // A user's message is accepted all the same, and says why it is not in the transcript yet.
    let waits = stage
        .append(&[user("told meanwhile")])
        .env("LATCHWORK_ACQUIRE_TIMEOUT_MS", "300")
        .run()
        .expect_success();
    let receipt = &waits.json_lines()[0];
    assert_eq!(receipt["state"], "pending", "{receipt}");
    let why = receipt["why"].to_string();
    assert!(why.contains(&openclaw.pid().to_string()), "{receipt}");

    // With patience: it stands before OpenClaw's lock, and goes on when that is given back.
    let steps = StepDir::new();
    steps.hold("latch:inode-locked");
    let mut patient = stage
        .append(&[label()])
        .env("LATCHWORK_ACQUIRE_TIMEOUT_MS", LONG_MS.to_string())
        .env(VARIABLE, steps.value())
        .spawn();
    patient.close_stdin();
    assert_eq!(steps.wait_reached("latch:inode-locked"), patient.pid());
    steps.release("latch:inode-locked");
    // A second one of ours meets the first, which waits with its latch held.
    let second = stage
        .append(&[label()])
        .env("LATCHWORK_ACQUIRE_TIMEOUT_MS", "300")
        .run()
        .expect_refusal();
    assert!(
        second.stdout.contains(&patient.pid().to_string()),
        "{second}"
    );
    assert!(patient.is_running());
    let trace = steps.trace(patient.pid());
    assert!(!trace.iter().any(|step| step == "latch:peer-written"));
    assert_eq!(std::fs::read(stage.file()).expect("the session"), before);
    openclaw.unlock();
    patient.wait().expect_success();
    assert_eq!(stage.inspect()["name"], "named by us");

    // The message that waited is answered by the next turn.
    stage.endpoint.push(Reply::text("heard"));
    stage.run("now").run().expect_success();
    assert_eq!(
        said(&stage.inspect(), "user"),
        ["hello", "told meanwhile", "now"]
    );
    stage.report().assert_settled();
    openclaw.close();
}

#[test]
fn openclaw_neither_gets_nor_robs_the_lock_that_a_guard_of_ours_holds() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    for step in ["latch:granted", "commit:before-write"] {
        let stage = Stage::begun();
        let steps = StepDir::new();
        steps.hold(step);
        let mut held = stage
            .append(&[label()])
            .env(VARIABLE, steps.value())
            .spawn();
        held.close_stdin();
        steps.wait_reached(step);
        let ours = std::fs::read(lock_file(&stage)).expect("our lock file");
        let payload: Value = serde_json::from_slice(&ours).expect("its payload");

        let refused = openclaw
            .lock(stage.file(), TRIES_MS)
            .expect_err("it must not get the lock");
        assert!(refused.contains("session file locked"), "{refused}");
        assert!(
            refused.contains(&format!("pid={}", payload["pid"])),
            "{refused}"
        );
        assert_eq!(std::fs::read(lock_file(&stage)).expect("our lock"), ours);

        steps.release(step);
        held.wait().expect_success();
        assert!(!lock_file(&stage).exists(), "given back");
        assert_eq!(stage.inspect()["name"], "named by us");
        openclaw.lock(stage.file(), LONG_MS).expect("its lock");
        openclaw.unlock();
    }
    openclaw.close();
}

#[test]
fn openclaws_cleaning_of_a_folder_leaves_a_lock_that_a_guard_of_ours_holds() {
    let Some(mut openclaw) = Peers::or_skip(Peers::openclaw) else {
        return;
    };
    let stage = Stage::begun();
    let dir = stage.file().parent().expect("its folder").to_path_buf();
    let steps = StepDir::new();
    steps.hold("latch:granted");
    let mut held = stage
        .append(&[label()])
        .env(VARIABLE, steps.value())
        .spawn();
    held.close_stdin();
    steps.wait_reached("latch:granted");
    let ours = std::fs::read(lock_file(&stage)).expect("our lock file");
    let found = openclaw.clean_locks(&dir, None);
    assert_eq!(found[0]["staleReasons"], json!([]), "{found}");
    assert_eq!(found[0]["removed"], false, "{found}");
    assert_eq!(std::fs::read(lock_file(&stage)).expect("our lock"), ours);

    // The pid is what protects it: with that of our own process, it is taken for a stranger's.
    let payload = String::from_utf8(ours).expect("text");
    let fields: Value = serde_json::from_str(&payload).expect("its payload");
    let own = payload
        .replace(&fields["pid"].to_string(), &held.pid().to_string())
        .replace(&format!(",\n  \"starttime\": {}", fields["starttime"]), "");
    let exposed = dir.join("exposed.jsonl.lock");
    std::fs::write(&exposed, own).expect("a lock file with our own pid");
    let found = openclaw.clean_locks(&dir, None);
    assert_eq!(
        found[0]["staleReasons"],
        json!(["non-openclaw-owner"]),
        "{found}"
    );
    assert!(!exposed.exists() && lock_file(&stage).exists());

    // A lock that is old counts as dead for it though its owner lives; then we notice before we write.
    let before = std::fs::read(stage.file()).expect("the session");
    let found = openclaw.clean_locks(&dir, Some(1));
    assert_eq!(found[0]["staleReasons"], json!(["too-old"]), "{found}");
    assert!(!lock_file(&stage).exists());
    steps.release("latch:granted");
    let refused = held.wait().expect_refusal();
    assert!(refused.stdout.contains("peer removed"), "{refused}");
    assert_eq!(std::fs::read(stage.file()).expect("the session"), before);
    openclaw.close();
}
