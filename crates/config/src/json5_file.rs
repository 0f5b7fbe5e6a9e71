//! JSON5 into a tree that remembers its lines. Plain JSON is JSON5.
//!
//! A name that stands twice in one table is refused: of two spellings of one wish nobody knows which is meant. In a peer's
//! file the later one counts, as it does for the peer.

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{Object, Value as Ast},
    common::Ranged as _,
    parse_to_ast,
};
use serde_json::{Map, Number, Value};

use crate::{
    Key,
    fault::Fault,
    reading::Reader,
    source::{Oddity, Source, SourceFile},
};

/// Reads the file into the source; with faults, nothing of it.
pub(crate) fn read(
    file: &SourceFile,
    source: &mut Source,
    later_wins: bool,
    faults: &mut Vec<Fault>,
) {
    let mut reader = Reader::new(file, source);
    let options = ParseOptions {
        allow_missing_commas: false,
        ..ParseOptions::default()
    };
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    let skipped = file.text.len() - text.len();
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options);
    let mut walk = Walk {
        reader: &mut reader,
        skipped,
        later_wins,
    };
    let tree = match parsed.map(|parsed| parsed.value) {
        Ok(Some(Ast::Object(object))) => walk.table(&Key::default(), &object),
        // An empty file says nothing.
        Ok(None) => Map::new(),
        Ok(Some(other)) => {
            walk.syntax(other.start(), "the outermost value must be a table: { .. }");
            Map::new()
        }
        Err(error) => {
            walk.syntax(error.range().start, &error.kind().to_string());
            Map::new()
        }
    };
    reader.finish(tree, faults);
}

struct Walk<'r, 'f> {
    reader: &'r mut Reader<'f>,
    /// Bytes before the text that was parsed.
    skipped: usize,
    later_wins: bool,
}

impl Walk<'_, '_> {
    fn syntax(&mut self, at: usize, what: &str) {
        self.reader.syntax_at(self.skipped + at, what);
    }

    fn table(&mut self, at: &Key, object: &Object<'_>) -> Map<String, Value> {
        let mut tree = Map::new();
        for property in &object.properties {
            let name = property.name.as_str();
            if tree.contains_key(name) && !self.later_wins {
                self.syntax(property.range.start, "this name stands here twice");
            }
            let key = at.child(name);
            if let Some(value) = self.value(&key, &property.value) {
                tree.insert(name.to_owned(), value);
            }
        }
        tree
    }

    fn value(&mut self, key: &Key, value: &Ast<'_>) -> Option<Value> {
        self.reader.stands_at(key, self.skipped + value.start());
        let read = match value {
            Ast::Object(object) => return Some(Value::Object(self.table(key, object))),
            Ast::Array(array) => {
                let items = array.elements.iter().enumerate();
                let items = items
                    .filter_map(|(at, item)| self.value(&key.child(at.to_string()), item))
                    .collect();
                return Some(Value::Array(items));
            }
            Ast::StringLit(text) => Ok(Value::String(text.value.to_string())),
            Ast::BooleanLit(truth) => Ok(Value::Bool(truth.value)),
            Ast::NullKeyword(_) => Ok(Value::Null),
            Ast::NumberLit(number) => number_of(number.value).map(Value::Number),
        };
        read.map_err(|odd| self.reader.odd(key, odd)).ok()
    }
}

/// A number of JSON5: decimal, hexadecimal, with signs, with a bare point, or not finite.
fn number_of(text: &str) -> Result<Number, Oddity> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let minus = text.starts_with('-');
    let whole = match unsigned.strip_prefix("0x").or(unsigned.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).map_err(|_| Oddity::Huge)?,
        None => match unsigned.parse::<u64>() {
            Ok(whole) => whole,
            Err(_) if unsigned.bytes().all(|digit| digit.is_ascii_digit()) => {
                return Err(Oddity::Huge);
            }
            Err(_) => {
                return match text.parse::<f64>() {
                    Ok(number) => Number::from_f64(number).ok_or(Oddity::of(number)),
                    Err(_) => Err(Oddity::Nan),
                };
            }
        },
    };
    if minus {
        let negative = i64::try_from(-i128::from(whole));
        negative.map(Number::from).map_err(|_| Oddity::Huge)
    } else {
        Ok(whole.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Format, Layer};

    fn file(text: &str) -> (Source, Vec<String>) {
        let mut faults = Vec::new();
        let file = SourceFile::new("a.json5", text, Format::Json5);
        let source = Source::from_file(Layer::UserFile, &file, &mut faults);
        (source, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_value_knows_its_line() {
        let (source, faults) = file(
            "\u{feff}// ours\n{\n  a: 1, /* two */ 'b':\n  {\n    c: [1,\n      { d: +0x10, }],\n  },\n \"e.f\": .5 }\n",
        );
        assert_eq!(faults, [""; 0]);
        let line = |key: &str| source.origin(&Key::from(key)).line();
        assert_eq!(
            ["a", "b.c", "b.c.1.d", "\"e.f\""].map(line),
            [Some(3), Some(5), Some(6), Some(8)]
        );
        assert_eq!(source.get(&Key::from("b.c.1.d")), Some(&Value::from(16)));
        assert_eq!(source.get(&Key::from("\"e.f\"")), Some(&Value::from(0.5)));
    }

    #[test]
    fn a_faulty_file_says_where_and_gives_no_value() {
        for (text, line, words) in [
            ("{ a: 1\n  b: 2 }", 1, "comma"),
            ("[1]", 1, "table"),
            ("{ a: 1,\n a: 2 }", 2, "twice"),
            ("{ a: ", 1, ""),
        ] {
            let (source, faults) = file(text);
            assert!(source.tree.is_empty(), "{text}");
            let start = format!("user file \"a.json5\" line {line}: not valid JSON5: ");
            assert!(
                faults[0].starts_with(&start) && faults[0].contains(words),
                "{faults:?}"
            );
        }
    }

    #[test]
    fn an_empty_file_says_nothing_and_is_no_fault() {
        for text in ["", "  \n", "// later\n"] {
            let (source, faults) = file(text);
            assert!(source.tree.is_empty() && faults.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn a_number_that_no_setting_can_be_is_odd_and_does_not_spoil_the_file() {
        let (source, faults) = file(
            "{ a: NaN, b: -Infinity, c: 99999999999999999999, d: 1e999, e: 0x1ffffffffffffffff, f: 1 }",
        );
        assert_eq!(faults, [""; 0]);
        assert_eq!(source.oddities.len(), 5);
        assert_eq!(source.tree.len(), 1);
    }

    #[test]
    fn nesting_without_end_is_refused_and_not_followed() {
        for text in [
            format!("{{ a: {}", "[".repeat(50_000)),
            format!("{{ a: {}", "{ a: ".repeat(50_000)),
        ] {
            assert!(!file(&text).1.is_empty());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in prop_oneof![any::<String>(), "[\\[\\]{}:,'\"a0-9.+xeIN/* \n-]{0,40}"]) {
            drop(file(&text));
        }

        #[test]
        fn what_serde_json_writes_is_read_back(a in any::<i64>(), b in any::<u64>(), c in any::<String>(), d in -1e300..1e300_f64) {
            let written = serde_json::json!({"a": a, "b": b, "c": [c], "d": d});
            let (source, faults) = file(&written.to_string());
            prop_assert_eq!(faults, Vec::<String>::new());
            prop_assert_eq!(Value::Object(source.tree), written);
        }
    }
}
