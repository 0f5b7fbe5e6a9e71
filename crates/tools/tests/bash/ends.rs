//! However a call ends, so does all that it started.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use latchwork_session::ToolStatus;
use latchwork_tools::{SandboxKind, Toolbox};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::common::{Life, call, call_with, details, every_bash, text, variable};

/// A child, its child in the background, and one that waits: all hold the sign of life.
const FAMILY: &str = "exec 9>life; (sleep 600; true) & echo printed; echo up >&9; sleep 600; true";

#[tokio::test]
async fn the_time_limit_ends_grandchildren_too() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let life = Life::watch(dir.path());
        let outcome = call(
            &toolbox,
            "bash",
            json!({ "command": FAMILY, "timeout": 1.5 }),
        )
        .await;
        assert_eq!(
            (outcome.status, &details(&outcome)["timedOut"]),
            (ToolStatus::Error, &json!(true)),
            "{kind:?}"
        );
        assert!(text(&outcome).contains("printed"), "{kind:?}: {outcome:?}");
        assert!(
            text(&outcome).contains("time limit of 1.500 s reached"),
            "{kind:?}: {outcome:?}"
        );
        life.is_up();
        life.is_over();
    }
}

#[tokio::test]
async fn a_command_that_will_not_end_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |options| options.bash.grace_ms = 200) {
        let life = Life::watch(dir.path());
        let command = "trap '' TERM INT HUP; exec 9>life; echo up >&9; while :; do sleep 1; done";
        let outcome = call(
            &toolbox,
            "bash",
            json!({ "command": command, "timeout": 1.0 }),
        )
        .await;
        assert_eq!(outcome.status, ToolStatus::Error, "{kind:?}: {outcome:?}");
        if kind != SandboxKind::Bubblewrap {
            assert_eq!(details(&outcome)["signal"], 9, "{kind:?}: {outcome:?}");
        }
        life.is_up();
        life.is_over();
    }
}

#[tokio::test]
async fn a_command_may_end_in_good_order_when_it_is_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |options| options.bash.grace_ms = 60_000) {
        let command =
            "trap 'echo in good order; exit 7' TERM; echo ready; while :; do sleep 0.1; done";
        let outcome = call(
            &toolbox,
            "bash",
            json!({ "command": command, "timeout": 1.5 }),
        )
        .await;
        if kind != SandboxKind::Bubblewrap {
            assert!(
                text(&outcome).contains("in good order"),
                "{kind:?}: {outcome:?}"
            );
            assert_eq!(details(&outcome)["exitCode"], 7);
        }
        assert_eq!(outcome.status, ToolStatus::Error);
    }
}

#[tokio::test]
async fn cancelling_gives_what_was_printed_and_ends_everything() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let life = Life::watch(dir.path());
        let cancel = CancellationToken::new();
        let running = call_with(
            &toolbox,
            "bash",
            json!({ "command": FAMILY }),
            cancel.clone(),
        );
        let cancelling = async {
            let life = life.up().await;
            cancel.cancel();
            life
        };
        let (outcome, life) = tokio::join!(running, cancelling);
        assert_eq!(outcome.status, ToolStatus::Aborted, "{kind:?}");
        assert!(
            text(&outcome).contains("printed") && text(&outcome).contains("[interrupted"),
            "{kind:?}: {outcome:?}"
        );
        life.is_over();
    }
}

#[tokio::test]
async fn dropping_the_future_ends_everything() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let life = Life::watch(dir.path());
        let life = tokio::select! {
            outcome = call(&toolbox, "bash", json!({ "command": FAMILY })) => panic!("{kind:?}: {outcome:?}"),
            life = life.up() => life,
        };
        life.is_over();
    }
}

#[tokio::test]
async fn a_future_dropped_at_any_moment_of_the_start_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let temporary = dir.path().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    for (_, toolbox) in every_bash(dir.path(), |options| {
        options.bash.temporary = temporary.clone();
    }) {
        for polls in 0..40 {
            let mut running = Box::pin(call(
                &toolbox,
                "bash",
                json!({ "command": "exec sleep 600" }),
            ));
            for _ in 0..polls {
                let once = std::future::poll_fn(|context| {
                    std::task::Poll::Ready(running.as_mut().poll(context).is_ready())
                });
                assert!(!once.await);
                tokio::task::yield_now().await;
            }
        }
        // The keeper removes the private directory when the command and its group are gone.
        crate::common::eventually("an empty temporary directory", || {
            std::fs::read_dir(&temporary).unwrap().next().is_none()
        });
    }
}

#[tokio::test]
async fn what_is_left_in_the_background_ends_with_the_command() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let life = Life::watch(dir.path());
        let command = "exec 9>life; sleep 600 & echo up >&9; echo done";
        let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
        assert_eq!(
            (outcome.status, text(&outcome)),
            (ToolStatus::Ok, expected(kind, "done\n").as_str())
        );
        life.is_up();
        life.is_over();
    }
}

#[tokio::test]
async fn who_leaves_the_group_does_not_hold_the_call_and_ends_with_it_in_bubblewrap() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let life = Life::watch(dir.path());
        let command = "exec 9>life; setsid sh -c 'echo $$ > pid; echo up >&9; exec sleep 600' & while ! [ -s pid ]; do sleep 0.1; done";
        let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
        assert_eq!(outcome.status, ToolStatus::Ok, "{kind:?}: {outcome:?}");
        life.is_up();
        if kind != SandboxKind::Bubblewrap {
            // The limit that the README names: it lives. End it, so that the test leaves nothing either.
            let pid = std::fs::read_to_string(dir.path().join("pid"))
                .unwrap()
                .trim()
                .parse()
                .unwrap();
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        life.is_over();
        std::fs::remove_file(dir.path().join("pid")).unwrap();
    }
}

/// Set to the working directory, this test is the process that will be killed.
const VICTIM: &str = "LATCHWORK_TOOLS_TEST_VICTIM";

#[tokio::test]
async fn a_command_ends_when_our_process_is_killed() {
    let kinds = [
        SandboxKind::Bubblewrap,
        SandboxKind::Landlock,
        SandboxKind::Any,
    ];
    if let Some(what) = variable(VICTIM) {
        let (kind, root) = what.split_once('=').unwrap();
        let root = std::path::Path::new(root);
        // What a killed process cannot remove lies where the test that killed it does.
        let all = every_bash(root, |options| root.clone_into(&mut options.bash.temporary));
        let (_, toolbox) = all
            .into_iter()
            .find(|(there, _)| format!("{there:?}") == kind)
            .unwrap();
        let outcome = call(&toolbox, "bash", json!({ "command": FAMILY })).await;
        panic!("not killed: {outcome:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let here: Vec<_> = every_bash(dir.path(), |_| {})
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    for kind in kinds.into_iter().filter(|kind| here.contains(kind)) {
        let life = Life::watch(dir.path());
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "ends::a_command_ends_when_our_process_is_killed",
                "--nocapture",
            ])
            .env(VICTIM, format!("{kind:?}={}", dir.path().display()))
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let life = life.up().await;
        victim.kill().unwrap();
        victim.wait().unwrap();
        life.is_over();
    }
}

#[tokio::test]
async fn calls_at_the_same_time_do_not_hold_each_other() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let one = async |number: u32| {
            let command = format!("sleep 0.{}; echo {number}", number % 3);
            let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
            assert_eq!(text(&outcome), expected(kind, &format!("{number}\n")));
        };
        tokio::join!(one(1), one(2), one(3), one(4));
    }
}

/// The outcome of a command that ended well.
fn expected(kind: SandboxKind, printed: &str) -> String {
    let note = if kind == SandboxKind::Any {
        "[not sandboxed]\n"
    } else {
        ""
    };
    format!("{note}{printed}\n[exit code 0]")
}

#[test]
fn a_toolbox_and_its_calls_can_be_sent_to_other_threads() {
    fn sendable<T: Send>(_: &T) {}
    fn shared<T: Send + Sync>() {}
    shared::<Toolbox>();
    let dir = tempfile::tempdir().unwrap();
    for (_, toolbox) in every_bash(dir.path(), |_| {}) {
        sendable(&call(&toolbox, "bash", json!({})));
    }
}
