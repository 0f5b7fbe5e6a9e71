//! Secrets: a setting holds where the secret is, never the secret. `env:NAME`, `file:PATH`, `cmd:COMMAND LINE`.
//!
//! Nothing here reads a variable, opens a file or starts a program: a `SecretSource` of the program's does. What it brings is a
//! `SecretValue`, which shows itself to nobody who does not ask by name, and is wiped from memory when dropped. Copies
//! that the asker makes are the asker's.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

/// Where a secret is.
///
/// Displayed and debugged as the kind and name of the place; of a command line only its first word, for what follows may
/// be secret itself. serde writes it whole, so that it can be read back.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretRef(Kind);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    Variable(String),
    File(PathBuf),
    Command(String),
}

/// Why a text is not a reference to a secret. The text is not repeated: it may be the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretRefError {
    /// It has none of the known beginnings.
    #[error(
        "a secret is not written into settings; say where it is: `env:NAME`, `file:PATH` or `cmd:COMMAND` (if a real key \
         stands here, take it out and renew it)"
    )]
    NotAReference,
    /// Nothing follows the beginning.
    #[error("`{0}` lacks what should follow it")]
    Empty(&'static str),
}

/// What can bring a secret. Implemented by the program, which alone reads its environment.
///
/// # Blocking
/// Files and commands are waited for; call it where blocking is allowed.
pub trait SecretSource {
    /// The value of an environment variable; None if it is not set.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of a file.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn file(&self, path: &Path) -> io::Result<String>;

    /// What a command writes to its standard output.
    ///
    /// # Errors
    /// Why it cannot be run, or that it failed. The words must not hold its output.
    fn command(&self, line: &str) -> io::Result<String>;
}

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The variable is not set.
    #[error("the secret {reference} is not there: set that variable, or change the reference")]
    NotSet {
        /// Where it should be.
        reference: SecretRef,
    },
    /// The file or the command gave none.
    #[error("could not read the secret {reference}")]
    Unreadable {
        /// Where it should be.
        reference: SecretRef,
        /// Why not.
        source: io::Error,
    },
    /// There is only white space.
    #[error("the secret {reference} is empty")]
    Empty {
        /// Where it should be.
        reference: SecretRef,
    },
}

/// A secret. No Display, no Serialize, a Debug without content.
#[derive(Clone)]
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

impl SecretRef {
    /// Fetches the secret, without white space around it (a file ends with a newline).
    ///
    /// # Errors
    /// `NotSet`, `Unreadable` or `Empty`; each names the reference.
    ///
    /// # Blocking
    /// As the source does.
    pub fn resolve(&self, source: &dyn SecretSource) -> Result<SecretValue, SecretError> {
        let unreadable = |error| SecretError::Unreadable {
            reference: self.clone(),
            source: error,
        };
        let text = match &self.0 {
            Kind::Variable(name) => source.variable(name).ok_or_else(|| SecretError::NotSet {
                reference: self.clone(),
            })?,
            Kind::File(path) => source.file(path).map_err(unreadable)?,
            Kind::Command(line) => source.command(line).map_err(unreadable)?,
        };
        let text = Zeroizing::new(text);
        match text.trim() {
            "" => Err(SecretError::Empty {
                reference: self.clone(),
            }),
            secret => Ok(SecretValue(Zeroizing::new(secret.to_owned()))),
        }
    }
}

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = text
            .trim()
            .split_once(':')
            .ok_or(SecretRefError::NotAReference)?;
        let rest = rest.trim();
        let filled = |kind| {
            if rest.is_empty() {
                Err(SecretRefError::Empty(kind))
            } else {
                Ok(rest.to_owned())
            }
        };
        Ok(Self(match kind {
            "env" => Kind::Variable(filled("env:")?),
            "file" => Kind::File(filled("file:")?.into()),
            "cmd" => Kind::Command(filled("cmd:")?),
            _ => return Err(SecretRefError::NotAReference),
        }))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Variable(name) => write!(f, "env:{}", name.escape_debug()),
            Kind::File(path) => write!(f, "file:{}", path.to_string_lossy().escape_debug()),
            Kind::Command(line) => {
                let program = line.split_whitespace().next().unwrap_or_default();
                write!(f, "cmd:{} ..", program.escape_debug())
            }
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretRef({self})")
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&match &self.0 {
            Kind::Variable(name) => format!("env:{name}"),
            Kind::File(path) => format!("file:{}", path.to_string_lossy()),
            Kind::Command(line) => format!("cmd:{line}"),
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for SecretRef {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": r"^\s*(env|file|cmd):" })
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CANARY: &str = "sk-canary-0123456789";

    struct Places;

    impl SecretSource for Places {
        fn variable(&self, name: &str) -> Option<String> {
            (name == "KEY").then(|| CANARY.to_owned())
        }

        fn file(&self, path: &Path) -> io::Result<String> {
            if path == Path::new("empty") {
                Ok(" \n".to_owned())
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        }

        fn command(&self, _: &str) -> io::Result<String> {
            Ok(format!("{CANARY}\n"))
        }
    }

    fn reference(text: &str) -> SecretRef {
        text.parse().expect("a reference")
    }

    #[test]
    fn a_secret_is_fetched_from_its_place_and_trimmed() {
        for text in ["env:KEY", " cmd: pass show key "] {
            assert_eq!(
                reference(text).resolve(&Places).expect("there").expose(),
                CANARY,
                "{text}"
            );
        }
    }

    #[test]
    fn a_secret_that_is_not_there_is_named_by_its_place() {
        for (text, expected) in [
            (
                "env:NO",
                "the secret env:NO is not there: set that variable, or change the reference",
            ),
            ("file:no", "could not read the secret file:no"),
            ("file:empty", "the secret file:empty is empty"),
        ] {
            assert_eq!(
                reference(text)
                    .resolve(&Places)
                    .expect_err("absent")
                    .to_string(),
                expected
            );
        }
    }

    #[test]
    fn a_plain_secret_is_refused_and_not_repeated() {
        for text in [CANARY, "https://user:pw@host", "env:", ""] {
            let error = text.parse::<SecretRef>().expect_err("refused").to_string();
            assert!(
                text.is_empty() || text == "env:" || !error.contains(text),
                "{error}"
            );
            assert!(
                error.starts_with("a secret is not written into settings")
                    || error == "`env:` lacks what should follow it"
            );
        }
    }

    #[test]
    fn neither_the_secret_nor_the_arguments_of_a_command_are_shown() {
        let secret = reference("env:KEY").resolve(&Places).expect("there");
        assert_eq!(format!("{secret:?}"), "SecretValue(..)");
        let command = reference(&format!("cmd:curl -H {CANARY}"));
        assert_eq!(
            format!("{command} {command:?}"),
            "cmd:curl .. SecretRef(cmd:curl ..)"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic_and_a_reference_round_trips(text in "((env|file|cmd):)?\\PC{0,12}") {
            if let Ok(reference) = text.parse::<SecretRef>() {
                let json = serde_json::to_string(&reference).unwrap();
                prop_assert_eq!(serde_json::from_str::<SecretRef>(&json).unwrap(), reference);
            }
        }
    }
}
