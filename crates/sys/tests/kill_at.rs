//! A process ends by SIGKILL at exactly the step, or the call, that was asked for.
#![cfg(feature = "fault-points")]

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use latchwork_sys::{
    Disk, Fault, FaultDisk, FaultOutcome, FileSteps, OpenHow, RealDisk, steps_from_directive,
};

/// The child reaches three steps; as a test of the parent it has nothing to do.
#[test]
fn kill_at_ends_the_process_at_the_nth_step() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how the test tells itself apart from its child"
    )]
    if let Ok(directive) = std::env::var("LATCHWORK_TEST_STEPS") {
        let steps = steps_from_directive(&directive).unwrap();
        ["a", "b", "c"].iter().for_each(|step| steps.reach(step));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (nth, expected, survives) in [(2, "a\nb\n", false), (4, "a\nb\nc\n", true)] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill_at_ends_the_process_at_the_nth_step"])
            .env(
                "LATCHWORK_TEST_STEPS",
                format!("dir:{},kill:{nth}", dir.path().display()),
            )
            .spawn()
            .unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), if survives { None } else { Some(9) });
        let trace = std::fs::read_to_string(FileSteps::trace_file(dir.path(), child.id())).unwrap();
        assert_eq!(trace, expected);
    }
}

/// The child writes three times and is killed at a call; as a test of the parent it has nothing to do.
#[test]
fn a_disk_kills_the_process_at_the_nth_call_and_nothing_of_that_call_is_done() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how the test tells itself apart from its child"
    )]
    if let Ok(path) = std::env::var("LATCHWORK_TEST_WRITES") {
        let disk = FaultDisk::new(Arc::new(RealDisk));
        disk.add(Fault::any(FaultOutcome::Kill).nth(3));
        let how = OpenHow::appending().or_create();
        let file = disk.open(Path::new(&path), &how).unwrap();
        for byte in [b"a", b"b", b"c"] {
            file.append(byte).unwrap();
        }
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_disk_kills_the_process_at_the_nth_call_and_nothing_of_that_call_is_done",
        ])
        .env("LATCHWORK_TEST_WRITES", &path)
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(9));
    assert_eq!(std::fs::read(&path).unwrap(), b"a");
}
