//! Every call of a piece of work fails once, one after the other: N = 1, 2, ... until the work makes no N-th call.
//!
//! The work is anew each time and says by itself, by panicking, whether what it found was right. Limit: the count of calls must be the
//! same in each run up to the fault, so the work uses one thread, or a fault narrow enough ([`Fault::at`]) that threads do not matter.

use std::sync::Arc;

use super::disk::FaultDisk;
use super::rules::{Fault, Fired};
use crate::Disk;

/// No work that is worth sweeping makes this many calls; a run that does loops for ever.
const CALLS_MAX: u64 = 1_000_000;

/// One run of a sweep.
#[derive(Debug)]
pub struct Swept<'a> {
    /// The fault is at this call, counted from 1.
    pub nth: u64,
    /// The disk to work on.
    pub disk: &'a FaultDisk,
}

/// Lets the n-th call that `fault` matches fail, for each n from 1 until no such call is made: `work` runs once for each, on a disk
/// that `inner` makes. Answers what fired first in each run; its length is the number of calls swept over.
///
/// A [sticky](Fault::sticky) fault fails the n-th call and all later ones. The last run, which meets no fault, is a run of `work` too.
pub fn sweep(
    fault: &Fault,
    mut inner: impl FnMut() -> Arc<dyn Disk>,
    mut work: impl FnMut(&Swept<'_>),
) -> Vec<Fired> {
    let mut met = Vec::new();
    for nth in 1..=CALLS_MAX {
        let disk = FaultDisk::new(inner());
        disk.add(fault.clone().nth(nth));
        work(&Swept { nth, disk: &disk });
        match disk.fired().into_iter().next() {
            Some(fired) => met.push(fired),
            None => break,
        }
    }
    met
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{FaultOutcome, Operation, RealDisk, RealEntropy, write_whole};

    const EIO: i32 = 5;

    fn replaces(fault: &Fault, write: impl Fn(&dyn Disk, &Path) -> bool) -> (Vec<Fired>, Vec<u64>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut mixed = Vec::new();
        let met = sweep(
            fault,
            || Arc::new(RealDisk),
            |run| {
                std::fs::write(&path, b"old").unwrap();
                let done = write(run.disk, &path);
                let found = std::fs::read(&path).unwrap();
                let is_right = found == b"new bytes" || (!done && found == b"old");
                if !is_right {
                    mixed.push(run.nth);
                }
            },
        );
        (met, mixed)
    }

    #[test]
    fn a_whole_write_is_old_or_new_whichever_call_fails_once_or_for_ever() {
        let whole = |disk: &dyn Disk, path: &Path| {
            write_whole(disk, &RealEntropy, path, b"new bytes", 0o600).is_ok()
        };
        for outcome in [
            FaultOutcome::Errno(EIO),
            FaultOutcome::DoneButFailed(EIO),
            FaultOutcome::Interrupted,
            FaultOutcome::Short(2),
            FaultOutcome::Torn {
                bytes: 3,
                errno: 28,
            },
        ] {
            for fault in [
                Fault::any(outcome.clone()),
                Fault::any(outcome.clone()).sticky(),
            ] {
                let (met, mixed) = replaces(&fault, whole);
                assert!(met.len() >= 5, "{outcome:?} met {met:?}");
                assert_eq!(mixed, Vec::<u64>::new(), "{outcome:?}");
                assert!(met.iter().any(|fired| fired.operation == Operation::Rename));
            }
        }
    }

    #[test]
    fn a_sweep_finds_the_call_at_which_a_write_in_place_leaves_a_mixture() {
        let in_place = |disk: &dyn Disk, path: &Path| {
            let write = || {
                let file = disk.open(path, &crate::OpenHow::updating())?;
                file.write_at(b"new", 0)?;
                file.write_at(b" bytes", 3)?;
                file.sync_all()
            };
            write().is_ok()
        };
        let (met, mixed) = replaces(&Fault::any(FaultOutcome::Errno(EIO)), in_place);
        let calls: Vec<_> = met.iter().map(|fired| fired.operation).collect();
        assert_eq!(
            calls,
            [
                Operation::Open,
                Operation::WriteAt,
                Operation::WriteAt,
                Operation::Sync
            ]
        );
        assert_eq!(mixed, [3]);
    }
}
