//! Faults, made to order (feature `fault-points`): for tests, never for a release.

mod directive;
mod disk;
mod steps;

pub use directive::{BadDirective, steps_from_directive};
pub use disk::{Fault, FaultDisk, FaultOutcome, Operation};
pub use steps::{FileSteps, KillAt};
