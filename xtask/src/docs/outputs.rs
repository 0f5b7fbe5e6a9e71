//! The page of what `--json` prints, made of the schemas in `docs/schemas`, against which whole-program tests hold what the real
//! program prints. So neither the page nor a schema can tell an old story.
//!
//! Understood is the part of JSON Schema that those files use; what a schema says beyond that is not on the page.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use serde_json::Value;

use super::{keep, read};
use crate::{
    error::{Error, Result},
    say,
    workspace::Workspace,
};

const PAGE: &str = "docs/json.md";
const FOLDER: &str = "docs/schemas";
const HEAD: &str = include_str!("outputs.txt");
/// The fields by which the shapes of one stream are told apart.
const TAGS: [&str; 3] = ["type", "state", "how"];

/// Writes the page, or fails on drift.
///
/// # Errors
/// `Failed` on drift or if a schema is none; `File`.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<()> {
    say::step(format_args!("docs: what --json prints, in {PAGE}"));
    let folder = workspace.root.join(FOLDER);
    let unread = |source| Error::File {
        doing: "read",
        path: folder.clone(),
        source,
    };
    let mut schemas = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let schema = serde_json::from_str(&read(&path)?)
            .map_err(|error| Error::Failed(format!("{}: {error}", path.display())))?;
        schemas.insert(name.into_owned(), schema);
    }
    let path = workspace.root.join(PAGE);
    let old = if path.exists() {
        read(&path)?
    } else {
        String::new()
    };
    keep(&path, &old, &page(&schemas)?, check, "")
}

/// All commands, then the objects that several of them share.
///
/// # Errors
/// `Failed` if two schemas mean different things by one name.
fn page(schemas: &BTreeMap<String, Value>) -> Result<String> {
    let mut page = String::from(HEAD);
    let mut shared: BTreeMap<&str, &Value> = BTreeMap::new();
    for (name, schema) in schemas {
        let _ = write!(
            page,
            "\n## `{}`\n\n{} [Schema](schemas/{name}.json).\n",
            text(schema, "title"),
            text(schema, "description")
        );
        shapes(&mut page, schema);
        for (name, shape) in schema["$defs"].as_object().into_iter().flatten() {
            if *shared.entry(name).or_insert(shape) != shape {
                let told = format!("{FOLDER}: two files mean different things by `{name}`");
                return Err(Error::Failed(told));
            }
        }
    }
    page.push_str("\n## Shared objects\n");
    for (name, shape) in shared {
        let what = text(shape, "description");
        let _ = write!(page, "\n### {name}\n\n{}.\n", capital(what));
        match shape.get("enum") {
            Some(_) => {
                let _ = writeln!(page, "\n{}", kind(shape));
            }
            None => shapes(&mut page, shape),
        }
    }
    Ok(page)
}

/// The one table of a shape, or one for each that it may be.
fn shapes(page: &mut String, schema: &Value) {
    let Some(all) = schema["oneOf"].as_array() else {
        return table(page, schema, None);
    };
    for shape in all {
        let tag = TAGS
            .iter()
            .find_map(|tag| Some((tag, shape["properties"].get(tag)?)));
        let title = match tag {
            Some((tag, value)) => {
                format!("`{tag}` {}: {}", kind(value), text(value, "description"))
            }
            None => "Else".to_owned(),
        };
        let _ = write!(page, "\n{title}\n");
        table(page, shape, tag.map(|(tag, _)| *tag));
    }
}

/// The fields but for the one that the title tells.
fn table(page: &mut String, shape: &Value, told: Option<&str>) {
    let mut rows = rows("", shape);
    if let Some(told) = told {
        let row = format!("| `{told}` |");
        let others = rows.lines().filter(|line| !line.starts_with(&row));
        rows = others.map(|line| format!("{line}\n")).collect();
    }
    if !rows.is_empty() {
        let _ = write!(
            page,
            "\n| field | type | what it is |\n|---|---|---|\n{rows}"
        );
    }
}

/// A row for each field, in the order of the file; of an object within, its own fields, too.
fn rows(above: &str, shape: &Value) -> String {
    let mut rows = String::new();
    let required: Vec<&str> = strings(&shape["required"]);
    let properties = shape["properties"].as_object();
    let optional = properties
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str());
    let optional = optional.filter(|name| !required.contains(name));
    for name in required.iter().copied().chain(optional) {
        let field = &shape["properties"][name];
        let sometimes = if required.contains(&name) {
            ""
        } else {
            " (not always there)"
        };
        let path = format!("{above}{name}");
        let _ = writeln!(
            rows,
            "| `{path}` | {} | {}{sometimes} |",
            kind(field),
            text(field, "description").replace('|', "\\|")
        );
        let (inner, sign) = match field["type"].as_str() {
            Some("array") => (&field["items"], "[]."),
            _ => (plain(field), "."),
        };
        rows.push_str(&self::rows(&format!("{path}{sign}"), inner));
    }
    rows
}

/// What it is where it is not null.
fn plain(field: &Value) -> &Value {
    let all = field["anyOf"].as_array().into_iter().flatten();
    let mut others = all.filter(|shape| shape["type"] != "null");
    others.next().unwrap_or(field)
}

fn kind(field: &Value) -> String {
    if let Some(name) = field["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(value) = field.get("const") {
        return format!("`{value}`");
    }
    if let Some(values) = field["enum"].as_array() {
        let all: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
        return all.join(", ");
    }
    if let Some(all) = field["anyOf"].as_array() {
        let mut all: Vec<_> = all.iter().map(kind).collect();
        all.sort_by_key(|kind| kind == "null");
        return all.join(" or ");
    }
    let names = match &field["type"] {
        Value::String(name) => vec![name.as_str()],
        several => strings(several),
    };
    let words = names.iter().map(|name| match *name {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" if field.get("items").is_some() => format!("list of {}", kind(&field["items"])),
        "array" => "list".to_owned(),
        other => other.to_owned(),
    });
    match words.collect::<Vec<_>>() {
        words if words.is_empty() => "anything".to_owned(),
        words => words.join(" or "),
    }
}

fn strings(value: &Value) -> Vec<&str> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(Value::as_str).collect()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::page;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn every_field_has_a_row_and_one_name_means_one_thing() {
        let schema = |who: &str| {
            json!({
                "title": "x --json", "description": "One object.", "type": "object",
                "properties": {
                    "b": { "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/who" }], "description": "who" },
                    "a": { "type": "array", "items": { "type": "object", "properties": { "c": { "const": 1, "description": "one" } }, "required": ["c"] }, "description": "some" },
                    "d": { "type": ["string", "null"], "description": "a | b" },
                },
                "required": ["b", "a"],
                "$defs": { "who": { "description": who, "enum": ["x", "y"] } },
            })
        };
        let made = page(&BTreeMap::from([("x".to_owned(), schema("a who"))])).expect("a page");
        for part in [
            "## `x --json`\n\nOne object. [Schema](schemas/x.json).\n",
            "| `b` | [who](#who) or null | who |\n| `a` | list of object | some |\n| `a[].c` | `1` | one |\n",
            "| `d` | text or null | a \\| b (not always there) |\n",
            "### who\n\nA who.\n\n`\"x\"`, `\"y\"`\n",
        ] {
            assert!(made.contains(part), "{part} in\n{made}");
        }
        let two = BTreeMap::from([
            ("x".to_owned(), schema("a who")),
            ("y".to_owned(), schema("another")),
        ]);
        assert!(page(&two).is_err());
    }
}
