//! JSON as it stands in a file: values are slices of their text, looked into one level at a time.
//!
//! JavaScript writes what strict readers refuse: lone surrogates, numbers beyond every range, the same key
//! twice. None of that may cost a line, so nothing here is decoded before it is asked for, and decoding is
//! as lenient as JavaScript's own reader: a lone surrogate reads as U+FFFD, `1e999` as infinity, and of a
//! repeated key the last value counts.
//!
//! Not here: a document model. [`Raw::to_value`] makes one for those who need it.
//!
//! Invariants: a [`Raw`] is one syntactically valid JSON value without space around it. Limits: an object
//! with more than [`MAX_FIELDS`] keys or an array with more than [`MAX_ITEMS`] elements is not opened, and
//! `to_value` stops at [`MAX_VALUE_DEPTH`]; scanning needs no stack, so depth alone is harmless.

mod build;
pub(crate) mod lex;
pub(crate) mod splice;
mod split;
mod text;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

pub(crate) use build::ObjectBuilder;
pub use lex::deeper_than;
pub(crate) use split::is_compact;
pub(crate) use text::{
    compact, decode, js_trim, on_one_line, push_quoted, quote, scrub_surrogates,
};

/// The most keys that an object may have to be opened.
pub const MAX_FIELDS: usize = 1 << 12;
/// The most elements that an array may have to be opened.
pub const MAX_ITEMS: usize = 1 << 20;
/// How many levels [`Raw::to_value`] descends; what lies deeper becomes `null`.
pub const MAX_VALUE_DEPTH: usize = 100;

/// One JSON value as the text it was written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    /// Reads `text` as one JSON value; space around it is left out.
    ///
    /// # Errors
    /// `text` is not exactly one JSON value.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&'a RawValue>(text).map(|value| Raw(value.get()))
    }

    pub(crate) fn of(value: &'a RawValue) -> Self {
        Raw(value.get())
    }

    /// The caller promises that `text` was taken from a value scanned before.
    pub(crate) fn trusted(text: &'a str) -> Self {
        Raw(text)
    }

    /// The value's own text.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.0
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// Whether this is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// Whether this is an array.
    #[must_use]
    pub fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    /// The boolean, if this is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The string, if this is one. Lone surrogates read as U+FFFD.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        text::decode(self.0)
    }

    /// The number, if this is one, as JavaScript reads it: too large is infinite.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self.0.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => self.0.parse().ok(),
            _ => None,
        }
    }

    /// The number, if it is whole, not negative and small enough to be exact.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        if let Ok(number) = self.0.parse() {
            return Some(number);
        }
        let number = self.as_f64()?;
        // 2^53: above it a float no longer tells neighbours apart.
        ((0.0..=9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0)
            .then_some(number as u64)
    }

    /// Whether JavaScript takes this value for true.
    #[must_use]
    pub fn truthy(self) -> bool {
        match self.0 {
            "null" | "false" | "\"\"" => false,
            _ => self.as_f64().is_none_or(|number| number != 0.0),
        }
    }

    /// The object's fields, if this is an object small enough to be opened.
    #[must_use]
    pub fn fields(self) -> Option<Fields<'a>> {
        if !self.is_object() {
            return None;
        }
        let mut parts = split::Parts::of(self.0);
        let mut fields = Vec::with_capacity(8);
        while let Some(key) = parts.next_part() {
            let value = parts.next_part()?;
            if fields.len() == MAX_FIELDS {
                return None;
            }
            fields.push((text::decode(key).unwrap_or_default(), Raw(value)));
        }
        Some(Fields(fields))
    }

    /// The array's elements, if this is an array small enough to be opened.
    #[must_use]
    pub fn items(self) -> Option<Vec<Raw<'a>>> {
        if !self.is_array() {
            return None;
        }
        let mut parts = split::Parts::of(self.0);
        let mut items = Vec::new();
        while let Some(item) = parts.next_part() {
            if items.len() == MAX_ITEMS {
                return None;
            }
            items.push(Raw(item));
        }
        Some(items)
    }

    /// The value as a document, as JavaScript would read it (see the module's limits).
    #[must_use]
    pub fn to_value(self) -> serde_json::Value {
        match serde_json::from_str(self.0) {
            Ok(value) => value,
            Err(_) => self.to_value_leniently(MAX_VALUE_DEPTH),
        }
    }

    pub(crate) fn to_value_leniently(self, depth: usize) -> serde_json::Value {
        use serde_json::Value;
        if depth == 0 {
            return Value::Null;
        }
        if let Some(fields) = self.fields() {
            let pairs = fields
                .iter()
                .map(|(key, value)| (key.to_owned(), value.to_value_leniently(depth - 1)));
            return Value::Object(pairs.collect());
        }
        if let Some(items) = self.items() {
            return Value::Array(
                items
                    .into_iter()
                    .map(|item| item.to_value_leniently(depth - 1))
                    .collect(),
            );
        }
        if let Some(string) = self.as_str() {
            return Value::String(string.into_owned());
        }
        serde_json::from_str(self.0).unwrap_or(Value::Null)
    }

    /// The value with its text owned.
    #[must_use]
    pub fn to_raw_value(self) -> Box<RawValue> {
        RawValue::from_string(self.0.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl serde::Serialize for Raw<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: &RawValue = serde_json::from_str(self.0).map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

/// The fields of one object, in the order written; repeated keys are all kept.
#[derive(Clone, Debug)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

impl<'a> Fields<'a> {
    /// `Ok(None)` for an object with too many keys.
    pub(crate) fn read(text: &'a str) -> Result<Option<Self>, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let fields = reader.deserialize_map(FieldsVisitor)?;
        reader.end()?;
        Ok(fields.map(Fields))
    }

    pub(crate) fn none() -> Self {
        Fields(Vec::new())
    }

    /// The value of `key`; the last one if it is repeated.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Raw<'a>> {
        self.0
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|&(_, value)| value)
    }

    /// The string value of `key`.
    #[must_use]
    pub fn str(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.as_str()
    }

    /// Every field as written, repeated keys included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Raw<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// Every key once, at its first place, with the value that counts.
    pub(crate) fn effective(&self) -> impl Iterator<Item = (&str, Raw<'a>)> {
        self.0
            .iter()
            .enumerate()
            .filter_map(|(place, (name, value))| {
                if self.0[..place].iter().any(|(earlier, _)| earlier == name) {
                    return None;
                }
                Some((name.as_ref(), self.get(name).unwrap_or(*value)))
            })
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Option<Vec<(Cow<'de, str>, Raw<'de>)>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(8);
        let mut whole = true;
        // Keys are read raw as well: a lone surrogate in a key must not cost the line.
        while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
            whole &= fields.len() < MAX_FIELDS;
            if whole {
                fields.push((
                    text::decode(key.get()).unwrap_or_default(),
                    Raw(value.get()),
                ));
            }
        }
        Ok(whole.then_some(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_javascript_writes_is_read_without_loss_of_the_line() {
        let text = r#"{"a\ud800":"x\ud83d\ude42\udc00","big":123456789012345678901234567890,"inf":1e999,"a":1,"a":2}"#;
        let fields = Raw::parse(text).unwrap().fields().unwrap();
        assert_eq!(fields.str("a\u{fffd}").unwrap(), "x🙂\u{fffd}");
        assert_eq!(
            fields.get("big").unwrap().text(),
            "123456789012345678901234567890"
        );
        assert_eq!(fields.get("inf").unwrap().as_f64(), Some(f64::INFINITY));
        assert_eq!(
            fields.get("a").unwrap().as_u64(),
            Some(2),
            "the last of a repeated key counts"
        );
    }

    #[test]
    fn depth_costs_no_stack() {
        let bomb = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let value = Raw::parse(&bomb).unwrap();
        assert_eq!(value.items().unwrap().len(), 1);
        assert!(deeper_than(bomb.as_bytes(), 512));
        assert!(value.to_value().is_array());
    }

    #[test]
    fn an_array_of_a_million_and_more_is_not_opened() {
        let wide = format!("[{}0]", "0,".repeat(MAX_ITEMS));
        assert!(Raw::parse(&wide).unwrap().items().is_none());
    }

    #[test]
    fn truth_is_javascripts() {
        for (text, truth) in [
            ("0", false),
            ("-0.0", false),
            ("\"\"", false),
            ("null", false),
            ("\"0\"", true),
            ("[]", true),
            ("1", true),
        ] {
            assert_eq!(Raw::parse(text).unwrap().truthy(), truth, "{text}");
        }
    }
}
