//! What can be wrong with a configuration. All of it is reported at once, for nobody likes to mend one line a run.
//!
//! Text values are never quoted: a key for a model provider pasted at the wrong place must not end up in a log.

use std::fmt;

use crate::{Key, Origin};

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
        format: &'static str,
        /// What the parser did not like.
        what: String,
    },
    /// No setting has this name.
    #[error("{origin}: there is no setting `{key}`{}", hint(suggestion.as_ref()))]
    UnknownKey {
        /// Where.
        origin: Origin,
        /// The name that is not known.
        key: Key,
        /// The one that may have been meant.
        suggestion: Option<Key>,
    },
    /// The value has another type than the setting.
    #[error("{origin}: `{key}` must be {expected}, but is {found}")]
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
    /// The value has the right type, but cannot be meant.
    #[error("{origin}: `{key}`: {why}")]
    Invalid {
        /// Where.
        origin: Origin,
        /// The setting.
        key: Key,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// A table lacks a setting that has no default.
    #[error("{origin}: `{key}` is missing and has no default")]
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
    pub(crate) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Syntax { origin, .. }
            | Self::UnknownKey { origin, .. }
            | Self::WrongType { origin, .. }
            | Self::Invalid { origin, .. }
            | Self::Missing { origin, .. } => Some(origin),
            Self::Defaults { .. } => None,
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
}

fn hint(suggestion: Option<&impl fmt::Display>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
