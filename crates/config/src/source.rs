//! What comes in: files and the environment as values. Nobody here opens a file or reads a variable; who calls us does,
//! once, and so resolution is the same in a test, in a watcher and at start.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::{
    Key, Layer, Origin, Place,
    fault::{Fault, Warning},
    json5_file,
    limit::{Range, Verdict, judge},
    suggest::nearest,
    toml_file, yaml_file,
};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// TOML 1.
    Toml,
    /// JSON5, of which plain JSON is a part.
    Json5,
    /// YAML 1.2, without aliases and tags.
    Yaml,
}

impl Format {
    /// The format that a file with this name has: by its ending, and TOML where that says nothing.
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("json" | "json5" | "jsonc") => Self::Json5,
            Some("yaml" | "yml") => Self::Yaml,
            _ => Self::Toml,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Toml => "TOML",
            Self::Json5 => "JSON5",
            Self::Yaml => "YAML",
        })
    }
}

/// A number that is written in a file and that no setting can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oddity {
    Nan,
    Infinite,
    Huge,
}

impl Oddity {
    /// What a number that is not finite is.
    pub(crate) fn of(number: f64) -> Self {
        if number.is_nan() {
            Self::Nan
        } else {
            Self::Infinite
        }
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nan => "not a number",
            Self::Infinite => "infinite, or beyond what a number can be",
            Self::Huge => "a number of more than 64 bits",
        })
    }
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
    /// A file of this format.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>, format: Format) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
            format,
        }
    }

    /// A TOML file.
    pub fn toml(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self::new(path, text, Format::Toml)
    }

    /// A file of the format that its name ends with (see [`Format::of`]).
    pub fn named(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let path = path.into();
        let format = Format::of(&path);
        Self::new(path, text, format)
    }
}

/// A number of another program's file that is one of our settings too.
#[derive(Debug, Clone)]
pub struct PeerKey {
    /// What it is called there.
    pub theirs: Key,
    /// What it is called here.
    pub ours: Key,
    /// What it may be here. Units are ours alone: there a number is a number.
    pub range: Range,
}

impl PeerKey {
    fn read(&self, value: &Value) -> Result<Value, String> {
        let verdict = match value {
            Value::Number(_) => judge(value, &self.range, Layer::PeerFile),
            _ => Verdict::Outside(String::new()),
        };
        let number = match verdict {
            Verdict::Fits => value.as_u64(),
            Verdict::Means(number) => number.as_u64(),
            Verdict::Outside(_) | Verdict::NoAmount(_) => None,
        };
        let number = number.filter(|number| self.range.contains(*number));
        number
            .map(Value::from)
            .ok_or_else(|| format!("it must be {}", self.range))
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
    /// Numbers that are not in the tree, for no setting can be one.
    pub(crate) oddities: Vec<(Key, Oddity)>,
    /// Where a value stands of which we do not know better.
    fallback: Place,
}

impl Source {
    pub(crate) fn new(layer: Layer) -> Self {
        Self {
            layer,
            tree: Map::new(),
            places: BTreeMap::new(),
            oddities: Vec::new(),
            fallback: Place::Program,
        }
    }

    /// A file's values. A file with faults in its syntax gives faults and no value.
    pub(crate) fn from_file(layer: Layer, file: &SourceFile, faults: &mut Vec<Fault>) -> Self {
        Self::parsed(layer, file, false, faults)
    }

    fn parsed(layer: Layer, file: &SourceFile, later_wins: bool, faults: &mut Vec<Fault>) -> Self {
        let mut source = Self::new(layer);
        source.fallback = Place::File {
            path: file.path.clone(),
            line: 1,
        };
        match file.format {
            Format::Toml => toml_file::read(file, &mut source, faults),
            Format::Json5 => json5_file::read(file, &mut source, later_wins, faults),
            Format::Yaml => yaml_file::read(file, &mut source, faults),
        }
        source
    }

    /// What we know of another program's file, under our names. What we do not know is not looked at, and what cannot be
    /// used is warned about.
    pub(crate) fn from_peer(
        file: &SourceFile,
        keys: &[PeerKey],
        faults: &mut Vec<Fault>,
        warnings: &mut Vec<Warning>,
    ) -> Self {
        let theirs = Self::parsed(Layer::PeerFile, file, true, faults);
        let mut ours = Self::new(Layer::PeerFile);
        ours.fallback.clone_from(&theirs.fallback);
        for key in keys {
            let odd = theirs.oddities.iter().rfind(|(odd, _)| *odd == key.theirs);
            let read = match (odd, theirs.get(&key.theirs)) {
                (Some((_, odd)), _) => Err(format!("it is {odd}; it must be {}", key.range)),
                (None, Some(value)) => key.read(value),
                (None, None) => continue,
            };
            let origin = theirs.origin(&key.theirs);
            match read {
                Ok(value) => ours.set(&key.ours, value, origin.place),
                Err(why) => warnings.push(Warning::Ignored {
                    origin,
                    key: key.theirs.clone(),
                    why,
                }),
            }
        }
        ours
    }

    /// Takes back everything that was read.
    pub(crate) fn forget(&mut self) {
        self.tree = Map::new();
        self.places.clear();
        self.oddities.clear();
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

    /// Every value that is no table.
    pub(crate) fn leaves(&self) -> Vec<(Key, &Value)> {
        let mut leaves = Vec::new();
        let mut open = vec![(Key::default(), &self.tree)];
        while let Some((at, table)) = open.pop() {
            for (name, value) in table {
                match value {
                    Value::Object(inner) => open.push((at.child(name), inner)),
                    value => leaves.push((at.child(name), value)),
                }
            }
        }
        leaves
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
