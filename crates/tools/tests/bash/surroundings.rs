//! What a command finds around it: the working directory, a listed environment, no input, no descriptors of ours.

use std::collections::BTreeSet;

use latchwork_session::ToolStatus;
use serde_json::json;

use crate::common::{call, environment, every_bash, text, variable};

/// Cargo gives it to every test; no command may see it.
const CANARY: &str = "CARGO_MANIFEST_DIR";

/// What the shell sets by itself, and what we set.
const EXPECTED: [&str; 6] = ["PWD", "OLDPWD", "SHLVL", "_", "TMPDIR", "HOME"];

#[tokio::test]
async fn only_the_listed_environment_is_there() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        variable(CANARY).is_some(),
        "the canary must be there to be missed"
    );
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let outcome = call(
            &toolbox,
            "bash",
            json!({ "command": "env -0 | tr '\\0\\n' '\\n ' | cut -d= -f1" }),
        )
        .await;
        let body = text(&outcome)
            .trim_start_matches("[not sandboxed]\n")
            .trim_end_matches("[exit code 0]");
        let seen: BTreeSet<_> = body.lines().filter(|line| !line.is_empty()).collect();
        assert!(
            seen.contains("PATH") && seen.contains("TERM"),
            "{kind:?}: {seen:?}"
        );
        let listed = environment();
        let surplus: Vec<_> = seen
            .iter()
            .filter(|name| !listed.contains_key(**name) && !EXPECTED.contains(name))
            .collect();
        assert!(surplus.is_empty(), "{kind:?}: {surplus:?}");
    }
}

#[tokio::test]
async fn it_starts_in_the_working_directory_with_empty_input() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let outcome = call(
            &toolbox,
            "bash",
            json!({ "command": "pwd; cat; echo here > made" }),
        )
        .await;
        assert!(
            text(&outcome).contains(&format!("{}\n\n[exit code 0]", root.display())),
            "{kind:?}: {outcome:?}"
        );
        assert_eq!(
            std::fs::read_to_string(root.join("made")).unwrap(),
            "here\n"
        );
        std::fs::remove_file(root.join("made")).unwrap();
    }
}

#[tokio::test]
async fn its_temporary_directory_is_its_own_and_gone_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    for (kind, toolbox) in every_bash(dir.path(), |options| {
        options.bash.temporary = temporary.path().to_owned();
    }) {
        let command =
            "mkdir $TMPDIR/a && echo x > $TMPDIR/a/b && chmod 0700 $TMPDIR/a && stat -c %a $TMPDIR";
        let outcome = call(&toolbox, "bash", json!({ "command": command })).await;
        assert_eq!(outcome.status, ToolStatus::Ok, "{kind:?}: {outcome:?}");
        assert!(text(&outcome).contains("700\n"), "{kind:?}: {outcome:?}");
        assert_eq!(
            std::fs::read_dir(temporary.path()).unwrap().count(),
            0,
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn no_descriptor_of_ours_is_inherited() {
    let dir = tempfile::tempdir().unwrap();
    let list = "ls -1 /proc/self/fd";
    // What another child of this process gets is not our doing: cargo passes some on.
    let plain = std::process::Command::new("sh")
        .args(["-c", list])
        .output()
        .unwrap()
        .stdout;
    let plain = String::from_utf8(plain).unwrap();
    let mine = std::fs::read_dir("/proc/self/fd").unwrap().count();
    assert!(
        mine > plain.lines().count(),
        "there must be some to inherit"
    );
    for (kind, toolbox) in every_bash(dir.path(), |_| {}) {
        let outcome = call(&toolbox, "bash", json!({ "command": list })).await;
        let seen = text(&outcome)
            .trim_start_matches("[not sandboxed]\n")
            .trim_end_matches("\n[exit code 0]");
        assert_eq!(seen, plain, "{kind:?}");
    }
}
