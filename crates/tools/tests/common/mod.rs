//! What the tests share: calls without ceremony, the sandboxes that are here, and a sign of life that no sandbox hides.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails must fail the test"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use latchwork_lock::LockScope;
use latchwork_session::{ContentPart, ToolCall, ToolHost, ToolOutcome};
use latchwork_tools::{
    BashOptions, Options, SandboxKind, SandboxPolicy, Toolbox, allowed_environment,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Far above what a loaded machine needs: reaching it is a hang.
const GENEROUS: Duration = Duration::from_secs(120);

pub(crate) fn options(root: &Path) -> Options {
    Options {
        root: root.to_owned(),
        ..Options::default()
    }
}

pub(crate) async fn call(toolbox: &Toolbox, name: &str, arguments: Value) -> ToolOutcome {
    call_with(toolbox, name, arguments, CancellationToken::new()).await
}

#[expect(clippy::disallowed_methods, reason = "a test is an entry point")]
pub(crate) async fn call_with(
    toolbox: &Toolbox,
    name: &str,
    arguments: Value,
    cancel: CancellationToken,
) -> ToolOutcome {
    let call = ToolCall {
        id: "call".into(),
        name: name.into(),
        arguments,
    };
    let mut scope = LockScope::open();
    toolbox.call(scope.unlocked(), call, cancel).await
}

pub(crate) fn text(outcome: &ToolOutcome) -> &str {
    match outcome.content.first() {
        Some(ContentPart::Text(text)) => text,
        other => panic!("no text first: {other:?}"),
    }
}

pub(crate) fn details(outcome: &ToolOutcome) -> &Value {
    outcome.details.as_ref().expect("details")
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are programs: this is their one place"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The environment of this process, as a program would pass it on.
pub(crate) fn environment() -> std::collections::BTreeMap<String, String> {
    allowed_environment(
        ["PATH", "HOME"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), variable(name)?))),
    )
}

/// A toolbox with `bash` for each sandbox that works here, and one without any.
pub(crate) fn every_bash(
    root: &Path,
    change: impl Fn(&mut Options),
) -> Vec<(SandboxKind, Toolbox)> {
    let kinds = [
        SandboxKind::Bubblewrap,
        SandboxKind::Landlock,
        SandboxKind::Any,
    ];
    let (mut found, mut said) = (Vec::new(), String::new());
    for kind in kinds {
        let sandbox = if kind == SandboxKind::Any {
            SandboxPolicy::Off
        } else {
            SandboxPolicy::Require
        };
        let bash = BashOptions {
            sandbox,
            sandbox_kind: kind,
            environment: environment(),
            ..BashOptions::default()
        };
        let mut options = Options {
            tools: vec!["bash".into()],
            bash,
            ..options(root)
        };
        change(&mut options);
        match Toolbox::new(options) {
            Ok(toolbox) => {
                said += &format!("\ncommands are CHECKED in: {}", toolbox.sandbox().unwrap());
                found.push((kind, toolbox));
            }
            Err(error) => said += &format!("\ncommands are NOT CHECKED in {kind:?}: {error}"),
        }
    }
    say_once(&said);
    found
}

/// Past the capture of the test harness: what was not checked must be seen when everything passes, too.
fn say_once(what: &str) {
    static SAID: std::sync::Once = std::sync::Once::new();
    SAID.call_once(|| {
        let _ = writeln!(std::io::stderr(), "{what}\n");
    });
}

/// The same without the one that confines nothing.
pub(crate) fn every_confined_bash(
    root: &Path,
    change: impl Fn(&mut Options),
) -> Vec<(SandboxKind, Toolbox)> {
    let mut found = every_bash(root, change);
    found.retain(|(kind, _)| *kind != SandboxKind::Any);
    found
}

pub(crate) fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode};
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

/// A FIFO that processes hold open: when the last of them is gone, it is at its end. Process ids say nothing across
/// namespaces, and may be another's.
pub(crate) struct Life {
    signs: Receiver<String>,
}

impl Life {
    /// Makes `root/life`. A command holds it by `exec 9>life; echo up >&9`.
    pub(crate) fn watch(root: &Path) -> Self {
        let path = root.join("life");
        let _ = std::fs::remove_file(&path);
        fifo(&path);
        let (tell, signs) = channel();
        std::thread::spawn(move || {
            let mut life = BufReader::new(std::fs::File::open(path).unwrap());
            let mut line = String::new();
            life.read_line(&mut line).unwrap();
            let _ = tell.send(line);
            life.read_to_string(&mut String::new()).unwrap();
            let _ = tell.send("over".to_owned());
        });
        Self { signs }
    }

    pub(crate) fn is_up(&self) {
        assert_eq!(self.signs.recv_timeout(GENEROUS).as_deref(), Ok("up\n"));
    }

    pub(crate) fn is_over(&self) {
        assert_eq!(
            self.signs.recv_timeout(GENEROUS).as_deref(),
            Ok("over"),
            "something still lives"
        );
    }

    /// The same, for a task. Gives itself back.
    pub(crate) async fn up(self) -> Self {
        tokio::task::spawn_blocking(move || {
            self.is_up();
            self
        })
        .await
        .unwrap()
    }
}

/// Waits until `is` holds.
pub(crate) fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !is() {
        assert!(
            start.elapsed() < GENEROUS,
            "waited for {what}, and it did not happen"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
