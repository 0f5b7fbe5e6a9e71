//! Counting tests from what `cargo test` prints. Its `test result:` lines are the only ones that count; they have kept
//! their form for years, and the stable toolchain offers no other.
//!
//! The exit code has the last word: a run that failed without a failed test (it did not build, it crashed) counts as one.

use std::ops::AddAssign;

/// Outcomes of tests.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Takes the output in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Counter {
    line: Vec<u8>,
    counts: Counts,
}

impl Counter {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line();
            } else {
                self.line.push(byte);
            }
        }
    }

    /// The counts of the run, which ended well or not.
    pub(super) fn finish(mut self, success: bool) -> Counts {
        self.end_line();
        if !success && self.counts.failed == 0 {
            self.counts.failed = 1;
        }
        self.counts
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if let Some(counts) = result_line(&without_colour(&String::from_utf8_lossy(&line))) {
            self.counts += counts;
        }
    }
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; ...`
fn result_line(line: &str) -> Option<Counts> {
    let (verdict, rest) = line
        .trim()
        .strip_prefix("test result: ")?
        .split_once(". ")?;
    if !matches!(verdict, "ok" | "FAILED") {
        return None;
    }
    let mut fields = rest.split("; ");
    let mut field = |name: &str| fields.next()?.strip_suffix(name)?.trim_end().parse().ok();
    Some(Counts {
        passed: field("passed")?,
        failed: field("failed")?,
        ignored: field("ignored")?,
    })
}

/// The line without `ESC [ ... m`, which is there when colours are forced on.
fn without_colour(line: &str) -> String {
    let mut pieces = line.split("\u{1b}[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or(piece, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 2 tests
test a ... ok
test b ... FAILED

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running tests/it.rs
test result: \u{1b}[32mok\u{1b}[m. 40 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; finished in 1.20s
";

    #[test]
    fn results_are_summed_whatever_the_pieces_and_colours() {
        for size in [1, 7, OUTPUT.len()] {
            let mut counter = Counter::default();
            OUTPUT
                .as_bytes()
                .chunks(size)
                .for_each(|piece| counter.feed(piece));
            assert_eq!(
                counter.finish(false),
                Counts {
                    passed: 41,
                    failed: 1,
                    ignored: 2
                }
            );
        }
    }

    #[test]
    fn a_last_line_without_a_newline_counts() {
        let mut counter = Counter::default();
        counter.feed(b"test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured");
        assert_eq!(counter.finish(true).passed, 5);
    }

    #[test]
    fn a_run_that_failed_without_a_failed_test_counts_as_one_failure() {
        assert_eq!(
            Counter::default().finish(false),
            Counts {
                passed: 0,
                failed: 1,
                ignored: 0
            }
        );
        assert_eq!(Counter::default().finish(true), Counts::default());
    }

    #[test]
    fn other_lines_do_not_count() {
        for line in [
            "test result",
            "test result: maybe. 1 passed; 0 failed; 0 ignored",
            "test result: ok. x passed; ",
            "\u{1b}[",
        ] {
            let mut counter = Counter::default();
            counter.feed(line.as_bytes());
            assert_eq!(counter.finish(true), Counts::default(), "{line}");
        }
    }
}
