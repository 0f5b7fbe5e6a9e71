//! What was found in a file, and the questions that tests ask of it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::{pairing, structure};

/// A transcript as it was read.
#[derive(Debug, Clone)]
pub struct Report {
    /// The header; null when there is none.
    pub header: Value,
    /// The entries that could be read, in the order of the file.
    pub entries: Vec<Value>,
    /// What is wrong with the structure: a line that does not parse (and is not all spaces), a header that is missing, late
    /// or double, an id that is missing or taken, a parent that is no earlier entry (so there is no cycle), a last line
    /// without its newline. Sentences that name the line.
    pub problems: Vec<String>,
}

impl Report {
    /// Reads a file.
    ///
    /// # Panics
    /// When it cannot be read at all.
    #[track_caller]
    pub fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let bytes = std::fs::read(path)
            .unwrap_or_else(|error| panic!("no transcript at {}: {error}", path.display()));
        Self::of(&bytes)
    }

    /// Reads the bytes of a file.
    pub fn of(bytes: &[u8]) -> Self {
        structure::read(bytes)
    }

    /// Fails the test unless the structure is without a fault.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_sound(&self) {
        assert!(self.problems.is_empty(), "{}", self.problems.join("\n"));
    }

    /// Fails the test unless the structure is without a fault and every tool call on the active path is answered.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn assert_settled(&self) {
        self.assert_sound();
        let unpaired = self.unpaired();
        assert!(unpaired.is_empty(), "{}", unpaired.join("\n"));
    }

    /// What does not pair among the tool calls and results on the active path; a turn under way, or one that was killed,
    /// may leave an open call here.
    pub fn unpaired(&self) -> Vec<String> {
        pairing::unpaired(&self.active_entries())
    }

    /// The ids from the root to the last line of the file.
    pub fn active_path(&self) -> Vec<&str> {
        let entries = self.active_entries();
        entries
            .into_iter()
            .filter_map(|entry| entry["id"].as_str())
            .collect()
    }

    /// The entries from the root to the last line of the file. A parent that cannot be found, or comes again, ends the path.
    pub fn active_entries(&self) -> Vec<&Value> {
        let by_id: HashMap<&str, &Value> = self
            .entries
            .iter()
            .filter_map(|entry| Some((entry["id"].as_str()?, entry)))
            .collect();
        let mut path = Vec::new();
        let mut seen = HashSet::new();
        let mut next = self.entries.last();
        while let Some(entry) = next {
            if !seen.insert(std::ptr::from_ref(entry)) {
                break;
            }
            path.push(entry);
            next = entry["parentId"]
                .as_str()
                .and_then(|parent| by_id.get(parent).copied());
        }
        path.reverse();
        path
    }

    /// An entry by its id.
    pub fn entry(&self, id: &str) -> Option<&Value> {
        self.entries.iter().find(|entry| entry["id"] == id)
    }

    /// The texts of the messages of one role (`user`, `assistant`, `toolResult`) on the active path, in order.
    pub fn texts_on_path(&self, role: &str) -> Vec<String> {
        texts_of(self.active_entries(), role)
    }

    /// How many user messages on the active path have exactly this text.
    pub fn count_user_text(&self, text: &str) -> usize {
        let texts = self.texts_on_path("user");
        texts.iter().filter(|found| *found == text).count()
    }

    /// How many user messages anywhere in the file have exactly this text, other branches included.
    pub fn count_user_text_anywhere(&self, text: &str) -> usize {
        let texts = texts_of(self.entries.iter().collect(), "user");
        texts.iter().filter(|found| *found == text).count()
    }

    /// How many messages on the active path carry this idempotency key.
    pub fn count_key(&self, key: &str) -> usize {
        self.active_entries()
            .iter()
            .filter(|entry| entry["message"]["idempotencyKey"] == key)
            .count()
    }
}

fn texts_of(entries: Vec<&Value>, role: &str) -> Vec<String> {
    entries
        .into_iter()
        .filter(|entry| entry["type"] == "message" && entry["message"]["role"] == role)
        .map(|entry| text_of(&entry["message"]["content"]))
        .collect()
}

/// The text of a message's content: a string, or its text blocks joined.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks
            .iter()
            .filter(|block| block["type"] == "text")
            .filter_map(|block| block["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}
