//! What is drawn on a real terminal: a pseudo terminal, made by `script` of util-linux; without it, it is said that this was skipped.

use std::io::Write as _;
use std::time::Duration;

use latchwork_testkit::program::{Home, Invocation, Live, latchwork};
use latchwork_testkit::steps::{StepDir, VARIABLE};

/// What a screen begins with: home, everything away, what was scrolled out too.
const CLEARED: &str = "\u{1b}[H\u{1b}[2J\u{1b}[3J";

/// The most lines that are looked through.
const LINES_MAX: usize = 5_000;

/// The program with these words on a terminal of its own; what is drawn comes from standard output, keys go to standard input.
fn on_a_terminal(home: &Home, line: &str) -> Option<Invocation> {
    let there = home.program("sh", ["-c", "script --version"]).run();
    if there.code() != Some(0) {
        let _a_closed_stderr =
            writeln!(std::io::stderr(), "SKIPPED(pty): there is no `script` here");
        return None;
    }
    let program = latchwork().display();
    let command = format!("{program} {line}");
    Some(
        home.program("script", ["-qefc", &command, "/dev/null"])
            .env("TERM", "xterm"),
    )
}

/// A session `main`.
fn begin(home: &Home) {
    let entry = "{\"type\":\"message\",\"message\":{\"role\":\"assistant\",\"content\":[]}}\n";
    let append = home.latchwork(["append", "main"]).stdin(entry);
    append.run().expect_success();
}

/// The next line that fits, of a program that is never silent: not for ever.
fn line_where(live: &mut Live, what: &str, fits: impl Fn(&str) -> bool) -> String {
    let lines = std::iter::repeat_with(|| live.next_line().expect("it goes on"));
    let found = lines.take(LINES_MAX).find(|line| fits(line));
    found.unwrap_or_else(|| panic!("there was no {what}"))
}

#[test]
fn on_a_terminal_the_watch_of_locks_is_drawn_anew_and_ctrl_c_ends_it() {
    let home = Home::new();
    begin(&home);
    let Some(watch) = on_a_terminal(&home, "locks --watch --every 20ms") else {
        return;
    };
    let mut watch = watch.spawn();
    // Nothing changes, and it is drawn again: the times go on.
    for _ in 0..3 {
        let drawn = line_where(&mut watch, "a screen", |line| {
            line.contains("0 of 1 sessions")
        });
        assert!(drawn.starts_with(CLEARED), "{drawn:?}");
    }
    let mut holder = home
        .latchwork(["lock", "main", "--phase", "backup", "--", "cat"])
        .spawn();
    line_where(&mut watch, "the holder", |line| line.contains("backup"));
    holder.close_stdin();
    holder.wait().expect_success();
    let drawn = line_where(&mut watch, "a screen without it", |line| {
        line.contains("0 of 1 sessions")
    });
    assert!(drawn.starts_with(CLEARED), "{drawn:?}");
    watch.send("\u{3}");
    watch.close_stdin();
    assert_eq!(watch.wait().code(), Some(130));

    let mut piped = home
        .latchwork(["locks", "--watch", "--every", "20ms"])
        .spawn();
    let first = piped.next_line().unwrap();
    assert!(!first.contains('\u{1b}'), "{first:?}");
    piped.kill();
}

#[test]
fn on_a_terminal_a_doctor_that_takes_a_while_says_how_far_it_is() {
    let told = |terminal: bool| {
        let home = Home::new();
        std::fs::create_dir_all(home.path("sick/.latchwork")).unwrap();
        for name in ["a", "b", "c"] {
            // Cut off in the middle of a line: repaired under the session's lock.
            let text = "{\"type\":\"session\",\"version\":3,\"id\":\"x\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/\"}\n{\"type\":\"mess";
            home.write(format!("sick/{name}.jsonl"), text);
        }
        let steps = StepDir::new();
        steps.hold("doctor:guarded");
        let line = "doctor --fix --deep sick";
        let invocation = if terminal {
            on_a_terminal(&home, line)?
        } else {
            home.latchwork(line.split(' '))
        };
        let doctor = invocation.env(VARIABLE, steps.value()).spawn();
        steps.wait_reached("doctor:guarded");
        // It is held for longer than it keeps silent about itself.
        std::thread::sleep(Duration::from_millis(1_100));
        steps.release("doctor:guarded");
        let done = doctor.wait();
        assert!(done.stdout.contains("3 sessions in 1 folders"), "{done}");
        Some(format!("{}{}", done.stdout, done.stderr))
    };
    if let Some(seen) = told(true) {
        assert!(seen.contains("of 3 sessions"), "{seen}");
    }
    let silent = told(false).unwrap();
    assert!(!silent.contains("of 3 sessions"), "{silent}");
}

#[test]
fn colours_are_for_a_terminal_that_wants_them() {
    let home = Home::new();
    begin(&home);
    let line = "show main --tree";
    let Some(shown) = on_a_terminal(&home, line) else {
        return;
    };
    let coloured = shown.run().expect_success().stdout;
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    for plain in [&[("NO_COLOR", "1")][..], &[("TERM", "dumb")]] {
        let shown = shown_text(&home, line, plain);
        assert!(
            shown.contains("<- head") && !shown.contains('\u{1b}'),
            "{plain:?}: {shown:?}"
        );
    }
}

fn shown_text(home: &Home, line: &str, variables: &[(&str, &str)]) -> String {
    let shown = on_a_terminal(home, line).expect("it was there a moment ago");
    let shown = variables
        .iter()
        .fold(shown, |shown, (name, value)| shown.env(name, value));
    shown.run().expect_success().stdout
}
