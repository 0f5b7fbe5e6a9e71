//! What may be typed: exactly that, as values. No file is looked at and nothing is decided here.
//!
//! Deliberately absent: defaults of settings, which stand beside the code they tune, and the meaning of a combination,
//! which each command's own room resolves.

mod anew;
mod blobs;
mod branches;
mod config;
mod housekeeping;
mod import;
mod json;
mod mirror;
mod search;
mod sessions;
mod space;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use latchwork::seams::Key;
use latchwork::{SessionArg, SessionKey};

use crate::duration::Span;

pub(crate) use anew::{Redact, Vacuum};
pub(crate) use blobs::{Blobs, BlobsGc, BlobsWhat};
pub(crate) use branches::{Branches, Fork, Label, Merge, Rewind};
pub(crate) use config::{Config, ConfigWhat};
pub(crate) use housekeeping::{Archive, OwnHome, Restore, Rm, SessionShow, Tail, Tree};
pub(crate) use import::Import;
pub(crate) use json::wanted_json;
pub(crate) use mirror::{Mirror, MirrorCodex, MirrorWhat};
pub(crate) use search::Search;
pub(crate) use sessions::{Cleanup, Export, Format, List, Sessions, SessionsWhat};
pub(crate) use space::Du;

/// Durable, concurrent-safe sessions for AI agents.
#[derive(Debug, Parser)]
#[command(name = "latchwork", version, about, arg_required_else_help = true, after_long_help = crate::help::after())]
pub(crate) struct Typed {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one turn: accept a message, ask the model, run its tools, record everything.
    Run(Run),
    /// Show it working: three processes share one session while a recorded model thinks. No key, no network.
    Demo(Demo),
    /// Show a session: the conversation, its tree, or what the model is shown.
    Show(Show),
    /// List the sessions of the home; take in those of other programs, export one, look after a session store of OpenClaw.
    Sessions(Sessions),
    /// Append messages or entries, one JSON object a line from standard input; a receipt for each once it is durable.
    Append(Append),
    /// Say whether a transcript is sound, and what is wrong with it. Nothing is locked or written.
    Verify(Verify),
    /// Write a transcript anew from what can be read of it. The old one is kept; of a sound one nothing is changed.
    Repair(Repair),
    /// Move the head of a session to an earlier entry. Nothing is removed.
    Rewind(Rewind),
    /// Begin a new session with what was said in another one, which is neither locked nor changed.
    Fork(Fork),
    /// List the branches of a session: the active one, orphaned replies, what was left, what another program said.
    Branches(Branches),
    /// Give an entry a name, or take it away.
    Label(Label),
    /// Take entries of another branch, or of another session, over to the head. Nothing is removed.
    Merge(Merge),
    /// Drop the branches that were left: the transcript is written anew without them. Never one with a label.
    #[command(after_long_help = crate::help::VACUUM)]
    Vacuum(Vacuum),
    /// Replace messages where they stand, one JSON object a line from standard input: what was there is gone.
    #[command(after_long_help = crate::help::REDACT)]
    Redact(Redact),
    /// Say what eats the space of a session, or of the home: by kind, in the context or not, and the largest entries.
    #[command(after_long_help = crate::help::DU)]
    Du(Du),
    /// Large tool outputs and images out of line, beside the sessions: moved out, moved back, collected. Only what you ask for.
    #[command(after_long_help = crate::help::BLOBS)]
    Blobs(Blobs),
    /// Show every entry of a session as a tree: branches, labels, the head.
    Tree(Tree),
    /// Show the last entries of a session; with -f, go on with what is added. Nobody is held up.
    Tail(Tail),
    /// Follow the turn that is under way: what it adds to the session, until it ends. Nobody is held up.
    Watch(Watch),
    /// Mirror what another program says into a session, while it is said: each message once.
    Mirror(Mirror),
    /// What is held, waited for and asked for in the home, by whom, and the last grants. Nobody is disturbed.
    #[command(after_long_help = crate::help::LOCKS)]
    Locks(Locks),
    /// One page on a session: what it is doing or waiting for, who holds what, and what to do. Nobody is disturbed.
    Why(Why),
    /// Run a command while the session is locked, and end with its exit code.
    #[command(after_long_help = crate::help::LOCK)]
    Lock(Lock),
    /// Show who keeps a session locked; with --kill, end that process.
    #[command(after_long_help = crate::help::UNLOCK)]
    Unlock(Unlock),
    /// Print the completions of a shell: `source <(latchwork completions bash)`.
    Completions(Completions),
    /// Print the manual page; with --out, write the pages of all commands.
    Man(Man),
    /// Show, check and change settings, and say where they come from.
    Config(Config),
    /// Say what is wrong with sessions, settings and the machine below; with --fix, put in order what can be.
    #[command(after_long_help = crate::help::DOCTOR)]
    Doctor(Doctor),
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// A folder that is there; one page for the program and one for each command are written into it.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

/// `run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The session of the home, by its key [default: the setting `session`, "main"].
    #[arg(long, value_name = "KEY", conflicts_with = "file")]
    pub(crate) session: Option<SessionKey>,
    /// A transcript anywhere, by its path (it ends in .jsonl).
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    /// The model: PROVIDER/MODEL, or replay:FILE[@PACE] for a recorded session.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// The tools that the model may call, separated by commas: read, ls, bash; "" for none.
    #[arg(long, value_name = "LIST")]
    pub(crate) tools: Option<String>,
    /// What the model is told before the conversation.
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// While another turn of the session is under way, wait this long for it [default: the setting turn.claim_wait_ms, which is 0: not at all].
    #[arg(long, value_name = "DURATION", group = "claimed")]
    pub(crate) wait: Option<Span>,
    /// Ask the turn that is under way to yield at its next boundary, for this reason; when the grace is over, end it.
    #[arg(long, value_name = "REASON", group = "claimed")]
    pub(crate) hand_over: Option<String>,
    /// How long a turn that is asked to yield has [default: the setting turn.hand_over_grace_ms, which is 10 s].
    #[arg(long, value_name = "DURATION", requires = "hand_over")]
    pub(crate) grace: Option<Span>,
    /// End the turn that is under way, for this reason. What it had said is kept.
    #[arg(long, value_name = "REASON", group = "claimed")]
    pub(crate) take_over: Option<String>,
    /// Leave the message in the inbox if another turn is under way: a later turn answers it.
    #[arg(long, group = "claimed", requires = "prompt")]
    pub(crate) queue: bool,
    /// Name the message: run again with the same key, it is said once.
    #[arg(long, value_name = "KEY", value_parser = key, requires = "prompt")]
    pub(crate) key: Option<Key>,
    /// Print one event a line, as JSON, and nothing else on standard output.
    #[arg(long)]
    pub(crate) json: bool,
    /// What to say; `-` reads it from standard input; without it, what waits is answered.
    #[arg(value_name = "PROMPT")]
    pub(crate) prompt: Option<String>,
}

/// `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How long the recorded model takes for each of its three replies.
    #[arg(long, value_name = "DURATION", default_value = "1500ms")]
    pub(crate) pace: Span,
    /// One JSON object a line: what happens, and the figures in the last.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// Every branch, as a tree with the head marked.
    #[arg(long, conflicts_with = "context")]
    pub(crate) tree: bool,
    /// What the model would be shown.
    #[arg(long)]
    pub(crate) context: bool,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `append`.
#[derive(Debug, Args)]
pub(crate) struct Append {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// What a line survives when its receipt is printed: the end of the process, a crash of the system, a loss of power.
    #[arg(long, value_name = "LEVEL", value_enum, default_value = "device")]
    pub(crate) durability: Durability,
    /// The entry that the first line continues, by its id [default: the head].
    #[arg(long, value_name = "ENTRY")]
    pub(crate) base: Option<String>,
    /// What becomes of a line whose base is not the head any more: it goes to the head, it stays on a branch of its own where somebody
    /// spoke in between, or it is refused.
    #[arg(long, value_name = "HOW", value_enum, default_value = "rebase")]
    pub(crate) on_conflict: Conflict,
    /// A failure as JSON, too; receipts always are.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `--durability`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Durability {
    /// The end of the process.
    Process,
    /// A crash of the system. It takes the same as a loss of power.
    Os,
    /// A loss of power.
    Device,
}

/// `--on-conflict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Conflict {
    /// To the head; a base that is named must still be on the active branch.
    Rebase,
    /// On a branch of its own where somebody spoke in between.
    Branch,
    /// Refused.
    Fail,
}

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `repair`.
#[derive(Debug, Args)]
pub(crate) struct Repair {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// Each entry as the JSON object that stands in the transcript.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `locks`.
#[derive(Debug, Args)]
pub(crate) struct Locks {
    /// Go on until interrupted: drawn anew on a terminal, else one block or JSON line for each change.
    #[arg(long)]
    pub(crate) watch: bool,
    /// How often to look, with --watch.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "500ms",
        requires = "watch"
    )]
    pub(crate) every: Span,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `why`.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `lock`.
#[derive(Debug, Args)]
pub(crate) struct Lock {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// How long to wait for the lock; 0: not at all [default: the setting store.locks.acquire_timeout_ms].
    #[arg(long, value_name = "DURATION")]
    pub(crate) wait: Option<Span>,
    /// What the lock is for, in a word or two; others are shown it.
    #[arg(long, value_name = "NAME", default_value = "lock")]
    pub(crate) phase: String,
    /// If the command cannot be run under the lock, say why as one JSON object. What the command prints is its own.
    #[arg(long)]
    pub(crate) json: bool,
    /// The command and its arguments, after `--`. No shell is involved unless it is named.
    #[arg(value_name = "COMMAND", last = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

/// `unlock`.
#[derive(Debug, Args)]
pub(crate) struct Unlock {
    /// A session key, or the path of a transcript (with a `/` or ending in .jsonl).
    #[arg(value_name = "SESSION|PATH")]
    pub(crate) session: SessionArg,
    /// End the process that is proven to hold the lock (or, if nobody writes, the turn), and those that share it by inheritance.
    #[arg(long)]
    pub(crate) kill: bool,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Put in order what can be: no session that somebody is at work on is changed, and no byte is lost.
    #[arg(long)]
    pub(crate) fix: bool,
    /// Read every transcript whole, not only its beginning and its end.
    #[arg(long)]
    pub(crate) deep: bool,
    /// One finding a line, as JSON, and a summary in the last.
    #[arg(long)]
    pub(crate) json: bool,
    /// A folder of sessions, a home (ours or OpenClaw's), or a transcript [default: the sessions of the home].
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

fn key(text: &str) -> Result<Key, latchwork::seams::KeyError> {
    Key::new(text)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use proptest::prelude::*;

    use super::{Command, Run, Typed};

    fn run(args: &[&str]) -> Result<Run, clap::Error> {
        let typed = Typed::try_parse_from(["latchwork", "run"].iter().chain(args))?;
        match typed.command {
            Command::Run(run) => Ok(run),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_declaration_holds_together() {
        Typed::command().debug_assert();
    }

    #[test]
    fn a_run_may_be_told_nothing_and_one_answer_to_a_turn_under_way() {
        assert!(run(&[]).unwrap().prompt.is_none());
        assert_eq!(run(&["-"]).unwrap().prompt.as_deref(), Some("-"));
        assert_eq!(
            run(&["--", "--help"]).unwrap().prompt.as_deref(),
            Some("--help")
        );
        let asks = run(&["--hand-over", "why", "--grace", "2s"]).unwrap();
        assert_eq!(
            (asks.hand_over.as_deref(), asks.grace.unwrap().0.as_secs()),
            (Some("why"), 2)
        );
        assert_eq!(run(&["--wait", "2s"]).unwrap().wait.unwrap().0.as_secs(), 2);
        for wrong in [
            &["--wait", "1s", "--queue", "x"][..],
            &["--queue"],
            &["--grace", "1s"],
            &["--hand-over", "a", "--take-over", "b"],
            &["--key", "k"],
            &["--key", " ", "x"],
            &["--session", "a", "--file", "b.jsonl"],
            &["--session", "a\nb"],
            &["--wait", "soon"],
            &["a", "b"],
        ] {
            assert!(run(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_tree_is_no_context() {
        let parse =
            |args: &[&str]| Typed::try_parse_from(["latchwork"].iter().chain(args)).map(drop);
        assert!(parse(&["show", "a/b.jsonl", "--context", "--json"]).is_ok());
        assert!(parse(&["show", "main", "--context", "--tree"]).is_err());
        assert!(parse(&["show", ""]).is_err() && parse(&["show"]).is_err());
        assert!(parse(&["rewind", "main", "root", "--why", "again"]).is_ok());
    }

    #[test]
    fn a_lock_needs_a_command_after_two_dashes_and_takes_its_flags_as_they_are() {
        let parse = |args: &[&str]| {
            Typed::try_parse_from(["latchwork", "lock"].iter().chain(args))
                .map(|typed| typed.command)
        };
        let Ok(Command::Lock(lock)) = parse(&["main", "--wait", "0", "--", "sh", "--wait", "-c"])
        else {
            panic!("not understood")
        };
        assert_eq!(lock.command, ["sh", "--wait", "-c"]);
        assert!(lock.wait.unwrap().0.is_zero() && lock.phase == "lock");
        for wrong in [
            &["main"][..],
            &["main", "true"],
            &["--", "true"],
            &["main", "--"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(args in proptest::collection::vec("(run|show|append|--[a-z]{1,8}|-|\\PC{0,8})", 0..6)) {
            let _ = Typed::try_parse_from(std::iter::once("latchwork".to_owned()).chain(args)).map(drop);
        }
    }
}
