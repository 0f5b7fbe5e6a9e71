//! What can be wrong with a configuration. All of it is reported at once, for nobody likes to mend one line a run.
//!
//! Text values are never quoted: a key for a model provider pasted at the wrong place must not end up in a log. Nor is a name
//! that is none, unless it looks like one: somebody may have pasted the key there.

use std::fmt;

use crate::{Format, Key, Origin, QuantityError, Range};

/// A configuration that cannot be used, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// At least one, ordered by layer and place.
    pub faults: Vec<Fault>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong. The words say where, what, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file is not of its format; nothing of it is used.
    #[error("{origin}: not valid {format}: {what}")]
    Syntax {
        /// Where.
        origin: Origin,
        /// The format that it should have.
        format: Format,
        /// What the parser did not like.
        what: String,
    },
    /// No setting has this name.
    #[error("{origin}: there is no setting `{}`{}", unknown(key, suggestion.as_ref()), hint(suggestion.as_ref()))]
    UnknownKey {
        /// Where.
        origin: Origin,
        /// The name that is not known. It may be a secret; [`Fault::shown_key`] is not.
        key: Key,
        /// The one that may have been meant.
        suggestion: Option<Key>,
    },
    /// The value has another type than the setting.
    #[error("{origin}: `{}` must be {expected}, but is {found}", key.with_own_names_veiled())]
    WrongType {
        /// Where.
        origin: Origin,
        /// The setting.
        key: Key,
        /// What it takes.
        expected: String,
        /// What stands there; text is not quoted.
        found: String,
    },
    /// The number is not one that the setting may be.
    #[error("{origin}: `{}` must be {range}, but is {found}", key.with_own_names_veiled())]
    OutOfRange {
        /// Where.
        origin: Origin,
        /// The setting.
        key: Key,
        /// What it may be.
        range: Range,
        /// What it is; text is not quoted.
        found: String,
    },
    /// The text is no amount, or has a unit that there is not.
    #[error("{origin}: `{}`: {why}; it must be {range}", key.with_own_names_veiled())]
    NoAmount {
        /// Where.
        origin: Origin,
        /// The setting.
        key: Key,
        /// What it may be.
        range: Range,
        /// What is wrong with the text.
        why: QuantityError,
    },
    /// The value has the right type, but cannot be meant.
    #[error("{origin}: `{}`: {why}", key.with_own_names_veiled())]
    Invalid {
        /// Where.
        origin: Origin,
        /// The setting.
        key: Key,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// A table lacks a setting that has no default.
    #[error("{origin}: `{}` is missing and has no default", key.with_own_names_veiled())]
    Missing {
        /// The table that lacks it.
        origin: Origin,
        /// The setting.
        key: Key,
    },
    /// The program's own defaults cannot be used; no file can mend that.
    #[error("the defaults of this program are faulty, please report it: {why}")]
    Defaults {
        /// What is wrong with them.
        why: String,
    },
}

impl Fault {
    /// Where it stands; None for what is nobody's.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Syntax { origin, .. }
            | Self::UnknownKey { origin, .. }
            | Self::WrongType { origin, .. }
            | Self::OutOfRange { origin, .. }
            | Self::NoAmount { origin, .. }
            | Self::Invalid { origin, .. }
            | Self::Missing { origin, .. } => Some(origin),
            Self::Defaults { .. } => None,
        }
    }

    /// The setting that it is about; None for a file that cannot be read at all.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::UnknownKey { key, .. }
            | Self::WrongType { key, .. }
            | Self::OutOfRange { key, .. }
            | Self::NoAmount { key, .. }
            | Self::Invalid { key, .. }
            | Self::Missing { key, .. } => Some(key),
            Self::Syntax { .. } | Self::Defaults { .. } => None,
        }
    }

    /// The same as it may be shown: a name that is none may be a secret.
    pub fn shown_key(&self) -> Option<Key> {
        match self {
            Self::UnknownKey {
                key, suggestion, ..
            } => Some(unknown(key, suggestion.as_ref())),
            _ => self.key().map(Key::with_own_names_veiled),
        }
    }
}

/// Something odd that stops nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A variable has our prefix, but no meaning.
    #[error("environment variable {} means nothing here{}", variable.escape_debug(), hint(suggestion.as_ref()))]
    UnknownVariable {
        /// Its name.
        variable: String,
        /// The one that may have been meant.
        suggestion: Option<String>,
    },
    /// A value that somebody else's program is set by too, and that cannot be used here. It counts as not set.
    #[error("{origin}: `{key}` is ignored: {why}")]
    Ignored {
        /// Where.
        origin: Origin,
        /// What it is called there.
        key: Key,
        /// Why.
        why: String,
    },
    /// Two values that do not go together.
    #[error("{origin}: `{key}`: {why}")]
    AtOdds {
        /// Where the one stands that is named.
        origin: Origin,
        /// The one.
        key: Key,
        /// The other, both values, and what follows.
        why: String,
    },
}

/// A name that is none, as it may be shown. One that is nearly a setting's is no secret.
fn unknown(key: &Key, suggestion: Option<&Key>) -> Key {
    if suggestion.is_some() {
        key.veiled_but_last()
    } else {
        key.veiled()
    }
}

fn hint(suggestion: Option<&impl fmt::Display>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
