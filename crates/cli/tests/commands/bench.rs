//! A private home and working directory, and the program in it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

pub(crate) struct Bench {
    dir: tempfile::TempDir,
}

/// What the program did.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program speaks UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("one JSON value")
    }

    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("JSON in each line"))
            .collect()
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["home", "cwd"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self { dir }
    }

    /// A path in the working directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("cwd").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The user's settings.
    pub(crate) fn user_settings(&self, text: &str) {
        self.user_settings_in("config.toml", text);
    }

    /// The user's settings in a file of this name.
    pub(crate) fn user_settings_in(&self, name: &str, text: &str) -> PathBuf {
        let folder = self.dir.path().join("home/.config/latchwork");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name)
    }

    /// The text with `~` for the home, wherever that is.
    pub(crate) fn anywhere(&self, text: &str) -> String {
        text.replace(self.dir.path().join("home").to_str().unwrap(), "~")
    }

    /// A recorded session whose model gives these answers, as the value of `--model`.
    pub(crate) fn model(&self, answers: &[&str], pace: &str) -> String {
        let mut lines = vec![json!({
            "type": "session", "version": 3, "id": "r", "timestamp": "2026-01-01T00:00:00.000Z", "cwd": "/",
        })];
        let mut parent = Value::Null;
        for (number, answer) in answers.iter().enumerate() {
            let id = format!("a{number}");
            lines.push(json!({
                "type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:01.000Z",
                "message": { "role": "assistant", "content": [{ "type": "text", "text": answer }] },
            }));
            parent = id.into();
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let path = self.write("recorded.jsonl", &text);
        format!("replay:{}@{pace}", path.display())
    }

    /// The program, with nothing in its environment but a home.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchwork"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path().join("home"))
            .current_dir(self.dir.path().join("cwd"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Done {
        self.run_with(args, "")
    }

    /// With this on its standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Done {
        finish(self.command(args).spawn().unwrap(), input)
    }

    /// A session `main` with one exchange.
    pub(crate) fn begun(&self) -> Done {
        let model = self.model(&["Hello yourself."], "instant");
        self.run(&["run", "--model", &model, "Hello"]).ended_with(0)
    }
}

/// Gives it its input and waits for its end.
pub(crate) fn finish(mut child: Child, input: &str) -> Done {
    // A program that refuses may end before it has read anything.
    let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
    Done::of(child.wait_with_output().unwrap())
}
