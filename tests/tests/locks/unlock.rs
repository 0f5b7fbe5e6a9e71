//! `latchwork unlock`: who holds a session, and ending nobody who is not proven to hold it.

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::program::Signal;
use latchwork_testkit::steps::{StepDir, VARIABLE};
use serde_json::{Value, json};

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
    forge(&bench, |note| {
        note["pid"] = innocent.pid().into();
        note["starttime"] = starttime.into();
    });
    let told = bench.unlock(&[]).expect_code(75);
    for word in [
        "the kernel does not name it".to_owned(),
        format!("by the kernel's word: process {}", holder.pid()),
    ] {
        assert!(told.stdout.contains(&word), "{word}: {told}");
    }
    let told = bench.unlock(&["--kill"]).expect_code(1);
    assert!(told.stderr.contains("nothing was ended"), "{told}");
    assert!(is_alive(innocent.pid()), "it holds nothing");
    assert!(
        is_alive(holder.pid()) && is_alive(command),
        "and who does is not written down"
    );
    end(holder.pid());
    end(command);
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

#[test]
fn programs_are_told_of_a_free_session_by_the_same_object_and_the_same_code() {
    let bench = Bench::begun();
    for flags in [&["--json"][..], &["--json", "--kill"]] {
        let told = bench.unlock(flags).expect_success();
        let nothing = json!({ "latch": null, "claim": null, "asked": null, "kill": null });
        assert_eq!(told.json(), nothing);
    }
}

#[test]
fn programs_are_told_who_holds_the_lock_since_when_who_shares_it_and_who_was_ended() {
    let bench = Bench::begun();
    let script = format!("touch up; {}", until("never"));
    let mut holder = bench.lock(&["--phase", "backup"], &script).spawn();
    bench.wait_for_flag("up");
    let told = bench.unlock(&["--json"]).expect_code(75).json();
    let latch = &told["latch"];
    assert_eq!(latch["holder"]["pid"], holder.pid(), "{told}");
    assert_eq!(latch["holder"]["phase"], "backup");
    assert_eq!(latch["holder"]["state"], "sleeping");
    let command = latch["holder"]["command"].as_str().unwrap();
    assert!(command.contains("lock ./talk.jsonl"), "{told}");
    assert!(latch["holder"]["host"].is_string());
    assert_is_moment(&latch["holder"]["since"]);
    assert!(
        latch["heldMs"].is_u64() && latch["doubt"].is_null(),
        "{told}"
    );
    assert!(latch["path"].as_str().unwrap().ends_with("talk.latch"));
    let heirs = latch["heirs"].as_array().unwrap();
    assert!(heirs[0]["command"].as_str().unwrap().starts_with("sh -c"));
    assert_eq!(latch["others"], json!([]));
    assert_eq!(
        (&told["claim"], &told["kill"]),
        (&json!(null), &json!(null))
    );

    let done = bench.unlock(&["--json", "--kill"]).expect_success().json();
    assert_eq!(done["latch"]["holder"]["pid"], holder.pid());
    assert_eq!(done["kill"]["of"], "latch");
    let ended = done["kill"]["ended"].as_array().unwrap();
    assert!(
        ended.iter().any(|ended| ended["pid"] == holder.pid()),
        "{done}"
    );
    assert!(done["kill"]["left"].is_null());
    eventually("its end", || (!holder.is_running()).then_some(()));
}

#[test]
fn a_held_time_grows_and_a_moment_that_is_none_is_not_told() {
    let bench = Bench::begun();
    let script = format!("touch up; {}", until("done"));
    let mut holder = bench.lock(&[], &script).spawn();
    bench.wait_for_flag("up");
    let look = || bench.unlock(&["--json"]).expect_code(75).json();
    let first = look()["latch"]["heldMs"].as_u64().unwrap();
    eventually("more time", || {
        (look()["latch"]["heldMs"].as_u64() > Some(first)).then_some(())
    });
    forge(&bench, |note| note["since"] = "\u{1b}[2J long ago\n".into());
    let told = look();
    assert!(told["latch"]["heldMs"].is_null(), "{told}");
    assert!(told["latch"]["holder"]["since"].is_null(), "{told}");
    bench.flag("done");
    eventually("its end", || (!holder.is_running()).then_some(()));
}

#[test]
fn a_holder_that_is_not_proven_is_told_with_the_reason_and_who_it_is_by_the_kernels_word() {
    let bench = Bench::begun();
    let script = format!("echo $$ > command; {}", until("never"));
    let holder = bench.lock(&[], &script).spawn();
    let command = bench.number("command");
    // No process has this number; and words that would steer a terminal.
    forge(&bench, |note| {
        note["pid"] = u32::MAX.into();
        note["host"] = "h\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\nturn: free".into();
    });
    let told = bench.unlock(&["--json"]).expect_code(75);
    let latch = &told.json()["latch"];
    assert_eq!(latch["doubt"]["kind"], "ended", "{told}");
    assert!(latch["doubt"]["words"].as_str().unwrap().contains("ended"));
    assert_eq!(latch["holder"]["pid"], u32::MAX);
    let pids: Vec<_> = latch["others"].as_array().unwrap().iter().collect();
    assert!(
        pids.iter().any(|other| other["pid"] == holder.pid()),
        "{told}"
    );

    let refused = bench.unlock(&["--json", "--kill"]).expect_code(1);
    assert!(refused.stderr.contains("nothing was ended"), "{refused}");
    let done = refused.json();
    assert_eq!(done["kill"]["ended"], json!([]));
    assert_eq!(done["kill"]["left"]["doubt"]["kind"], "ended", "{done}");
    assert!(is_alive(holder.pid()) && is_alive(command));

    let in_words = bench.unlock(&[]).expect_code(75);
    for told in [told, refused, in_words] {
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!told.stdout.chars().any(steers), "{told}");
        let claims = told
            .stdout
            .lines()
            .filter(|line| line.starts_with("turn: "));
        assert!(claims.count() <= 1, "no line is made up: {told}");
    }
    end(holder.pid());
    end(command);
}

/// Changes what the holder wrote down of itself, in place: the lock stays on the file.
fn forge(bench: &Bench, change: impl FnOnce(&mut Value)) {
    let note = std::fs::read_to_string(bench.latch()).unwrap();
    let mut note: Value = serde_json::from_str(note.lines().next().unwrap()).unwrap();
    change(&mut note);
    std::fs::write(bench.latch(), format!("{:<511}\n", note.to_string())).unwrap();
}

fn assert_is_moment(value: &Value) {
    let text = value.as_str().unwrap();
    assert!(
        text.len() == 24 && text.starts_with("20") && text.ends_with('Z'),
        "{text}"
    );
}
