//! TOML into a tree that remembers its lines. Also single values, for texts of the environment and the command line.
//!
//! figment's own TOML feature is not used: it keeps no lines and brings an older parser.

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

use crate::{
    Key, Place,
    fault::Fault,
    source::{Source, SourceFile},
};

/// After this many faults of syntax in one file the rest is noise.
const MAX_FAULTS: usize = 8;

/// Reads the file into the source; with faults, nothing of it.
pub(crate) fn read(file: &SourceFile, source: &mut Source, faults: &mut Vec<Fault>) {
    let mut reader = Reader {
        file,
        lines: line_starts(&file.text),
        source,
        faults: Vec::new(),
    };
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        reader.syntax(at, error.message());
    }
    let tree = if reader.faults.is_empty() {
        reader.table(&Key::default(), table.get_ref())
    } else {
        Map::new()
    };
    let found = reader.faults;
    if found.is_empty() {
        source.tree = tree;
    }
    faults.extend(found);
}

/// A text as a TOML value of another type than text.
pub(crate) fn reinterpret(text: &str) -> Option<Value> {
    let value = DeValue::parse(text.trim()).ok()?;
    match value.get_ref() {
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Integer(value) => integer(value).map(Value::Number),
        DeValue::Float(value) => float(value.as_str()),
        DeValue::Array(_) => plain(value.get_ref()),
        _ => None,
    }
}

struct Reader<'f> {
    file: &'f SourceFile,
    lines: Vec<usize>,
    source: &'f mut Source,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn table(&mut self, at: &Key, table: &DeTable<'_>) -> Map<String, Value> {
        let mut tree = Map::new();
        for (name, value) in table {
            let key = at.child(name.get_ref().as_ref());
            if let Some(value) = self.value(&key, value) {
                tree.insert(name.get_ref().to_string(), value);
            }
        }
        tree
    }

    fn value(&mut self, key: &Key, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        let start = value.span().start;
        let place = self.place(start);
        self.source.place(key.clone(), place);
        let read = match value.get_ref() {
            DeValue::Table(table) => Some(Value::Object(self.table(key, table))),
            DeValue::Array(items) => {
                let items = items.iter().enumerate();
                Some(Value::Array(
                    items
                        .filter_map(|(at, item)| self.value(&key.child(at.to_string()), item))
                        .collect(),
                ))
            }
            other => plain(other),
        };
        if read.is_none() {
            self.syntax(start, "a number must be finite and have at most 64 bits");
        }
        read
    }

    fn syntax(&mut self, at: usize, what: &str) {
        let place = self.place(at);
        let fault = Fault::Syntax {
            origin: crate::Origin {
                layer: self.source.layer,
                place,
            },
            format: "TOML",
            what: what.escape_debug().to_string(),
        };
        if self.faults.len() < MAX_FAULTS && self.faults.last() != Some(&fault) {
            self.faults.push(fault);
        }
    }

    fn place(&self, at: usize) -> Place {
        Place::File {
            path: self.file.path.clone(),
            line: self.lines.partition_point(|&start| start <= at),
        }
    }
}

/// A value without tables of which lines would have to be kept.
fn plain(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Integer(number) => integer(number).map(Value::Number),
        DeValue::Float(number) => float(number.as_str()),
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

fn float(text: &str) -> Option<Value> {
    text.parse()
        .ok()
        .and_then(Number::from_f64)
        .map(Value::Number)
}

fn line_starts(text: &str) -> Vec<usize> {
    [0].into_iter()
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect()
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
    fn numbers_that_no_setting_can_hold_are_refused() {
        for text in ["a = inf", "a = 99999999999999999999", "a = [nan]"] {
            let (_, faults) = file(text);
            assert_eq!(faults.len(), 1, "{text}: {faults:?}");
            assert!(
                faults[0].contains("line 1") && faults[0].contains("64 bits"),
                "{faults:?}"
            );
        }
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
