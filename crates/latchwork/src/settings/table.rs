//! Every setting by name, in the order in which people look for them.
//!
//! Invariant: the table names exactly the settings that there are; a test of `names` holds it against them. What a number may
//! be is declared beside the option itself, in the crate that it tunes.

use std::ops::RangeInclusive;

use latchwork_config::{Range, Unit};
use latchwork_context::Options as Context;
use latchwork_filelock::Options as Locks;
use latchwork_models::OpenAiOptions;
use latchwork_runner::Options as Turn;
use latchwork_tools::Options as Tools;

use super::names::{Effect, Kind, Name};

const fn ms(range: &RangeInclusive<u64>) -> Kind {
    Kind::Number(Range::new(range, Unit::Millis))
}

const fn bytes(range: &RangeInclusive<u64>) -> Kind {
    Kind::Number(Range::new(range, Unit::Bytes))
}

const fn count(range: &RangeInclusive<u64>) -> Kind {
    Kind::Number(Range::new(range, Unit::Count))
}

pub(super) const NAMES: &[Name] = &[
    Name::new(
        "model",
        Kind::Text,
        "the model that answers: PROVIDER/MODEL or replay:FILE",
    )
    .by("LATCHWORK_MODEL")
    .for_projects(),
    Name::new("session", Kind::Text, "the session of a run that names none")
        .by("LATCHWORK_SESSION")
        .for_projects(),
    Name::new("home", Kind::Path, "the folder that sessions lie under").by("LATCHWORK_HOME").holds(Effect::Restart).unset_is("$XDG_DATA_HOME/latchwork, else ~/.local/share/latchwork"),
    Name::new("openclaw_home", Kind::Path, "an OpenClaw home, whose openclaw.json holds here too in what it says of locks and compaction").by("LATCHWORK_OPENCLAW_HOME").holds(Effect::Restart).unset_is("the folder above agents/ID, if `home` is one of these"),
    Name::new(
        "system_prompt",
        Kind::Text,
        "what the model is told before the conversation",
    )
    .by("LATCHWORK_SYSTEM_PROMPT")
    .for_projects(),
    Name::new(
        "log",
        Kind::Text,
        "what is logged on standard error: error, warn, info, debug, trace",
    )
    .by("LATCHWORK_LOG")
    .holds(Effect::AtOnce),
    Name::new(
        "metrics_address",
        Kind::Socket,
        "where a command that lasts (run, append, watch, locks) shows its figures to Prometheus, at /metrics; whoever reaches the address can read them",
    )
    .by("LATCHWORK_METRICS_ADDRESS")
    .holds(Effect::Restart),
    Name::new(
        "models.openai.base_url",
        Kind::Address,
        "the address, up to and without /chat/completions",
    )
    .by("OPENAI_BASE_URL"),
    Name::new(
        "models.openai.key",
        Kind::Reference,
        "where the key is: env:NAME, file:PATH or cmd:COMMAND",
    )
    .by("OPENAI_API_KEY"),
    Name::new(
        "models.openai.default_model",
        Kind::Text,
        "the model that answers when only the provider is named",
    ),
    Name::new(
        "models.openai.connect_timeout_ms",
        ms(&OpenAiOptions::CONNECT_TIMEOUT_MS),
        "how long a connection may take",
    ),
    Name::new(
        "models.openai.idle_timeout_ms",
        ms(&OpenAiOptions::IDLE_TIMEOUT_MS),
        "how long nothing at all may come",
    ),
    Name::new(
        "models.openai.max_reply_bytes",
        bytes(&OpenAiOptions::MAX_REPLY_BYTES),
        "the most bytes that one answer may have",
    ),
    Name::new(
        "models.openai.token_limit_field",
        Kind::Word(&["auto", "max_tokens", "max_completion_tokens"]),
        "auto, max_tokens or max_completion_tokens",
    ),
    Name::new(
        "models.openai.proxy",
        Kind::Reference,
        "where the address of the proxy is (a reference)",
    ),
    Name::new(
        "models.openai.headers",
        Kind::References,
        "headers sent with each request (references)",
    ),
    Name::new(
        "tools.tools",
        Kind::Words(&["read", "ls", "bash"]),
        "the tools that the model may call: read, ls, bash",
    )
    .by("LATCHWORK_TOOLS")
    .for_projects(),
    Name::new(
        "tools.root",
        Kind::Path,
        "the working directory; read and ls stay in it",
    ).unset_is("the working directory"),
    Name::new("tools.time_limit_ms", ms(&Tools::TIME_LIMIT_MS), "how long one call may take"),
    Name::new(
        "tools.max_output_bytes",
        bytes(&Tools::MAX_OUTPUT_BYTES),
        "how many bytes of text one outcome may hold",
    ),
    Name::new(
        "tools.max_output_lines",
        count(&Tools::MAX_OUTPUT_LINES),
        "how many lines of text one outcome may hold",
    ),
    Name::new(
        "tools.max_line_bytes",
        bytes(&Tools::MAX_LINE_BYTES),
        "how many bytes of one line read shows",
    ),
    Name::new(
        "tools.max_file_bytes",
        bytes(&Tools::MAX_FILE_BYTES),
        "how many bytes a text file may have for read",
    ),
    Name::new(
        "tools.max_image_bytes",
        bytes(&Tools::MAX_IMAGE_BYTES),
        "how many bytes an image may have for read",
    ),
    Name::new("tools.max_entries", count(&Tools::MAX_ENTRIES), "how many entries ls shows"),
    Name::new("tools.bash.sandbox", Kind::Word(&["auto", "require", "off"]), "auto, require or off").by("LATCHWORK_SANDBOX"),
    Name::new("tools.bash.sandbox_kind", Kind::Word(&["any", "bubblewrap", "landlock"]), "any, bubblewrap or landlock"),
    Name::new(
        "tools.bash.network",
        Kind::Truth,
        "whether a sandboxed command may use the network",
    ),
    Name::new(
        "tools.bash.environment",
        Kind::Variables,
        "the whole environment of a command",
    ).unset_is("what of our own environment is known to be harmless"),
    Name::new(
        "tools.bash.readable",
        Kind::Paths,
        "what a sandboxed command may read besides",
    ),
    Name::new(
        "tools.bash.writable",
        Kind::Paths,
        "what a sandboxed command may also write",
    ),
    Name::new(
        "tools.bash.temporary",
        Kind::Path,
        "where each call gets a private directory",
    ),
    Name::new(
        "tools.bash.grace_ms",
        ms(&Tools::GRACE_MS),
        "how long a command has between SIGTERM and SIGKILL",
    ),
    Name::new(
        "store.locks.acquire_timeout_ms",
        ms(&Locks::ACQUIRE_TIMEOUT_MS),
        "how long a writer waits for the others",
    )
    .by("LATCHWORK_ACQUIRE_TIMEOUT_MS"),
    Name::new(
        "store.locks.max_hold_ms",
        ms(&Locks::MAX_HOLD_MS),
        "how long a guard may be held before it is revoked",
    )
    .by("LATCHWORK_MAX_HOLD_MS").holds(Effect::Restart),
    Name::new(
        "store.locks.stale_ms",
        ms(&Locks::STALE_MS),
        "from which age on a live peer's lock file is called stale; it is never taken for that",
    )
    .by("LATCHWORK_STALE_MS").holds(Effect::Restart),
    Name::new(
        "store.locks.peer_lock",
        Kind::Word(&["always", "auto", "never"]),
        "whether OpenClaw's lock file is taken too: always, auto or never",
    )
    .by("LATCHWORK_PEER_LOCK").holds(Effect::Restart),
    Name::new(
        "store.locks.allow_network_fs",
        Kind::Truth,
        "work on filesystems whose locks are not trusted",
    )
    .holds(Effect::Restart),
    Name::new(
        "store.locks.wait_threads",
        count(&Locks::WAIT_THREADS),
        "how many threads may wait in the kernel at once",
    )
    .holds(Effect::Restart),
    Name::new(
        "turn.guard_wait_ms",
        ms(&Turn::GUARD_WAIT_MS),
        "how long a phase waits for other writers",
    ),
    Name::new(
        "turn.claim_wait_ms",
        ms(&Turn::CLAIM_WAIT_MS),
        "how long a turn waits for the one under way",
    )
    .by("LATCHWORK_CLAIM_WAIT_MS"),
    Name::new(
        "turn.hand_over_grace_ms",
        ms(&Turn::HAND_OVER_GRACE_MS),
        "how long a turn that is asked to yield has",
    ),
    Name::new(
        "turn.rounds_max",
        count(&Turn::ROUNDS_MAX),
        "how often a model may be asked within one turn",
    ),
    Name::new(
        "turn.parallel_tools_max",
        count(&Turn::PARALLEL_TOOLS_MAX),
        "how many tools of one reply run at once",
    ),
    Name::new(
        "turn.write_attempts_max",
        count(&Turn::WRITE_ATTEMPTS_MAX),
        "how often a write that met contention is tried",
    ),
    Name::new("turn.token_budget", count(&Turn::TOKEN_BUDGET), "the most tokens that a prompt may have")
        .by("LATCHWORK_TOKEN_BUDGET")
        .for_projects(),
    Name::new(
        "turn.max_output_tokens",
        count(&Turn::MAX_OUTPUT_TOKENS),
        "the most tokens that a reply may have",
    )
    .for_projects(),
    Name::new(
        "turn.cancel_grace_ms",
        ms(&Turn::CANCEL_GRACE_MS),
        "how long interrupted tools may take to stop",
    ),
    Name::new(
        "turn.close_limit_ms",
        ms(&Turn::CLOSE_LIMIT_MS),
        "how long the end of a turn may take",
    ),
    Name::new(
        "context.keep_recent_tokens",
        count(&Context::KEEP_RECENT_TOKENS),
        "how much of its end a compaction keeps, in tokens",
    ),
    Name::new(
        "context.chunk_chars",
        count(&Context::CHUNK_CHARS),
        "how much is summarised at once, in characters",
    ),
    Name::new(
        "context.summary_tokens_max",
        count(&Context::SUMMARY_TOKENS_MAX),
        "the most tokens that a summary may have",
    ),
    Name::new(
        "context.attempts",
        count(&Context::ATTEMPTS),
        "how often a summary is tried before a plain one is made",
    ),
    Name::new(
        "turn.ledger",
        Kind::Truth,
        "whether each finished turn leaves an entry with its figures",
    ),
];
