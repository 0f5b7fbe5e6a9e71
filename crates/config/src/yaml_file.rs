//! YAML 1.2 into a tree that remembers its lines.
//!
//! The parser's events are followed one by one, with a limit on nesting. Deliberately refused, each by name: aliases (a few
//! lines of them can spell a billion values), tags, several documents, names that are no texts, and a name that stands twice.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

use crate::{
    Key,
    fault::Fault,
    reading::Reader,
    source::{Oddity, Source, SourceFile},
};

/// Nobody nests settings deeper.
const DEPTH_MAX: usize = 64;

/// Reads the file into the source; with faults, nothing of it.
pub(crate) fn read(file: &SourceFile, source: &mut Source, faults: &mut Vec<Fault>) {
    let mut reader = Reader::new(file, source);
    let mut builder = Builder {
        reader: &mut reader,
        open: Vec::new(),
        root: None,
        documents: 0,
    };
    for event in Parser::new_from_str(&file.text) {
        let (line, done) = match event {
            Ok((event, span)) => {
                let line = span.start.line();
                (line, builder.event(event, line))
            }
            Err(error) => (
                error.marker().line(),
                Err(format!(
                    "{} (column {})",
                    error.info(),
                    error.marker().col() + 1
                )),
            ),
        };
        if let Err(what) = done {
            builder.reader.syntax_on(line.max(1), &what);
            break;
        }
    }
    let tree = match builder.root.take() {
        Some(Value::Object(tree)) => tree,
        None | Some(Value::Null) => Map::new(),
        Some(_) => {
            if reader.is_clean() {
                reader.syntax_on(1, "the outermost value must be a table: `name: value`");
            }
            Map::new()
        }
    };
    reader.finish(tree, faults);
}

/// A table or a list that has begun and not ended.
enum Open {
    /// The name whose value comes next, if it has come.
    Table(Key, Map<String, Value>, Option<String>),
    List(Key, Vec<Value>),
}

struct Builder<'r, 'f> {
    reader: &'r mut Reader<'f>,
    open: Vec<Open>,
    root: Option<Value>,
    documents: usize,
}

impl Builder<'_, '_> {
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<(), String> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err("one file is one document; take out what begins with `---`".into());
                }
            }
            Event::Alias(_) => {
                return Err("aliases (`*name`) are not followed; write the value again".into());
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                return Err("tags (`!name`) mean nothing here; take them out".into());
            }
            Event::Scalar(text, style, _, None) => {
                if let Some(Open::Table(_, tree, name @ None)) = self.open.last_mut() {
                    if tree.contains_key(text.as_ref()) {
                        return Err("this name stands here twice".into());
                    }
                    *name = Some(text.into_owned());
                    return Ok(());
                }
                let key = self.key()?;
                self.reader.stands_on(&key, line);
                match scalar(&text, style) {
                    Ok(value) => self.close(Some(value)),
                    Err(odd) => {
                        self.reader.odd(&key, odd);
                        self.close(None);
                    }
                }
            }
            Event::SequenceStart(..) => {
                let key = self.begin(line)?;
                self.open.push(Open::List(key, Vec::new()));
            }
            Event::MappingStart(..) => {
                let key = self.begin(line)?;
                self.open.push(Open::Table(key, Map::new(), None));
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::Table(_, tree, _)) => self.close(Some(Value::Object(tree))),
                Some(Open::List(_, items)) => self.close(Some(Value::Array(items))),
                None => {}
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, line: usize) -> Result<Key, String> {
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}"));
        }
        let key = self.key()?;
        if !key.is_root() {
            self.reader.stands_on(&key, line);
        }
        Ok(key)
    }

    /// The key of the value that comes now.
    fn key(&self) -> Result<Key, String> {
        match self.open.last() {
            None => Ok(Key::default()),
            Some(Open::Table(key, _, Some(name))) => Ok(key.child(name.as_str())),
            Some(Open::Table(_, _, None)) => Err("a name must be a text".into()),
            Some(Open::List(key, items)) => Ok(key.child(items.len().to_string())),
        }
    }

    /// Puts a value that is complete where it belongs; None was odd and is left out.
    fn close(&mut self, value: Option<Value>) {
        match self.open.last_mut() {
            None => self.root = value,
            Some(Open::Table(_, tree, name)) => {
                if let (Some(name), Some(value)) = (name.take(), value) {
                    tree.insert(name, value);
                }
            }
            Some(Open::List(_, items)) => items.extend(value),
        }
    }
}

/// A scalar by the core schema of YAML 1.2: `yes` and `on` are texts there.
fn scalar(text: &str, style: ScalarStyle) -> Result<Value, Oddity> {
    if style != ScalarStyle::Plain {
        return Ok(Value::String(text.to_owned()));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Err(Oddity::Nan),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Err(Oddity::Infinite);
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        let digits = text.strip_prefix(prefix).filter(|digits| {
            !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
        });
        if let Some(digits) = digits {
            let number = u64::from_str_radix(digits, radix);
            return number.map(Value::from).map_err(|_| Oddity::Huge);
        }
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits(unsigned) {
        let number = text.parse::<i64>().map(Value::from);
        let number = number.or_else(|_| text.parse::<u64>().map(Value::from));
        return number.map_err(|_| Oddity::Huge);
    }
    if !is_float(unsigned) {
        return Ok(Value::String(text.to_owned()));
    }
    let number = text.parse::<f64>().map_err(|_| Oddity::Nan)?;
    let number = Number::from_f64(number).ok_or(Oddity::of(number))?;
    Ok(Value::Number(number))
}

/// Digits with a point or an exponent, and nothing else.
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = unsigned
        .split_once(['e', 'E'])
        .map_or((unsigned, None), |(mantissa, exponent)| {
            (mantissa, Some(exponent))
        });
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !(whole.is_empty() && part.is_empty());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    has_digits && all_digits(whole) && all_digits(part) && exponent_fits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Format, Layer};

    fn file(text: &str) -> (Source, Vec<String>) {
        let mut faults = Vec::new();
        let file = SourceFile::new("a.yaml", text, Format::Yaml);
        let source = Source::from_file(Layer::UserFile, &file, &mut faults);
        (source, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_value_knows_its_line() {
        let (source, faults) =
            file("a: 1\n\nb:\n  c:\n    - 1\n    - d: 0x10\n\"e.f\": yes\ng: '5'\nh: 1.5\n");
        assert_eq!(faults, [""; 0]);
        let line = |key: &str| source.origin(&Key::from(key)).line();
        assert_eq!(
            ["a", "b.c.0", "b.c.1.d", "\"e.f\""].map(line),
            [Some(1), Some(5), Some(6), Some(7)]
        );
        assert_eq!(source.get(&Key::from("b.c.1.d")), Some(&Value::from(16)));
        for (key, value) in [
            ("\"e.f\"", Value::from("yes")),
            ("g", Value::from("5")),
            ("h", Value::from(1.5)),
        ] {
            assert_eq!(source.get(&Key::from(key)), Some(&value), "{key}");
        }
    }

    #[test]
    fn what_is_refused_is_refused_by_name_and_with_its_line() {
        for (text, line, words) in [
            ("a: &x 1\nb: *x", 2, "aliases"),
            ("a: 1\n---\nb: 1", 2, "one document"),
            ("a: !!str 1", 1, "tags"),
            ("a: 1\na: 2", 2, "twice"),
            ("[a]: 1", 1, "a name must be a text"),
            ("- a", 1, "outermost"),
            ("a: [1,", 1, ""),
            ("a: 'x", 1, ""),
        ] {
            let (source, faults) = file(text);
            assert!(source.tree.is_empty(), "{text}");
            let start = format!("user file \"a.yaml\" line {line}: not valid YAML: ");
            assert!(
                faults.first().is_some_and(|fault| fault.contains(words)),
                "{text:?}: {faults:?}"
            );
            assert!(
                words.is_empty() || faults[0].starts_with(&start),
                "{faults:?}"
            );
        }
    }

    #[test]
    fn a_number_that_no_setting_can_be_is_odd_and_does_not_spoil_the_file() {
        let (source, faults) = file("a: .nan\nb: -.inf\nc: 99999999999999999999\nd: 1e999\nf: 1\n");
        assert_eq!(faults, [""; 0]);
        assert_eq!((source.oddities.len(), source.tree.len()), (4, 1));
    }

    #[test]
    fn an_empty_file_says_nothing_and_nesting_without_end_is_refused() {
        for text in ["", "# later\n", "---\n"] {
            let (source, faults) = file(text);
            assert!(
                source.tree.is_empty() && faults.is_empty(),
                "{text:?}: {faults:?}"
            );
        }
        let deep = 100;
        for text in [
            format!("a: {}{}", "[".repeat(deep), "]".repeat(deep)),
            format!("a: {}{}", "{ a: ".repeat(deep), "}".repeat(deep)),
            format!("a:\n {}x", "- ".repeat(5_000)),
        ] {
            let faults = file(&text).1;
            assert!(faults[0].contains("nested deeper"), "{faults:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in prop_oneof![any::<String>(), "[\\[\\]{}:,'\"a0-9.+xe#&*!|>? \n-]{0,40}"]) {
            drop(file(&text));
        }

        #[test]
        fn what_serde_json_writes_is_yaml_and_is_read_back(a in any::<i64>(), b in any::<u64>(), c in "[ -~]{0,12}") {
            let written = serde_json::json!({"a": a, "b": b, "c": [c, "true", "1"]});
            let (source, faults) = file(&written.to_string());
            prop_assert_eq!(faults, Vec::<String>::new());
            prop_assert_eq!(Value::Object(source.tree), written);
        }
    }
}
