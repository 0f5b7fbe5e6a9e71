//! Disk, clock, processes and randomness as small traits: the seam where faults are injected.
//!
#![doc = include_str!("../README.md")]
//!
//! # Code map
//!
//! | file | idea |
//! |---|---|
//! | `system` | the bundle that everything above takes |
//! | `disk` | the traits `Disk` and `DiskFile`, and their plain values |
//! | `real_disk`, `filesystem`, `mounts`, `flock` | the operating system's files, kinds of filesystem and how they are mounted, file locks |
//! | `atomic` | a file is there whole or not at all |
//! | `clock`, `entropy` | time and randomness |
//! | `processes`, `real_processes`, `proc_stat`, `companion` | who runs, and since when |
//! | `inherit` | descriptors that cross an exec on purpose |
//! | `process_handle`, `file_users` | a hold on a process; who has a file open and shares its lock |
//! | `file_uses` | the same for many files in one pass; who waits for a lock, or watches a file |
//! | `steps` | named protocol steps, where tests force an interleaving |
//! | `fault` | (feature `fault-points`) disks that fail, calls swept over one by one, steps that hold or kill |
//! | `fault::sim` | a disk in memory that loses its power |
//! | `fault::trace` | the order rules of durability, watched on every call |
//! | `error` | an I/O error that says what was being done to which path |

mod atomic;
mod clock;
mod companion;
mod core_dump;
mod disk;
mod entropy;
mod error;
#[cfg(feature = "fault-points")]
mod fault;
mod file_users;
mod file_uses;
mod filesystem;
mod flock;
mod inherit;
mod lease;
mod mounts;
mod namespaces;
mod proc_stat;
mod process_handle;
mod processes;
mod real_disk;
mod real_processes;
mod steps;
mod system;

pub use atomic::{
    create_whole, make_private_dir, read_at_most, read_exact_at, read_up_to, temporary_beside,
    write_whole,
};
pub use clock::{Clock, RealClock, Sleep};
pub use companion::Companion;
pub use core_dump::leave_no_core;
pub use disk::{Disk, DiskFile, FileFacts, FileKind, FsKind, Inodes, OpenHow, Space};
pub use entropy::{Entropy, RealEntropy, hex_id, uuid_v4, uuid_v7};
pub use error::{IoDoing, PathError};
#[cfg(feature = "fault-points")]
pub use fault::{
    BadDirective, Broken, Change, Choice, Dice, Fault, FaultDisk, FaultOutcome, FileSteps, Fired,
    KillAt, Odometer, OpLog, Operation, PowerLoss, SimDisk, SimProcess, Swept, Trace, TraceDisk,
    TraceRules, lose_power, steps_from_directive, sweep,
};
pub use file_users::{FileUser, HeldLock};
pub use file_uses::{FileKey, FileUse};
pub use inherit::{Inode, hand_down, inode_of, share, take_inherited};
pub use mounts::Mount;
pub use proc_stat::{ProcStat, parse_proc_stat};
pub use process_handle::ProcessHandle;
pub use processes::{Liveness, ProcessIdentity, Processes};
pub use real_disk::RealDisk;
pub use real_processes::RealProcesses;
pub use steps::{NoSteps, ScriptedSteps, Steps};
pub use system::System;
