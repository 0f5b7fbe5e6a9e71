//! What the command inherits: the lock lasts as long as the command though the program be killed, and no longer though the command
//! leave something running.

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::program::Signal;
use latchwork_testkit::steps::{StepDir, VARIABLE};
use serde_json::Value;

use crate::bench::{Bench, assert_stays_before, end, exchange, has_open, is_alive, until, user};

#[test]
fn killed_the_program_leaves_the_lock_to_its_command_and_a_writer_waits_for_that() {
    let bench = Bench::begun();
    let script = format!("touch up; {}; touch ended", until("go"));
    let mut holder = bench.lock(&[], &script).spawn();
    bench.wait_for_flag("up");
    holder.signal(Signal::KILL);
    eventually("its end", || (!holder.is_running()).then_some(()));
    assert!(!bench.is_free());
    let steps = StepDir::new();
    let writer = bench.append(&exchange("later"));
    let mut writer = writer.env(VARIABLE, steps.value()).spawn();
    writer.close_stdin();
    assert_stays_before(&steps, "latch:taken", &mut writer);
    assert_eq!(bench.report().count_user_text_anywhere("later"), 0);
    bench.flag("go");
    writer.wait().expect_success();
    assert!(bench.home.path("ended").exists(), "the command had ended");
    assert_eq!(bench.report().count_user_text("later"), 1);
    bench.report().assert_sound();
}

#[test]
fn killed_the_program_leaves_the_process_that_openclaw_respects_to_its_command() {
    let bench = Bench::begun();
    let script = format!(
        "touch up; {}; \"$LW\" append ./talk.jsonl < lines; touch done; {}",
        until("killed"),
        until("go")
    );
    bench.lines("lines", &exchange("joined"));
    let mut holder = bench.lock(&[], &script).spawn();
    bench.wait_for_flag("up");
    let payload = std::fs::read(bench.peers_lock()).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    let guardian = u32::try_from(payload["pid"].as_u64().unwrap()).unwrap();
    let command = std::fs::read_to_string(format!("/proc/{guardian}/cmdline")).unwrap();
    assert!(command.ends_with("\0openclaw\0"), "{command:?}");
    holder.signal(Signal::KILL);
    eventually("its end", || (!holder.is_running()).then_some(()));
    bench.flag("killed");
    // A joiner looks at the peers' file and at that process before it writes.
    bench.wait_for_flag("done");
    assert_eq!(bench.report().count_user_text("joined"), 1);
    assert!(is_alive(guardian));
    let still = std::fs::read(bench.peers_lock()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&still).unwrap(), payload);
    bench.flag("go");
    eventually("the guardian's end", || (!is_alive(guardian)).then_some(()));
    bench.append(&[user("next")]).run().expect_success();
    assert!(!bench.peers_lock().exists());
}

#[test]
fn a_guardian_that_ended_is_noticed_by_a_joiner_before_it_writes() {
    let bench = Bench::begun();
    let script = format!(
        "touch up; {}; \"$LW\" append ./talk.jsonl < lines",
        until("go")
    );
    bench.lines("lines", &exchange("unguarded"));
    let holder = bench.lock(&[], &script).spawn();
    bench.wait_for_flag("up");
    let payload = std::fs::read(bench.peers_lock()).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    end(u32::try_from(payload["pid"].as_u64().unwrap()).unwrap());
    bench.flag("go");
    let told = holder.wait().expect_code(1);
    assert!(
        told.stdout.contains("the lock file names for us has ended"),
        "{told}"
    );
    assert_eq!(bench.report().count_user_text_anywhere("unguarded"), 0);
}

#[test]
fn what_the_command_leaves_running_does_not_keep_the_lock() {
    let bench = Bench::begun();
    let script = "sleep 300 > /dev/null 2>&1 < /dev/null & echo $! > left";
    bench.lock(&[], script).run().expect_success();
    let left = bench.number("left");
    assert!(
        is_alive(left) && has_open(left, &bench.latch()),
        "it has a copy of the lock"
    );
    assert!(bench.is_free());
    bench.append(&[user("next")]).run().expect_success();
    end(left);
}

#[test]
fn what_is_left_running_and_writes_later_takes_a_lock_of_its_own() {
    let bench = Bench::begun();
    bench.lines("lines", &exchange("left behind"));
    let script = format!(
        "({}; \"$LW\" append ./talk.jsonl < lines; touch appended; {}) > out 2> err < /dev/null & echo $! > left",
        until("go"),
        until("never")
    );
    bench.lock(&[], &script).run().expect_success();
    bench.flag("go");
    bench.wait_for_flag("appended");
    let left = bench.number("left");
    assert!(
        is_alive(left) && has_open(left, &bench.latch()),
        "it has a copy of the old lock"
    );
    let err = std::fs::read_to_string(bench.home.path("err")).unwrap();
    assert_eq!(bench.report().count_user_text("left behind"), 1, "{err}");
    assert!(bench.is_free(), "the old copy was not locked anew");
    end(left);
}
