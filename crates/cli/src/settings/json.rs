//! What is said of settings, for programs: where a value comes from, and what is wrong with one.

use latchwork::config::{Fault, Origin, Place};
use serde_json::{Value, json};

/// Where a value comes from. Of a file, a variable and a flag stands the one that it is.
pub(crate) fn origin(origin: &Origin) -> Value {
    let mut entry = json!({ "layer": origin.layer.to_string() });
    match &origin.place {
        Place::File { path, line } => {
            entry["file"] = path.to_string_lossy().into();
            entry["line"] = (*line).into();
        }
        Place::Variable(name) => entry["variable"] = name.as_str().into(),
        Place::Flag(flag) => entry["flag"] = flag.as_str().into(),
        _ => {}
    }
    entry
}

/// One thing that is wrong.
pub(crate) fn fault(fault: &Fault) -> Value {
    json!({
        "what": fault.to_string(),
        "key": fault.shown_key().map(|key| key.to_string()),
        "origin": fault.origin().map(origin),
    })
}
