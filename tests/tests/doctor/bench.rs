//! A private home with sessions in it, a picture of a tree to compare with, and short words for the doctor.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use latchwork_testkit::program::{Finished, Home, Invocation};
use serde_json::{Value, json};

/// No process has it: the kernel gives none above 4194304.
pub(crate) const NOBODY: u32 = 4_194_999;
pub(crate) const HEADER: &str =
    r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#;

pub(crate) struct Bench {
    pub(crate) home: Home,
}

impl Bench {
    /// A home with the session `main`, made by the program itself: nothing is wrong.
    pub(crate) fn healthy() -> Self {
        let bench = Self { home: Home::new() };
        let lines: String = exchange("hello")
            .iter()
            .map(|line| format!("{line}\n"))
            .collect();
        bench
            .home
            .latchwork(["append", "main"])
            .stdin(lines)
            .run()
            .expect_success();
        bench
    }

    pub(crate) fn sessions(&self) -> PathBuf {
        self.home.home().join(".local/share/latchwork/sessions")
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.sessions().join(name)
    }

    /// A file among the sessions, for its owner alone, last written an hour ago.
    pub(crate) fn put(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        age(&path, Duration::from_secs(3_600));
        path
    }

    /// A transcript of a header, an entry, and whatever follows.
    pub(crate) fn transcript(&self, name: &str, rest: &str) -> PathBuf {
        self.put(
            format!("{name}.jsonl"),
            format!("{HEADER}\n{}\n{rest}", entry("a", None)),
        )
    }

    pub(crate) fn doctor(&self, args: &[&str]) -> Invocation {
        let mut all = vec!["doctor", "--json"];
        all.extend(args);
        self.home.latchwork(all)
    }

    pub(crate) fn findings(&self, args: &[&str]) -> Findings {
        Findings::of(&self.doctor(args).run())
    }

    /// `latchwork lock main -- sh -c SCRIPT`
    pub(crate) fn lock(&self, script: &str) -> Invocation {
        self.home
            .latchwork(["lock", "main", "--", "sh", "-c", script])
    }
}

/// What a doctor said.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) code: Option<i32>,
    pub(crate) all: Vec<Value>,
    pub(crate) summary: Value,
}

impl Findings {
    #[track_caller]
    pub(crate) fn of(finished: &Finished) -> Self {
        let mut all = finished.json_lines();
        let summary = all.pop().unwrap_or_else(|| panic!("{finished}"));
        assert_eq!(summary["type"], "summary", "{finished}");
        Self {
            code: finished.code(),
            all,
            summary,
        }
    }

    pub(crate) fn ids(&self) -> Vec<&str> {
        self.all
            .iter()
            .map(|finding| finding["id"].as_str().unwrap())
            .collect()
    }

    /// What is wrong: no notes.
    pub(crate) fn wrong(&self) -> Vec<&str> {
        let wrong = self
            .all
            .iter()
            .filter(|finding| finding["severity"] != "note");
        wrong
            .map(|finding| finding["id"].as_str().unwrap())
            .collect()
    }

    #[track_caller]
    pub(crate) fn the(&self, id: &str) -> &Value {
        let mut found = self.all.iter().filter(|finding| finding["id"] == id);
        let first = found
            .next()
            .unwrap_or_else(|| panic!("no {id} in {:#?}", self.all));
        assert!(found.next().is_none(), "{id} twice in {:#?}", self.all);
        first
    }
}

pub(crate) fn entry(id: &str, parent: Option<&str>) -> String {
    json!({"type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:01.000Z",
        "message": {"role": "user", "content": "hello"}})
    .to_string()
}

/// A message and its reply, so that it stands in the transcript and not in the inbox.
pub(crate) fn exchange(text: &str) -> [Value; 2] {
    let reply = json!({ "role": "assistant", "content": [{ "type": "text", "text": format!("re: {text}") }], "stopReason": "stop" });
    [
        json!({ "role": "user", "content": text, "key": format!("key of {text}") }),
        reply,
    ]
}

/// What OpenClaw writes into its lock file.
pub(crate) fn payload(pid: u32, created: &str) -> String {
    format!("{{\n  \"pid\": {pid},\n  \"createdAt\": \"{created}\"\n}}\n")
}

pub(crate) fn dead_payload() -> String {
    payload(NOBODY, "2026-01-01T00:00:00.000Z")
}

/// A name as our temporary files have it.
pub(crate) fn temporary(number: u32) -> String {
    format!(".{number:024x}.tmp")
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test sets times of files by the real clock"
)]
pub(crate) fn age(path: &Path, age: Duration) {
    let file = std::fs::File::open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

/// Everything below a folder: kind, permissions, times, contents. No link is followed.
pub(crate) fn picture(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut picture = BTreeMap::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(path) = todo.pop() {
        let facts = std::fs::symlink_metadata(&path).unwrap();
        let content = if facts.is_file() {
            format!("{:?}", std::fs::read(&path).unwrap())
        } else {
            String::new()
        };
        if facts.is_dir() {
            todo.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        let seen = format!(
            "{:o} {} {}.{} {content}",
            facts.mode(),
            facts.ino(),
            facts.mtime(),
            facts.mtime_nsec()
        );
        picture.insert(path, seen);
    }
    picture
}

/// The contents of all files below a folder, but for latches: whoever takes one writes a note into it.
pub(crate) fn contents(dir: &Path) -> Vec<Vec<u8>> {
    let is_latch = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "latch");
    let files = picture(dir)
        .into_keys()
        .filter(|path| path.symlink_metadata().unwrap().is_file() && !is_latch(path));
    files.map(|path| std::fs::read(path).unwrap()).collect()
}

/// This moment, as OpenClaw writes it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}
