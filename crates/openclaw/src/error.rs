//! What can go wrong with a store. Nothing was written then, unless the variant says so.

use std::path::PathBuf;

use latchwork_filelock::{BadSite, LatchError, Revoked};
use latchwork_sys::PathError;

/// A store was not read, or not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// What stands at the path is not to be understood. It is never overwritten.
    #[error(
        "the session store {path:?} was left as it is: {why}. Put a good copy in its place (OpenClaw keeps {name}.bak.N beside it, \
         if it kept any), or move it away to begin an empty one"
    )]
    Unreadable {
        /// The store.
        path: PathBuf,
        /// Its file name.
        name: String,
        /// What is wrong with it.
        why: Unreadable,
    },
    /// The path cannot be that of a store.
    #[error("{path:?} cannot be a session store: {why}")]
    BadPath {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: BadSite,
    },
    /// Other programs, which take no lock, changed the store each time just before it was to be replaced.
    #[error(
        "the session store {path:?} kept being changed by a program that takes no lock: {tries} tries. Nothing was written; try again, \
         or pause that program"
    )]
    Contended {
        /// The store.
        path: PathBuf,
        /// How often it was tried.
        tries: u32,
    },
    /// The store belongs to somebody else, and a new file cannot be made theirs.
    #[error(
        "the session store {path:?} belongs to user {owner}, and a new one cannot be given to them: run this as that user. Nothing was written"
    )]
    Owner {
        /// The store.
        path: PathBuf,
        /// The owner's number.
        owner: u32,
        /// What the system said.
        source: std::io::Error,
    },
    /// The new store is in place, and may be gone after a loss of power.
    #[error("the session store {path:?} was written, but may not survive a loss of power")]
    NotDurable {
        /// The store.
        path: PathBuf,
        /// What the system said.
        source: PathError,
    },
    /// The store's lock was not granted.
    #[error(transparent)]
    Latch(#[from] LatchError),
    /// The store's lock was held for too long.
    #[error(transparent)]
    Revoked(#[from] Revoked),
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// Why a store cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// There is nothing in it, not even `{}`.
    #[error("it is empty, and an empty store is written as {{}}")]
    Empty,
    /// It is no text.
    #[error("it is no UTF-8 text from byte {at} on")]
    NotText {
        /// The first byte that is none.
        at: usize,
    },
    /// It is no JSON object.
    #[error("it is no JSON object ({what}, line {line}, column {column})")]
    NotJson {
        /// What the reader met.
        what: &'static str,
        /// The line, from 1 on.
        line: usize,
        /// The column, from 1 on.
        column: usize,
    },
    /// It is larger than is read.
    #[error("it has {bytes} bytes, and no more than {limit} are read")]
    TooLarge {
        /// How large it is.
        bytes: u64,
        /// How much is read.
        limit: u64,
    },
    /// It is no regular file.
    #[error("it is {what}")]
    NotAFile {
        /// What it is.
        what: &'static str,
    },
}
