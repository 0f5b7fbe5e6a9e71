//! The home kept in order: what is removed is gone and written down, what is archived comes back byte for byte, nothing that is wanted
//! goes, and killed anywhere in between the next run ends it.

mod agents;
mod archived;
mod indexed;
mod removed;
mod shown;
mod tidied;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latchwork_testkit::program::{Finished, Home};
use latchwork_testkit::steps::{VARIABLE, kill_at};
use serde_json::{Value, json};

/// Words that must be nowhere once their session is gone.
const WORDS: &str = "unmistakable heron";
/// More steps than any command here has.
const STEPS_MAX: u32 = 400;

fn user(text: &str) -> Value {
    json!({ "type": "message", "message": { "role": "user", "content": text } })
}

/// What an assistant said: nothing waits for an answer to it.
fn said(text: &str) -> Value {
    let content = json!([{ "type": "text", "text": text }]);
    json!({ "type": "message", "message": { "role": "assistant", "content": content } })
}

struct Kept {
    home: Home,
}

impl Kept {
    /// A home with a session of these words, which was listed once.
    fn with(session: &str) -> Self {
        let kept = Self { home: Home::new() };
        kept.lines(session, &[user(WORDS), said("hello")])
            .expect_success();
        kept.run("sessions").expect_success();
        kept
    }

    fn run(&self, words: &str) -> Finished {
        self.home.latchwork(words.split(' ')).run()
    }

    fn killed_at(&self, words: &str, step: u32) -> Finished {
        let invocation = self.home.latchwork(words.split(' '));
        invocation.env(VARIABLE, kill_at(step)).run()
    }

    fn append(&self, session: &str, text: &str) -> Finished {
        self.lines(session, &[said(text)])
    }

    fn lines(&self, session: &str, lines: &[Value]) -> Finished {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.home.latchwork(["append", session]).stdin(lines).run()
    }

    fn data(&self) -> PathBuf {
        self.home.home().join(".local/share/latchwork")
    }

    fn transcript(&self, session: &str) -> PathBuf {
        self.data().join(format!("sessions/{session}.jsonl"))
    }

    /// Every file of the home, with its bytes.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn below(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    below(&path, found);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    found.insert(path, bytes);
                }
            }
        }
        let mut found = BTreeMap::new();
        below(&self.data(), &mut found);
        found
    }

    /// Where the words stand.
    fn places_of(&self, words: &str) -> Vec<PathBuf> {
        let has = |bytes: &[u8]| bytes.windows(words.len()).any(|at| at == words.as_bytes());
        let files = self.files().into_iter();
        files
            .filter(|(_, bytes)| has(bytes))
            .map(|(path, _)| path)
            .collect()
    }

    fn receipts(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.data().join("removed.jsonl")).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}
