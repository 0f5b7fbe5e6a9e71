//! Every setting by name: the variable that sets it, what it does, and whether a project may set it.
//!
//! Invariant: the table names exactly the settings that there are; a test holds it against them. Settings of a provider
//! are listed for `openai`; any other `models.NAME` has the same.

use super::sources::OPENAI_BASE_URL_KEY;

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Name {
    /// Its name in a settings file.
    pub key: &'static str,
    /// The environment variable that sets it.
    pub variable: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
    /// A project file may set it.
    pub for_projects: bool,
    /// Its variable holds a list, separated by commas.
    pub is_list: bool,
}

impl Name {
    const fn new(key: &'static str, help: &'static str) -> Self {
        Self {
            key,
            variable: None,
            help,
            for_projects: false,
            is_list: false,
        }
    }

    const fn by(self, variable: &'static str) -> Self {
        Self {
            variable: Some(variable),
            ..self
        }
    }

    const fn for_projects(self) -> Self {
        Self {
            for_projects: true,
            ..self
        }
    }

    const fn list(self) -> Self {
        Self {
            is_list: true,
            ..self
        }
    }
}

/// All settings, in the order in which people look for them.
pub fn names() -> impl Iterator<Item = &'static Name> {
    NAMES.iter()
}

const NAMES: &[Name] = &[
    Name::new(
        "model",
        "the model that answers: PROVIDER/MODEL or replay:FILE",
    )
    .by("LATCHWORK_MODEL")
    .for_projects(),
    Name::new("session", "the session of a run that names none")
        .by("LATCHWORK_SESSION")
        .for_projects(),
    Name::new("home", "the folder that sessions lie under").by("LATCHWORK_HOME"),
    Name::new(
        "system_prompt",
        "what the model is told before the conversation",
    )
    .by("LATCHWORK_SYSTEM_PROMPT")
    .for_projects(),
    Name::new(
        "log",
        "what is logged on standard error: error, warn, info, debug, trace",
    )
    .by("LATCHWORK_LOG"),
    Name::new(
        OPENAI_BASE_URL_KEY,
        "the address, up to and without /chat/completions",
    )
    .by("OPENAI_BASE_URL"),
    Name::new(
        "models.openai.key",
        "where the key is: env:NAME, file:PATH or cmd:COMMAND",
    )
    .by("OPENAI_API_KEY"),
    Name::new(
        "models.openai.default_model",
        "the model that answers when only the provider is named",
    ),
    Name::new(
        "models.openai.connect_timeout_ms",
        "how long a connection may take, in ms",
    ),
    Name::new(
        "models.openai.idle_timeout_ms",
        "how long nothing at all may come, in ms",
    ),
    Name::new(
        "models.openai.max_reply_bytes",
        "the most bytes that one answer may have",
    ),
    Name::new(
        "models.openai.token_limit_field",
        "auto, max_tokens or max_completion_tokens",
    ),
    Name::new(
        "models.openai.proxy",
        "where the address of the proxy is (a reference)",
    ),
    Name::new(
        "models.openai.headers",
        "headers sent with each request (references)",
    ),
    Name::new(
        "tools.tools",
        "the tools that the model may call: read, ls, bash",
    )
    .by("LATCHWORK_TOOLS")
    .for_projects()
    .list(),
    Name::new(
        "tools.root",
        "the working directory; read and ls stay in it",
    ),
    Name::new("tools.time_limit_ms", "how long one call may take, in ms"),
    Name::new(
        "tools.max_output_bytes",
        "how many bytes of text one outcome may hold",
    ),
    Name::new(
        "tools.max_output_lines",
        "how many lines of text one outcome may hold",
    ),
    Name::new(
        "tools.max_line_bytes",
        "how many bytes of one line read shows",
    ),
    Name::new(
        "tools.max_file_bytes",
        "how many bytes a text file may have for read",
    ),
    Name::new(
        "tools.max_image_bytes",
        "how many bytes an image may have for read",
    ),
    Name::new("tools.max_entries", "how many entries ls shows"),
    Name::new("tools.bash.sandbox", "auto, require or off").by("LATCHWORK_SANDBOX"),
    Name::new("tools.bash.sandbox_kind", "any, bubblewrap or landlock"),
    Name::new(
        "tools.bash.network",
        "whether a sandboxed command may use the network",
    ),
    Name::new(
        "tools.bash.environment",
        "the whole environment of a command",
    ),
    Name::new(
        "tools.bash.readable",
        "what a sandboxed command may read besides",
    ),
    Name::new(
        "tools.bash.writable",
        "what a sandboxed command may also write",
    ),
    Name::new(
        "tools.bash.temporary",
        "where each call gets a private directory",
    ),
    Name::new(
        "tools.bash.grace_ms",
        "how long a command has between SIGTERM and SIGKILL, in ms",
    ),
    Name::new(
        "store.locks.acquire_timeout_ms",
        "how long a writer waits for the others, in ms",
    )
    .by("LATCHWORK_ACQUIRE_TIMEOUT_MS"),
    Name::new(
        "store.locks.max_hold_ms",
        "how long a guard may be held before it is revoked, in ms",
    )
    .by("LATCHWORK_MAX_HOLD_MS"),
    Name::new(
        "store.locks.stale_ms",
        "from which age on a live peer's lock file is called stale, in ms; it is never taken for that",
    )
    .by("LATCHWORK_STALE_MS"),
    Name::new(
        "store.locks.peer_lock",
        "whether OpenClaw's lock file is taken too: always, auto or never",
    )
    .by("LATCHWORK_PEER_LOCK"),
    Name::new(
        "store.locks.allow_network_fs",
        "work on filesystems whose locks are not trusted",
    ),
    Name::new(
        "store.locks.wait_threads",
        "how many threads may wait in the kernel at once",
    ),
    Name::new(
        "turn.guard_wait_ms",
        "how long a phase waits for other writers, in ms",
    ),
    Name::new(
        "turn.claim_wait_ms",
        "how long a turn waits for the one under way, in ms",
    )
    .by("LATCHWORK_CLAIM_WAIT_MS"),
    Name::new(
        "turn.hand_over_grace_ms",
        "how long a turn that is asked to yield has, in ms",
    ),
    Name::new(
        "turn.rounds_max",
        "how often a model may be asked within one turn",
    ),
    Name::new(
        "turn.parallel_tools_max",
        "how many tools of one reply run at once",
    ),
    Name::new(
        "turn.write_attempts_max",
        "how often a write that met contention is tried",
    ),
    Name::new("turn.token_budget", "the most tokens that a prompt may have")
        .by("LATCHWORK_TOKEN_BUDGET")
        .for_projects(),
    Name::new(
        "turn.max_output_tokens",
        "the most tokens that a reply may have",
    )
    .for_projects(),
    Name::new(
        "turn.cancel_grace_ms",
        "how long interrupted tools may take to stop, in ms",
    ),
    Name::new(
        "turn.close_limit_ms",
        "how long the end of a turn may take, in ms",
    ),
    Name::new(
        "context.keep_recent_tokens",
        "how much of its end a compaction keeps, in tokens",
    ),
    Name::new(
        "context.chunk_chars",
        "how much is summarised at once, in characters",
    ),
    Name::new(
        "context.summary_tokens_max",
        "the most tokens that a summary may have",
    ),
    Name::new(
        "context.attempts",
        "how often a summary is tried before a plain one is made",
    ),
    Name::new(
        "turn.ledger",
        "whether each finished turn leaves an entry with its figures",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::NAMES;
    use crate::Settings;

    /// Tables whose names are the user's own.
    const OPEN: [&str; 2] = ["models.openai.headers", "tools.bash.environment"];

    fn leaves(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(table) if !OPEN.contains(&prefix) => {
                for (name, value) in table {
                    let key = if prefix.is_empty() {
                        name.clone()
                    } else {
                        format!("{prefix}.{name}")
                    };
                    leaves(&key, value, found);
                }
            }
            _ => drop(found.insert(prefix.to_owned())),
        }
    }

    #[test]
    fn the_table_names_exactly_the_settings_that_there_are() {
        let mut settings = BTreeSet::new();
        leaves(
            "",
            &serde_json::to_value(Settings::default()).unwrap(),
            &mut settings,
        );
        let named: BTreeSet<String> = NAMES.iter().map(|name| name.key.to_owned()).collect();
        assert_eq!(
            named.difference(&settings).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "named, but not there"
        );
        assert_eq!(
            settings.difference(&named).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "there, but not named"
        );
        assert_eq!(named.len(), NAMES.len(), "a setting is named once");
    }

    #[test]
    fn no_variable_sets_two_settings() {
        let variables: Vec<&str> = NAMES.iter().filter_map(|name| name.variable).collect();
        assert_eq!(
            variables.iter().collect::<BTreeSet<_>>().len(),
            variables.len()
        );
    }
}
