//! Rows, added one after the other.

use latchwork_lock::Wait;
use latchwork_openclaw::{Activity, Patch, Patched};
use serde_json::json;

use crate::{Arguments, Failure, index, say};

/// In each round a new row, and one that counts the rounds.
pub(crate) async fn write(arguments: &Arguments) -> Result<(), Failure> {
    let index = index(arguments)?;
    let count = format!("agent:main:{}:count", arguments.name);
    for round in 0..arguments.rounds {
        let key = format!("agent:main:{}:{round}", arguments.name);
        let id = format!("{}-{round}", arguments.name);
        let added = index.update(Wait::Forever, |rows| {
            let first = json!({ "sessionId": arguments.name, "updatedAt": 1, "label": "0" });
            if rows.get(&count).is_none() {
                rows.put(&count, &first)?;
            }
            rows.put(&key, &json!({ "sessionId": id, "updatedAt": round + 1 }))
        });
        added.await?.answer?;
        let patch = Patch::new().text("label", &(round + 1).to_string());
        let counted = index.update_entry(Wait::Forever, &count, &patch, Activity::Now);
        if counted.await?.answer != Patched::Changed {
            return Err(format!("the row {count} is not there in round {round}").into());
        }
    }
    // What another program undoes after the last write is looked for once more by whoever writes last.
    index.restore_undone(Wait::Forever).await?;
    say("done")
}
