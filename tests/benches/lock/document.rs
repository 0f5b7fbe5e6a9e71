//! The words of `docs/performance/lock.md` that do not depend on a run.

use latchwork_tests::measure::{Part, Words};

use crate::size::Size;
use crate::{alone, crash, crowd, hand_over, sessions, tasks};

pub(crate) const WORDS: Words = Words {
    name: "lock",
    title: "What locks cost",
    how_to_read: HOW_TO_READ,
    by_another: BY_ANOTHER,
    picture: PICTURE,
    parts: &PARTS,
    not_measured: NOT_MEASURED,
};

/// The parts, and how each was measured.
const PARTS: [Part; 6] = [
    (alone::SECTION, "Alone", ALONE),
    (crowd::SECTION, "A crowd", CROWD),
    (hand_over::SECTION, "Hand-over", HAND_OVER),
    (crash::SECTION, "The holder is killed", CRASH),
    (tasks::SECTION, "Tasks of one process", TASKS),
    (sessions::SECTION, "Many sessions in one process", SESSIONS),
];

const ALONE: &str = "One process takes and gives back a lock that nobody else wants, on one file, with nothing in between.";
const CROWD: &str = "So many processes, started together, each wanting the lock again as soon as it has given it back. Under the lock: take the file's \
size, sleep 1 ms, write one line at that size. Total, waits and hand-overs are of a run in which each has a number of operations to do; the rate and the \
ratio of the busiest to the idlest are of one that lasts so many seconds. A hand-over is from the end of one process's section to the start of another's. \
The control takes no lock, and must be found broken.";
const HAND_OVER: &str = "One holder, one waiter that has waited 25 to 77 ms, so that a contender that looks every 50 ms is met at any moment of its pause.";
const CRASH: &str = "The holder is killed (SIGKILL) while one waiter waits; and, for the exclusion, while six wait that began at one moment and then each do \
five operations.";
const TASKS: &str = "Sixteen tasks of one process want one lock and sleep 1 ms under it.";
const SESSIONS: &str = "One process takes and gives back the latch of each session once, then goes over them in turn. Memory is resident memory as the \
kernel counts it, before, after the first round, and after the cycles.";

const HOW_TO_READ: &str = "\
Each cell is the median of its runs, with the lowest and the highest run in brackets where there were several. All contenders are processes that speak one \
protocol and time themselves on the machine's monotonic clock; each run goes through all of them before the next begins, so that noise hits all alike. \
Compare within one document only: the same machine gives other numbers on another day.

- **ours**: a latch as it is set when nothing is set, with the peers' lock file. **peers' file off**: `peer_lock = never`.
- **flock**: `open`, `flock`, `close`, and nothing else. **excl**: `open(O_EXCL)`, `write`, `close`, `unlink`. **link**: the same under a temporary name, \
`link`, `unlink`, and `unlink` to release.
- **OpenClaw**: its own function `acquireSessionWriteLock` under Node, its processes named so that they respect each other.";

const BY_ANOTHER: &str = "\
Ours can be measured by another harness: `cargo build --release -p latchwork-tests --bin lock-worker` builds a process that takes its lock when it is told \
to, one command a line; `tests/lock_worker/protocol.rs` has the commands.";

const NOT_MEASURED: &str = "\
- Durability: no lock calls fsync, and neither does this.
- Network filesystems, other kernels than this, and machines with many cores.
- Our locks and OpenClaw's over one file at once: `cargo test -p latchwork-tests --test interop` proves their exclusion and times nothing.
- The memory of a session that is held, and of one that was used by the store above the latch.
- A holder that is stopped rather than dead: it keeps its lock, by design.";

const PICTURE: &str = "Median and 99th percentile of a cycle alone, of a hand-over and of a take-over after a kill; share of waits in a crowd of eight";

/// How much was measured, in a sentence.
pub(crate) fn runs(size: &Size) -> String {
    let Size {
        runs,
        long_runs,
        cycles,
        crowd_ops,
        crowd_seconds,
        hand_overs,
        kills,
        ..
    } = size;
    format!(
        "{runs} of {cycles} cycles alone, of {hand_overs} hand-overs and of {kills} kills; {long_runs} of {crowd_ops} operations a process and of \
         {crowd_seconds} s in a crowd, and of tasks; one each of the crashes and of the sessions"
    )
}
