//! What the commands that keep the home in order print.

use super::Stage;

/// What is known of sessions, and what becomes of those that are not wanted here any more.
pub(super) fn hold(stage: &Stage) {
    stage.one("sessions-show", "sessions show fresh --json");
    stage.one("tree", "tree copy --json");
    stage.lines("tail", "tail copy --json");
    let said = r#"{"type":"message","message":{"role":"assistant","content":"done"}}"#;
    for name in ["aside", "kept", "old"] {
        let line = format!("append {name} --json");
        stage.invoke(&line).stdin(said).run().expect_success();
    }
    stage.one("fork", "fork aside younger --json");
    let shown = stage.one("sessions-show", "sessions show younger --json");
    assert!(shown["parent"].is_string(), "{shown}");
    stage.failure(1, "sessions rm aside --json");
    let dry = "sessions rm aside --dry-run --json";
    assert_eq!(stage.one("sessions-rm-dry-run", dry)["forks"][0], "younger");
    stage.one("sessions-archive", "sessions archive kept --json");
    stage.lines("sessions-list-archived", "sessions list --archived --json");
    stage.one("sessions-archive", "sessions restore kept --json");
    stage.lines("sessions-rm", "sessions rm aside --with-forks --json");
    cleanups(stage, said);
}

/// In a home of its own, so that the other commands find theirs as it was.
fn cleanups(stage: &Stage, said: &str) {
    let home = stage.home.path("a home to be cleaned");
    let there = |line: &str| stage.invoke(line).env("LATCHWORK_HOME", &home);
    for name in ["oldest", "old", "young"] {
        let begun = there(&format!("append {name}")).stdin(said).run();
        begun.expect_success();
    }
    for (what, due) in [
        ("--older-than 0", 3),
        ("--keep 2 --enforce", 1),
        ("--max-bytes 1 --enforce --delete", 2),
    ] {
        let line = format!("sessions cleanup --floor 0 --json {what}");
        let done = there(&line).run().expect_success().json();
        stage.schemas.hold("sessions-cleanup-home", &done);
        assert_eq!(done["due"], due, "{what}: {done}");
    }
}
