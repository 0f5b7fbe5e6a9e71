//! What `--help` says beyond the flags: where settings come from, the variables, the exit codes.

use std::fmt::Write as _;

use latchwork::home::{PROJECT_FILE, SYSTEM_FILE};

use crate::exit;

/// The words below the flags of `lock`.
pub(crate) const LOCK: &str = "\
While the command runs nobody else writes the session, OpenClaw included; reading is never held up.

  - The command inherits the lock, so it lasts as long as the command though latchwork be killed. It ends with the command, even if
    the command left something running in the background; a `latchwork lock` on the same session among that is waited for.
  - A `latchwork append`, `run`, `rewind` or `lock` on the same session inside the command joins the lock instead of waiting for
    itself, one at a time. It is told by the variable LATCHWORK_LOCK and by open descriptors, which the programs in between must pass
    on (shells do; in Python, close_fds=False). A joiner that finds them missing says so and waits like anybody else.
  - There is no limit to how long it may take: the setting store.locks.max_hold_ms does not apply.
  - SIGTERM is passed on to the command. At a terminal Ctrl-C and a hangup reach the command by themselves; elsewhere SIGINT,
    SIGQUIT and SIGHUP are passed on, too. latchwork waits for the command's end in any case.

Exit codes: the command's own; 128 + N if signal N ended it; 126 it cannot be run; 127 there is no such command;
75 the session was busy (nothing was run).

Examples:
  latchwork lock main -- sh -c 'latchwork show main --json > before.json && latchwork append main < notes.jsonl'
  latchwork lock talk.jsonl --wait 0 --phase backup -- cp talk.jsonl talk.backup.jsonl";

/// The words below the flags of `doctor`.
pub(crate) const DOCTOR: &str = "\
Without --fix nothing is changed, not even a time of modification. With it:

  - Each session is repaired under its own lock, which is not waited for: one that somebody is at work on is left alone, and that is said.
  - What is removed is empty, or proved to hold nothing; everything else that is in the way goes to quarantine, whole.
  - It may be interrupted or killed at any moment; the next run goes on, and the one after that finds nothing to do.

Ends with 0 if nothing is wrong (notes do not count) or everything was fixed, else with 65. docs/doctor.md lists every finding.";
/// The words below the flags of `sessions cleanup`.
pub(crate) const SESSIONS_CLEANUP: &str = "\
What is kept and for how long stands in OpenClaw's openclaw.json (session.maintenance: mode, pruneAfter, maxEntries, resetArchiveRetention,
maxDiskBytes, highWaterBytes). Without a mode there, or --enforce here, it only says what would go.

  - Never goes: a row that is named as active, that somebody holds a lock or a turn of, that is younger than an hour, that another row
    came from, or that cannot be read; a file that a row, a checkpoint or another transcript leads to.
  - Transcripts are put away under another name (.deleted.TIME) first; a later cleanup removes them. Over the limit of room they go for good.
  - Each session is in hand while it goes: one that somebody is at work on by then stays, and that is said.";
/// The words below the flags of `sessions rm`.
pub(crate) const SESSIONS_RM: &str = "\
Gone means gone: the transcript, its saved head and index, its inbox, what was set aside, its lock files, its row in the cache of the
list, its words in the search index, and archived copies. What is written down is that it was, in removed.jsonl of the home: when, how much, the SHA-256 of the transcript.

  - A session that somebody holds a lock or a turn of stays (75), and so does one in which accepted messages wait, unless --with-waiting.
  - A session that others were forked from stays, unless --keep-forks or --with-forks says what becomes of them.
  - Killed at any moment, the session is there, whole, or gone; removed again, the removal is ended.
  - Of several sessions, one that stays does not keep the others; the exit code is the worst (that one is in use is the least).
  - Taking words out of the search index costs what the index weighs, once for all sessions of a command. Where another process is at it
    for seconds, the sessions go all the same, and that words of them may be left there is told and stands in the receipt.
  - Blocks are given back to the filesystem, not overwritten.";
/// The words below the flags of `locks`.
pub(crate) const LOCKS: &str = "\
Shown is every session of the home that somebody writes, has the turn of, waits for or asks for, or whose transcript a peer has
locked. What is held is the kernel's word; the notes in the files add phase and moment. Nothing is locked, probed or written.

  - Waiters are told as \"at least\": those in the kernel's queue, those that look now and then, and who has said last that it
    waits. Tasks that wait inside of their own process cannot be seen.
  - A grant is one process having the lock; several in a short while are counted in one line.
  - With --watch it ends with 128 + N when signal N interrupts it, and with 0 when nobody reads any more.";

/// The words below the flags of `vacuum`.
pub(crate) const VACUUM: &str = "\
A branch that was left says something and is not the active one. With --dry-run nothing is locked or written.

  - What has a label, or holds the session's name, stays; so do, without --orphans, orphaned replies and what other programs said beside
    the active branch: `latchwork branches` lists them, `latchwork merge` takes them over.
  - A label is an entry, too, and stands where it was given: one that was given while a branch was active that was left since keeps that
    branch up to itself, whatever it names. `latchwork label SESSION ENTRY` without a name takes it away, and then the branch goes.
  - Nothing of what goes is kept. The new file is made durable before it takes the place of the old one: killed at any moment, one of
    the two stands there whole.
  - A program without a lock that writes meanwhile is noticed; then nothing is changed, and it can be tried again.";

/// The words below the flags of `du`.
pub(crate) const DU: &str = "\
Every byte of a transcript is counted once. `context` is what the model is shown now; `off` stands on the active branch and is not shown (compacted,
edited away, or of a kind that no model is shown); `dead` is beside the active branch, and `latchwork vacuum` drops it.

  - Images and reasoning are counted apart from the messages that they stand in; their counts are blocks.
  - `frame` is the header, blank lines and line ends. `damaged` are lines that cannot be read: `latchwork verify` names them.
  - Beside a transcript lie its index, its saved head, its inbox, and in its quarantine what was set aside and originals that were kept.
  - Transcripts are read whole and piece by piece; nothing is locked or written.";

/// The words below the flags of `blobs`.
pub(crate) const BLOBS: &str = "\
A piece that is out of line is a file of its own, named by its hash: in `blobs` in the home, or in `.latchwork/blobs` beside a transcript that lies elsewhere. In
its place stands a short text, which every other program reads as that. Models and exports get the whole piece.

  - A blob is durable before a line refers to it, and is held against its hash when it is read. One that is lost is told in the text.
  - `in` puts each piece back to the byte; blobs stay until `gc` finds that no session, archived copy, inbox or quarantine names them.
  - `gc` removes nothing if anything among the sessions cannot be read, and nothing that is younger than the floor.
  - Whoever copies a transcript elsewhere by hand takes its blobs along, or moves them in first.";

/// The words below the flags of `redact`.
pub(crate) const REDACT: &str = "\
Each line of standard input is {\"id\":ENTRY,\"text\":TEXT}, which keeps what else the message says, or {\"id\":ENTRY,\"message\":{...}}, which
is the whole new message. Ids, parents, times and keys stay, on whatever branch the entry is. All lines are one change, or none is made.

  - There is no way to do it as OpenClaw rewrites (a new branch that says it again otherwise): that leaves the old words in the file.
  - Gone from the transcript only: forks, exports, quarantine (`.latchwork/*.quarantine`), backups and whatever a provider keeps are not looked at.
  - Killed at any moment, the old file or the new one stands there whole. A program without a lock that writes meanwhile is noticed; then
    nothing is changed, and it can be tried again.

Example:
  echo '{\"id\":\"0a1b2c3d\",\"text\":\"(removed)\"}' | latchwork redact main";

/// The words below the flags of `sessions import`.
pub(crate) const IMPORT: &str = "\
Codex keeps its sessions in ~/.codex/sessions/**/*.jsonl, Claude Code in ~/.claude/projects/*/*.jsonl, goose in sessions.db, OpenClaw
from 2026.8 on in openclaw-agent.sqlite. A source is only read.

  - What is there already is not written again: an import that broke off, or whose source has grown, is said again and goes on.
  - What has no place here is kept as `latchwork.import.raw`, and shown to no model. Lines that cannot be read are named and left out.
  - The head is moved only where it is an import's own, or nothing was said yet; else what comes stands beside the active branch.
  - With --diff nothing is written; it ends with 65 where anything differs.";

/// The words below the flags of `mirror codex`.
pub(crate) const MIRROR: &str = "\
Codex writes a rollout while it runs: ~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl. It is only read.

  - Each message stands once, whatever is killed and said again: it is named by the rollout's own lines, as `sessions import` names it. So a
    mirror and an import of one rollout never double each other.
  - What was said goes to the head of the session, between turns: a turn that is under way is waited for (--wait) and named. A call goes with
    its outcome.
  - Settings, summaries and what a rollout repeats for screens are not mirrored; what nobody here knows is kept as
    `latchwork.import.raw`, and shown to no model. Lines that cannot be read are named and left out.
  - Where no line could be read and none was anything of Codex's, it ends with 65.
  - It ends with the source (`-`, --once), or with 128 + N when signal N interrupts it, and then has written what was whole.

Examples:
  latchwork mirror codex ~/.codex/sessions/2026/01/01/rollout-*.jsonl --session work
  codex exec --json 'fix the test' | latchwork mirror codex - --session work";
/// The words below the flags of `sessions search`.
pub(crate) const SESSIONS_SEARCH: &str = "\
  words that must all be there   latchwork sessions search lock queue
  words in a row                 latchwork sessions search '\"lock queue\"'
  the beginning of a word        latchwork sessions search 'lat*'
  one or the other               latchwork sessions search 'lock queue OR latch'
  not                            latchwork sessions search 'lock -queue'

Letter case and marks on letters do not count. A word with signs in it (src/main.rs, --force in quotes) is words in a row.

Each hit is read back from its transcript, and says whether it is on the active branch, to which entry its branch leads, and whether the
model is shown it now. The index lies in the home (search/), is brought up to date before each search, and may be deleted at any time.";

/// The words below the flags of `unlock`.
pub(crate) const UNLOCK: &str = "\
Nothing is ever taken from a live process: --kill ends (SIGKILL) the process, and the kernel frees what it held. A process is ended
only if it is proven to be the holder: what it wrote down of itself fits a live process, and the kernel says that this process has
the lock. Of the lock and the turn, the holder of the lock is ended if there is one, else the holder of the turn.

Who asks for the turn (`run --hand-over`) is shown with the reason and the end of the grace. --json prints the same as one object; its
fields are in docs/scripts.md.

Exit codes: 0 nobody holds it, or the holder was ended; 75 somebody holds it; 1 nothing could be proven, so nothing was ended.";

/// The words below the list of commands.
pub(crate) fn after() -> String {
    let mut text = String::from("Settings, each layer over the one before:\n");
    for (layer, place) in [
        ("system", SYSTEM_FILE),
        (
            "user",
            "$XDG_CONFIG_HOME/latchwork/config.toml (~/.config/latchwork/config.toml)",
        ),
        ("project", PROJECT_FILE),
    ] {
        let _ = writeln!(text, "  {layer:<8} {place}");
    }
    text.push_str("  then the environment, then flags\n\nEnvironment:\n");
    let named = latchwork::names().filter_map(|name| Some((name.variable?, name.help)));
    for (variable, help) in named {
        let _ = writeln!(text, "  {variable:<29} {help}");
    }
    let _ = write!(text, "  {:<29} no colours\n\n{}", "NO_COLOR", exit::TABLE);
    text
}
