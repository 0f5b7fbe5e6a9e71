//! Those who join one lock take turns, and the lock is not given back in the middle of one's write.

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::steps::StepDir;

use crate::bench::{Bench, assert_stays_before, exchange, until, user};

const BEFORE_WRITE: &str = "commit:before-write";
const TURN: &str = "joined:turn";

/// A joiner in the background of a script that obeys a directory of steps.
fn joiner(lines: &str, steps: &StepDir) -> String {
    format!(
        "LATCHWORK_STEPS={} \"$LW\" append ./talk.jsonl < {lines} > {lines}.out 2>&1 &",
        steps.value()
    )
}

#[test]
fn two_joiners_at_once_write_one_after_the_other() {
    let bench = Bench::begun();
    bench.lines("one", &exchange("one"));
    bench.lines("two", &exchange("two"));
    let (first, second) = (StepDir::new(), StepDir::new());
    first.hold(BEFORE_WRITE);
    second.hold(BEFORE_WRITE);
    let begin = until("second");
    let script = format!(
        "{} {begin}; {} wait",
        joiner("one", &first),
        joiner("two", &second)
    );
    let mut holder = bench.lock(&[], &script).spawn();
    first.wait_reached(BEFORE_WRITE);
    bench.flag("second");
    // The second is at work, and does not come to its write while the first is at its own.
    eventually("the second joiner", || second.traces().into_keys().next());
    assert_stays_before(&second, TURN, &mut holder);
    assert!(second.waiting_at(BEFORE_WRITE).is_empty());
    assert!(!second.traces().values().flatten().any(|step| step == TURN));
    first.release(BEFORE_WRITE);
    second.wait_reached(BEFORE_WRITE);
    assert_eq!(
        bench.report().count_user_text("one"),
        1,
        "the first has written"
    );
    second.release(BEFORE_WRITE);
    holder.wait().expect_success();
    assert_eq!(
        bench.report().texts_on_path("user"),
        ["hello", "one", "two"]
    );
    bench.report().assert_settled();
}

#[test]
fn many_joiners_lose_nothing_and_each_stands_once() {
    let bench = Bench::begun();
    let names: Vec<String> = (0..6).map(|number| format!("joiner{number}")).collect();
    for name in &names {
        let lines: Vec<_> = (0..5)
            .flat_map(|line| exchange(&format!("{name} {line}")))
            .collect();
        bench.lines(name, &lines);
    }
    let script: String = names
        .iter()
        .map(|name| format!("\"$LW\" append ./talk.jsonl < {name} || touch failed & "))
        .collect();
    bench
        .lock(&[], &format!("{script} wait"))
        .run()
        .expect_success();
    assert!(!bench.home.path("failed").exists());
    let report = bench.report();
    report.assert_settled();
    for text in names
        .iter()
        .flat_map(|name| (0..5).map(move |line| format!("{name} {line}")))
    {
        assert_eq!(report.count_user_text(&text), 1, "{text}");
    }
}

#[test]
fn the_lock_is_not_given_back_while_a_joiner_that_was_left_running_writes() {
    let bench = Bench::begun();
    bench.lines("left", &exchange("left"));
    let (joining, outside) = (StepDir::new(), StepDir::new());
    joining.hold(BEFORE_WRITE);
    let script = format!("{} {}", joiner("left", &joining), until("go"));
    let mut holder = bench.lock(&[], &script).spawn();
    joining.wait_reached(BEFORE_WRITE);
    bench.flag("go");
    let mut stranger = bench
        .append(&[user("outside")])
        .env("LATCHWORK_STEPS", outside.value())
        .spawn();
    stranger.close_stdin();
    assert_stays_before(&outside, "latch:taken", &mut stranger);
    assert!(
        holder.is_running(),
        "its command has ended, the joiner has not"
    );
    joining.release(BEFORE_WRITE);
    holder.wait().expect_success();
    stranger.wait().expect_success();
    assert_eq!(
        bench.report().texts_on_path("user"),
        ["hello", "left", "outside"]
    );
    bench.report().assert_sound();
}
