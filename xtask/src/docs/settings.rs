//! The page of settings and its baseline, both printed by an example of the facade, which alone knows the settings.
//!
//! The baseline is tracked, so that a change of a name, a type, a default, a range or a help text is seen in review; on drift
//! each key that drifted is named, with what it was and what it is.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use super::{keep, read};
use crate::{
    error::{Error, Result},
    run, say,
    workspace::Workspace,
};

const PAGE: &str = "docs/configuration.md";
const BASELINE: &str = "docs/configuration.json";

/// Writes both, or fails on drift.
///
/// # Errors
/// `Failed` on drift, with the keys that drifted; `Tool` or `File`.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<()> {
    say::step(format_args!("docs: the settings in {PAGE} and {BASELINE}"));
    for (file, what) in [(BASELINE, "baseline"), (PAGE, "markdown")] {
        let path = workspace.root.join(file);
        let new = printed(workspace, what)?;
        let old = if path.exists() {
            read(&path)?
        } else {
            String::new()
        };
        let drifted = if file == BASELINE {
            drift(&old, &new)?
        } else {
            String::new()
        };
        keep(&path, &old, &new, check, &drifted)?;
    }
    Ok(())
}

fn printed(workspace: &Workspace, what: &str) -> Result<String> {
    let args = [
        "run",
        "-q",
        "-p",
        "latchwork",
        "--example",
        "settings",
        "--",
        what,
    ];
    let printed = run::capture(&mut run::cargo(&workspace.root, args))?;
    String::from_utf8(printed).map_err(|_| Error::Failed(format!("{what} is no text")))
}

/// A line for each key that is new, gone, or says something else.
fn drift(old: &str, new: &str) -> Result<String> {
    let (old, new) = (entries(old)?, entries(new)?);
    let mut lines = String::new();
    for (key, entry) in &new {
        match old.get(key) {
            None => {
                let _ = write!(lines, "\n  {key}: new");
            }
            Some(before) => {
                let fields = entry.as_object().into_iter().flatten();
                for (field, now) in
                    fields.filter(|(field, now)| before.get(field.as_str()) != Some(now))
                {
                    let was = before.get(field).unwrap_or(&Value::Null);
                    let _ = write!(lines, "\n  {key}: {field} was {was}, is {now}");
                }
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        let _ = write!(lines, "\n  {key}: gone");
    }
    Ok(lines)
}

fn entries(text: &str) -> Result<BTreeMap<String, Value>> {
    if text.is_empty() {
        return Ok(BTreeMap::new());
    }
    let broken = |why: String| Error::Failed(format!("{BASELINE} is no baseline: {why}"));
    let entries: Vec<Value> =
        serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    let keyed = entries.into_iter().map(|entry| {
        let key = entry.get("key").and_then(Value::as_str).map(str::to_owned);
        let key = key.ok_or_else(|| broken("an entry has no key".to_owned()))?;
        Ok((key, entry))
    });
    keyed.collect()
}

#[cfg(test)]
mod tests {
    use super::drift;

    #[test]
    fn each_key_that_drifted_is_named_with_what_it_was_and_what_it_is() {
        let old = r#"[{"key":"a","default":1,"help":"h"},{"key":"gone","default":2}]"#;
        let new = r#"[{"key":"a","default":3,"help":"h"},{"key":"b","default":2}]"#;
        assert_eq!(
            drift(old, new).expect("both are baselines"),
            "\n  a: default was 1, is 3\n  b: new\n  gone: gone"
        );
        assert_eq!(drift(old, old).expect("both are baselines"), "");
        assert!(drift("{}", new).is_err());
    }
}
