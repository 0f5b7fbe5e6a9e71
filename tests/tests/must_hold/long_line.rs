//! Lines of a quarter of a gigabyte, in the middle of a transcript and at its end, in a process that cannot even hold one of them: they are
//! reported and left, and everything else goes on.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use latchwork_testkit::program::{Invocation, latchwork};

use crate::bench::Bench;

/// The length of the line, in bytes. It is a hole, so that the disk holds none of it.
const LINE_BYTES: u64 = 240 << 20;
/// All that the process may map, in KiB.
const SPACE_KIB: u64 = 235 << 10;

fn limited(bench: &Bench, words: &[&str]) -> Invocation {
    let limit = format!("export MALLOC_ARENA_MAX=1; ulimit -v {SPACE_KIB}; exec \"$@\"");
    let mut all = vec!["-c", &limit, "sh", latchwork().to_str().unwrap()];
    all.extend(words);
    bench.home.program("sh", all)
}

/// Adds the line, and the newline behind it if it has one.
fn grow(talk: &Path, closed: bool) {
    let mut file = std::fs::OpenOptions::new().write(true).open(talk).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(b"{\"type\":\"message\",\"id\":\"long\",\"parentId\":\"nobody\",\"x\":\"")
        .unwrap();
    let end = file.seek(SeekFrom::End(LINE_BYTES.cast_signed())).unwrap();
    file.write_all(if closed { b"\"}\n" } else { b"\"}!" })
        .unwrap();
    assert!(end > LINE_BYTES);
}

#[test]
fn lines_that_no_memory_could_hold_cost_those_lines_only() {
    let bench = Bench::begun();
    let talk = bench.talk();
    grow(&talk, true);
    let after = r#"{"type":"message","id":"after","parentId":"nobody","timestamp":"2026-01-01T00:00:00.000Z","message":{"role":"user","content":"said after it"}}"#;
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&talk)
        .unwrap();
    writeln!(file, "{after}").unwrap();
    grow(&talk, false);
    let before = std::fs::metadata(&talk).unwrap().len();
    let path = talk.to_str().unwrap();
    for words in [vec!["show", path], vec!["verify", path]] {
        let seen = limited(&bench, &words).run();
        let told = format!("{}{}", seen.stdout, seen.stderr);
        assert!(
            told.contains("cannot be read") || told.contains("beginning of a line"),
            "{words:?}: {seen}"
        );
    }
    bench
        .endpoint
        .otherwise(|_| latchwork_testkit::endpoint::Reply::text("an answer"));
    let words = ["run", "--file", path, "--model", "openai/m", "a question"];
    let answered = limited(&bench, &words)
        .endpoint(&bench.endpoint)
        .run()
        .expect_success();
    assert!(answered.stdout.contains("an answer"), "{answered}");
    assert!(
        std::fs::metadata(&talk).unwrap().len() > before,
        "nothing was cut off"
    );
    let shown = limited(&bench, &["show", path]).run().expect_success();
    assert!(
        shown.stdout.contains("a question") && shown.stdout.contains("an answer"),
        "{shown}"
    );
}
