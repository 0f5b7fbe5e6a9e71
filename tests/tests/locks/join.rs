//! A `latchwork` inside the command joins the lock instead of waiting for itself.

use latchwork_testkit::program::{Invocation, latchwork};

use crate::bench::{Bench, exchange, until, user};

#[test]
fn everything_that_writes_may_be_used_inside_the_command() {
    let bench = Bench::begun();
    bench.lines("lines", &exchange("inside"));
    let root = bench.report().active_path().first().unwrap().to_string();
    let script = format!(
        "set -e
        \"$LW\" append ./talk.jsonl < lines
        \"$LW\" rewind ./talk.jsonl {root} --why inside
        \"$LW\" run --file ./talk.jsonl --model replay:recorded.jsonl again
        \"$LW\" show ./talk.jsonl > shown"
    );
    std::fs::copy(bench.talk(), bench.home.path("recorded.jsonl")).unwrap();
    let done = bench.lock(&[], &script).run().expect_success();
    assert!(!done.stderr.contains("warning"), "{done}");
    let report = bench.report();
    report.assert_settled();
    assert_eq!(report.count_user_text_anywhere("inside"), 1);
    assert_eq!(report.count_user_text("again"), 1);
    let shown = std::fs::read_to_string(bench.home.path("shown")).unwrap();
    assert!(shown.contains("being written by process"), "{shown}");
    assert!(bench.is_free());
}

#[test]
fn a_joiner_leaves_the_lock_to_the_command_when_it_ends() {
    let bench = Bench::begun();
    bench.lines("lines", &exchange("inside"));
    let script = format!(
        "\"$LW\" append ./talk.jsonl < lines; touch joined; {}",
        until("go")
    );
    let holder = bench.lock(&[], &script).spawn();
    bench.wait_for_flag("joined");
    assert_eq!(bench.report().count_user_text("inside"), 1);
    assert!(!bench.is_free() && bench.peers_lock().exists());
    bench.flag("go");
    holder.wait().expect_success();
    assert!(bench.is_free() && !bench.peers_lock().exists());
}

#[test]
fn a_lock_inside_a_lock_joins_it_and_so_does_what_runs_inside_that() {
    let bench = Bench::begun();
    for name in ["outer", "inner", "innermost", "after"] {
        bench.lines(name, &exchange(name));
    }
    let script = "set -e
        \"$LW\" append ./talk.jsonl < outer
        \"$LW\" lock ./talk.jsonl --phase inner -- sh -c '
            set -e
            \"$LW\" append ./talk.jsonl < inner
            \"$LW\" lock ./talk.jsonl -- sh -c \"exec \\\"$LW\\\" append ./talk.jsonl < innermost\"'
        \"$LW\" append ./talk.jsonl < after";
    let done = bench.lock(&[], script).run().expect_success();
    assert_eq!(done.stderr, "");
    let texts = bench.report().texts_on_path("user");
    assert_eq!(texts, ["hello", "outer", "inner", "innermost", "after"]);
    bench.report().assert_settled();
    assert!(bench.is_free());
}

#[test]
fn a_lock_on_another_session_is_its_own_and_the_first_may_be_joined_through_it() {
    let bench = Bench::begun();
    bench.lines("lines", &exchange("through"));
    let script = "set -e
        \"$LW\" append ./other.jsonl < lines
        \"$LW\" lock ./other.jsonl -- sh -c '
            set -e
            \"$LW\" append ./talk.jsonl < lines
            \"$LW\" append ./other.jsonl < more'";
    bench.lines("more", &[user("more")]);
    let done = bench.lock(&[], script).run().expect_success();
    assert_eq!(done.stderr, "");
    assert_eq!(bench.report().count_user_text("through"), 1);
    let other = latchwork_testkit::verify::Report::read(bench.home.path("other.jsonl"));
    assert_eq!(other.texts_on_path("user"), ["through", "more"]);
}

#[test]
fn a_transcript_that_is_born_or_replaced_inside_the_command_is_written_on() {
    let bench = Bench::empty();
    bench.lines("one", &exchange("one"));
    bench.lines("two", &exchange("two"));
    let script = "set -e; \"$LW\" append ./talk.jsonl < one; \"$LW\" append ./talk.jsonl < two";
    bench.lock(&[], script).run().expect_success();
    assert_eq!(bench.report().texts_on_path("user"), ["one", "two"]);
    bench.report().assert_settled();

    // An old version is brought up to date by its first writer, in a new file.
    let old = Bench::empty();
    let version_1 = concat!(
        r#"{"type":"session","id":"old","timestamp":"2025-01-01T00:00:00.000Z","cwd":"/"}"#,
        "\n",
        r#"{"type":"message","timestamp":"2025-01-01T00:00:00.000Z","message":{"role":"user","content":"before"}}"#,
        "\n",
        r#"{"type":"message","timestamp":"2025-01-01T00:00:00.000Z","message":{"role":"assistant","content":[{"type":"text","text":"yes"}],"stopReason":"stop"}}"#,
        "\n",
    );
    old.home.write("talk.jsonl", version_1);
    old.lines("one", &exchange("one"));
    old.lines("two", &exchange("two"));
    old.lock(&[], script).run().expect_success();
    let report = old.report();
    assert_eq!(report.header["version"], 3);
    assert_eq!(report.texts_on_path("user"), ["before", "one", "two"]);
    report.assert_settled();
}

#[test]
fn with_the_sidecars_deleted_inside_the_command_nobody_writes_until_it_has_ended() {
    let bench = Bench::begun();
    bench.lines("lines", &exchange("inside"));
    bench.lines("first", &exchange("first"));
    let script = format!(
        "\"$LW\" append ./talk.jsonl < first; rm -r .latchwork; \"$LW\" append ./talk.jsonl < lines > out; touch tried; {}",
        until("go")
    );
    let timeout = |invocation: Invocation| invocation.env("LATCHWORK_ACQUIRE_TIMEOUT_MS", "200");
    let holder = timeout(bench.lock(&[], &script)).spawn();
    bench.wait_for_flag("tried");
    let told = timeout(bench.append(&exchange("outside")))
        .run()
        .expect_code(1);
    assert!(told.stdout.contains("is busy: its transcript"), "{told}");
    let inside = std::fs::read_to_string(bench.home.path("out")).unwrap();
    assert!(inside.contains("is busy: its transcript"), "{inside}");
    assert_eq!(bench.report().texts_on_path("user"), ["hello", "first"]);
    bench.flag("go");
    holder.wait().expect_success();
    bench.append(&exchange("after")).run().expect_success();
    bench.report().assert_sound();
}

#[test]
fn what_cannot_be_joined_is_passed_over_with_a_warning_and_other_sessions_do_not_mind() {
    let bench = Bench::begun();
    let old = r#"{"version":1,"locks":[{"session":"talk","folder":{"dev":1,"ino":1},"rungs":[{"nonce":"n","file":{"fd":77,"dev":1,"ino":1}}]}]}"#;
    for (number, value) in ["", "rubbish", "{\"version\":9,\"locks\":[]}", old]
        .into_iter()
        .enumerate()
    {
        let text = format!("text {number}");
        let done = bench.append(&exchange(&text)).env("LATCHWORK_LOCK", value);
        let done = done.run().expect_success();
        assert_eq!(
            done.stderr.contains("LATCHWORK_LOCK"),
            !value.is_empty(),
            "{done}"
        );
        assert_eq!(bench.report().count_user_text(&text), 1);
    }
}

#[test]
fn a_program_that_closes_descriptors_in_between_is_named_and_nothing_hangs() {
    let bench = Bench::begun();
    bench.lines("lines", &exchange("closed"));
    // As a program does that keeps the variable and closes what it does not know.
    let script = "exec 40>&- 41>&- 42>&- 43>&-; exec \"$LW\" append ./talk.jsonl < lines";
    let bash = ["lock", "./talk.jsonl", "--", "bash", "-c", script];
    let done = bench.home.latchwork(bash).env("LW", latchwork());
    let done = done.env("LATCHWORK_ACQUIRE_TIMEOUT_MS", "100").run();
    let done = done.expect_code(1);
    assert!(done.stderr.contains("close_fds=False"), "{done}");
    assert!(done.stdout.contains("is busy"), "{done}");
    assert!(bench.is_free());
}
