//! One session file in a private home, an endpoint, and short words for common moves.

use std::path::PathBuf;

use latchwork_testkit::endpoint::{Endpoint, Reply};
use latchwork_testkit::program::{Finished, Home, Invocation};
use latchwork_testkit::steps::{StepDir, VARIABLE};
use latchwork_testkit::verify::Report;
use serde_json::{Value, json};

pub(crate) struct Bench {
    pub(crate) home: Home,
    pub(crate) endpoint: Endpoint,
}

impl Bench {
    /// Nothing is there yet.
    pub(crate) fn empty() -> Self {
        Self {
            home: Home::new(),
            endpoint: Endpoint::start(),
        }
    }

    /// A session with one exchange.
    pub(crate) fn begun() -> Self {
        let bench = Self::empty();
        bench.endpoint.push(Reply::text("hi"));
        bench.run(&["hello"]).run().expect_success();
        bench
    }

    /// The same, and so many more: `question 0`, `answer 0`, ...
    pub(crate) fn talked(exchanges: usize) -> Self {
        let bench = Self::begun();
        for number in 0..exchanges {
            bench
                .endpoint
                .push(Reply::text(&format!("answer {number}")));
            bench
                .run(&[&format!("question {number}")])
                .run()
                .expect_success();
        }
        bench
    }

    /// The transcript.
    pub(crate) fn talk(&self) -> PathBuf {
        self.home.path("talk.jsonl")
    }

    pub(crate) fn sidecars(&self) -> PathBuf {
        self.talk().parent().unwrap().join(".latchwork")
    }

    /// `run` on the transcript, against the endpoint.
    pub(crate) fn run(&self, args: &[&str]) -> Invocation {
        let talk = self.talk();
        let mut all = vec![
            "run",
            "--file",
            talk.to_str().unwrap(),
            "--model",
            "openai/m",
        ];
        all.extend(args);
        self.home.latchwork(all).endpoint(&self.endpoint)
    }

    /// `append` of these lines.
    pub(crate) fn append(&self, lines: &[Value]) -> Invocation {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.home
            .latchwork(["append", self.talk().to_str().unwrap()])
            .stdin(text)
    }

    pub(crate) fn rewind(&self, to: &str) -> Finished {
        self.home
            .latchwork(["rewind", self.talk().to_str().unwrap(), to])
            .run()
            .expect_success()
    }

    /// What our own program says of the session.
    pub(crate) fn shown(&self, args: &[&str]) -> Value {
        let talk = self.talk();
        let mut all = vec!["show", talk.to_str().unwrap(), "--json"];
        all.extend(args);
        self.home.latchwork(all).run().expect_success().json()
    }

    /// The texts of one role that our program would show the model.
    pub(crate) fn context(&self, role: &str) -> Vec<String> {
        let shown = self.shown(&["--context"]);
        let messages = shown["context"]["messages"].as_array().unwrap().clone();
        messages
            .iter()
            .filter(|message| message["role"] == role)
            .map(|message| text_of(&message["content"]))
            .collect()
    }

    /// An independent reading of the file.
    pub(crate) fn report(&self) -> Report {
        Report::read(self.talk())
    }
}

pub(crate) fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text, "key": format!("key of {text}") })
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

/// The same invocation, held and traced by a directory of steps.
pub(crate) fn with_steps(invocation: Invocation, steps: &StepDir) -> Invocation {
    invocation.env(VARIABLE, steps.value())
}
