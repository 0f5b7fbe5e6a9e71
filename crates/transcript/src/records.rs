//! The records of an inbox, and what they say together.

use std::collections::HashMap;

use latchwork_format::EntryId;
use latchwork_session::{Key, Waiting};
use latchwork_sys::{FileKind, IoDoing, OpenHow, PathError, System, read_at_most};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::layout::Place;

/// The largest inbox that is read, in bytes.
pub(crate) const INBOX_BYTES_MAX: usize = 1 << 30;

/// What a record says of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sort {
    /// Here it is.
    Accepted,
    /// It is not to be answered.
    Cancelled,
    /// It was answered.
    Retired,
}

/// One line of the inbox. Flat, since a raw message cannot be read out of a tagged enum.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    #[serde(rename = "type")]
    pub sort: Sort,
    pub key: Key,
    pub at: i64,
    /// Accepted: the name that the session was called by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// Accepted: the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<RawValue>>,
    /// Cancelled: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Retired: the entry that answered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<EntryId>,
}

impl Record {
    pub(crate) fn new(sort: Sort, key: Key, at: i64) -> Self {
        Self {
            sort,
            key,
            at,
            session_key: None,
            message: None,
            reason: None,
            by: None,
        }
    }
}

/// What the inbox says, in order of acceptance.
#[derive(Default)]
pub(crate) struct Contents {
    pub waiting: Vec<Waiting>,
    /// Whether each key that was ever named still waits.
    pub known: HashMap<Key, bool>,
}

impl Contents {
    fn read(bytes: &[u8]) -> Self {
        let mut contents = Self::default();
        for line in bytes.split(|byte| *byte == b'\n') {
            // A line that cannot be read is a fragment of a write that was never acknowledged.
            if let Ok(record) = serde_json::from_slice::<Record>(line) {
                contents.take(record);
            }
        }
        let known = &contents.known;
        contents
            .waiting
            .retain(|message| known.get(&message.key).is_some_and(|open| *open));
        contents
    }

    fn take(&mut self, record: Record) {
        let Record {
            sort,
            key,
            at,
            session_key,
            message,
            ..
        } = record;
        match (sort, message) {
            (Sort::Accepted, Some(message)) => {
                if !self.known.contains_key(&key) {
                    self.known.insert(key.clone(), true);
                    self.waiting.push(Waiting {
                        key,
                        message,
                        at_ms: at,
                        session_key,
                    });
                }
            }
            // A record without its message was never acknowledged by us.
            (Sort::Accepted, None) => {}
            (Sort::Cancelled | Sort::Retired, _) => {
                self.known.insert(key, false);
            }
        }
    }
}

/// Reads the inbox; one that is not there is empty.
pub(crate) fn contents(system: &System, place: &Place) -> Result<Contents, PathError> {
    let path = place.sidecar("inbox.jsonl");
    match system.disk.open(&path, &OpenHow::reading()) {
        Ok(file) => {
            let facts = file.facts().doing("look at", &path)?;
            regular(facts.kind).doing("read the inbox", &path)?;
            let bytes = read_at_most(&*file, INBOX_BYTES_MAX).doing("read the inbox", &path)?;
            Ok(Contents::read(&bytes))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Contents::default()),
        Err(e) => Err(e).doing("open the inbox", &path),
    }
}

/// How many messages wait.
pub(crate) fn count_waiting(system: &System, place: &Place) -> usize {
    contents(system, place).map_or(0, |contents| contents.waiting.len())
}

pub(crate) fn regular(kind: FileKind) -> std::io::Result<()> {
    if kind == FileKind::Regular {
        return Ok(());
    }
    Err(std::io::Error::new(
        std::io::ErrorKind::InvalidInput,
        format!("it is {}", kind.in_words()),
    ))
}

#[cfg(test)]
mod tests {
    use super::Contents;
    use proptest::prelude::*;

    fn keys(text: &str) -> Vec<String> {
        Contents::read(text.as_bytes())
            .waiting
            .iter()
            .map(|message| message.key.to_string())
            .collect()
    }

    const A: &str =
        r#"{"type":"accepted","key":"a","at":1,"message":{"role":"user","content":"x"}}"#;
    const B: &str =
        r#"{"type":"accepted","key":"b","at":2,"message":{"role":"user","content":"\ud800"}}"#;

    #[test]
    fn a_fragment_swallows_no_record() {
        assert_eq!(
            keys(&format!("\n{A}\n\n{{\"type\":\"acc\n{B}\n")),
            ["a", "b"]
        );
    }

    #[test]
    fn what_has_ended_stays_ended_in_whatever_order_it_was_written() {
        let end = r#"{"type":"retired","key":"a","at":3,"by":"e1"}"#;
        assert_eq!(keys(&format!("{A}\n{end}\n{A}\n{B}")), ["b"]);
        assert_eq!(keys(&format!("{end}\n{A}\n{B}")), ["b"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            Contents::read(&bytes);
        }

        #[test]
        fn a_cut_anywhere_in_the_last_record_costs_that_record_only(cut in 0..75_usize) {
            let text = format!("\n{A}\n\n{}\n{A}\n", &B[..cut]);
            prop_assert_eq!(keys(&text), ["a"]);
        }
    }
}
