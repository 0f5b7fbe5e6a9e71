//! All settings, as they may be shown: in the order in which people look for them, those of other providers after OpenAI's.

use latchwork::config::{Key, Origin, Resolved};
use latchwork::{Settings, names, shown};
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};
use crate::settings::json;
use crate::world::World;

/// Runs the command.
pub(crate) fn run(
    origins: bool,
    as_json: bool,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let resolved = world.settings(Vec::new(), &errors)?;
    let rows = rows(&resolved);
    let mut output = Output::standard();
    if as_json {
        let entries = rows.into_iter().map(|(key, value, origin)| {
            let entry = if origins {
                json!({ "value": value, "origin": json::origin(origin) })
            } else {
                value
            };
            (key.to_string(), entry)
        });
        output.json(&entries.collect::<Map<String, Value>>())?;
    } else {
        for (key, value, origin) in &rows {
            let line = if value.is_null() {
                format!("# {key} is not set")
            } else {
                format!("{key} = {value}")
            };
            output.line(if origins {
                format!("{line}  # {origin}")
            } else {
                line
            });
        }
    }
    output.finish()?;
    Ok(Exit::Ok)
}

/// Each setting with its value and its origin.
fn rows(resolved: &Resolved<Settings>) -> Vec<(&Key, Value, &Origin)> {
    let place = |key: &Key| names().position(|name| name.names(key));
    let mut rows: Vec<_> = resolved
        .origins()
        .filter_map(|(key, origin)| {
            let value = shown(key, resolved.trail(key).last()?);
            Some((key, value, origin))
        })
        .collect();
    // Stable: the keys of one setting stay ordered by name.
    rows.sort_by_key(|(key, ..)| place(key));
    rows
}
