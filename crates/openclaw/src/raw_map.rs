//! A JSON object as the texts of its keys and values, in the order written, repeated keys included.
//!
//! Invariant: nothing is decoded, so numbers, escapes and lone surrogates come out as they went in. Deliberately absent: what
//! any key means.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of one object.
#[derive(Debug, Default)]
pub(crate) struct RawMap(pub(crate) Vec<(Box<RawValue>, Box<RawValue>)>);

impl<'de> Deserialize<'de> for RawMap {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = RawMap;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawMap, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(RawMap(fields))
    }
}

/// The text that a key or a string stands for; what is no string stands for nothing. Lone surrogates read as U+FFFD.
pub(crate) fn decoded(text: &RawValue) -> String {
    latchwork_format::Raw::parse(text.get())
        .ok()
        .and_then(|raw| raw.as_str().map(std::borrow::Cow::into_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_keep_their_text() {
        let text = r#"{ "a\u0041" : 1.50E+1 , "\ud800":[ 1 ],"a\u0041":null }"#;
        let map: RawMap = serde_json::from_str(text).unwrap();
        let texts: Vec<_> = map.0.iter().map(|(k, v)| (k.get(), v.get())).collect();
        assert_eq!(
            texts,
            [
                (r#""a\u0041""#, "1.50E+1"),
                (r#""\ud800""#, "[ 1 ]"),
                (r#""a\u0041""#, "null")
            ]
        );
        assert_eq!(decoded(&map.0[0].0), "aA");
        assert_eq!(decoded(&map.0[1].0), "\u{fffd}");
    }
}
