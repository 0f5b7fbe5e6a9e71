//! `run`: what is shown of a turn, and how it ends.

use std::io::{BufReader, Read};
use std::process::Command;

use crate::bench::{Bench, finish};

#[test]
fn the_answer_stands_on_standard_output_and_everything_else_beside_it() {
    let bench = Bench::new();
    let done = bench.begun();
    assert_eq!(done.stdout, "Hello yourself.\n");
    assert!(
        done.stderr.contains("session main: saved (synced)") && done.stderr.contains("guard held"),
        "{}",
        done.stderr
    );
    assert!(
        !done.stderr.contains('\x1b'),
        "no colours where there is no terminal"
    );
}

#[test]
fn a_prompt_comes_from_standard_input_and_a_key_says_it_once() {
    let bench = Bench::new();
    let model = bench.model(&["First."], "instant");
    let args = ["run", "--model", &model, "--key", "k", "-"];
    assert_eq!(
        bench.run_with(&args, "a long\nprompt").ended_with(0).stdout,
        "First.\n"
    );
    let again = bench.run_with(&args, "a long\nprompt").ended_with(0);
    assert_eq!(again.stdout, "First.\n", "the answer that was given");
    assert!(again.stderr.contains("answered before"), "{}", again.stderr);
    let shown = bench.run(&["show", "main"]).ended_with(0).stdout;
    assert_eq!(shown.matches("a long\nprompt").count(), 1, "{shown}");
}

#[test]
fn json_is_one_event_a_line_and_nothing_else() {
    let bench = Bench::new();
    let model = bench.model(&["Odd \u{9b}2J\u{202e} words."], "instant");
    let done = bench
        .run(&["run", "--model", &model, "--json", "Hello"])
        .ended_with(0);
    let events = done.json_lines();
    assert_eq!(events.last().unwrap()["type"], "ended");
    assert_eq!(
        events.last().unwrap()["report"]["text"],
        "Odd \u{9b}2J\u{202e} words."
    );
    assert!(
        !done.stdout.contains(['\u{9b}', '\u{202e}']),
        "the same value, harmless as text"
    );
    assert_eq!(done.stderr, "");
}

#[test]
fn nothing_to_answer_is_said_and_no_failure() {
    let bench = Bench::new();
    let model = bench.model(&["Unasked."], "instant");
    let done = bench.run(&["run", "--model", &model]).ended_with(0);
    assert_eq!(done.stdout, "");
    assert!(done.stderr.contains("nothing waits"), "{}", done.stderr);
}

#[test]
fn an_interrupt_keeps_what_was_said_and_ends_with_the_signals_number() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let bench = Bench::new();
        let model = bench.model(&["one two three four five six seven eight nine ten"], "20s");
        let mut child = bench
            .command(&["run", "--model", &model, "Count"])
            .spawn()
            .unwrap();
        let mut said = [0; 3];
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"one");
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let done = finish(child, "").ended_with(code);
        assert!(
            done.stderr.contains("what was said is kept"),
            "{}",
            done.stderr
        );
        let shown = bench.run(&["show", "main"]).ended_with(0).stdout;
        assert!(
            shown.contains("Count") && shown.contains("one") && !shown.contains("ten"),
            "{shown}"
        );
    }
}

#[test]
fn the_reader_of_the_answer_may_leave() {
    let bench = Bench::new();
    let model = bench.model(&["words that nobody reads"], "300ms");
    let mut child = bench
        .command(&["run", "--model", &model, "Hello"])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = finish(child, "").ended_with(0);
    assert!(
        !done.stderr.contains("panicked") && !done.stderr.contains("error"),
        "{}",
        done.stderr
    );
    assert!(
        bench
            .run(&["show", "main"])
            .stdout
            .contains("words that nobody reads")
    );
}
