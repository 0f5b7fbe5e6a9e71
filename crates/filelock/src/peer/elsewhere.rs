//! Owners in another pid namespace: a container that shares a folder of sessions with us.
//!
//! Nobody can be judged across that border, and nobody there can see who stands in for us. So what may live there counts
//! as alive; that it is so is said once; and the look before each write stays what protects us.
//!
//! OpenClaw's payload does not name its namespace, but OpenClaw keeps its file open, and the kernel tells who has a file open for
//! writing whatever the namespaces (`latchwork_sys::DiskFile::has_writer`): such an owner is never taken for dead.
//!
//! Where the kernel does not tell: from the first pid namespace everybody can be seen, under another number; from within a
//! container nobody outside can. There a file whose owner is not to be found gets [`UNSEEN_GRACE_MS`].
//!
//! **Limit.** A peer that holds its lock for longer than that, unseen from our container, is taken for dead if it does not keep the file
//! open, if the file is another user's and we may not ask, or if it runs on another machine.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use latchwork_sys::{ProcessIdentity, System};

use super::payload::Read;

/// What a message says of such an owner.
pub(crate) const NOT_SEEN: &str = "not to be seen from here: it lives in another pid namespace";

/// The number of the first pid namespace, the same on every machine.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
/// For how long the lock file of an owner that cannot be found from within a container must have stood unchanged.
const UNSEEN_GRACE_MS: u64 = 30_000;

/// Whether an owner that is not to be found in this pid namespace may live in another.
pub(crate) fn may_live(pid: u32, read: &Read, modified_ms: i64, system: &System) -> bool {
    if is_contained(&system.processes.own()) {
        return system.clock.wall_ms().abs_diff(modified_ms) < UNSEEN_GRACE_MS;
    }
    system.processes.below(pid, read.starttime).is_some()
}

fn is_contained(own: &ProcessIdentity) -> bool {
    own.pid_namespace
        .is_some_and(|namespace| namespace != FIRST_PID_NAMESPACE)
}

/// Says once in a process that its peers live elsewhere.
pub(crate) fn say_once(path: &Path) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if SAID.swap(true, Ordering::Relaxed) {
        return;
    }
    tracing::warn!(
        ?path,
        "sessions here are shared with processes of another pid namespace (another container). OpenClaw there cannot see \
         that we live and may rob our lock file; that is noticed before each write. Run them in one pid namespace \
         (for example `--pid=host`, or `--pid=container:NAME`)"
    );
}
