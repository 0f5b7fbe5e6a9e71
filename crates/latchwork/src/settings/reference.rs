//! The settings for people, editors and reviewers: a page, a JSON schema, and a baseline whose lines say what changed.
//!
//! All three come from the one table of names, so none can say something else than the program does.

use std::fmt::Write as _;

use latchwork_config::{Range, Unit};
use schemars::generate::SchemaSettings;
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
            "holds_from": name.effect.to_string(),
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
    let _ = writeln!(page, "- A change holds: {}", name.effect);
    let _ = writeln!(page, "- Since: {}", name.since);
}

/// A JSON schema of a settings file, by which editors complete and check: the shape is the settings' own (by `schemars`), ranges,
/// units and help come from the table.
#[must_use]
pub fn schema() -> Value {
    let generator =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut root = generator
        .into_generator()
        .into_root_schema_for::<Settings>();
    root.insert("title".to_owned(), "Latchwork settings".into());
    for name in names() {
        if let Some(at) = root
            .pointer_mut(&pointer(name))
            .and_then(Value::as_object_mut)
        {
            describe(at, name);
        }
    }
    root.to_value()
}

/// Where a setting stands in the schema. What stands for one provider stands for any.
fn pointer(name: &Name) -> String {
    let segment = |segment: &str| match segment {
        OPENAI => "/additionalProperties".to_owned(),
        other => format!("/properties/{other}"),
    };
    name.key.split('.').map(segment).collect()
}

/// What the table knows of a setting, and its type does not.
fn describe(schema: &mut Map<String, Value>, name: &Name) {
    schema.insert("description".to_owned(), name.help.into());
    if name.default_words.is_some() {
        schema.remove("default");
    }
    match name.kind {
        Kind::Words(words) => drop(schema.insert("items".to_owned(), json!({ "enum": words }))),
        Kind::Number(range) => {
            for of_the_type in ["type", "format", "minimum", "maximum"] {
                schema.remove(of_the_type);
            }
            schema.extend(number(range));
        }
        _ => {}
    }
}

fn number(range: Range) -> Map<String, Value> {
    let number = json!({ "type": "integer", "minimum": range.min(), "maximum": range.max() });
    let units = match range.unit() {
        Unit::Millis => "ms|s|m|min|h|d",
        Unit::Bytes => "b|k|kb|kib|m|mb|mib|g|gb|gib|tb",
        _ => return number.as_object().cloned().unwrap_or_default(),
    };
    let text = json!({ "type": "string", "pattern": format!("^[0-9]+ ?({units})?$") });
    Map::from_iter([("anyOf".to_owned(), json!([number, text]))])
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
            let at = schema.pointer(&pointer(name));
            let at = at.unwrap_or_else(|| panic!("{}", name.key));
            assert_eq!(at["description"], name.help);
            let types = at.get("type").cloned().unwrap_or_default();
            let is = |kind: &str| types == kind || types == json!([kind, "null"]);
            // The table says of each setting what its type is, too.
            let agrees = match name.kind {
                Kind::Truth => is("boolean"),
                Kind::Text | Kind::Path | Kind::Address | Kind::Socket => is("string"),
                Kind::Reference => at.to_string().contains("env|file|cmd"),
                Kind::Paths | Kind::Words(_) => is("array"),
                Kind::References | Kind::Variables => is("object"),
                Kind::Word(words) => words.iter().all(|word| at.to_string().contains(word)),
                Kind::Number(range) => at.to_string().contains(&range.max().to_string()),
            };
            assert!(agrees, "{}: {at}", name.key);
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
