//! Beside programs that take no lock: what they write is kept, and what they undo is made again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use latchwork_openclaw::SessionsJson;
use latchwork_sys::{ScriptedSteps, System};

use crate::bench::*;

/// As OpenClaw writes: a file of its own, renamed.
fn replace(path: &Path, text: &str) {
    let temporary = path.with_extension("theirs");
    std::fs::write(&temporary, text).unwrap();
    std::fs::rename(temporary, path).unwrap();
}

fn row(session: &str) -> String {
    format!("{{\"sessionId\":\"{session}\",\"updatedAt\":1}}")
}

#[test]
fn what_a_program_without_a_lock_writes_meanwhile_is_kept() {
    for in_place in [false, true] {
        for step in ["index:read", "index:staged"] {
            let bench = Bench::with(format!("{{\"a\":{}}}", row("a")));
            let steps = Arc::new(ScriptedSteps::new());
            let path = bench.path();
            let theirs = format!("{{\"a\":{},\"theirs\":{}}}", row("newer"), row("t"));
            steps.on(step, move || {
                if in_place {
                    std::fs::write(&path, &theirs).unwrap();
                } else {
                    replace(&path, &theirs);
                }
            });
            let index = bench.index_on(System {
                steps,
                ..System::real()
            });
            let tried = AtomicU32::new(0);
            let updated = block_on(index.update(WAIT, |rows| {
                tried.fetch_add(1, Ordering::Relaxed);
                put(rows, "ours", "o", 1);
            }));
            let rows = updated.unwrap().rows;
            let ids = |key: &str| rows.get(key).unwrap().entry().unwrap().session_id;
            assert_eq!(tried.load(Ordering::Relaxed), 2, "{step} {in_place}");
            let found = [ids("a"), ids("theirs"), ids("ours")];
            assert_eq!(found, ["newer", "t", "o"], "{step} {in_place}");
            assert_eq!(SessionsJson::parse(&bench.text()).unwrap().len(), 3);
        }
    }
}

#[test]
fn what_a_program_writes_back_from_an_old_copy_does_not_undo_ours_for_long() {
    let bench = Bench::with(format!("{{\"a\":{},\"gone\":{}}}", row("a"), row("g")));
    let index = bench.index();
    let old = bench.text();
    for n in 0..3 {
        block_on(index.update(WAIT, |rows| {
            put(rows, "a", &format!("a{n}"), 2);
            put(rows, "new", "n", 2);
            rows.remove("gone");
        }))
        .unwrap();
    }
    // It read before ours, and writes now, in its own spelling and with a row of its own.
    let theirs = old
        .replace("}}", "},\"theirs\":{ \"sessionId\" : \"t\" }}")
        .replace(":1}", ":1.0}");
    replace(&bench.path(), &theirs);
    assert_eq!(block_on(index.restore_undone(WAIT)).unwrap(), 3);
    let rows = index.read().unwrap().unwrap();
    assert_eq!(rows.get("a").unwrap().entry().unwrap().session_id, "a2");
    assert!(
        rows.get("new").is_some() && rows.get("theirs").is_some() && rows.get("gone").is_none()
    );
    assert_eq!(block_on(index.restore_undone(WAIT)).unwrap(), 0);
}

#[test]
fn a_row_that_somebody_changed_after_us_is_left_to_them() {
    let bench = Bench::with(format!("{{\"a\":{}}}", row("a")));
    let index = bench.index();
    block_on(index.update(WAIT, |rows| put(rows, "a", "ours", 2))).unwrap();
    replace(&bench.path(), &format!("{{\"a\":{}}}", row("theirs")));
    assert_eq!(block_on(index.restore_undone(WAIT)).unwrap(), 0);
    assert_eq!(index.entry("a").unwrap().unwrap().session_id, "theirs");
}

#[test]
fn a_write_that_is_undone_right_after_it_is_made_again_before_it_is_told() {
    let bench = Bench::new();
    // Written just now, so that another program is taken to be at it.
    std::fs::write(bench.path(), "{}").unwrap();
    let steps = Arc::new(ScriptedSteps::new());
    let path = bench.path();
    steps.on("index:in-place", move || {
        replace(&path, "{\"theirs\":{\"sessionId\":\"t\"}}");
    });
    let index = bench.index_on(System {
        steps,
        ..System::real()
    });
    let updated = block_on(index.update(WAIT, |rows| put(rows, "ours", "o", 1))).unwrap();
    assert_eq!(updated.restored, 1);
    let rows = index.read().unwrap().unwrap();
    assert!(rows.get("ours").is_some() && rows.get("theirs").is_some());
}
