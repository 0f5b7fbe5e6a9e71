//! One setting changed in the text of a TOML file; comments, order and everything else stay as they are.
//!
//! Pure: text in, text out. Deliberately absent: reading and writing the file, and whether the value is a good one, which
//! resolving the new text says.

use latchwork_config::Key;
use toml_edit::{Array, DocumentMut, Item, TableLike, Value};

use super::names::{Kind, meant_by, name_of};

/// Why a setting cannot be changed in a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// There is none of this name.
    #[error("there is no setting `{}`{}", if meant.is_some() { key.veiled_but_last() } else { key.veiled() }, meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?")))]
    Unknown {
        /// As it was given; it may be a secret, and is shown veiled.
        key: Key,
        /// The one that may be meant.
        meant: Option<&'static str>,
    },
    /// The setting is a table of names, and no name in it was given.
    #[error("`{key}` is a table; name what is to be set in it: `{key}.NAME`")]
    Table {
        /// As it was given.
        key: Key,
    },
    /// The text is no TOML. What the parser did not like is told when the file is resolved.
    #[error("the file is not valid TOML")]
    Syntax,
    /// Something else stands where a table has to be.
    #[error("`{at}` is no table in this file")]
    NoTable {
        /// What stands there.
        at: Key,
    },
}

/// The text with the setting set to what the words mean for it: a number, a truth, a list (separated by commas) or a text.
///
/// # Errors
/// See [`EditError`].
pub fn edited(text: &str, key: &Key, words: &str) -> Result<String, EditError> {
    let unknown = || EditError::Unknown {
        key: key.clone(),
        meant: meant_by(&key.to_string()),
    };
    let name = name_of(key).ok_or_else(unknown)?;
    if name.kind.is_table() && key.segments().len() <= name.pattern().segments().len() {
        return Err(EditError::Table { key: key.clone() });
    }
    let mut document: DocumentMut = text.parse().map_err(|_| EditError::Syntax)?;
    let (last, tables) = key.segments().split_last().ok_or_else(unknown)?;
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for (depth, segment) in tables.iter().enumerate() {
        let item = table.entry(segment).or_insert_with(|| {
            let mut inner = toml_edit::Table::new();
            inner.set_implicit(depth + 1 < tables.len());
            Item::Table(inner)
        });
        table = item.as_table_like_mut().ok_or_else(|| EditError::NoTable {
            at: Key::from(tables[..=depth].join(".").as_str()),
        })?;
    }
    put(table, last, value_of(&name.kind, words));
    Ok(document.to_string())
}

/// Puts the value where the old one stood, with the comment behind that.
fn put(table: &mut dyn TableLike, name: &str, mut value: Value) {
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => drop(table.insert(name, Item::Value(value))),
    }
}

/// What the words mean. What does not fit stays a text, and is refused with good words when the file is resolved.
fn value_of(kind: &Kind, words: &str) -> Value {
    let trimmed = words.trim();
    match kind {
        Kind::Number(_) => trimmed
            .parse::<i64>()
            .map_or_else(|_| Value::from(trimmed), Value::from),
        Kind::Truth => trimmed
            .parse::<bool>()
            .map_or_else(|_| Value::from(trimmed), Value::from),
        Kind::Words(_) | Kind::Paths => {
            if let Ok(Value::Array(list)) = trimmed.parse::<Value>() {
                return Value::Array(list);
            }
            let parts = trimmed.split(',').map(str::trim);
            let parts = parts.filter(|part| !part.is_empty());
            Value::Array(parts.collect::<Array>())
        }
        _ => Value::from(words),
    }
}

#[cfg(test)]
mod tests {
    use latchwork_config::{Layers, Range, SourceFile, Unit};
    use proptest::prelude::*;

    use super::*;
    use crate::{Settings, Sources, names};

    const FILE: &str = "# mine\nsession = 'diary' # every day\n\n[turn]\n# few\nrounds_max = 3 # three\nledger = true\n\n[models.local]\nbase_url = \"http://l/v1\"\n";

    #[test]
    fn comments_and_order_stay_and_only_the_value_changes() {
        let set = |key: &str, words: &str| edited(FILE, &Key::from(key), words).unwrap();
        assert_eq!(
            set("turn.rounds_max", "7"),
            FILE.replace("rounds_max = 3 #", "rounds_max = 7 #")
        );
        assert_eq!(
            set("session", "other"),
            FILE.replace("'diary'", "\"other\"")
        );
        let added = set("turn.claim_wait_ms", "5s");
        assert_eq!(
            added,
            FILE.replace("ledger = true\n", "ledger = true\nclaim_wait_ms = \"5s\"\n")
        );
        let table = set("store.locks.peer_lock", "auto");
        assert_eq!(
            table,
            format!("{FILE}\n[store.locks]\npeer_lock = \"auto\"\n")
        );
        let list = edited("", &Key::from("tools.tools"), "read, ls").unwrap();
        assert_eq!(list, "[tools]\ntools = [\"read\", \"ls\"]\n");
        let inline = edited(
            "turn = { rounds_max = 3 }\n",
            &Key::from("turn.rounds_max"),
            "4",
        );
        assert_eq!(inline.unwrap(), "turn = { rounds_max = 4 }\n");
    }

    #[test]
    fn what_cannot_be_set_is_refused_with_what_could() {
        let refused =
            |text: &str, key: &str| edited(text, &Key::from(key), "1").unwrap_err().to_string();
        assert_eq!(
            refused(FILE, "turn.round_max"),
            "there is no setting `turn.round_max`; did you mean `turn.rounds_max`?"
        );
        assert!(refused(FILE, "tools.bash.environment").contains("`tools.bash.environment.NAME`"));
        assert!(refused("a = = 1", "session").contains("not valid TOML"));
        assert!(refused("turn = 1", "turn.rounds_max").contains("`turn` is no table"));
        assert!(refused(FILE, "turn").contains("no setting"));
        assert_eq!(
            refused(FILE, "turn.sk-canary"),
            "there is no setting `turn.•••`"
        );
    }

    /// Words that mean something for each setting whose value one can give in words.
    fn said() -> impl Strategy<Value = (&'static str, String)> {
        let all: Vec<_> = names().collect();
        (prop::sample::select(all), any::<u64>(), "[ -~é🙂]{0,20}").prop_filter_map(
            "tables are not set whole",
            |(name, number, text)| {
                let words = match name.kind {
                    Kind::Number(range) => {
                        (range.min() + number % (range.max() - range.min() + 1)).to_string()
                    }
                    Kind::Truth => (number % 2 == 0).to_string(),
                    Kind::Word(words) | Kind::Words(words) => {
                        words[number as usize % words.len()].to_owned()
                    }
                    Kind::Reference => format!("env:X{number}"),
                    Kind::Text | Kind::Path | Kind::Address => text,
                    _ => return None,
                };
                Some((name.key, words))
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_set_is_what_is_resolved_whatever_was_in_the_file(first in said(), second in said()) {
            let key = |said: &(&str, String)| Key::from(said.0);
            let text = edited(FILE, &key(&first), &first.1).unwrap();
            let text = edited(&text, &key(&second), &second.1).unwrap();
            let sources = Sources { user_file: Some(SourceFile::toml("u.toml", text)), ..Sources::default() };
            let resolved = sources.resolve().unwrap();
            let trail = resolved.trail(&key(&second));
            let value = &trail.last().unwrap().value;
            let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let expected = match name_of(&key(&second)).unwrap().kind {
                Kind::Words(_) => format!("[\"{}\"]", second.1),
                _ => second.1.clone(),
            };
            prop_assert_eq!(plain, expected);
        }

        #[test]
        fn no_file_and_no_words_make_it_panic(text in any::<String>(), key in any::<String>(), words in any::<String>()) {
            let _ = edited(&text, &Key::from(key.as_str()), &words);
        }
    }

    #[test]
    fn a_range_that_layers_do_not_know_is_no_range() {
        // Guards the property above: without limits everything would resolve.
        let limits = [("turn.rounds_max", Range::new(&(1..=2), Unit::Count))];
        let text = edited("", &Key::from("turn.rounds_max"), "3").unwrap();
        let layers = Layers::new().defaults(&Settings::default()).limits(limits);
        let file = SourceFile::toml("u.toml", text);
        assert!(layers.user_file(&file).resolve::<Settings>().is_err());
    }
}
