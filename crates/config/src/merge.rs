//! The one room that knows figment: it merges the layers, remembers through figment's tags which layer each value came
//! from, and lets serde read the result. What goes in and out is ours.

use figment::{
    Error, Figment, Metadata, Profile, Provider,
    error::{Actual, Kind},
    value::{Dict, Empty, Map, Num, Tag, Value},
};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{Key, source::Source};

/// All layers as one tree.
pub(crate) struct Merged {
    figment: Figment,
    root: Value,
}

/// Why serde could not read the tree.
#[derive(Debug)]
pub(crate) struct Misfit {
    pub(crate) key: Key,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Type { expected: String, found: String },
    Unknown { known: &'static [&'static str] },
    Missing { field: String },
    Other { why: String },
}

impl Merged {
    /// Merges in the given order, the later on top: tables key by key, anything else whole.
    pub(crate) fn of(sources: &[Source]) -> Self {
        let layers = sources
            .iter()
            .enumerate()
            .map(|(index, source)| OneLayer { index, source });
        let figment = layers.fold(Figment::new(), Figment::merge);
        // Our providers cannot fail and the empty path is the root, so there always is one.
        let root = figment
            .find_value("")
            .unwrap_or_else(|_| Dict::new().into());
        Self { figment, root }
    }

    /// Reads the tree, and lists the keys that nobody read.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<(T, Vec<Key>), Misfit> {
        let mut ignored = Vec::new();
        let value = serde_ignored::deserialize(&self.root, |path| ignored.push(key_of(&path)));
        value
            .map(|value| (value, ignored))
            .map_err(|error| misfit(&error))
    }

    /// Which source the value at the key came from; for a table, the last that had a say in it.
    pub(crate) fn source_of(&self, key: &Key) -> Option<usize> {
        self.source_by_tag(self.find(key)?.tag())
    }

    /// The part of the key that is there.
    pub(crate) fn existing(&self, key: &Key) -> Key {
        let mut key = key.clone();
        while self.find(&key).is_none() {
            match key.parent() {
                Some(parent) => key = parent,
                None => break,
            }
        }
        key
    }

    /// Every value that is not a table, with the index of its source.
    pub(crate) fn leaves(&self) -> Vec<(Key, usize)> {
        let mut leaves = Vec::new();
        self.collect(&Key::default(), &self.root, &mut leaves);
        leaves
    }

    /// Every key that is there and fits the pattern, in which a segment `*` stands for any name.
    pub(crate) fn matching(&self, pattern: &Key) -> Vec<Key> {
        let mut found = vec![(Key::default(), &self.root)];
        for name in pattern.segments() {
            let inner = found.into_iter().filter_map(|(key, value)| {
                let Value::Dict(_, table) = value else {
                    return None;
                };
                let chosen = table.iter().filter(|(own, _)| name == "*" || name == *own);
                Some(chosen.map(move |(own, value)| (key.child(own), value)))
            });
            found = inner.flatten().collect();
        }
        found.into_iter().map(|(key, _)| key).collect()
    }

    fn collect(&self, key: &Key, value: &Value, leaves: &mut Vec<(Key, usize)>) {
        match value {
            Value::Dict(_, table) => table
                .iter()
                .for_each(|(name, value)| self.collect(&key.child(name), value, leaves)),
            other => leaves.extend(
                self.source_by_tag(other.tag())
                    .map(|source| (key.clone(), source)),
            ),
        }
    }

    fn find(&self, key: &Key) -> Option<&Value> {
        key.segments()
            .iter()
            .try_fold(&self.root, |value, name| match value {
                Value::Dict(_, table) => table.get(name),
                Value::Array(_, items) => items.get(name.parse::<usize>().ok()?),
                _ => None,
            })
    }

    fn source_by_tag(&self, tag: Tag) -> Option<usize> {
        self.figment.get_metadata(tag)?.name.parse().ok()
    }
}

/// A layer as figment sees it; its name is its number.
struct OneLayer<'s> {
    index: usize,
    source: &'s Source,
}

impl Provider for OneLayer<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.index.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Map::from([(Profile::Default, dict(&self.source.tree))]))
    }
}

fn dict(tree: &serde_json::Map<String, Json>) -> Dict {
    tree.iter()
        .map(|(name, value)| (name.clone(), value_of(value)))
        .collect()
}

fn value_of(json: &Json) -> Value {
    let tag = Tag::Default;
    match json {
        Json::Null => Value::Empty(tag, Empty::None),
        Json::Bool(value) => Value::Bool(tag, *value),
        Json::Number(number) => Value::Num(tag, number_of(number)),
        Json::String(text) => Value::String(tag, text.clone()),
        Json::Array(items) => Value::Array(tag, items.iter().map(value_of).collect()),
        Json::Object(table) => Value::Dict(tag, dict(table)),
    }
}

fn number_of(number: &serde_json::Number) -> Num {
    let whole = number
        .as_u64()
        .map(Num::U64)
        .or_else(|| number.as_i64().map(Num::I64));
    whole.unwrap_or_else(|| Num::F64(number.as_f64().unwrap_or(f64::NAN)))
}

fn key_of(path: &serde_ignored::Path<'_>) -> Key {
    use serde_ignored::Path;
    match path {
        Path::Root => Key::default(),
        Path::Seq { parent, index } => key_of(parent).child(index.to_string()),
        Path::Map { parent, key } => key_of(parent).child(key.as_str()),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => key_of(parent),
    }
}

fn misfit(error: &Error) -> Misfit {
    let key = Key::from_segments(error.path.clone());
    let what = match &error.kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => What::Type {
            expected: expected.clone(),
            found: in_words(found, is_number(expected)),
        },
        Kind::InvalidLength(found, expected) => What::Type {
            expected: expected.clone(),
            found: format!("a list of {found}"),
        },
        Kind::UnknownField(_, known) => What::Unknown { known },
        Kind::MissingField(field) => What::Missing {
            field: field.to_string(),
        },
        Kind::UnknownVariant(_, known) => What::Type {
            expected: format!("one of `{}`", known.join("`, `")),
            found: "another word".to_owned(),
        },
        other => What::Other {
            why: other.to_string().escape_debug().to_string(),
        },
    };
    Misfit { key, what }
}

/// Whether a number is expected, as serde calls the types of Rust.
fn is_number(expected: &str) -> bool {
    let mut chars = expected.chars();
    matches!(chars.next(), Some('u' | 'i' | 'f')) && chars.all(|c| c.is_ascii_digit())
}

/// What stands there, without quoting text: it could be a secret at the wrong place. So could a number where none is expected.
fn in_words(found: &Actual, is_number: bool) -> String {
    match found {
        Actual::Bool(value) => format!("{value}"),
        Actual::Unsigned(number) if is_number => format!("the number {number}"),
        Actual::Signed(number) if is_number => format!("the number {number}"),
        Actual::Float(number) if is_number => format!("the number {number}"),
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number".to_owned(),
        Actual::Str(_) | Actual::Char(_) | Actual::Bytes(_) => "a text".to_owned(),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        Actual::Unit | Actual::Option => "nothing".to_owned(),
        _ => "something else".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::{Json, Merged};
    use crate::{Layer, source::Source};

    /// Few names, so that they meet. As with settings, a name is that of a table (`a`, `b`) or of a value (`c`, `d`) in every layer: of one
    /// that is now this and now that no merge that looks into tables can be associative, and it is a fault of types anyway.
    fn tree() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Json::from),
            (0..3_u8).prop_map(Json::from),
            "[x-z]{0,2}".prop_map(Json::from),
            prop::collection::vec(0..3_u8, 0..3).prop_map(Json::from),
        ];
        let values = prop::collection::btree_map("[cd]", leaf, 0..3);
        let bottom = values.clone().prop_map(|values| json!(values));
        bottom.prop_recursive(3, 24, 4, move |inner| {
            let tables = prop::collection::btree_map("[ab]", inner, 0..3);
            (tables, values.clone()).prop_map(|(tables, values)| {
                Json::Object(tables.into_iter().chain(values).collect())
            })
        })
    }

    fn merged(layers: &[&Json]) -> Json {
        let source = |tree: &&Json| {
            let mut source = Source::new(Layer::UserFile);
            source.tree = tree.as_object().cloned().unwrap_or_default();
            source
        };
        let sources: Vec<Source> = layers.iter().map(source).collect();
        Merged::of(&sources).read::<Json>().unwrap().0
    }

    proptest! {
        #[test]
        fn merging_is_associative_and_nothing_changes_nothing(a in tree(), b in tree(), c in tree()) {
            let all = merged(&[&a, &b, &c]);
            prop_assert_eq!(&merged(&[&merged(&[&a, &b]), &c]), &all);
            prop_assert_eq!(&merged(&[&a, &merged(&[&b, &c])]), &all);
            let nothing = Json::Object(Map::new());
            prop_assert_eq!(&merged(&[&nothing, &a]), &a);
            prop_assert_eq!(&merged(&[&a, &nothing]), &a);
        }
    }
}
