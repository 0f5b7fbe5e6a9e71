//! What comes in: files and the environment as values. Nobody here opens a file or reads a variable; who calls us does,
//! once, and so resolution is the same in a test, in a watcher and at start.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Map, Value};

use crate::{
    Key, Layer, Origin, Place,
    fault::{Fault, Warning},
    suggest::nearest,
    toml_file,
};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// TOML 1.
    Toml,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it was; only named in origins and faults, never opened.
    pub path: PathBuf,
    /// What was in it.
    pub text: String,
    /// How it is written.
    pub format: Format,
}

impl SourceFile {
    /// A TOML file.
    pub fn toml(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
            format: Format::Toml,
        }
    }
}

/// A snapshot of the environment, and which of its variables are settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    prefix: String,
    names: Vec<(String, Key)>,
    snapshot: BTreeMap<String, String>,
}

impl Environment {
    /// `names` maps whole names of variables to settings; of two variables for one setting the later name wins. Variables
    /// with our `prefix` that are not among them are warned about, other strangers are not looked at. An empty variable
    /// counts as not set.
    pub fn new<N: Into<String>, K: Into<Key>>(
        prefix: &str,
        names: impl IntoIterator<Item = (N, K)>,
        snapshot: BTreeMap<String, String>,
    ) -> Self {
        let names = names
            .into_iter()
            .map(|(name, key)| (name.into(), key.into()));
        Self {
            prefix: prefix.to_owned(),
            names: names.collect(),
            snapshot,
        }
    }

    pub(crate) fn read(&self) -> Source {
        let mut source = Source::new(Layer::Environment);
        for (name, key) in &self.names {
            if let Some(text) = self.snapshot.get(name).filter(|text| !text.is_empty()) {
                source.set(
                    key,
                    Value::String(text.clone()),
                    Place::Variable(name.clone()),
                );
            }
        }
        source
    }

    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let known = || self.names.iter().map(|(name, _)| name.as_str());
        let ours = self
            .snapshot
            .keys()
            .filter(|name| !self.prefix.is_empty() && name.starts_with(&self.prefix));
        let strange = ours.filter(|name| known().all(|known| known != name.as_str()));
        let warning = |name: &String| Warning::UnknownVariable {
            variable: name.clone(),
            suggestion: nearest(name, known()).map(str::to_owned),
        };
        strange.map(warning).collect()
    }
}

/// One layer's values as a tree, and where each of them stands.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) layer: Layer,
    pub(crate) tree: Map<String, Value>,
    places: BTreeMap<Key, Place>,
    /// Where a value stands of which we do not know better.
    fallback: Place,
}

impl Source {
    pub(crate) fn new(layer: Layer) -> Self {
        Self {
            layer,
            tree: Map::new(),
            places: BTreeMap::new(),
            fallback: Place::Program,
        }
    }

    /// A file's values. A file with faults in its syntax gives faults and no value.
    pub(crate) fn from_file(layer: Layer, file: &SourceFile, faults: &mut Vec<Fault>) -> Self {
        let mut source = Self::new(layer);
        source.fallback = Place::File {
            path: file.path.clone(),
            line: 1,
        };
        match file.format {
            Format::Toml => toml_file::read(file, &mut source, faults),
        }
        source
    }

    pub(crate) fn place(&mut self, key: Key, place: Place) {
        self.places.insert(key, place);
    }

    /// Sets a value in tables that are made as needed. A value that stands where a table is needed gives way.
    pub(crate) fn set(&mut self, key: &Key, value: Value, place: Place) {
        let Some((last, tables)) = key.segments().split_last() else {
            return;
        };
        let mut table = &mut self.tree;
        for name in tables {
            let entry = table.entry(name.clone()).or_insert(Value::Null);
            if !entry.is_object() {
                *entry = Value::Object(Map::new());
            }
            let Value::Object(inner) = entry else { return };
            table = inner;
        }
        table.insert(last.clone(), value);
        self.places.insert(key.clone(), place);
    }

    /// What stands at the key.
    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        let (first, rest) = key.segments().split_first()?;
        rest.iter()
            .try_fold(self.tree.get(first)?, |value, name| match value {
                Value::Array(items) => items.get(name.parse::<usize>().ok()?),
                other => other.get(name),
            })
    }

    /// Takes the key out; false if it was not there.
    pub(crate) fn remove(&mut self, key: &Key) -> bool {
        let Some((last, tables)) = key.segments().split_last() else {
            return false;
        };
        let mut table = &mut self.tree;
        for name in tables {
            let Some(Value::Object(inner)) = table.get_mut(name) else {
                return false;
            };
            table = inner;
        }
        table.remove(last).is_some()
    }

    /// Where the key stands, or the nearest thing around it of which that is known.
    pub(crate) fn origin(&self, key: &Key) -> Origin {
        let mut around = Some(key.clone());
        while let Some(key) = around {
            if let Some(place) = self.places.get(&key) {
                return Origin {
                    layer: self.layer,
                    place: place.clone(),
                };
            }
            around = key.parent();
        }
        Origin {
            layer: self.layer,
            place: self.fallback.clone(),
        }
    }

    /// The text that a person gave for this very setting, where there are only texts.
    pub(crate) fn typed_text(&self, key: &Key) -> Option<&str> {
        let textual = matches!(self.layer, Layer::Environment | Layer::CommandLine);
        self.get(key)
            .filter(|_| textual && self.places.contains_key(key))?
            .as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(snapshot: &[(&str, &str)]) -> Environment {
        let snapshot = snapshot
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Environment::new(
            "APP_",
            [("APP_MODEL", "model"), ("OTHER_MODEL", "model")],
            snapshot.collect(),
        )
    }

    #[test]
    fn an_empty_variable_is_not_set_and_the_later_name_wins() {
        let origin =
            |snapshot: &[(&str, &str)]| environment(snapshot).read().origin(&Key::from("model"));
        assert_eq!(
            origin(&[("APP_MODEL", "a"), ("OTHER_MODEL", "b")]).variable(),
            Some("OTHER_MODEL")
        );
        assert_eq!(
            origin(&[("APP_MODEL", "a"), ("OTHER_MODEL", "")]).variable(),
            Some("APP_MODEL")
        );
    }

    #[test]
    fn a_variable_with_our_prefix_and_a_slip_is_warned_about_and_a_stranger_is_not() {
        let warnings = environment(&[("APP_MODLE", "a"), ("PATH", "b")]).warnings();
        let told = warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            told,
            ["environment variable APP_MODLE means nothing here; did you mean `APP_MODEL`?"]
        );
    }

    #[test]
    fn setting_a_key_below_a_plain_value_replaces_the_value() {
        let mut source = Source::new(Layer::CommandLine);
        let flag = || Place::Flag("--a".to_owned());
        source.set(&Key::from("a"), Value::from(1), flag());
        source.set(&Key::from("a.b"), Value::from(2), flag());
        assert_eq!(source.get(&Key::from("a.b")), Some(&Value::from(2)));
        assert!(source.remove(&Key::from("a.b")) && !source.remove(&Key::from("a.b")));
    }
}
