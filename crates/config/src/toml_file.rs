//! TOML into a tree that remembers its lines. Also single values, for texts of the environment and the command line.
//!
//! figment's own TOML feature is not used: it keeps no lines and brings an older parser.

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

use crate::{
    Key,
    fault::Fault,
    reading::Reader,
    source::{Oddity, Source, SourceFile},
};

/// Reads the file into the source; with faults, nothing of it.
pub(crate) fn read(file: &SourceFile, source: &mut Source, faults: &mut Vec<Fault>) {
    let mut reader = Reader::new(file, source);
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        reader.syntax_at(at, error.message());
    }
    let tree = if reader.is_clean() {
        tree_of(&mut reader, &Key::default(), table.get_ref())
    } else {
        Map::new()
    };
    reader.finish(tree, faults);
}

/// A text as a TOML value of another type than text.
pub(crate) fn reinterpret(text: &str) -> Option<Value> {
    let value = DeValue::parse(text.trim()).ok()?;
    match value.get_ref() {
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Integer(value) => integer(value).map(Value::Number),
        DeValue::Float(value) => float(value.as_str()).ok(),
        DeValue::Array(_) => plain(value.get_ref()),
        _ => None,
    }
}

fn tree_of(reader: &mut Reader<'_>, at: &Key, table: &DeTable<'_>) -> Map<String, Value> {
    let mut tree = Map::new();
    for (name, value) in table {
        let key = at.child(name.get_ref().as_ref());
        if let Some(value) = value_of(reader, &key, value) {
            tree.insert(name.get_ref().to_string(), value);
        }
    }
    tree
}

fn value_of(reader: &mut Reader<'_>, key: &Key, value: &Spanned<DeValue<'_>>) -> Option<Value> {
    reader.stands_at(key, value.span().start);
    match value.get_ref() {
        DeValue::Table(table) => Some(Value::Object(tree_of(reader, key, table))),
        DeValue::Array(items) => {
            let items = items.iter().enumerate();
            let items = items
                .filter_map(|(at, item)| value_of(reader, &key.child(at.to_string()), item))
                .collect();
            Some(Value::Array(items))
        }
        DeValue::Float(number) => {
            let read = float(number.as_str());
            read.map_err(|odd| reader.odd(key, odd)).ok()
        }
        other => {
            let read = plain(other);
            if read.is_none() {
                reader.odd(key, Oddity::Huge);
            }
            read
        }
    }
}

/// A value without tables of which lines would have to be kept.
fn plain(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Integer(number) => integer(number).map(Value::Number),
        DeValue::Float(number) => float(number.as_str()).ok(),
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Datetime(time) => Some(Value::String(time.to_string())),
        DeValue::Array(items) => items.iter().map(|item| plain(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let entries = table
                .iter()
                .map(|(name, value)| Some((name.get_ref().to_string(), plain(value.get_ref())?)));
            entries.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
    }
}

fn integer(number: &DeInteger<'_>) -> Option<Number> {
    let (text, radix) = (number.as_str(), number.radix());
    let signed = i64::from_str_radix(text, radix).map(Number::from);
    signed
        .or_else(|_| u64::from_str_radix(text, radix).map(Number::from))
        .ok()
}

fn float(text: &str) -> Result<Value, Oddity> {
    let number = text.parse::<f64>().map_err(|_| Oddity::Nan)?;
    let number = Number::from_f64(number).ok_or(Oddity::of(number))?;
    Ok(Value::Number(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Layer;

    fn file(text: &str) -> (Source, Vec<String>) {
        let mut faults = Vec::new();
        let source = Source::from_file(
            Layer::UserFile,
            &SourceFile::toml("a.toml", text),
            &mut faults,
        );
        (source, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_value_knows_its_line() {
        let (source, faults) = file("a = 1\n\n[b]\nc = [\n  1,\n  { d = 2 },\n]\n'e.f' = 0x10\n");
        assert_eq!(faults, [""; 0]);
        let line = |key: &str| source.origin(&Key::from(key)).line();
        assert_eq!(
            ["a", "b.c", "b.c.1.d", "b.\"e.f\""].map(line),
            [Some(1), Some(4), Some(6), Some(8)]
        );
        assert_eq!(source.get(&Key::from("b.\"e.f\"")), Some(&Value::from(16)));
    }

    #[test]
    fn a_faulty_file_says_where_and_gives_no_value() {
        let (source, faults) = file("a = 1\nb = = 2\n");
        assert!(source.tree.is_empty());
        assert!(
            faults[0].starts_with("user file \"a.toml\" line 2: not valid TOML: "),
            "{faults:?}"
        );
    }

    #[test]
    fn a_number_that_no_setting_can_be_is_odd_and_does_not_spoil_the_file() {
        let (source, faults) = file("a = inf\nb = 99999999999999999999\nc = [nan]\nd = 1\n");
        assert_eq!(faults, [""; 0]);
        let odd: Vec<_> = source
            .oddities
            .iter()
            .map(|(key, odd)| (key.to_string(), *odd))
            .collect();
        assert_eq!(
            odd,
            [
                ("a".to_owned(), Oddity::Infinite),
                ("b".to_owned(), Oddity::Huge),
                ("c.0".to_owned(), Oddity::Nan)
            ]
        );
        assert_eq!(source.get(&Key::from("d")), Some(&Value::from(1)));
    }

    #[test]
    fn nesting_without_end_is_refused_and_not_followed() {
        let deep = 50_000;
        for text in [
            format!("a = {}", "[".repeat(deep)),
            format!("a = {}", "{ a = ".repeat(deep)),
            format!("{}a = 1", "a.".repeat(deep)),
            format!("[{}a]", "a.".repeat(deep)),
        ] {
            let (_, faults) = file(&text);
            assert!(!faults.is_empty(), "{}", &text[..12]);
        }
    }

    #[test]
    fn a_text_of_the_environment_can_be_a_number_a_truth_or_a_list_and_a_word_stays_a_word() {
        assert_eq!(reinterpret("5"), Some(Value::from(5)));
        assert_eq!(reinterpret(" true "), Some(Value::from(true)));
        assert_eq!(reinterpret("[\"a\"]"), Some(Value::from(vec!["a"])));
        for text in ["five", "", "\"5\"", "{ a = 1 }", "[", "1979-05-27"] {
            assert_eq!(reinterpret(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            drop((file(&text), reinterpret(&text)));
        }
    }
}
