//! The schemas of `docs/schemas`, and holding values against them. Which of them were used is kept, so that none is forgotten.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::Value;

pub(crate) struct Schemas {
    all: BTreeMap<String, (Value, Validator)>,
    used: RefCell<BTreeSet<String>>,
}

impl Schemas {
    /// All that there are; each is a JSON schema itself.
    pub(crate) fn read() -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas");
        let mut all = BTreeMap::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let schema: Value =
                serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            jsonschema::meta::validate(&schema).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            let validator = jsonschema::validator_for(&schema).unwrap();
            all.insert(name, (schema, validator));
        }
        Self {
            all,
            used: RefCell::default(),
        }
    }

    /// What this schema does not like of a value, a line each.
    pub(crate) fn faults(&self, name: &str, value: &Value) -> Vec<String> {
        let (_, validator) = &self.all[name];
        self.used.borrow_mut().insert(name.to_owned());
        let faults = validator.iter_errors(value);
        faults
            .map(|fault| format!("{} at {:?}", fault, fault.instance_path().to_string()))
            .collect()
    }

    /// The value is as this schema says.
    #[track_caller]
    pub(crate) fn hold(&self, name: &str, value: &Value) {
        let faults = self.faults(name, value);
        assert!(faults.is_empty(), "{name}: {faults:#?}\n{value:#}");
    }

    /// Each value is as this schema says, and there is one at least.
    #[track_caller]
    pub(crate) fn hold_all(&self, name: &str, values: &[Value]) {
        assert!(!values.is_empty(), "{name}: nothing was printed");
        values.iter().for_each(|value| self.hold(name, value));
    }

    /// Those that nothing was held against.
    pub(crate) fn unused(&self) -> Vec<&String> {
        let used = self.used.borrow();
        self.all
            .keys()
            .filter(|name| !used.contains(*name))
            .collect()
    }

    /// The commands that they are about.
    pub(crate) fn commands(&self) -> BTreeSet<&str> {
        let titles = self
            .all
            .values()
            .map(|(schema, _)| schema["title"].as_str().unwrap());
        titles.filter_map(|title| title.split(' ').nth(1)).collect()
    }

    /// Every value of a tag (`type`, `state`, ...) in a schema that is one of several shapes.
    pub(crate) fn shapes(&self, name: &str, tag: &str) -> BTreeSet<String> {
        let shapes = self.all[name].0["oneOf"].as_array().unwrap();
        let tags = shapes
            .iter()
            .filter_map(|shape| shape["properties"][tag]["const"].as_str());
        tags.map(str::to_owned).collect()
    }
}

#[test]
fn a_field_that_is_renamed_missing_or_new_does_not_pass() {
    let schemas = Schemas::read();
    let good =
        serde_json::json!({ "session": "a", "path": "/a.jsonl", "parentSession": "/b.jsonl" });
    schemas.hold("fork", &good);
    for (old, new) in [("path", Some("file")), ("path", None), ("", Some("more"))] {
        let mut bad = good.clone();
        let fields = bad.as_object_mut().unwrap();
        let value = fields.remove(old).unwrap_or_default();
        new.map(|new| fields.insert(new.to_owned(), value));
        assert!(!schemas.faults("fork", &bad).is_empty(), "{bad}");
    }
    // Whatever object a schema has is closed, but for those that hold what others write.
    let mut open = Vec::new();
    for (name, (schema, _)) in &schemas.all {
        open_objects(name, schema, &mut open);
    }
    open.sort();
    open.dedup();
    assert_eq!(
        open,
        [
            "an entry exactly as its line in the transcript has it: pi's format, in which other programs may put fields of their own",
            "a message in pi's format",
            "what was seen, by name; see doctor.md",
        ]
        .map(|what| what.split(':').next().unwrap().to_owned())
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
}

/// What objects that take any field say of themselves.
fn open_objects(name: &str, schema: &Value, open: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            if schema["type"] == "object"
                && !matches!(
                    &schema["additionalProperties"],
                    Value::Bool(false) | Value::Object(_)
                )
            {
                let what = schema["description"].as_str().unwrap_or(name);
                let what = what
                    .trim_start_matches("One entry a line. ")
                    .split(':')
                    .next()
                    .unwrap();
                let mut what = what.to_owned();
                what[..1].make_ascii_lowercase();
                open.push(what);
            }
            fields
                .values()
                .for_each(|inner| open_objects(name, inner, open));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|inner| open_objects(name, inner, open)),
        _ => {}
    }
}
