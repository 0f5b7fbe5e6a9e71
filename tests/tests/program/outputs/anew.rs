//! What is printed of a file that was written anew.

use super::Stage;

/// Of the session `copy`.
pub(super) fn hold(stage: &Stage) {
    stage.one("du", "du copy --json");
    stage.one("blobs-out", "blobs out copy --json");
    stage.one("blobs-in", "blobs in copy --dry-run --json");
    stage.one("blobs-gc", "blobs gc --json");
    stage.one("du-home", "du --json");
    stage.one("vacuum", "vacuum copy --dry-run --json");
    stage.one("vacuum", "vacuum copy --orphans --json");
    let shown = stage.one("show", "show copy --json");
    let mut entries = shown["entries"].as_array().unwrap().iter();
    let said = entries.find(|entry| entry["type"] == "message").unwrap();
    let said = said["id"].as_str().unwrap();
    let redacted = format!("{{\"id\":\"{said}\",\"text\":\"gone\"}}\n");
    for _done_then_nothing_to_do in 0..2 {
        let done = stage.invoke("redact copy --json").stdin(redacted.as_str());
        stage
            .schemas
            .hold("redact", &done.run().expect_success().json());
    }
}
