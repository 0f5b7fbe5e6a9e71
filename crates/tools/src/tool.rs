//! The built-in tools by name, and what a model is told of each.
//!
//! Names and arguments are those of the tools that models of pi sessions already know. Deliberately absent: what the
//! tools do.

use latchwork_session::{Replay, ToolSpec};
use serde_json::{Value, json};

use crate::options::Options;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Read,
    Ls,
    Bash,
}

impl Tool {
    pub(crate) const ALL: [Self; 3] = [Self::Read, Self::Ls, Self::Bash];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ls => "ls",
            Self::Bash => "bash",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    pub(crate) fn names(tools: &[Self]) -> Vec<&'static str> {
        tools.iter().map(|tool| tool.name()).collect()
    }

    /// What a model is told. `confinement`: where commands run, in a sentence.
    pub(crate) fn spec(self, options: &Options, confinement: &str) -> ToolSpec {
        let (description, parameters, replay) = match self {
            Self::Read => (describe_read(options), read_parameters(), Replay::Safe),
            Self::Ls => (describe_ls(options), ls_parameters(), Replay::Safe),
            Self::Bash => (
                describe_bash(options, confinement),
                bash_parameters(options.time_limit_ms),
                Replay::Never,
            ),
        };
        ToolSpec {
            name: self.name().to_owned(),
            description,
            parameters,
            replay,
        }
    }
}

fn describe_read(options: &Options) -> String {
    format!(
        "Read a file in the working directory: text, or an image (png, jpeg, gif, webp). Text comes in pages of up to \
         {} lines or {} bytes; go on with offset.",
        options.max_output_lines, options.max_output_bytes
    )
}

fn describe_ls(options: &Options) -> String {
    format!(
        "List a directory in the working directory, hidden entries included, sorted by name: one line for each entry, \
         with its kind, its size in bytes and its name, separated by tabs. At most {} entries.",
        options.max_entries
    )
}

fn describe_bash(options: &Options, confinement: &str) -> String {
    format!(
        "Run a shell command in the working directory and get what it prints (stdout and stderr together, the first \
         and last part of it if it is more than {} bytes or {} lines) and its exit code. Standard input is empty. What \
         it leaves running in the background is ended with it. {confinement}",
        options.max_output_bytes, options.max_output_lines
    )
}

fn read_parameters() -> Value {
    object(
        &json!({
            "path": { "type": "string", "description": "The file, relative to the working directory" },
            "offset": { "type": "integer", "minimum": 1, "description": "First line to show, from 1" },
            "limit": { "type": "integer", "minimum": 1, "description": "How many lines to show" },
        }),
        &["path"],
    )
}

fn ls_parameters() -> Value {
    object(
        &json!({
            "path": { "type": "string", "description": "The directory, relative to the working directory; by default that itself" },
            "limit": { "type": "integer", "minimum": 1, "description": "How many entries to show" },
        }),
        &[],
    )
}

fn bash_parameters(time_limit_ms: u64) -> Value {
    let timeout = format!(
        "After how many seconds it is ended; {} by default and at most",
        time_limit_ms.div_ceil(1000)
    );
    object(
        &json!({
            "command": { "type": "string", "description": "The command" },
            "timeout": { "type": "number", "exclusiveMinimum": 0, "description": timeout },
        }),
        &["command"],
    )
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::{Options, Replay, Tool};

    #[test]
    fn only_looking_may_be_repeated() {
        let replay = Tool::ALL.map(|tool| tool.spec(&Options::default(), "").replay);
        assert_eq!(replay, [Replay::Safe, Replay::Safe, Replay::Never]);
    }

    #[test]
    fn what_a_schema_requires_is_described_and_nothing_else_is_taken() {
        for tool in Tool::ALL {
            let spec = tool.spec(&Options::default(), "Confined.");
            assert_eq!(Tool::named(&spec.name), Some(tool));
            assert_eq!(spec.parameters["additionalProperties"], false);
            for name in spec.parameters["required"].as_array().unwrap() {
                assert!(
                    spec.parameters["properties"][name.as_str().unwrap()]["description"]
                        .is_string()
                );
            }
            assert_eq!(spec.description.contains("Confined."), tool == Tool::Bash);
        }
    }
}
