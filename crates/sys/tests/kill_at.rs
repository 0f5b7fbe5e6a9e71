//! A process ends by SIGKILL at exactly the step that was asked for.
#![cfg(feature = "fault-points")]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use latchwork_sys::{FileSteps, steps_from_directive};

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
