//! What is shown of a session: its facts, its tree, its end.

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::program::Signal;

use super::{Kept, WORDS};

#[test]
fn what_is_known_of_a_session_is_shown_without_its_secrets_reaching_a_terminal_as_they_are() {
    let kept = Kept::with("main");
    kept.run("fork main one").expect_success();
    kept.append("main", "\u{1b}[2Jred").expect_success();
    let shown = kept.run("sessions show main").expect_success();
    for part in ["session   main", WORDS, "branches", "fork      one"] {
        assert!(shown.stdout.contains(part), "{part}: {shown}");
    }
    let facts = kept.run("sessions show one --json").expect_success().json();
    assert!(
        facts["parent"].as_str().unwrap().ends_with("main.jsonl"),
        "{facts}"
    );
    let tree = kept.run("tree main").expect_success();
    assert_eq!(
        tree.stdout,
        kept.run("show main --tree").expect_success().stdout
    );
    assert!(
        !kept
            .run("tail main")
            .expect_success()
            .stdout
            .contains('\u{1b}')
    );
    kept.run("sessions show nobody").expect_code(1);
    kept.run("tail nobody").expect_code(1);
}

#[test]
fn a_tail_shows_the_last_entries_follows_what_is_added_and_ends_with_the_signal() {
    let kept = Kept::with("main");
    kept.append("main", "second").expect_success();
    let last = kept
        .run("tail -n 1 main --json")
        .expect_success()
        .json_lines();
    assert_eq!(last.len(), 1);
    assert!(last[0].to_string().contains("second"));
    let mut following = kept
        .home
        .latchwork(["tail", "-n", "1", "-f", "main"])
        .spawn();
    following.line_where("what was last", |line| line.contains("second"));
    kept.append("main", "third").expect_success();
    following.line_where("what is new", |line| line.contains("third"));
    // One that is archived, and then one that begins anew at its place.
    kept.run("sessions archive main").expect_success();
    eventually("it is told that it is gone", || {
        let told = following.stderr_so_far();
        told.contains("not there any more").then_some(())
    });
    kept.append("main", "another beginning").expect_success();
    following.line_where("the new one", |line| line.contains("another beginning"));
    following.signal(Signal::TERM);
    following.wait().expect_code(143);
}
