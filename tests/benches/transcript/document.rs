//! The words of `docs/performance/transcript.md` that do not depend on a run.

use latchwork_tests::measure::{Part, Words};

use crate::size::Size;
use crate::{append, change, device, huge, last, list, open, project};

pub(crate) const WORDS: Words = Words {
    name: "transcript",
    title: "What transcripts cost",
    how_to_read: HOW_TO_READ,
    by_another: BY_ANOTHER,
    picture: PICTURE,
    parts: &PARTS,
    not_measured: NOT_MEASURED,
};

/// The parts, and how each was measured.
const PARTS: [Part; 8] = [
    (append::SECTION, "Appending", APPEND),
    (device::SECTION, "Appending to the device", DEVICE),
    (
        open::SECTION,
        "Opening a session and building its context",
        OPEN,
    ),
    (last::SECTION, "The last fifty entries", LAST),
    (list::SECTION, "Listing sessions", LIST),
    (project::SECTION, "From a context to a request", PROJECT),
    (change::SECTION, "Changing what is stored", CHANGE),
    (huge::SECTION, "A session of 10 GB", HUGE),
];

const APPEND: &str = "One process appends messages of about 900 bytes, one after the other or sixteen a commit, as far as its own death goes: nobody waits for \
a disk. Ours holds the guard and the turn's claim all the time, and every commit is compared with what it builds on and checked against the claim; *from \
values* makes JSON of each message meanwhile, as pi and OpenClaw do. The bare calls write the very lines that ours has written, through a descriptor that is \
held. pi takes no lock; OpenClaw takes its own for each append. pi cannot open a session of a million entries: its text is longer than a JavaScript string \
may be.";
const DEVICE: &str = "The same until the device has it. In one process and in turns: a line and an `fdatasync` by bare calls; one commit for each writer \
under one guard, then every writer waits for its own receipt; as many lines as writers in one bare call and one `fdatasync`; and each writer with a guard of its \
own, which it takes and gives back. The unit is what the first of these costs in the same process.";
const OPEN: &str = "The session is opened and the context of its last entry built, the first time in a process; the file is in the page cache. *Ours* gives \
the messages in the bytes they were written in, and finds nothing beside the file; *saved index* finds what a writer of ours saved there; *decoded* decodes \
the blocks of every message; *as values* makes a tree of values of every message, as pi's objects are. Memory is how much resident memory grew to its peak.";
const LAST: &str = "For a reader who wants to see the end: ours gives the last 50 entries of the active branch, pi those of the file (it has no other way than to \
open all of it), OpenClaw those that its history shows (`readRecentSessionMessagesAsync`).";
const LIST: &str = "Ours and pi list the folder, with name and title of each session. OpenClaw lists its own index (`sessions.json`, made for this) and reads \
titles for the first hundred only.";
const PROJECT: &str = "The context of a session without compactions, made a valid conversation for a model, and that rendered as the bytes of a request; beside \
it, the same entries as values written as JSON by `serde_json`.";
const CHANGE: &str = "A session of 100,000 entries without a compaction, a copy of it for each figure. Ours replaces messages where they stand; OpenClaw \
(`rewriteTranscriptEntriesInSessionFile`) puts everything from the first of them on once more behind the end, and asks for no sync. The bare calls copy the \
file, wait for the device and give the copy its name. A branch is begun in the file that is there; another session is made by writing the active branch to a \
file of its own, beside a copy by bare calls. *Saved index* has what a writer of ours saved beside the transcript.";
const HUGE: &str = "The session is made for this, with compactions. Its file is larger than what is kept of it may be.";

const HOW_TO_READ: &str = "\
Each cell is the median of its runs, with the lowest and the highest run in brackets where there were several. Each figure is taken by a process of its own, \
which times itself after its programs are loaded; the contenders take turns run by run, so that noise hits all alike. Compare within one document only: the \
same machine gives other numbers on another day, its disk above all.

- **ours**: the store of files as it is set when nothing is set, with locks that exclude OpenClaw.
- **raw calls**: `write` through a descriptor that is held, and `fdatasync` where a device is waited for.
- **pi**: `SessionManager` of the package that OpenClaw carries, and of the newest one. The goals are set by the former.
- **OpenClaw**: `appendSessionTranscriptMessage`, `readTranscriptFileState`, `readRecentSessionMessagesAsync`, `rewriteTranscriptEntriesInSessionFile` and `listSessionsFromStoreAsync` of 2026.5.18.

The sessions are made from a seed, the same bytes each time, about 1 KiB an entry; a compacted one is compacted every 400 entries or so, and branched.";

const BY_ANOTHER: &str = "\
Ours can be measured by another harness: `cargo build --release -p latchwork-tests --bin transcript-figures` builds a program that takes one figure when it is \
asked for it (`tests/measure/ask.rs` has the asks), and that prints whole sections as JSON lines, `{bench, impl, case, metric, unit, value, min, max, runs}`, when it is \
called with a letter: `B` appends, `C` opens, `E` lists. It finds the harness's `corpus` in `BENCH` or its working directory, works in `BENCH_TMP` or `tmp` there, and \
takes `RUNS` runs.";

const NOT_MEASURED: &str = "\
- Several processes that write one session: what their locks cost stands in [lock.md](lock.md).
- A file that is not in the page cache, other filesystems than this, and disks that lie about what they have.
- pi with a sync of its own: it never asks for one, and neither does OpenClaw.
- Repairs, and dropping dead branches.";

const PICTURE: &str = "Time to open, to see the last entries and to list, and the rate of appending by the length of the session, of each contender";

/// How much was measured, in a sentence.
pub(crate) fn runs(size: &Size) -> String {
    let Size {
        runs,
        appends,
        openclaw_appends,
        device_appends,
        shared_rounds,
        ..
    } = size;
    format!(
        "{runs} of each case; {appends} messages a run ({openclaw_appends} by OpenClaw), {device_appends} to the device by one writer and {shared_rounds} rounds of 32"
    )
}
