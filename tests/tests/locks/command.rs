//! `latchwork lock` as a program: its exit codes, what it says when the session is busy, signals.

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::program::{Finished, Signal, latchwork};

use crate::bench::{Bench, until, user};

fn run(bench: &Bench, command: &[&str]) -> Finished {
    let mut args = vec!["lock", "./talk.jsonl", "--"];
    args.extend(command);
    bench.home.latchwork(args).run()
}

#[test]
fn it_ends_as_its_command_did_and_says_what_cannot_be_run() {
    let bench = Bench::begun();
    for code in [0, 1, 7, 75, 255] {
        let script = format!("exit {code}");
        run(&bench, &["sh", "-c", &script]).expect_code(code);
    }
    run(&bench, &["sh", "-c", "kill -TERM $$"]).expect_code(128 + 15);
    run(&bench, &["sh", "-c", "kill -KILL $$"]).expect_code(128 + 9);
    let missing = run(&bench, &["./no-such-program"]).expect_code(127);
    assert!(missing.stderr.contains("no-such-program"), "{missing}");
    let data = bench.home.write("data", "no program");
    let denied = run(&bench, &[data.to_str().unwrap()]).expect_code(126);
    assert!(denied.stderr.contains("data"), "{denied}");
    assert!(bench.is_free(), "whatever came of the command");
}

#[test]
fn input_outputs_and_arguments_are_the_commands_own_and_no_shell_reads_them() {
    let bench = Bench::begun();
    let args = ["lock", "./talk.jsonl", "--", "cat", "-", "./$HOME *"];
    let done = bench.home.latchwork(args).stdin("from the input\n").run();
    let done = done.expect_code(1);
    assert_eq!(done.stdout, "from the input\n");
    assert!(done.stderr.contains("$HOME *"), "{done}");
}

#[test]
fn a_busy_session_is_75_with_who_holds_it_and_the_command_is_not_run() {
    let bench = Bench::begun();
    let script = format!("touch up; {}", until("go"));
    let holder = bench.lock(&["--phase", "backup"], &script).spawn();
    bench.wait_for_flag("up");
    for wait in ["0", "50ms"] {
        let told = bench.lock(&["--wait", wait], "touch ran").run();
        let told = told.expect_code(75);
        let process = format!("process {}", holder.pid());
        for word in [
            "session talk is busy",
            &process,
            "in phase backup",
            "waited",
        ] {
            assert!(told.stderr.contains(word), "{word}: {told}");
        }
    }
    // The setting is the wait of those who name none.
    let told = bench.lock(&[], "touch ran");
    let told = told.env("LATCHWORK_ACQUIRE_TIMEOUT_MS", "50").run();
    told.expect_code(75);
    assert!(!bench.home.path("ran").exists());
    bench.flag("go");
    holder.wait().expect_success();
    assert!(bench.is_free());
}

#[test]
fn a_writer_outside_waits_for_the_end_of_the_command() {
    let bench = Bench::begun();
    let script = format!("touch up; {}; touch ended", until("go"));
    let holder = bench.lock(&[], &script).spawn();
    bench.wait_for_flag("up");
    let mut writer = bench.append(&[user("later")]).spawn();
    writer.close_stdin();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(writer.is_running());
    assert_eq!(bench.report().count_user_text_anywhere("later"), 0);
    bench.flag("go");
    writer.wait().expect_success();
    assert!(bench.home.path("ended").exists());
    holder.wait().expect_success();
    bench.report().assert_sound();
}

#[test]
fn it_may_take_longer_than_any_other_hold() {
    let bench = Bench::begun();
    bench.settings("[store.locks]\nmax_hold_ms = 1000\n[turn]\nclose_limit_ms = 1000\n");
    let script = format!("sleep 1.5; touch slept; {}", until("go"));
    let holder = bench.lock(&[], &script).spawn();
    bench.wait_for_flag("slept");
    assert!(!bench.is_free());
    bench.flag("go");
    let done = holder.wait().expect_success();
    assert_eq!(done.stderr, "", "the setting is understood");
}

#[test]
fn signals_to_the_program_alone_are_passed_on_and_its_end_is_the_commands() {
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
    ] {
        let bench = Bench::begun();
        let script = format!(
            "trap 'touch got; exit 3' {name}; touch up; {}",
            until("never")
        );
        let mut holder = bench.lock(&[], &script).spawn();
        bench.wait_for_flag("up");
        holder.signal(signal);
        holder.wait().expect_code(3);
        assert!(bench.home.path("got").exists(), "{name}");
        assert!(bench.is_free());
    }
}

#[test]
fn a_command_that_takes_its_time_to_end_keeps_the_lock_until_then() {
    let bench = Bench::begun();
    let script = format!(
        "trap 'touch got; {}; exit 4' TERM; touch up; {}",
        until("go"),
        until("never")
    );
    let mut holder = bench.lock(&[], &script).spawn();
    bench.wait_for_flag("up");
    holder.signal(Signal::TERM);
    bench.wait_for_flag("got");
    assert!(!bench.is_free() && holder.is_running());
    bench.flag("go");
    holder.wait().expect_code(4);
    eventually("a free lock", || bench.is_free().then_some(()));
}

#[test]
fn at_a_terminal_an_interrupt_reaches_the_command_once() {
    let bench = Bench::begun();
    let command =
        "trap 'echo got >> got' INT; touch up; while [ ! -e go ]; do sleep 0.02; done; exit 5";
    bench.home.write("command.sh", command);
    // script(1) runs it at a terminal of its own and types what it reads.
    let line = format!(
        "exec {} lock ./talk.jsonl -- sh command.sh",
        latchwork().display()
    );
    let terminal = ["-qec", &line, "/dev/null"];
    let mut terminal = bench.home.program("script", terminal).spawn();
    bench.wait_for_flag("up");
    terminal.send([3]);
    bench.wait_for_flag("got");
    // A second one, passed on, would be on its way by now.
    std::thread::sleep(std::time::Duration::from_millis(300));
    bench.flag("go");
    terminal.wait().expect_code(5);
    let got = std::fs::read_to_string(bench.home.path("got")).unwrap();
    assert_eq!(got, "got\n");
}
