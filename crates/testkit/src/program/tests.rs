//! Processes are run, heard, signalled and ended as promised; a shell stands in for the product.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

fn shell(home: &Home, script: &str) -> Invocation {
    home.program("sh", ["-c", script])
}

#[test]
fn a_program_sees_a_private_home_its_input_and_nothing_of_our_environment() {
    let home = Home::new();
    home.write("file", "content");
    let seen = shell(
        &home,
        "pwd; echo $HOME; cat file -; env | cut -d= -f1 | sort | tr '\\n' ' '",
    )
    .env("EXTRA", "1")
    .stdin("input\n")
    .run()
    .expect_success();
    let lines: Vec<&str> = seen.stdout.lines().collect();
    let cwd = home.cwd().canonicalize().unwrap();
    assert_eq!(lines[0], cwd.to_string_lossy());
    assert_eq!(lines[1], home.home().to_string_lossy());
    assert_eq!(lines[2], "contentinput");
    let own_of_the_shell = ["PWD", "OLDPWD", "SHLVL", "_"];
    let names: Vec<&str> = lines[3]
        .split_whitespace()
        .filter(|name| !own_of_the_shell.contains(name))
        .collect();
    assert_eq!(names, ["EXTRA", "HOME", "PATH", "TMPDIR"]);
}

#[test]
fn lines_come_as_they_are_written_while_the_program_waits() {
    let home = Home::new();
    let mut live = shell(
        &home,
        "echo one; read x; echo '{\"got\":\"'$x'\"}'; printf end",
    )
    .spawn();
    assert_eq!(live.next_line().as_deref(), Some("one"));
    assert!(live.is_running());
    live.send("word\n");
    let event = live.event_where("what it got", |event| event["got"].is_string());
    assert_eq!(event["got"], "word");
    assert_eq!(live.next_line().as_deref(), Some("end"));
    assert_eq!(live.next_line(), None);
    let all = live.wait().expect_success();
    assert_eq!(all.stdout, "one\n{\"got\":\"word\"}\nend");
}

#[test]
fn a_line_that_never_comes_fails_with_everything_that_was_written() {
    let home = Home::new();
    let mut live = shell(&home, "echo heard; echo seen >&2").spawn();
    let waited = catch_unwind(AssertUnwindSafe(|| live.line_where("the word", |_| false)));
    let words = *waited.unwrap_err().downcast::<String>().unwrap();
    assert!(
        words.contains("the word") && words.contains("heard"),
        "{words}"
    );
}

#[test]
fn signals_reach_the_program_and_its_end_is_told() {
    let home = Home::new();
    // Not SIGINT: a shell cannot trap what whoever started these tests in the background made it ignore.
    let script = "trap 'echo caught; exit 143' TERM; echo ready; while :; do sleep 0.01; done";
    let mut live = shell(&home, script).spawn();
    live.line_where("its start", |line| line == "ready");
    live.signal(Signal::TERM);
    let ended = live.wait().expect_code(143);
    assert!(ended.stdout.ends_with("caught\n"));

    let mut live = shell(&home, script).spawn();
    live.line_where("its start", |line| line == "ready");
    live.signal(Signal::STOP);
    let killed = live.kill();
    assert_eq!((killed.code(), killed.signal()), (None, Some(9)));
}

#[test]
fn a_dropped_program_is_killed_with_what_it_started() {
    let home = Home::new();
    let mut live = shell(&home, "sleep 1000 & echo $!; wait").spawn();
    let child: u32 = live.next_line().unwrap().parse().unwrap();
    drop(live);
    let alive = |pid| {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
    };
    crate::deadline::eventually("the end of its child", || (!alive(child)).then_some(()));
}

#[test]
fn a_refusal_is_a_code_and_a_sentence_and_no_panic() {
    let home = Home::new();
    let refuses = |script: &str| {
        let finished = shell(&home, script).run();
        catch_unwind(AssertUnwindSafe(|| finished.expect_refusal())).is_ok()
    };
    assert!(refuses("echo 'no such session' >&2; exit 2"));
    assert!(!refuses("echo fine"));
    assert!(!refuses("exit 2"));
    assert!(!refuses(
        "echo \"thread 'main' panicked at x\" >&2; exit 101"
    ));
    assert!(!refuses("echo dying >&2; kill -9 $$"));
}

#[test]
fn outputs_are_read_as_json() {
    let home = Home::new();
    let lines = shell(&home, "echo '{\"a\":1}'; echo '[2]'").run();
    assert_eq!(
        lines.json_lines(),
        [serde_json::json!({"a": 1}), serde_json::json!([2])]
    );
    assert_eq!(shell(&home, "echo '{\"a\":\n1}'").run().json()["a"], 1);
}

#[test]
fn more_output_than_a_pipe_holds_does_not_hang_the_program() {
    let home = Home::new();
    let flood = shell(
        &home,
        "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2",
    )
    .run();
    assert_eq!((flood.stdout.len(), flood.stderr.len()), (300_000, 300_000));
}
