//! What is printed of a file that was written anew.

use super::Stage;

/// Of the session `copy`, in which the entry `said` is a message.
pub(super) fn hold(stage: &Stage, said: &str) {
    stage.one("vacuum", "vacuum copy --dry-run --json");
    stage.one("vacuum", "vacuum copy --orphans --json");
    let redacted = format!("{{\"id\":\"{said}\",\"text\":\"gone\"}}\n");
    for _done_then_nothing_to_do in 0..2 {
        let done = stage.invoke("redact copy --json").stdin(redacted.as_str());
        stage
            .schemas
            .hold("redact", &done.run().expect_success().json());
    }
}
