//! What a command under a lock is told of it: the value of one environment variable.
//!
//! It names, for each lock that the command may join, the session (device and inode of its folder, and the id), the
//! descriptors that are handed down, and nonces. A descriptor is named by its number together with its inode, so that a number
//! which came to mean something else is noticed. The value decides nothing by itself: a joiner asks the kernel and the files.
//!
//! Deliberately not here: descriptors. This file knows the text alone; reading the environment is the program's.

use latchwork_sys::Inode;
use serde::{Deserialize, Serialize};

/// The variable by which `latchwork lock` tells its command what is held. Read and set by the program alone.
pub const LOCK_VARIABLE: &str = "LATCHWORK_LOCK";

/// The version of the value; another one is not understood.
const VERSION: u32 = 1;

/// All that is handed down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Handed {
    version: u32,
    pub(crate) locks: Vec<Entry>,
}

/// One lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Entry {
    /// The session's id.
    pub(crate) session: String,
    /// Its folder.
    pub(crate) folder: Place,
    /// The latch, then for a lock inside a lock the files of turns on which it stands.
    pub(crate) rungs: Vec<Rung>,
    /// The transcript, if there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) transcript: Option<Slot>,
    /// The pipe by which the process lives that stands in for us before OpenClaw.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) lifeline: Option<Slot>,
    /// The nonce in the peers' lock file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) peer: Option<String>,
}

/// A locked file, and the nonce that stands in it for as long as the lock is not given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rung {
    pub(crate) nonce: String,
    pub(crate) file: Slot,
}

/// An inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
}

/// A descriptor: its number, and what it must lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slot {
    pub(crate) fd: i32,
    pub(crate) dev: u64,
    pub(crate) ino: u64,
}

impl Slot {
    pub(crate) fn inode(self) -> Inode {
        Inode {
            dev: self.dev,
            ino: self.ino,
        }
    }
}

impl Handed {
    pub(crate) fn of(locks: Vec<Entry>) -> Self {
        Self {
            version: VERSION,
            locks,
        }
    }

    /// The value as it stands in the variable.
    pub(crate) fn text(&self) -> String {
        // A struct of numbers and strings always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a value; the error says what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let handed: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if handed.version != VERSION {
            return Err(format!("its version is {}, not {VERSION}", handed.version));
        }
        if handed.locks.iter().any(|lock| lock.rungs.is_empty()) {
            return Err("a lock in it names no latch".to_owned());
        }
        Ok(handed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(fd: i32) -> Slot {
        Slot { fd, dev: 1, ino: 2 }
    }

    proptest! {
        #[test]
        fn a_value_is_read_as_it_was_written(session in any::<String>(), nonce in "[0-9a-f]{32}", fds in proptest::collection::vec(any::<i32>(), 1..4), whole in any::<bool>()) {
            let rungs = fds.iter().map(|fd| Rung { nonce: nonce.clone(), file: slot(*fd) }).collect();
            let rest = whole.then(|| slot(7));
            let entry = Entry { session, folder: Place { dev: 3, ino: u64::MAX }, rungs, transcript: rest, lifeline: rest, peer: whole.then_some(nonce) };
            let handed = Handed::of(vec![entry]);
            prop_assert_eq!(Handed::read(&handed.text()), Ok(handed));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[ -~]{0,80}") {
            let _ = Handed::read(&text);
        }
    }

    #[test]
    fn another_version_and_a_lock_without_a_latch_are_refused() {
        for bad in [
            r#"{"version":2,"locks":[]}"#,
            r#"{"version":1,"locks":[{"session":"s","folder":{"dev":1,"ino":1},"rungs":[]}]}"#,
            r#"{"version":1,"locks":[],"more":1}"#,
            "1",
            "",
        ] {
            assert!(Handed::read(bad).is_err(), "{bad}");
        }
    }
}
