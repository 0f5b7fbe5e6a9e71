//! What one process is asked to measure of transcripts, and what it answers: one JSON text each.
//!
//! Ours and the bare calls are measured by `transcript-figures`, the peers by `tests/interop/transcript-figures.mjs`; both
//! take an [`Ask`] as their last argument and print an [`Answer`] as their last line. An answer has a number for each name
//! of [`names`]; what does not apply is left out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// Our store. Messages come as JSON text.
    Ours,
    /// Our store. Messages come as values, and are written as text while the time is taken.
    OursOfValues,
    /// The bare system calls.
    Raw,
    /// pi's `SessionManager`.
    Pi,
    /// OpenClaw's functions of one file.
    Openclaw,
    /// OpenClaw's `readTranscriptFileState`.
    OpenclawState,
}

/// What is wanted of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Show {
    /// Its context, as a library gives it: ours as the bytes of its messages.
    Context,
    /// Its context, every message with its blocks decoded.
    Views,
    /// Its context, every message as a tree of values.
    Values,
    /// The last 50 entries.
    Last,
}

/// What to measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "measure",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Ask {
    /// Appends to a session, the first of the messages for warming up. A file that is not there is begun.
    Append {
        /// Who appends.
        who: Who,
        /// To which transcript.
        file: PathBuf,
        /// Messages as JSON lines; for the bare calls, whole lines.
        messages: PathBuf,
        /// How many messages come first that nobody times.
        warm_up: usize,
        /// How many are written together.
        batch: usize,
    },
    /// Appends to a session and waits for the device each time, and in turns with that to another file by bare calls.
    Device {
        /// The transcript.
        file: PathBuf,
        /// Messages as JSON lines.
        messages: PathBuf,
        /// How many write at once.
        writers: usize,
        /// How often.
        rounds: usize,
    },
    /// Opens a session.
    Open {
        /// Who opens it.
        who: Who,
        /// Its transcript.
        file: PathBuf,
        /// What for.
        show: Show,
        /// How often again, in the same process.
        again: usize,
    },
    /// Writes one entry, and whatever is saved beside the transcript for the next who opens it.
    Prime {
        /// The transcript.
        file: PathBuf,
    },
    /// Replaces the messages of entries: ours in place, OpenClaw by a new branch; by bare calls the file is written anew as it is.
    Rewrite {
        /// Who replaces them.
        who: Who,
        /// The transcript.
        file: PathBuf,
        /// A JSON array of objects: `entryId`, and `message` as it is to be.
        replacements: PathBuf,
    },
    /// Goes on from another entry: a branch in the same file.
    Branch {
        /// The transcript.
        file: PathBuf,
        /// The entry.
        to: String,
    },
    /// Makes another session of the active branch; by bare calls, a copy of the file.
    Fork {
        /// Who makes it.
        who: Who,
        /// The transcript.
        file: PathBuf,
        /// The other one, which is not there yet.
        to: PathBuf,
    },
    /// Lists a folder of sessions, twice.
    List {
        /// Who lists it.
        who: Who,
        /// The folder.
        folder: PathBuf,
    },
    /// Projects the context of a session to a request, and serialises its entries.
    Project {
        /// The transcript.
        file: PathBuf,
        /// How often.
        runs: usize,
    },
    /// Says which versions are measured; the only answer that is not an [`Answer`] but an object of texts.
    Versions,
}

/// What was measured, by name.
pub type Answer = BTreeMap<String, f64>;

/// The names of an answer's numbers.
pub mod names {
    /// Messages appended in a second.
    pub const PER_SECOND: &str = "perSecond";
    /// Median time of one call, microseconds.
    pub const P50_US: &str = "p50Us";
    /// The same of the slowest hundredth.
    pub const P99_US: &str = "p99Us";
    /// Bytes by which the file grew, for each message.
    pub const GROWN: &str = "grown";
    /// Bytes read, of each message or at once.
    pub const READ: &str = "read";
    /// Bytes written for each message.
    pub const WRITTEN: &str = "written";
    /// Calls that read, for each message.
    pub const READS: &str = "reads";
    /// Calls that write, for each message.
    pub const WRITES: &str = "writes";
    /// Time to have the session, milliseconds.
    pub const OPEN_MS: &str = "openMs";
    /// Time from there to what is wanted of it, milliseconds.
    pub const BUILD_MS: &str = "buildMs";
    /// All of it, milliseconds.
    pub const MS: &str = "ms";
    /// All of it again in the same process, the median of several times.
    pub const AGAIN_MS: &str = "againMs";
    /// How many messages, entries or sessions were found.
    pub const ITEMS: &str = "items";
    /// Growth of the peak of resident memory, MiB.
    pub const MORE_MIB: &str = "moreMib";
    /// The peak of resident memory, MiB.
    pub const PEAK_MIB: &str = "peakMib";
    /// One line written by a bare call and one `fdatasync`, microseconds.
    pub const BARE_US: &str = "bareUs";
    /// As many lines as there are writers in one call, and one `fdatasync`, microseconds.
    pub const BARE_BATCH_US: &str = "bareBatchUs";
    /// Ours under one guard, from the first append to the last acknowledgement, microseconds.
    pub const HELD_US: &str = "heldUs";
    /// Ours with a guard for each writer, taken and given back, microseconds.
    pub const CYCLE_US: &str = "cycleUs";
    /// The projection of a context, milliseconds; followed by the protocol.
    pub const PROJECT_MS: &str = "projectMs";
    /// The projection and its rendering as a request, milliseconds; followed by the protocol.
    pub const RENDER_MS: &str = "renderMs";
    /// The entries written as JSON out of values, milliseconds.
    pub const SERIALISE_MS: &str = "serialiseMs";
    /// Bytes of the file when it was done.
    pub const BYTES: &str = "bytes";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ask_is_an_object_that_a_script_can_read() {
        let ask = Ask::Append {
            who: Who::OpenclawState,
            file: "s.jsonl".into(),
            messages: "m.jsonl".into(),
            warm_up: 3,
            batch: 1,
        };
        let text = serde_json::to_string(&ask).unwrap();
        let expected = r#"{"measure":"append","who":"openclaw-state","file":"s.jsonl","messages":"m.jsonl","warmUp":3,"batch":1}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Ask>(&text).unwrap(), ask);
        let versions: Ask = serde_json::from_str(r#"{"measure":"versions"}"#).unwrap();
        assert_eq!(versions, Ask::Versions);
    }
}
