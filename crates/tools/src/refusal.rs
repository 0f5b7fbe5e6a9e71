//! Why a path is not opened, in sentences for a model.

use rustix::fs::FileType;
use rustix::io::Errno;

/// The longest part of a path that is quoted back.
const QUOTED_CHARS: usize = 200;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "{path} is outside of the working directory {root}; only what lies in it can be opened, and no symbolic link that is absolute or leads out of it"
    )]
    Outside { path: String, root: String },
    #[error("{path} cannot be a path: it holds a NUL byte")]
    Nul { path: String },
    #[error("there is no {path}")]
    Absent { path: String },
    #[error("{path} is {kind}, not a {wanted}; nothing was opened for reading")]
    Kind {
        path: String,
        kind: &'static str,
        wanted: &'static str,
    },
    #[error("{path} is not a directory, or leads through something that is none")]
    NotDirectory { path: String },
    #[error(
        "you may not read {path}: the permissions of the file, or of a directory on the way, forbid it"
    )]
    Forbidden { path: String },
    #[error("{path} leads through too many symbolic links, or through a link of /proc")]
    Links { path: String },
    #[error("reading {path} failed: {why}")]
    Io { path: String, why: String },
}

impl Refusal {
    /// What the kernel's answer means for someone who asked for a `wanted` ("file" or "directory").
    pub(crate) fn from_errno(errno: Errno, asked: &str, root: &str, wanted: &'static str) -> Self {
        let path = quoted(asked);
        match errno {
            Errno::XDEV => Self::Outside {
                path,
                root: root.to_owned(),
            },
            Errno::NOENT => Self::Absent { path },
            Errno::LOOP => Self::Links { path },
            Errno::ACCESS | Errno::PERM => Self::Forbidden { path },
            Errno::NOTDIR => Self::NotDirectory { path },
            // What `open` says to sockets, and to devices that nobody serves.
            Errno::NXIO => Self::Kind {
                path,
                kind: kind_name(FileType::Socket),
                wanted,
            },
            other => Self::io(asked, &std::io::Error::from(other)),
        }
    }

    pub(crate) fn io(asked: &str, error: &std::io::Error) -> Self {
        Self::Io {
            path: quoted(asked),
            why: error.to_string(),
        }
    }
}

/// A path in quotes, with everything that is not plain escaped, and cut if it is very long.
pub(crate) fn quoted(path: &str) -> String {
    let mut quoted = String::from("`");
    quoted.extend(path.chars().take(QUOTED_CHARS).flat_map(char::escape_debug));
    quoted.push_str(if path.chars().nth(QUOTED_CHARS).is_some() {
        "...`"
    } else {
        "`"
    });
    quoted
}

/// A kind of file with its article.
pub(crate) const fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice => "a character device",
        FileType::BlockDevice => "a block device",
        FileType::Unknown => "of an unknown kind",
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_quoted_path_is_plain_and_short() {
        assert_eq!(quoted("a\u{1b}[31m\nb"), r"`a\u{1b}[31m\nb`");
        let long = quoted(&"ä".repeat(5000));
        assert!(long.ends_with("...`") && long.chars().count() < 210);
        assert_eq!(quoted(&"x".repeat(200)), format!("`{}`", "x".repeat(200)));
    }
}
