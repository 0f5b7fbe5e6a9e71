//! What the operator may set: the working directory, the tools, their limits, and how bash runs.
//!
//! Plain values with units in their names; [`Options::validate`] says which one is wrong and what would do. Deliberately
//! absent: reading the environment or a file. The program does that and passes the result in; see
//! [`allowed_environment`](crate::allowed_environment) for what of an environment a command may see.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::ToolboxError;
use crate::tool::Tool;

/// The settings of a [`Toolbox`](crate::Toolbox).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The working directory: `read` and `ls` stay in it, `bash` starts in it.
    pub root: PathBuf,
    /// The tools that are offered: `read`, `ls`, `bash`. `bash` is offered only if it is named here.
    pub tools: Vec<String>,
    /// How long one call may take, in milliseconds. A call of `bash` may ask for less.
    pub time_limit_ms: u64,
    /// How many bytes of text one outcome may hold; short notes about what was left out come on top.
    pub max_output_bytes: usize,
    /// How many lines of text one outcome may hold.
    pub max_output_lines: usize,
    /// How many bytes of one line `read` shows.
    pub max_line_bytes: usize,
    /// How many bytes a text file may have for `read`.
    pub max_file_bytes: usize,
    /// How many bytes an image may have for `read`, before base64.
    pub max_image_bytes: usize,
    /// How many entries `ls` shows.
    pub max_entries: usize,
    /// How `bash` runs.
    pub bash: BashOptions,
}

/// How `bash` runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BashOptions {
    /// Whether a sandbox is used.
    pub sandbox: SandboxPolicy,
    /// Which one.
    pub sandbox_kind: SandboxKind,
    /// Whether a sandboxed command may use the network. Without a sandbox nothing stops it.
    pub network: bool,
    /// The whole environment of a command; nothing else is inherited. `PATH` is also where the shell is looked for.
    pub environment: BTreeMap<String, String>,
    /// What a sandboxed command may read besides the system and the working directory; what is absent is passed over.
    pub readable: Vec<PathBuf>,
    /// What a sandboxed command may also write; what is absent is passed over.
    pub writable: Vec<PathBuf>,
    /// Where each call gets a private directory for temporary files, which is removed after it.
    pub temporary: PathBuf,
    /// How long a command has between being asked to end (SIGTERM) and being killed, in milliseconds.
    pub grace_ms: u64,
}

/// Whether commands are sandboxed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SandboxPolicy {
    /// Where the system offers it; where not, each outcome says so.
    #[default]
    Auto,
    /// Or there is no toolbox: [`Toolbox::new`](crate::Toolbox::new) fails where the system offers none that holds all
    /// that was asked for.
    Require,
    /// Never.
    Off,
}

/// Which sandbox is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SandboxKind {
    /// The strongest that works here: bubblewrap, then Landlock.
    #[default]
    Any,
    /// Bubblewrap, if the program `bwrap` is on the `PATH` of the environment and works.
    Bubblewrap,
    /// Landlock, if the kernel has it.
    Landlock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            root: PathBuf::from("."),
            tools: vec![Tool::Read.name().to_owned(), Tool::Ls.name().to_owned()],
            time_limit_ms: 120_000,
            max_output_bytes: 48 * 1024,
            max_output_lines: 2_000,
            max_line_bytes: 4 * 1024,
            max_file_bytes: 16 * 1024 * 1024,
            max_image_bytes: 3 * 1024 * 1024,
            max_entries: 500,
            bash: BashOptions::default(),
        }
    }
}

impl Default for BashOptions {
    fn default() -> Self {
        Self {
            sandbox: SandboxPolicy::Auto,
            sandbox_kind: SandboxKind::Any,
            network: false,
            environment: crate::environment::allowed_environment([]),
            readable: Vec::new(),
            writable: Vec::new(),
            temporary: PathBuf::from("/tmp"),
            grace_ms: 1_000,
        }
    }
}

impl Options {
    /// What `time_limit_ms` may be.
    pub const TIME_LIMIT_MS: RangeInclusive<u64> = 1..=86_400_000;
    /// What `max_output_bytes` may be.
    pub const MAX_OUTPUT_BYTES: RangeInclusive<u64> = 256..=LARGEST;
    /// What `max_output_lines` may be.
    pub const MAX_OUTPUT_LINES: RangeInclusive<u64> = 2..=LARGEST;
    /// What `max_line_bytes` may be; no more than `max_output_bytes` either.
    pub const MAX_LINE_BYTES: RangeInclusive<u64> = 16..=LARGEST;
    /// What `max_file_bytes` may be.
    pub const MAX_FILE_BYTES: RangeInclusive<u64> = 1..=LARGEST;
    /// What `max_image_bytes` may be.
    pub const MAX_IMAGE_BYTES: RangeInclusive<u64> = 1..=LARGEST;
    /// What `max_entries` may be.
    pub const MAX_ENTRIES: RangeInclusive<u64> = 1..=LARGEST;
    /// What `bash.grace_ms` may be.
    pub const GRACE_MS: RangeInclusive<u64> = 0..=60_000;

    /// Whether every value is one that can be obeyed. Looks at the values alone, not at the machine.
    ///
    /// # Errors
    /// [`ToolboxError::UnknownTool`], [`ToolboxError::OutOfRange`] or [`ToolboxError::BadVariable`], for the first that
    /// is not.
    pub fn validate(&self) -> Result<(), ToolboxError> {
        self.chosen_tools()?;
        let longest_line = widen(self.max_output_bytes).min(*Self::MAX_LINE_BYTES.end());
        for (option, value, range) in [
            ("time_limit_ms", self.time_limit_ms, Self::TIME_LIMIT_MS),
            ("bash.grace_ms", self.bash.grace_ms, Self::GRACE_MS),
            (
                "max_output_bytes",
                widen(self.max_output_bytes),
                Self::MAX_OUTPUT_BYTES,
            ),
            (
                "max_output_lines",
                widen(self.max_output_lines),
                Self::MAX_OUTPUT_LINES,
            ),
            (
                "max_file_bytes",
                widen(self.max_file_bytes),
                Self::MAX_FILE_BYTES,
            ),
            (
                "max_image_bytes",
                widen(self.max_image_bytes),
                Self::MAX_IMAGE_BYTES,
            ),
            ("max_entries", widen(self.max_entries), Self::MAX_ENTRIES),
            (
                "max_line_bytes",
                widen(self.max_line_bytes),
                *Self::MAX_LINE_BYTES.start()..=longest_line,
            ),
        ] {
            in_range(option, value, &range)?;
        }
        for (name, value) in &self.bash.environment {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return Err(ToolboxError::BadVariable { name: name.clone() });
            }
        }
        Ok(())
    }

    /// The tools that are named, each once, in the order of their names here.
    pub(crate) fn chosen_tools(&self) -> Result<Vec<Tool>, ToolboxError> {
        let mut chosen = Vec::new();
        for name in &self.tools {
            let tool = Tool::named(name).ok_or_else(|| ToolboxError::UnknownTool {
                name: name.clone(),
                known: Tool::names(&Tool::ALL),
            })?;
            if !chosen.contains(&tool) {
                chosen.push(tool);
            }
        }
        Ok(chosen)
    }
}

/// No limit may pass this: sums of a few of them still fit everywhere.
const LARGEST: u64 = 1 << 30;

fn in_range(
    option: &'static str,
    value: u64,
    range: &RangeInclusive<u64>,
) -> Result<(), ToolboxError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(ToolboxError::OutOfRange {
        option,
        value,
        at_least: *range.start(),
        at_most: *range.end(),
    })
}

fn widen(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{BashOptions, Options, SandboxPolicy};
    use crate::ToolboxError;

    #[test]
    fn the_defaults_are_valid_and_leave_bash_out() {
        let options = Options::default();
        options.validate().unwrap();
        assert_eq!(options.tools, ["read", "ls"]);
        assert!(!options.bash.network);
    }

    #[test]
    fn what_is_not_set_is_as_by_default_and_what_is_not_known_is_refused() {
        let json = r#"{"tools":["bash"],"bash":{"sandbox":"require"}}"#;
        let options: Options = serde_json::from_str(json).unwrap();
        assert_eq!(options.bash.sandbox, SandboxPolicy::Require);
        assert_eq!(options.max_entries, Options::default().max_entries);
        assert_eq!(options.bash.environment, BashOptions::default().environment);
        assert!(serde_json::from_str::<Options>(r#"{"time_limit":3}"#).is_err());
        let again: Options =
            serde_json::from_str(&serde_json::to_string(&options).unwrap()).unwrap();
        assert_eq!(again, options);
    }

    #[test]
    fn each_wrong_value_is_named() {
        let wrong = |change: fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            options.validate().unwrap_err().to_string()
        };
        assert!(wrong(|o| o.tools.push("write".into())).contains("`write`"));
        assert!(wrong(|o| o.time_limit_ms = 0).contains("time_limit_ms = 0"));
        assert!(wrong(|o| o.max_output_bytes = 1).contains("max_output_bytes"));
        assert!(wrong(|o| o.max_line_bytes = usize::MAX).contains("max_line_bytes"));
        assert!(wrong(|o| o.max_entries = 0).contains("max_entries"));
        let bad = wrong(|o| drop(o.bash.environment.insert("A=B".into(), String::new())));
        assert!(bad.contains("A=B"));
    }

    #[test]
    fn a_tool_named_twice_is_there_once() {
        let options = Options {
            tools: vec!["ls".into(), "ls".into()],
            ..Options::default()
        };
        assert_eq!(
            options
                .chosen_tools()
                .map_err(|e: ToolboxError| e.to_string())
                .unwrap()
                .len(),
            1
        );
    }
}
