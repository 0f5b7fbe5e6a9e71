//! The settings for people, editors and reviewers: a page, a JSON schema, and a baseline whose lines say what changed.
//!
//! All three come from the one table of names, so none can say something else than the program does.

use std::fmt::Write as _;

use latchwork_config::Unit;
use serde_json::{Map, Value, json};

use super::names::{Kind, Name, names};
use super::{OPENAI, Settings};

/// The page is divided by the first name of a key.
const CHAPTERS: [(&str, &str); 6] = [
    ("", "Everyday"),
    ("models", "Models"),
    ("tools", "Tools"),
    ("store", "Locks"),
    ("turn", "Turns"),
    ("context", "Context"),
];

/// Each setting with its key, type, default, range, help, variable and the version that knew it first: what is tracked.
#[must_use]
pub fn baseline() -> Value {
    let defaults = defaults();
    let entry = |name: &Name| {
        json!({
            "key": name.key,
            "type": name.kind.to_string(),
            "default": default_of(name, &defaults),
            "range": name.range().map(|range| [range.min(), range.max()]),
            "help": name.help,
            "variable": name.variable,
            "for_projects": name.for_projects,
            "since": name.since,
        })
    };
    Value::Array(names().map(entry).collect())
}

/// The page `docs/configuration.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    let defaults = defaults();
    for (first, title) in CHAPTERS {
        let _ = write!(page, "\n## {title}\n");
        let here = names().filter(|name| {
            let table = name.key.split_once('.').map_or("", |(table, _)| table);
            table == first
        });
        for name in here {
            entry(&mut page, name, &defaults);
        }
    }
    page
}

fn entry(page: &mut String, name: &Name, defaults: &Value) {
    let default = match (name.default_words, default_of(name, defaults)) {
        (Some(words), _) => words.to_owned(),
        (None, Value::Null) => "not set".to_owned(),
        (None, value) => format!("`{value}`"),
    };
    let _ = write!(page, "\n### `{}`\n\n{}.\n\n", name.key, capital(name.help));
    let _ = writeln!(page, "- May be: {}", name.kind);
    let _ = writeln!(page, "- Default: {default}");
    if let Some(variable) = name.variable {
        let _ = writeln!(page, "- Variable: `{variable}`");
    }
    if name.for_projects {
        page.push_str("- A project file may set it\n");
    }
    let _ = writeln!(page, "- Since: {}", name.since);
}

/// A JSON schema of a settings file, by which editors complete and check.
#[must_use]
pub fn schema() -> Value {
    let mut root = object();
    for name in names() {
        let mut properties = &mut root;
        let mut segments: Vec<&str> = name.key.split('.').collect();
        let last = segments.pop().unwrap_or_default();
        for segment in segments {
            // What stands for one provider stands for any.
            properties = if segment == OPENAI {
                child(properties, "additionalProperties", None)
            } else {
                child(properties, "properties", Some(segment))
            };
        }
        let mut described = of_kind(&name.kind);
        described.insert("description".to_owned(), name.help.into());
        if let Some(table) = child_map(properties, "properties") {
            table.insert(last.to_owned(), Value::Object(described));
        }
    }
    if let Value::Object(root) = &mut root {
        let dialect = "https://json-schema.org/draft/2020-12/schema";
        root.insert("$schema".to_owned(), dialect.into());
        root.insert("title".to_owned(), "Latchwork settings".into());
    }
    root
}

fn object() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

/// The table below this one, made if it is not there yet.
fn child<'t>(table: &'t mut Value, place: &str, name: Option<&str>) -> &'t mut Value {
    let slot = &mut table[place];
    let slot = match name {
        Some(name) => &mut slot[name],
        None => slot,
    };
    if !slot.is_object() {
        *slot = object();
    }
    slot
}

fn child_map<'t>(table: &'t mut Value, place: &str) -> Option<&'t mut Map<String, Value>> {
    table.get_mut(place)?.as_object_mut()
}

fn of_kind(kind: &Kind) -> Map<String, Value> {
    const REFERENCE: &str = "^\\s*(env|file|cmd):";
    let schema = match kind {
        Kind::Text | Kind::Path | Kind::Address => json!({ "type": "string" }),
        Kind::Paths => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Truth => json!({ "type": "boolean" }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Words(words) => json!({ "type": "array", "items": { "enum": words } }),
        Kind::Reference => json!({ "type": "string", "pattern": REFERENCE }),
        Kind::References => {
            json!({ "type": "object", "additionalProperties": { "type": "string", "pattern": REFERENCE } })
        }
        Kind::Variables => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        Kind::Number(range) => {
            let number =
                json!({ "type": "integer", "minimum": range.min(), "maximum": range.max() });
            let units = match range.unit() {
                Unit::Millis => "ms|s|m|min|h|d",
                Unit::Bytes => "b|k|kb|kib|m|mb|mib|g|gb|gib|tb",
                _ => return number.as_object().cloned().unwrap_or_default(),
            };
            let text = json!({ "type": "string", "pattern": format!("^[0-9]+ ?({units})?$") });
            json!({ "anyOf": [number, text] })
        }
    };
    schema.as_object().cloned().unwrap_or_default()
}

fn defaults() -> Value {
    serde_json::to_value(Settings::default()).unwrap_or_default()
}

/// What it is where nobody sets it; words where that depends on the machine.
fn default_of(name: &Name, defaults: &Value) -> Value {
    let pointer = format!("/{}", name.key.replace('.', "/"));
    match name.default_words {
        Some(words) => words.into(),
        None => defaults.pointer(&pointer).cloned().unwrap_or_default(),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// What stands above the list.
const HEAD: &str = include_str!("reference.md");

#[cfg(test)]
mod tests {
    use latchwork_config::Key;

    use super::*;
    use crate::name_of;

    #[test]
    fn every_key_on_the_page_is_a_setting_and_every_setting_is_on_it() {
        let page = markdown();
        let listed: Vec<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
            .collect();
        for key in &listed {
            assert_eq!(name_of(&Key::from(*key)).unwrap().key, *key);
        }
        assert_eq!(listed.len(), names().count());
    }

    #[test]
    fn every_key_that_the_page_speaks_of_resolves() {
        let code = HEAD.split("```toml").nth(1).unwrap().split("```").next();
        let file = latchwork_config::SourceFile::toml("docs.toml", code.unwrap());
        let sources = crate::Sources {
            user_file: Some(file),
            ..crate::Sources::default()
        };
        sources.resolve().unwrap();
    }

    #[test]
    fn the_schema_knows_every_setting_at_its_place_and_nothing_beside() {
        let schema = schema();
        for name in names() {
            let mut pointer = String::new();
            for segment in name.key.split('.') {
                match segment {
                    OPENAI => pointer.push_str("/additionalProperties"),
                    other => pointer.push_str(&format!("/properties/{other}")),
                }
            }
            let at = schema
                .pointer(&pointer)
                .unwrap_or_else(|| panic!("{pointer}"));
            assert_eq!(at["description"], name.help);
        }
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(
            schema.pointer("/properties/turn/properties/rounds_max/minimum"),
            Some(&1.into())
        );
    }

    #[test]
    fn the_baseline_holds_what_a_reviewer_must_see_change() {
        let baseline = baseline();
        let hold = baseline
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["key"] == "store.locks.max_hold_ms")
            .unwrap();
        assert_eq!(hold["default"], 300_000);
        assert_eq!(hold["range"], json!([1_000, 2_147_000_000_u64]));
        assert_eq!(hold["variable"], "LATCHWORK_MAX_HOLD_MS");
    }
}
