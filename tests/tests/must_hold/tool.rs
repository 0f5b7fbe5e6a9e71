//! A tool that runs until the test lets it go: what happens meanwhile happens while a tool runs.

use std::path::PathBuf;

use latchwork_testkit::deadline::eventually;
use latchwork_testkit::endpoint::{Reply, ToolCall};
use latchwork_testkit::program::Invocation;
use serde_json::json;

use crate::bench::Bench;

/// The file by which the tool says that it runs.
pub(crate) const STARTED: &str = "tool-started";
const GO: &str = "tool-go";

/// A call of `bash` that says that it runs, and ends when [`let_go`] says so.
pub(crate) fn waiting_call(id: &str) -> ToolCall {
    let command = format!("touch {STARTED}; while [ ! -e {GO} ]; do sleep 0.01; done; echo went");
    ToolCall::new(id, "bash", &json!({ "command": command }))
}

/// A reply that wants this one call.
pub(crate) fn wants_waiting_tool() -> Reply {
    Reply::stream().tool_calls(&[waiting_call("waits")])
}

/// `run` with the tools that the call needs, unsandboxed, so that it sees the files of this module.
pub(crate) fn run_with_bash(bench: &Bench, args: &[&str]) -> Invocation {
    let mut all = vec!["--tools", "ls,bash"];
    all.extend(args);
    bench.run(&all).env("LATCHWORK_SANDBOX", "off")
}

/// Waits until the tool runs.
pub(crate) fn wait_started(bench: &Bench) {
    let started: PathBuf = bench.home.path(STARTED);
    eventually("the tool's start", || started.exists().then_some(()));
}

/// Lets the tool end.
pub(crate) fn let_go(bench: &Bench) {
    bench.home.write(GO, "");
}
