//! One session file that we and a peer write to, the endpoint of our model, and short words for our moves.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use latchwork_testkit::endpoint::{Endpoint, Reply};
use latchwork_testkit::program::{Home, Invocation};
use latchwork_testkit::verify::Report;
use serde_json::{Value, json};

pub(crate) struct Stage {
    pub(crate) home: Rc<Home>,
    pub(crate) endpoint: Endpoint,
    file: PathBuf,
}

impl Stage {
    /// Nothing is there yet.
    pub(crate) fn empty() -> Self {
        let home = Rc::new(Home::new());
        let file = home.path("talk.jsonl");
        Self {
            home,
            endpoint: Endpoint::start(),
            file,
        }
    }

    /// A session of ours with one exchange: `hello`, `hi`.
    pub(crate) fn begun() -> Self {
        let stage = Self::empty();
        stage.endpoint.push(Reply::text("hi"));
        stage.run("hello").run().expect_success();
        stage
    }

    /// A session file with this content.
    pub(crate) fn with_file(name: impl AsRef<Path>, bytes: &[u8]) -> Self {
        let mut stage = Self::empty();
        stage.file = stage.home.write(name, bytes);
        stage
    }

    /// The session file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The names of everything beside the session file.
    pub(crate) fn beside(&self) -> Vec<String> {
        let dir = self.file.parent().expect("a directory");
        std::fs::read_dir(dir)
            .expect("its entries")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| *path != self.file)
            .map(|path| path.display().to_string())
            .collect()
    }

    /// `latchwork run` with a prompt.
    pub(crate) fn run(&self, prompt: &str) -> Invocation {
        self.answer_what_waits().arg(prompt)
    }

    /// `latchwork run` without a prompt.
    pub(crate) fn answer_what_waits(&self) -> Invocation {
        self.latchwork(&["run", "--model", "openai/m", "--json", "--file"])
    }

    /// `latchwork append` of these lines.
    pub(crate) fn append(&self, lines: &[Value]) -> Invocation {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.latchwork(&["append"]).stdin(text)
    }

    /// `latchwork fork` into another session, a path or a key, and that one on the same stage.
    pub(crate) fn fork(&self, to: &str) -> (Self, Value) {
        // As a person types it in the folder of the session.
        let name = self.file.file_name().expect("a name").to_string_lossy();
        let args = ["fork", &format!("./{name}"), to, "--json"];
        let made = self.home.latchwork(args).run().expect_success().json();
        let file = self.home.path(made["path"].as_str().expect("a path"));
        let fork = Self {
            home: Rc::clone(&self.home),
            endpoint: Endpoint::start(),
            file,
        };
        (fork, made)
    }

    /// `latchwork rewind` to an entry.
    pub(crate) fn rewind(&self, to: &str) {
        self.latchwork(&["rewind"]).arg(to).run().expect_success();
    }

    /// `latchwork show --json`.
    pub(crate) fn state(&self) -> Value {
        let show = self.latchwork(&["show", "--json"]);
        show.run().expect_success().json()
    }

    /// `latchwork show --context --json`: what pi's driver says of the same file when it is asked to inspect it.
    pub(crate) fn inspect(&self) -> Value {
        let show = self.latchwork(&["show", "--context", "--json"]);
        show.run().expect_success().json()
    }

    /// An independent reading of the file.
    pub(crate) fn report(&self) -> Report {
        Report::read(&self.file)
    }

    /// The ids of the entries that stand in the file, by file order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let report = self.report();
        let ids = report
            .entries
            .iter()
            .filter_map(|entry| entry["id"].as_str());
        ids.map(str::to_owned).collect()
    }

    /// The program with these arguments and the session file, which the endpoint answers.
    fn latchwork(&self, args: &[&str]) -> Invocation {
        self.home
            .latchwork(args)
            .arg(&self.file)
            .endpoint(&self.endpoint)
    }
}

/// The texts of one role in the context of an inspection, ours or pi's.
pub(crate) fn said(inspection: &Value, role: &str) -> Vec<String> {
    let messages = inspection["context"]["messages"].as_array();
    messages
        .expect("the messages of a context")
        .iter()
        .filter(|message| message["role"] == role)
        .map(|message| text_of(&message["content"]))
        .collect()
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

/// The last event of a `run --json`: what the turn did.
pub(crate) fn ended(events: &[Value]) -> &Value {
    let last = events.last().expect("events");
    assert_eq!(last["type"], "ended", "{last}");
    &last["report"]
}

/// What a user says, as pi keeps it.
pub(crate) fn user(text: &str) -> Value {
    json!({"role": "user", "content": text, "timestamp": 1})
}

/// What a model says, as pi keeps it.
pub(crate) fn reply(text: &str) -> Value {
    json!({
        "role": "assistant", "content": [{"type": "text", "text": text}],
        "api": "openai-completions", "provider": "openai", "model": "m", "stopReason": "stop", "timestamp": 2,
        "usage": {"input": 1, "output": 1, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 2,
                  "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0}},
    })
}
