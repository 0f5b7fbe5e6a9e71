//! Outcomes that several tools share, in words.

use latchwork_session::{ToolOutcome, ToolStatus};

use crate::tool::Tool;

/// The longest message about arguments; they may quote what a model wrote.
const MESSAGE_CHARS: usize = 600;

pub(crate) fn error(text: impl Into<String>) -> ToolOutcome {
    ToolOutcome::text(ToolStatus::Error, text)
}

pub(crate) fn unknown_tool(name: &str, tools: &[Tool]) -> ToolOutcome {
    let known = Tool::names(tools);
    let there = if known.is_empty() {
        "there are none".to_owned()
    } else {
        known.join(", ")
    };
    error(format!(
        "There is no tool {}. Tools: {there}.",
        crate::refusal::quoted(name)
    ))
}

pub(crate) fn bad_arguments(tool: Tool, why: &str) -> ToolOutcome {
    let why: String = why
        .chars()
        .take(MESSAGE_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    error(format!(
        "Bad arguments for {}: {why}. Nothing was done.",
        tool.name()
    ))
}

pub(crate) fn not_begun() -> ToolOutcome {
    ToolOutcome::text(
        ToolStatus::Aborted,
        "Interrupted before it began; nothing was done.",
    )
}

pub(crate) fn looking_interrupted() -> ToolOutcome {
    ToolOutcome::text(ToolStatus::Aborted, "Interrupted; nothing was changed.")
}

pub(crate) fn looking_took_too_long(limit_ms: u64) -> ToolOutcome {
    error(format!(
        "Gave up after {limit_ms} ms: the filesystem does not answer."
    ))
}
