//! Where a value comes from: the ordered layers, and the exact place within one.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// The layers. Their order is the precedence: of two layers that set a key, the greater wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// What the program does without being told.
    Defaults,
    /// What the machine's administrator wrote.
    SystemFile,
    /// What the user wrote.
    UserFile,
    /// What belongs to the directory that is worked in.
    ProjectFile,
    /// A file of another program, of which only what we know is read.
    PeerFile,
    /// The environment of the process.
    Environment,
    /// What was typed.
    CommandLine,
}

/// Where within its layer a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In the program.
    Program,
    /// In a file, on a line counted from 1.
    File {
        /// The path as it was given to us.
        path: PathBuf,
        /// The line on which the value begins.
        line: usize,
    },
    /// In an environment variable.
    Variable(String),
    /// In a flag of the command line.
    Flag(String),
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The layer that won.
    pub layer: Layer,
    /// Where it stands there.
    pub place: Place,
}

impl Origin {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The line in the file, counted from 1.
    pub fn line(&self) -> Option<usize> {
        match self.place {
            Place::File { line, .. } => Some(line),
            _ => None,
        }
    }

    /// The environment variable, if it is one.
    pub fn variable(&self) -> Option<&str> {
        match &self.place {
            Place::Variable(name) => Some(name),
            _ => None,
        }
    }

    /// The flag of the command line, if it is one.
    pub fn flag(&self) -> Option<&str> {
        match &self.place {
            Place::Flag(name) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Defaults => "defaults",
            Self::SystemFile => "system file",
            Self::UserFile => "user file",
            Self::ProjectFile => "project file",
            Self::PeerFile => "peer's file",
            Self::Environment => "environment",
            Self::CommandLine => "command line",
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Program => write!(f, "{}", self.layer),
            Place::File { path, line } => write!(f, "{} {path:?} line {line}", self.layer),
            Place::Variable(name) => write!(f, "environment variable {}", name.escape_debug()),
            Place::Flag(name) => write!(f, "flag {}", name.escape_debug()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearer_to_the_user_takes_precedence() {
        let order = [
            Layer::Defaults,
            Layer::SystemFile,
            Layer::UserFile,
            Layer::ProjectFile,
            Layer::PeerFile,
            Layer::Environment,
            Layer::CommandLine,
        ];
        assert!(order.is_sorted());
    }

    #[test]
    fn an_origin_is_told_in_words_that_lead_to_it() {
        let file = Place::File {
            path: "a.toml".into(),
            line: 3,
        };
        assert_eq!(
            Origin {
                layer: Layer::UserFile,
                place: file
            }
            .to_string(),
            "user file \"a.toml\" line 3"
        );
        let flag = Place::Flag("--model".to_owned());
        assert_eq!(
            Origin {
                layer: Layer::CommandLine,
                place: flag
            }
            .to_string(),
            "flag --model"
        );
    }
}
