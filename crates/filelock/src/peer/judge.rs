//! Is the owner of a lock file that is in our way still there?
//!
//! OpenClaw's rules with its mistakes mended: what may not be seen is alive, another pid namespace
//! cannot be judged, a zombie is dead, a live owner is never judged by age, and a file without a
//! readable pid gets 30 s, for it may be half written. Whoever has the file open for writing is there, whatever its pid says.

use latchwork_lock::Holder;
use latchwork_sys::{Liveness, System};

use super::elsewhere;
use super::payload::Read;
use crate::note::add_what_is_seen;

/// How old a file without a readable pid must be to count as left behind, in milliseconds.
const HALF_WRITTEN_GRACE_MS: u64 = 30_000;

/// What is known of a file's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It is there, or may be.
    Alive,
    /// It lives in another pid namespace, or may.
    Elsewhere,
    /// It is one of us, and our kernel locks prove that it does not hold this session any more.
    LeftByUs,
    /// It has ended, or its pid means another process by now.
    Gone,
    /// No pid can be read, and the file is too young to be given up.
    HalfWritten,
    /// No pid can be read, and it stayed so.
    NeverFinished,
}

impl Owner {
    pub(crate) fn may_be_removed(self) -> bool {
        matches!(self, Self::LeftByUs | Self::Gone | Self::NeverFinished)
    }

    /// The same judgement of a file that somebody has open for writing. OpenClaw keeps its own open for as long as its lock lasts,
    /// so an owner that is not to be found here lives elsewhere, and a file without a pid is being written still.
    pub(crate) fn who_has_it_open(self) -> Self {
        match self {
            Self::Gone => Self::Elsewhere,
            Self::NeverFinished => Self::HalfWritten,
            // Our own locks tell better: what is open is a descriptor that nobody uses any more.
            Self::LeftByUs | Self::Alive | Self::Elsewhere | Self::HalfWritten => self,
        }
    }
}

/// Judges a file by its content and age. `holds_inode`: the transcript's own lock is ours.
pub(crate) fn judge(read: &Read, modified_ms: i64, holds_inode: bool, system: &System) -> Owner {
    if read.is_of_our_making() && holds_inode {
        return Owner::LeftByUs;
    }
    let Some(pid) = read.pid else {
        // Either way: after a jump of the clock a file may lie in the future for years.
        let age = system.clock.wall_ms().abs_diff(modified_ms);
        return if age > HALF_WRITTEN_GRACE_MS {
            Owner::NeverFinished
        } else {
            Owner::HalfWritten
        };
    };
    let own = system.processes.own();
    if read.boot_id.is_some() && own.boot_id.is_some() && read.boot_id != own.boot_id {
        return Owner::Gone;
    }
    if read.pid_ns.is_some() && read.pid_ns != own.pid_namespace {
        return Owner::Elsewhere;
    }
    match system.processes.look(pid) {
        Liveness::Alive {
            starttime: Some(now),
            ..
        } if read.starttime.is_some_and(|then| then != now) => {}
        Liveness::Alive { .. } => return Owner::Alive,
        _ => {}
    }
    // Not under this number here. One of ours would have named its namespace.
    if read.pid_ns.is_none() && elsewhere::may_live(pid, read, modified_ms, system) {
        Owner::Elsewhere
    } else {
        Owner::Gone
    }
}

/// The owner in words.
pub(crate) fn holder(read: &Read, owner: Owner, system: &System) -> Holder {
    let mut holder = Holder::default();
    holder.pid = read.pid;
    holder.since.clone_from(&read.created_at);
    match (owner, read.pid) {
        (Owner::Elsewhere, _) => holder.state = Some(elsewhere::NOT_SEEN.to_owned()),
        (_, Some(pid)) => add_what_is_seen(&mut holder, system, pid, read.starttime),
        _ => {}
    }
    holder
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn of_pid(pid: u32) -> Read {
        Read {
            pid: Some(pid),
            ..Read::default()
        }
    }

    fn judged(read: &Read) -> Owner {
        judge(read, 0, false, &System::real())
    }

    #[test]
    fn a_live_owner_is_alive_however_old_its_file_is_and_a_dead_one_is_gone() {
        assert_eq!(judged(&of_pid(std::process::id())), Owner::Alive);
        assert_eq!(judged(&of_pid(1)), Owner::Alive);
        assert_eq!(judged(&of_pid(u32::MAX)), Owner::Gone);
    }

    #[test]
    fn a_zombie_and_a_recycled_pid_are_gone() {
        let mut child = Command::new("cat")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while System::real().processes.look(child.id()).is_alive() {
            std::thread::yield_now();
        }
        assert_eq!(judged(&of_pid(child.id())), Owner::Gone);
        child.wait().unwrap();
        let recycled = Read {
            starttime: Some(1),
            ..of_pid(std::process::id())
        };
        assert_eq!(judged(&recycled), Owner::Gone);
    }

    #[test]
    fn another_pid_namespace_is_not_judged_and_an_earlier_boot_is_gone() {
        let elsewhere = Read {
            pid_ns: Some(1),
            ..of_pid(u32::MAX)
        };
        assert_eq!(judged(&elsewhere), Owner::Elsewhere);
        let before = Read {
            boot_id: Some("before".to_owned()),
            ..elsewhere
        };
        assert_eq!(judged(&before), Owner::Gone);
    }

    #[test]
    fn a_file_of_ours_is_left_behind_only_if_the_inode_lock_proves_it() {
        let system = System::real();
        let ours = Read {
            nonce: Some("n".to_owned()),
            ..of_pid(std::process::id())
        };
        assert_eq!(judge(&ours, 0, true, &system), Owner::LeftByUs);
        assert_eq!(judge(&ours, 0, false, &system), Owner::Alive);
    }

    #[test]
    fn a_file_without_a_pid_is_given_thirty_seconds() {
        let system = System::real();
        let now = system.clock.wall_ms();
        for (age, owner) in [
            (0, Owner::HalfWritten),
            (29_000, Owner::HalfWritten),
            (31_000, Owner::NeverFinished),
            (-100_000, Owner::NeverFinished),
        ] {
            assert_eq!(
                judge(&Read::default(), now - age, true, &system),
                owner,
                "{age} ms"
            );
        }
    }
}
