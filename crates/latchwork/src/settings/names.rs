//! What there is to know about a setting besides its value: its name, its variable, what it may be, what it does, whether a
//! project may set it, whether it may hold a secret.
//!
//! The list itself is in `table`. Settings of a provider are listed for `openai`; any other `models.NAME` has the same.

use std::fmt;

use latchwork_config::{Key, Range, nearest};

use super::table::NAMES;

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Name {
    /// Its name in a settings file.
    pub key: &'static str,
    /// The environment variable that sets it.
    pub variable: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
    /// A project file may set it.
    pub for_projects: bool,
    /// What it may be.
    pub kind: Kind,
    /// What it is where nobody sets it, in words, where that depends on the machine.
    pub default_words: Option<&'static str>,
    /// The version that knew it first.
    pub since: &'static str,
    /// From when on a change holds in a process that runs already.
    pub effect: Effect,
}

/// From when on a changed setting holds in a process that runs already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// At once.
    AtOnce,
    /// Where it is used next: what is under way ends as it began.
    NextUse,
    /// In the next process: others in this one rest on it.
    Restart,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtOnce => "at once",
            Self::NextUse => "from the next turn or write on",
            Self::Restart => "after a restart",
        })
    }
}

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Any text.
    Text,
    /// The path of a file or a folder.
    Path,
    /// A list of paths.
    Paths,
    /// `true` or `false`.
    Truth,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of some of these words.
    Words(&'static [&'static str]),
    /// A number.
    Number(Range),
    /// An address on this machine and a port.
    Socket,
    /// An address, which somebody may have put a password into.
    Address,
    /// Where a secret is.
    Reference,
    /// A table of names, each with where a secret is.
    References,
    /// A table of variables, each with its text, which may be a secret.
    Variables,
}

impl Kind {
    /// Whether a value of it may hold a secret though it should not, or by its nature.
    #[must_use]
    pub const fn may_hold_secrets(&self) -> bool {
        matches!(
            self,
            Self::Address | Self::Reference | Self::References | Self::Variables
        )
    }

    /// Whether it is a table whose names are the user's own.
    #[must_use]
    pub const fn is_table(&self) -> bool {
        matches!(self, Self::References | Self::Variables)
    }

    /// Whether it is a list.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        matches!(self, Self::Paths | Self::Words(_))
    }
}

/// What a person may write there.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text"),
            Self::Path => f.write_str("a path"),
            Self::Paths => f.write_str("a list of paths"),
            Self::Truth => f.write_str("true or false"),
            Self::Word(words) => write!(f, "one of: {}", words.join(", ")),
            Self::Words(words) => write!(f, "a list of: {}", words.join(", ")),
            Self::Number(range) => write!(f, "{range}"),
            Self::Socket => f.write_str("an address and a port, such as 127.0.0.1:9464"),
            Self::Address => f.write_str("an address without user and password"),
            Self::Reference => f.write_str("env:NAME, file:PATH or cmd:COMMAND"),
            Self::References => {
                f.write_str("a table of names, each with env:NAME, file:PATH or cmd:COMMAND")
            }
            Self::Variables => f.write_str("a table of names, each with a text"),
        }
    }
}

impl Name {
    pub(super) const fn new(key: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            key,
            variable: None,
            help,
            for_projects: false,
            kind,
            default_words: None,
            since: "0.1.0",
            effect: Effect::NextUse,
        }
    }

    pub(super) const fn holds(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    pub(super) const fn by(self, variable: &'static str) -> Self {
        Self {
            variable: Some(variable),
            ..self
        }
    }

    pub(super) const fn for_projects(self) -> Self {
        Self {
            for_projects: true,
            ..self
        }
    }

    pub(super) const fn unset_is(self, words: &'static str) -> Self {
        Self {
            default_words: Some(words),
            ..self
        }
    }

    /// What it may be, if it is a number.
    #[must_use]
    pub const fn range(&self) -> Option<Range> {
        match self.kind {
            Kind::Number(range) => Some(range),
            _ => None,
        }
    }

    /// Its name with a `*` where the name of a provider stands.
    #[must_use]
    pub fn pattern(&self) -> Key {
        Key::from(self.key.replacen("models.openai.", "models.*.", 1).as_str())
    }

    /// Whether the key is this setting, or stands in it if it is a table.
    #[must_use]
    pub fn names(&self, key: &Key) -> bool {
        let pattern = self.pattern();
        let (pattern, segments) = (pattern.segments(), key.segments());
        let long_enough = if self.kind.is_table() {
            segments.len() >= pattern.len()
        } else {
            segments.len() == pattern.len()
        };
        let same = |(pattern, name): (&String, &String)| pattern == "*" || pattern == name;
        long_enough && pattern.iter().zip(segments).all(same)
    }
}

/// All settings, in the order in which people look for them.
pub fn names() -> impl Iterator<Item = &'static Name> {
    NAMES.iter()
}

/// The setting that the key is, or stands in: `models.local.key` is the one that is listed for `openai`.
#[must_use]
pub fn name_of(key: &Key) -> Option<&'static Name> {
    names().find(|name| name.names(key))
}

/// The setting that may be meant by a key that is none.
#[must_use]
pub fn meant_by(key: &str) -> Option<&'static str> {
    let all = || names().map(|name| name.key);
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
    nearest(key, all()).or_else(|| all().find(|name| last(name) == last(key)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::Settings;

    fn leaves(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
        let is_open = names().any(|name| name.key == prefix && name.kind.is_table());
        match value {
            Value::Object(table) if !is_open => {
                for (name, value) in table {
                    let key = if prefix.is_empty() {
                        name.clone()
                    } else {
                        format!("{prefix}.{name}")
                    };
                    leaves(&key, value, found);
                }
            }
            _ => drop(found.insert(prefix.to_owned())),
        }
    }

    #[test]
    fn the_table_names_exactly_the_settings_that_there_are() {
        let mut settings = BTreeSet::new();
        leaves(
            "",
            &serde_json::to_value(Settings::default()).unwrap(),
            &mut settings,
        );
        let named: BTreeSet<String> = NAMES.iter().map(|name| name.key.to_owned()).collect();
        assert_eq!(
            named.difference(&settings).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "named, but not there"
        );
        assert_eq!(
            settings.difference(&named).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "there, but not named"
        );
        assert_eq!(named.len(), NAMES.len(), "a setting is named once");
    }

    #[test]
    fn every_name_is_spelled_in_snake_case() {
        for name in names() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
            assert!(name.key.chars().all(plain), "{}", name.key);
        }
    }

    #[test]
    fn no_variable_sets_two_settings() {
        let variables: Vec<&str> = NAMES.iter().filter_map(|name| name.variable).collect();
        assert_eq!(
            variables.iter().collect::<BTreeSet<_>>().len(),
            variables.len()
        );
    }

    #[test]
    fn every_number_has_a_range_with_its_default_in_it_and_the_unit_that_its_name_says() {
        let defaults = serde_json::to_value(Settings::default()).unwrap();
        for name in names() {
            let path = format!("/{}", name.key.replace('.', "/"));
            let default = defaults.pointer(&path).unwrap();
            let range = name.range();
            if let Some(number) = default.as_u64() {
                assert!(
                    range.is_some_and(|range| range.contains(number)),
                    "{}",
                    name.key
                );
            }
            let unit = match name.key {
                key if key.ends_with("_ms") => Some(latchwork_config::Unit::Millis),
                key if key.ends_with("_bytes") => Some(latchwork_config::Unit::Bytes),
                _ => range.map(|_| latchwork_config::Unit::Count),
            };
            assert_eq!(range.map(|range| range.unit()), unit, "{}", name.key);
        }
    }

    #[test]
    fn a_word_that_is_listed_is_understood_and_another_one_is_not() {
        let with = |key: &str, word: &str| {
            let mut settings = serde_json::to_value(Settings::default()).unwrap();
            let path = format!("/{}", key.replace('.', "/"));
            *settings.pointer_mut(&path).unwrap() = word.into();
            serde_json::from_value::<Settings>(settings)
        };
        let listed = names().filter_map(|name| match name.kind {
            Kind::Word(words) => Some((name.key, words)),
            _ => None,
        });
        for (key, words) in listed {
            for word in words {
                with(key, word).unwrap();
            }
            assert!(with(key, "elsewhere").is_err(), "{key}");
        }
    }

    #[test]
    fn the_settings_of_any_provider_are_those_of_openai() {
        let name = name_of(&Key::from("models.local.key")).unwrap();
        assert_eq!(
            (name.key, name.kind),
            ("models.openai.key", Kind::Reference)
        );
        let variable = name_of(&Key::from("tools.bash.environment.PATH")).unwrap();
        assert!(variable.kind.may_hold_secrets());
        assert!(name_of(&Key::from("models.local.keys")).is_none());
        assert_eq!(meant_by("turn.round_max"), Some("turn.rounds_max"));
        assert_eq!(meant_by("max_hold_ms"), Some("store.locks.max_hold_ms"));
    }
}
