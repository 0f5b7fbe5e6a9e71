//! What is done to the home, each by the whole program; and what may stand there when it was cut off.

use super::super::transcript::planted;

/// What an operation does to the transcripts that it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each is the old one or the new one, whole.
    Anew,
    /// The old one, the same in today's version, or that and what is said.
    Migrates,
    /// Each is the old one and whole lines of what comes; the last may be torn while nothing was said of it.
    Grows,
    /// Each that moves is whole in exactly one place.
    Moves,
    /// Each that goes is whole or gone.
    Goes,
    /// None is changed.
    Reads,
}

/// A session of an older version: the name of its file, and its bytes.
pub(crate) type Elder = (&'static str, fn() -> Vec<u8>);

/// An operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) words: &'static [&'static str],
    pub(crate) input: &'static str,
    pub(crate) kind: Kind,
    /// What was done in the home before.
    pub(crate) before: &'static [&'static [&'static str]],
    /// A session of an older version that is there, too.
    pub(crate) elder: Option<Elder>,
    /// Words that are in no file once it is done.
    pub(crate) gone: Option<&'static str>,
    /// What it prints says that it is done; where not, only that it is accepted.
    pub(crate) answers_when_done: bool,
}

const NOTHING: Operation = Operation {
    name: "",
    words: &[],
    input: "",
    kind: Kind::Reads,
    before: &[],
    elder: None,
    gone: None,
    answers_when_done: true,
};

const APPENDED: &str = "{\"type\":\"message\",\"message\":{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"one more\"}]}}\n";

/// All of them.
pub(crate) const ALL: [Operation; 18] = [
    Operation {
        name: "redact",
        words: &["redact", "main", "--json"],
        input: "{\"id\":\"000000a2\",\"text\":\"(removed)\"}\n",
        kind: Kind::Anew,
        gone: Some("the secret of the heron"),
        ..NOTHING
    },
    Operation {
        name: "vacuum",
        words: &["vacuum", "main", "--json"],
        kind: Kind::Anew,
        gone: Some(super::stage::LEFT),
        ..NOTHING
    },
    Operation {
        name: "sessions rm",
        words: &["sessions", "rm", "main", "--json"],
        kind: Kind::Goes,
        gone: Some(super::stage::WORDS),
        ..NOTHING
    },
    Operation {
        name: "sessions rm of an archived one, too",
        words: &["sessions", "rm", "beside", "--json"],
        kind: Kind::Goes,
        before: &[&["sessions", "archive", "beside"]],
        gone: Some("grey wagtail"),
        ..NOTHING
    },
    Operation {
        name: "sessions archive",
        words: &["sessions", "archive", "main", "--json"],
        kind: Kind::Moves,
        ..NOTHING
    },
    Operation {
        name: "sessions restore",
        words: &["sessions", "restore", "main", "--json"],
        kind: Kind::Moves,
        before: &[&["sessions", "archive", "main"]],
        ..NOTHING
    },
    Operation {
        name: "sessions cleanup",
        words: &[
            "sessions",
            "cleanup",
            "--keep",
            "1",
            "--floor",
            "0",
            "--enforce",
            "--json",
        ],
        kind: Kind::Moves,
        ..NOTHING
    },
    Operation {
        name: "sessions cleanup --delete",
        words: &[
            "sessions",
            "cleanup",
            "--keep",
            "1",
            "--floor",
            "0",
            "--enforce",
            "--delete",
            "--json",
        ],
        kind: Kind::Goes,
        ..NOTHING
    },
    Operation {
        name: "sessions import of Codex",
        words: &["sessions", "import", "--json", "r.jsonl"],
        kind: Kind::Grows,
        ..NOTHING
    },
    Operation {
        name: "sessions import of Claude Code",
        words: &["sessions", "import", "--json", "cc.jsonl"],
        kind: Kind::Grows,
        ..NOTHING
    },
    Operation {
        name: "sessions search, the first",
        words: &["sessions", "search", "--json", "heron"],
        ..NOTHING
    },
    Operation {
        name: "sessions search, when something is new",
        words: &["sessions", "search", "--json", "heron"],
        before: &[
            &["sessions", "search", "heron"],
            &["rewind", "main", "000000b1"],
            &["fork", "main", "another"],
        ],
        ..NOTHING
    },
    Operation {
        name: "fork",
        words: &["fork", "main", "child", "--json"],
        kind: Kind::Grows,
        ..NOTHING
    },
    Operation {
        name: "rewind --summary",
        words: &[
            "rewind",
            "main",
            "000000a2",
            "--summary",
            "what was tried",
            "--json",
        ],
        kind: Kind::Grows,
        ..NOTHING
    },
    Operation {
        name: "label",
        words: &["label", "main", "000000a1", "the beginning", "--json"],
        kind: Kind::Grows,
        ..NOTHING
    },
    Operation {
        name: "merge",
        words: &["merge", "main", "000000c1", "--json"],
        kind: Kind::Grows,
        ..NOTHING
    },
    Operation {
        name: "first write to a version 1",
        words: &["append", "elder", "--json"],
        input: APPENDED,
        kind: Kind::Migrates,
        elder: Some(("elder.jsonl", version_1)),
        answers_when_done: false,
        ..NOTHING
    },
    Operation {
        name: "first write to a version 2",
        words: &["append", "elder", "--json"],
        input: APPENDED,
        kind: Kind::Migrates,
        elder: Some(("elder.jsonl", version_2)),
        answers_when_done: false,
        ..NOTHING
    },
];

fn version_1() -> Vec<u8> {
    planted::kind(7).1.unwrap_or_default()
}

fn version_2() -> Vec<u8> {
    planted::kind(8).1.unwrap_or_default()
}
