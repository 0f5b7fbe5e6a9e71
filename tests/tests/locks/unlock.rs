//! `latchwork unlock`: who holds a session, and ending nobody who is not proven to hold it.

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::program::Signal;
use latchwork_testkit::steps::{StepDir, VARIABLE};

use crate::bench::{Bench, end, exchange, is_alive, until, user};

#[test]
fn a_free_session_is_told_to_be_free_and_nobody_is_ended() {
    let bench = Bench::begun();
    for flags in [&[][..], &["--kill"]] {
        let told = bench.unlock(flags).expect_success();
        assert_eq!(told.stdout, "lock: free\nturn: free\n");
    }
    let empty = Bench::empty();
    empty.unlock(&["--kill"]).expect_success();
}

#[test]
fn the_holder_is_shown_with_its_state_command_and_phase_and_ended_if_that_is_asked_for() {
    let bench = Bench::begun();
    let script = format!("touch up; {}", until("never"));
    let mut holder = bench.lock(&["--phase", "backup"], &script).spawn();
    bench.wait_for_flag("up");
    let told = bench.unlock(&[]).expect_code(75);
    let process = format!("lock: held by process {} on ", holder.pid());
    for word in [
        &process,
        "lock ./talk.jsonl --phase backup",
        ", state S",
        ", in phase backup, since 20",
        "shared by inheritance: process ",
        "turn: free",
    ] {
        assert!(told.stdout.contains(word), "{word}: {told}");
    }
    let done = bench.unlock(&["--kill"]).expect_success();
    assert!(done.stdout.contains("nobody holds it any more"), "{done}");
    eventually("its end", || (!holder.is_running()).then_some(()));
    assert!(bench.is_free());
}

#[test]
fn a_frozen_holder_is_named_with_its_state_and_ended_and_the_next_in_line_is_left_alone() {
    let bench = Bench::begun();
    let (held, next) = (StepDir::new(), StepDir::new());
    held.hold("commit:before-write");
    let frozen = bench.append(&exchange("never")).env(VARIABLE, held.value());
    let mut frozen = frozen.spawn();
    held.wait_reached("commit:before-write");
    frozen.signal(Signal::STOP);
    next.hold("commit:before-write");
    let waiting = bench.append(&[user("next")]).env(VARIABLE, next.value());
    let mut waiting = waiting.spawn();
    waiting.close_stdin();
    eventually("the waiter", || next.trace(waiting.pid()).first().cloned());
    let told = bench.unlock(&[]).expect_code(75);
    assert!(told.stdout.contains("(stopped)"), "{told}");
    let done = bench.unlock(&["--kill"]).expect_success();
    assert!(
        done.stdout
            .contains(&format!("ended process {}", frozen.pid())),
        "{done}"
    );
    assert!(
        !done
            .stdout
            .contains(&format!("ended process {}", waiting.pid())),
        "{done}"
    );
    eventually("its end", || (!frozen.is_running()).then_some(()));
    next.wait_reached("commit:before-write");
    next.release("commit:before-write");
    waiting.wait().expect_success();
    bench.report().assert_sound();
}

#[test]
fn after_the_program_was_killed_those_who_have_its_lock_are_named_and_may_be_ended() {
    let bench = Bench::begun();
    let script = format!("echo $$ > command; {}", until("never"));
    let mut holder = bench.lock(&[], &script).spawn();
    let command = bench.number("command");
    holder.signal(Signal::KILL);
    eventually("its end", || (!holder.is_running()).then_some(()));
    let told = bench.unlock(&[]).expect_code(75);
    for word in [
        format!("lock: held by process {} on ", holder.pid()),
        "it has ended, and left the lock to others".to_owned(),
        format!("shared by inheritance: process {command}, sh -c"),
    ] {
        assert!(told.stdout.contains(&word), "{word}: {told}");
    }
    let done = bench.unlock(&["--kill"]).expect_success();
    assert!(
        done.stdout.contains(&format!("ended process {command}")),
        "{done}"
    );
    assert!(!is_alive(command) && bench.is_free());
}

#[test]
fn a_process_that_is_only_named_in_the_note_is_never_ended() {
    let bench = Bench::begun();
    let script = format!("echo $$ > command; {}", until("never"));
    let holder = bench.lock(&[], &script).spawn();
    let command = bench.number("command");
    // An innocent process in the place of the holder: right in everything but the lock.
    let innocent = bench.home.program("sleep", ["300"]).spawn();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", innocent.pid())).unwrap();
    let starttime: u64 = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .nth(19)
        .unwrap()
        .parse()
        .unwrap();
    let note = std::fs::read_to_string(bench.latch()).unwrap();
    let mut note: serde_json::Value = serde_json::from_str(note.lines().next().unwrap()).unwrap();
    note["pid"] = innocent.pid().into();
    note["starttime"] = starttime.into();
    std::fs::write(bench.latch(), format!("{:<511}\n", note.to_string())).unwrap();
    let told = bench.unlock(&[]).expect_code(75);
    assert!(
        told.stdout.contains("the kernel does not name it"),
        "{told}"
    );
    let done = bench.unlock(&["--kill"]).expect_success();
    assert!(
        !done
            .stdout
            .contains(&format!("ended process {}", innocent.pid())),
        "{done}"
    );
    assert!(is_alive(innocent.pid()), "it holds nothing");
    assert!(
        !is_alive(holder.pid()) && !is_alive(command),
        "those who do were proven by their descriptors"
    );
    end(innocent.pid());
}

#[test]
fn a_turn_that_is_under_way_is_shown_and_its_process_ended_if_nobody_writes() {
    let bench = Bench::begun();
    let steps = StepDir::new();
    steps.hold("claim:free");
    let gate = latchwork_testkit::endpoint::Gate::new();
    let endpoint = latchwork_testkit::endpoint::Endpoint::start();
    endpoint.push(latchwork_testkit::endpoint::Reply::text("late").held(&gate));
    let run = bench.home.latchwork([
        "run",
        "--file",
        "./talk.jsonl",
        "--model",
        "openai/m",
        "question",
    ]);
    let mut run = run.endpoint(&endpoint).spawn();
    gate.wait_reached();
    let told = bench.unlock(&[]).expect_code(75);
    assert!(told.stdout.contains("lock: free"), "{told}");
    assert!(
        told.stdout
            .contains(&format!("turn: held by process {}", run.pid())),
        "{told}"
    );
    bench.unlock(&["--kill"]).expect_success();
    eventually("its end", || (!run.is_running()).then_some(()));
    gate.open();
    assert_eq!(
        bench.unlock(&[]).expect_success().stdout,
        "lock: free\nturn: free\n"
    );
}
